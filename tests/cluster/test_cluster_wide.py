"""One operator for several namespaces, or for all: it sees every claim below one mount."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.conftest import BED, RUN
from tests.cluster.kubectl import Kubectl, Refused
from tests.cluster.quick import of, quick

SYSTEM, TEAMS = "paretonas-system", ("team-a", "team-b")
OPERATOR = f"system:serviceaccount:{SYSTEM}:paretonas-operator"


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
    """Two namespaces and one for the operator of both, with claims; the other tests' operator is away meanwhile."""
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
        claims += folder_and_claim(root / kubectl.namespace / "nas-logs", kubectl.namespace, kubectl.namespace)
    try:
        everywhere("apply", "-f", "deploy/overlays/cluster-wide/operator/namespace.yaml")
        for document in claims:
            Kubectl(document["metadata"].get("namespace", SYSTEM)).apply(document)
        yield found
    finally:
        everywhere("delete", "namespace", SYSTEM, *(k.namespace for k in found), "--ignore-not-found", timeout=180)
        everywhere("delete", "pv", f"all-{RUN}", *(k.namespace for k in found), "--ignore-not-found", "--wait=false")
        everywhere("delete", "clusterrole,clusterrolebinding", "paretonas-operator", "--ignore-not-found")
        nas("scale", "deployment/paretonas-operator", "--replicas=1")
        nas("rollout", "status", "deployment/paretonas-operator", "--timeout=120s", timeout=150)


def overlay_for(teams: list[Kubectl], folder: Path) -> Path:
    """The overlay as somebody copies it who has namespaces of these names."""
    for part in ("crds", "deploy"):
        shutil.copytree(part, folder / part, dirs_exist_ok=True)
    overlay = folder / "deploy/overlays/cluster-wide"
    for file in overlay.rglob("kustomization.yaml"):
        text = file.read_text()
        for example, team in zip(TEAMS, teams, strict=True):
            text = text.replace(f"{example} ", f"{team.namespace} ").replace(f'{example}"', f'{team.namespace}"')
            text = text.replace(f"namespace: {example}", f"namespace: {team.namespace}")
        file.write_text(text)
    return overlay


def install(overlay: Path) -> None:
    """Apply an overlay, and wait for its operator."""
    Kubectl("")("apply", "-k", str(overlay))
    Kubectl(SYSTEM)("rollout", "status", "deployment/paretonas-operator", "--timeout=120s", timeout=150)


def serves(teams: list[Kubectl], name: str) -> None:
    """Experiments of one name in all of them come to their end, each with its own trials."""
    for seed, team in enumerate(teams):
        team.apply(quick(name, maxTrials=2 + seed, search={"seed": seed}))
    for seed, team in enumerate(teams):
        team.wait(f"nasexperiment/{name}", "Succeeded")
        trials = team.list("nastrials", of(name))
        assert len(trials) == 2 + seed
        assert all(t["status"]["metrics"] for t in trials), json.dumps(trials[0]["status"])


def may(kubectl: Kubectl, verb: str, resource: str) -> bool:
    try:
        return kubectl("auth", "can-i", verb, resource, f"--as={OPERATOR}").strip() == "yes"
    except Refused:  # its answer "no" is an exit code
        return False


def test_an_operator_for_all_namespaces_serves_experiments_of_one_name_in_two(teams: list[Kubectl]):
    install(Path("deploy/overlays/all-namespaces"))
    serves(teams, "shared-name")


def test_an_operator_serves_the_namespaces_of_its_list_and_may_do_nothing_elsewhere(
    teams: list[Kubectl], tmp_path: Path, nas: Kubectl
):
    install(overlay_for(teams, tmp_path))
    serves(teams, "listed")
    jobs = "jobs.batch.volcano.sh"
    assert all(may(team, "create", jobs) for team in teams)
    for namespace in (SYSTEM, nas.namespace, "kube-system", "default"):
        for verb, resource in (("create", jobs), ("list", "nasexperiments"), ("list", "pods")):
            assert not may(Kubectl(namespace), verb, resource), f"{verb} {resource} in {namespace}"


def test_a_namespace_that_the_operator_cannot_see_costs_only_itself_until_it_can(teams: list[Kubectl], tmp_path: Path):
    overlay = overlay_for(teams, tmp_path)
    seen, hidden = teams
    everywhere = Kubectl(SYSTEM)
    Kubectl("")("apply", "-k", str(overlay))
    hidden("delete", "rolebinding", "paretonas-operator")
    everywhere("set", "env", "deployment/paretonas-operator", "PARETONAS_RESYNC_SECONDS=5")
    everywhere("rollout", "status", "deployment/paretonas-operator", "--timeout=120s", timeout=150)
    hidden.apply(quick("patient", maxTrials=1, parallelism=1))
    serves([seen], "alone")
    log = everywhere("logs", "deployment/paretonas-operator")
    assert f"PARETONAS_NAMESPACES: cannot read {hidden.namespace}" in log
    assert hidden.list("nastrials", of("patient")) == []
    Kubectl("")("apply", "-k", str(overlay))
    hidden.wait("nasexperiment/patient", "Succeeded", 180)
