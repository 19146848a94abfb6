"""The cluster under test: the one of tests/cluster/bed, or another one that is made for tests.

``make e2e`` starts the former and runs these tests in its network; a kind cluster serves as well. The operator is
installed as the walk-through in README.md does it, from deploy/overlays/kind, with its images loaded beforehand.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.kubectl import Kubectl, Refused, eventually

BED = "paretonas-bed"
NAMESPACE = "paretonas"
"""Of deploy/overlays/kind."""

RUN = f"{time.time_ns() // 10**9 % 10**5:05d}"
"""Tells this run of the tests from others."""

DATA = Path(os.environ.get("PARETONAS_DATA_DIR", "data"))

Start = Callable[..., str]
"""Applies an experiment (dict), which is deleted after the test; its name comes back."""


@pytest.fixture(scope="session")
def context() -> str:
    """The context's name. These tests delete and overload things: not in a cluster that somebody needs."""
    try:
        name = Kubectl("default")("config", "current-context").strip()
    except Refused as refused:
        pytest.exit(f"no cluster to test on: {refused}; start one with make cluster-up", returncode=2)
    if name != BED and not name.startswith("kind-"):
        pytest.exit(f"context {name!r} is neither kind-* nor {BED}: these tests are not run there", returncode=2)
    return name


@pytest.fixture(scope="session")
def nas(context: str) -> Kubectl:
    """The namespace with the operator, the claims and MNIST, all up."""
    kubectl = Kubectl(NAMESPACE)
    if context == BED:
        for file in ("namespace", "volumes"):
            kubectl("apply", "-f", f"deploy/overlays/kind/{file}.yaml")
        _bring_data(kubectl)
    kubectl("delete", "job", "mnist", "--ignore-not-found")  # it may have failed for want of data
    kubectl("apply", "-k", "deploy/overlays/kind")
    kubectl("rollout", "restart", "deployment/paretonas-operator")  # to the image as it is now
    kubectl("rollout", "status", "deployment/paretonas-operator", "--timeout=120s", timeout=150)
    kubectl.wait("job/mnist", "Complete", 300)
    return kubectl


@pytest.fixture
def start(nas: Kubectl) -> Iterator[Start]:
    """Apply an experiment in the operator's namespace, under a name that no earlier run has left logs of."""
    names: list[str] = []

    def apply(document: dict[str, Any], *, as_it_is: bool = False) -> str:
        name = document["metadata"]["name"]
        names.append(name if as_it_is else f"{name[:30]}-{RUN}")
        nas.apply({**document, "metadata": {"name": names[-1]}})
        return names[-1]

    yield apply
    if names:
        nas("delete", "nasexperiments", *names, "--ignore-not-found", "--wait=false")
        eventually(
            lambda: not any(o["metadata"]["labels"].get("paretonas.io/experiment") in names for o in _leftovers(nas)),
            f"no trial, job or pod of {names} any more",
        )


def _leftovers(nas: Kubectl) -> list[dict[str, Any]]:
    return nas.list("nastrials,vcjob,pods", "paretonas.io/experiment")


def _bring_data(kubectl: Kubectl) -> None:
    """MNIST put where the claim `datasets` is: the test cluster has no way out to fetch it."""

    def volume() -> str:
        claim = kubectl.get("pvc", "datasets")
        return claim["spec"].get("volumeName", "") if claim else ""

    name = eventually(volume, "the claim datasets is bound")
    folder = json.loads(kubectl("get", "pv", name, "-o", "json"))["spec"]["hostPath"]["path"]
    shutil.copytree(DATA, folder, dirs_exist_ok=True)
    for path in [Path(folder), *Path(folder).rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)  # the job's user is another
