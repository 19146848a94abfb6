"""An operator with nothing to search is small, and the next experiment does not wait long for it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cluster.conftest import BED, Start
from tests.cluster.faults.faults import DEPLOYMENT
from tests.cluster.kubectl import Kubectl, eventually
from tests.cluster.quick import of, quick

IDLE_SECONDS = 3
MOST_AT_REST = 150.0
"""MB, of all processes of the operator."""


@pytest.fixture
def impatient(nas: Kubectl, context: str) -> Iterator[None]:
    """The operator with a few seconds in the place of ten minutes."""
    if context != BED:
        pytest.skip("the processes of the operator's pod are those of this machine only on the test cluster")

    def set_to(setting: str) -> None:
        nas("set", "env", DEPLOYMENT, f"PARETONAS_IDLE_SECONDS{setting}")
        nas("rollout", "status", DEPLOYMENT, "--timeout=120s", timeout=150)

    set_to(f"={IDLE_SECONDS}")
    yield
    set_to("-")


def pod_of(nas: Kubectl) -> str:
    [pod] = [pod for pod in nas.list("pods", "app.kubernetes.io/component=operator") if not _terminating(pod)]
    name: str = pod["metadata"]["name"]
    return name


def _terminating(pod: dict[str, object]) -> bool:
    metadata = pod["metadata"]
    return isinstance(metadata, dict) and "deletionTimestamp" in metadata


def memory(pod: str) -> dict[str, float]:
    """Resident MB of each Python process of a pod, by its command."""
    found: dict[str, float] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = process.joinpath("cmdline").read_bytes().decode().replace("\0", " ").strip()
            environment = process.joinpath("environ").read_bytes().decode(errors="replace").split("\0")
            lines = process.joinpath("status").read_text().splitlines()
        except OSError:  # it has just ended
            continue
        if f"HOSTNAME={pod}" in environment and "python" in command:
            [resident] = [int(line.split()[1]) for line in lines if line.startswith("VmRSS:")] or [0]
            found[f"{process.name} {command}"] = resident / 1024
    return found


def running(nas: Kubectl, pod: str) -> bool:
    """Whether the search process runs, as Prometheus is told."""
    text = nas("get", "--raw", f"/api/v1/namespaces/{nas.namespace}/pods/{pod}:8080/proxy/metrics")
    [line] = [line for line in text.splitlines() if line.startswith("paretonas_search_process_running ")]
    return line.endswith(" 1.0")


def until_first_job(nas: Kubectl, start: Start, name: str) -> tuple[str, float]:
    """Apply an experiment; its name, and the seconds until its first job exists."""
    begin = time.monotonic()
    name = start(quick(name, maxTrials=3, search={"initialTrials": 2}))
    eventually(lambda: nas("get", "vcjob", "-l", of(name), "-o", "name"), "its first job", seconds=120)
    return name, time.monotonic() - begin


@pytest.mark.usefixtures("impatient")
def test_an_operator_at_rest_is_one_small_process_and_the_next_experiment_starts_the_search(nas: Kubectl, start: Start):
    pod = pod_of(nas)
    assert not running(nas, pod), "nothing has been applied yet"
    for round_ in ("first", "second"):
        name, seconds = until_first_job(nas, start, f"rest-{round_}")
        assert running(nas, pod)
        nas.wait(f"nasexperiment/{name}", "Succeeded")
        eventually(lambda: not running(nas, pod), "the search process is gone", seconds=IDLE_SECONDS + 60)
        at_rest = eventually(lambda: len(found := memory(pod)) == 1 and found, "the log readers are gone, too")
        print(f"{round_}: first job after {seconds:.2f} s; at rest {json.dumps(at_rest)} MB")  # noqa: T201 # for docs/benchmarks.md
        assert sum(at_rest.values()) < MOST_AT_REST
    [operator] = at_rest
    libraries = Path("/proc", operator.split()[0], "maps").read_text()
    assert "libtorch" not in libraries
    log = nas("logs", pod)
    assert log.count(f"no experiment has searched for {IDLE_SECONDS} s: the search process ends") == 2
