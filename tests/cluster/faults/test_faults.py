"""Whatever dies: exactly the budget of trials, each with one result, none forgotten.

``make chaos`` runs every fault on the test cluster in the middle of an experiment, and writes what was done, seen and
measured to docs/reliability.md.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.conftest import BED, Start
from tests.cluster.faults.faults import FAULTS
from tests.cluster.kubectl import Kubectl, condition, eventually
from tests.cluster.quick import of, quick

Resource = dict[str, Any]

TRIALS, SECONDS = 12, 3.0


@pytest.fixture(scope="module")
def rows(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """The rows of docs/reliability.md, which is written when all faults were run and none did harm."""
    found: list[str] = []
    yield found
    if len(found) == len(FAULTS) and not request.session.testsfailed:
        Path("docs/reliability.md").write_text(
            PAGE.format(trials=TRIALS, seconds=SECONDS, rows="\n".join(found))
        )


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_loses_and_doubles_nothing(
    nas: Kubectl, start: Start, context: str, rows: list[str], fault: str
):
    assert context == BED, "the faults are done to the daemons of the test cluster"
    name = start(quick("fault", seconds=SECONDS, maxTrials=TRIALS, search={"initialTrials": 4}))
    eventually(lambda: ended(nas, name) >= 2, "two trials have ended")
    FAULTS[fault](nas, name)
    mended, then = time.monotonic(), safely(lambda: ended(nas, name))
    more = min(max(then, 0) + 1, TRIALS)
    eventually(lambda: safely(lambda: ended(nas, name)) >= more, "the next trial ends", seconds=120)
    recovered = time.monotonic() - mended
    nas.wait(f"nasexperiment/{name}", "Succeeded", 240)
    trials, experiment = nas.list("nastrials", of(name)), nas.get("nasexperiment", name)
    assert experiment is not None
    lost = TRIALS - sum(t["status"]["state"] == "Succeeded" for t in trials)
    doubled = (
        len(trials)
        - len({json.dumps(t["spec"]["parameters"], sort_keys=True) for t in trials})
        + sum(sum(a.get("reason") == "Completed" for a in t["status"]["attempts"]) > 1 for t in trials)
    )
    assert (lost, doubled, len(trials)) == (0, 0, TRIALS), f"after {fault}: {trials}"
    assert condition(experiment, "Succeeded")["reason"] == "TrialsCompleted"
    rows.append(row(fault, trials, events(nas, name), recovered, lost, doubled))


def row(
    fault: str, trials: list[Resource], told: list[Resource], recovered: float, lost: int, doubled: int
) -> str:
    """A row of docs/reliability.md."""
    warnings = sorted({event["reason"] for event in told if event["type"] == "Warning"})
    again = [a.get("reason", "?") for t in trials for a in t["status"]["attempts"][:-1]]
    cells = [
        fault,
        ", ".join(warnings) or "-",
        f"{len(again)} {', '.join(sorted(set(again)))}",
        f"{recovered:.0f}",
    ]
    return f"| {' | '.join([*cells, str(lost), str(doubled)])} |"


def ended(nas: Kubectl, name: str) -> int:
    """Trials that have ended."""
    status: dict[str, Any] = (nas.get("nasexperiment", name) or {}).get("status", {})
    return int(status.get("trials", {}).get("succeeded", 0))


def safely(look: Callable[[], int]) -> int:
    """What the look brings; -1 while the API server does not answer."""
    try:
        return look()
    except Exception:  # noqa: BLE001 # whatever kubectl says of a server that is down
        return -1


def events(nas: Kubectl, name: str) -> list[Resource]:
    """The events of an experiment."""
    found = nas(
        "get",
        "events",
        f"--field-selector=involvedObject.name={name},involvedObject.kind=NASExperiment",
        "-o",
        "json",
    )
    items: list[Resource] = json.loads(found)["items"]
    return items


PAGE = """# What a bad day costs

Written by `make chaos`: each fault was done to a real cluster (Kubernetes 1.34, Volcano 1.14, built from their modules)
in the middle of an experiment of {trials} trials of {seconds:.0f} s, two at a time. "Again" counts attempts beyond the
first and says how those before them ended; "back" is the time from the end of the fault to the next trial's end. Lost:
trials without a result. Doubled: points asked twice, or trials with two results.

| fault | warnings on the experiment | again | back, s | lost | doubled |
|---|---|---|---:|---:|---:|
{rows}
"""
