"""One operator for all namespaces (deploy/overlays/cluster-wide), which sees every claim below one mount."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.conftest import BED, RUN
from tests.cluster.kubectl import Kubectl
from tests.cluster.quick import of, quick

SYSTEM, TEAMS = "paretonas-system", ("team-a", "team-b")


def folder_and_claim(path: Path, namespace: str, volume: str) -> list[dict[str, Any]]:
    """A volume that is a folder of this machine, and the claim `nas-logs` bound to it."""
    path.mkdir(parents=True, exist_ok=True, mode=0o777)
    path.chmod(0o777)
    size, modes = "1Gi", ["ReadWriteMany"]
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": volume},
            "spec": {
                "storageClassName": "",
                "capacity": {"storage": size},
                "accessModes": modes,
                "hostPath": {"path": str(path)},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "nas-logs", "namespace": namespace},
            "spec": {
                "storageClassName": "",
                "volumeName": volume,
                "accessModes": modes,
                "resources": {"requests": {"storage": size}},
            },
        },
    ]


@pytest.fixture
def teams(context: str, nas: Kubectl) -> Iterator[list[Kubectl]]:
    """Two namespaces, and the operator of both in a third; the other tests' operator is away meanwhile."""
    if context != BED:
        pytest.skip("needs volumes that are folders of one file system, as the test cluster has them")
    nas("scale", "deployment/paretonas-operator", "--replicas=0")
    root = Path(os.environ["BED_STATE"], "volumes", f"all-{RUN}")
    found = [Kubectl(f"{team}-{RUN}") for team in TEAMS]
    everywhere = Kubectl(SYSTEM)
    claims = folder_and_claim(root, SYSTEM, f"all-{RUN}")
    for kubectl in found:
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        kubectl.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": kubectl.namespace, "labels": labels},
            }
        )
        claims += folder_and_claim(
            root / kubectl.namespace / "nas-logs", kubectl.namespace, kubectl.namespace
        )
    try:
        everywhere("apply", "-f", "deploy/overlays/cluster-wide/namespace.yaml")
        for document in claims:
            Kubectl(document["metadata"].get("namespace", SYSTEM)).apply(document)
        everywhere("apply", "-k", "deploy/overlays/cluster-wide")
        everywhere("rollout", "status", "deployment/paretonas-operator", "--timeout=120s", timeout=150)
        yield found
    finally:
        everywhere(
            "delete", "namespace", SYSTEM, *(k.namespace for k in found), "--ignore-not-found", timeout=180
        )
        everywhere(
            "delete", "pv", f"all-{RUN}", *(k.namespace for k in found), "--ignore-not-found", "--wait=false"
        )
        everywhere("delete", "clusterrole,clusterrolebinding", "paretonas-operator", "--ignore-not-found")
        nas("scale", "deployment/paretonas-operator", "--replicas=1")
        nas("rollout", "status", "deployment/paretonas-operator", "--timeout=120s", timeout=150)


def test_one_operator_serves_experiments_of_one_name_in_two_namespaces(teams: list[Kubectl]):
    for seed, team in enumerate(teams):
        team.apply(quick("shared-name", maxTrials=2 + seed, search={"seed": seed}))
    for seed, team in enumerate(teams):
        team.wait("nasexperiment/shared-name", "Succeeded")
        trials = team.list("nastrials", of("shared-name"))
        assert len(trials) == 2 + seed
        assert all(t["status"]["metrics"] for t in trials), json.dumps(trials[0]["status"])
