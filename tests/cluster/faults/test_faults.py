"""Whatever dies: exactly the budget of trials, each with one result, none forgotten.

``make chaos`` does every fault to the test cluster in the middle of an experiment, and writes what was done, seen and
measured to docs/reliability.md; a third of them is done for every change.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.conftest import BED, Start
from tests.cluster.faults.faults import DEPLOYMENT, FAULTS, Fault
from tests.cluster.faults.proxy import Proxy
from tests.cluster.kubectl import Kubectl, condition, eventually
from tests.cluster.quick import of, quick

Resource = dict[str, Any]
Operator = Callable[[Mapping[str, str]], None]
"""Has the operator run with some environment."""

TRIALS = 10


@pytest.fixture(scope="module")
def proxy(context: str) -> Proxy:
    assert context == BED, "the faults are done to the daemons of the test cluster"
    proxy = Proxy()
    proxy.start()
    return proxy


@pytest.fixture(scope="module")
def operator(nas: Kubectl) -> Iterator[Operator]:
    """It is restarted only where that changes something."""
    now: dict[str, str] = {}

    def run_with(environment: Mapping[str, str]) -> None:
        if environment == now:
            return
        gone = [f"{name}-" for name in now if name not in environment]
        nas("set", "env", DEPLOYMENT, *gone, *(f"{name}={value}" for name, value in environment.items()))
        nas("rollout", "status", DEPLOYMENT, "--timeout=120s", timeout=150)
        now.clear()
        now.update(environment)

    yield run_with
    run_with({})


@pytest.fixture(scope="module")
def rows(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """The rows of docs/reliability.md, which is written when all faults were done and none did harm."""
    found, begin = list[str](), time.monotonic()
    yield found
    if len(found) == len(FAULTS) and not request.session.testsfailed:
        minutes = (time.monotonic() - begin) / 60
        page = PAGE.format(trials=TRIALS, rows="\n".join(found), number=len(found), minutes=minutes)
        Path("docs/reliability.md").write_text(page)


def _chosen(fault: Fault) -> Any:
    return pytest.param(fault, id=fault.name, marks=() if fault.quick else pytest.mark.thorough)


@pytest.mark.parametrize("fault", [_chosen(fault) for fault in FAULTS])
def test_a_fault_loses_and_doubles_nothing(
    nas: Kubectl, start: Start, proxy: Proxy, operator: Operator, rows: list[str], fault: Fault
):
    operator(fault.operator)
    spec = {"maxTrials": TRIALS, "search": {"initialTrials": 4}, **fault.spec}
    name = start(quick(f"fault-{FAULTS.index(fault)}", seconds=fault.seconds, **spec))
    if "PARETONAS_FAILPOINT" not in fault.operator:  # which may be met before a trial has ended
        eventually(lambda: ended(nas, name) >= 2, "two trials have ended")
    fault.do(nas, name, proxy)
    mended, then = time.monotonic(), safely(lambda: ended(nas, name))
    more = min(max(then, 0) + 1, TRIALS)
    eventually(lambda: safely(lambda: ended(nas, name)) >= more, "the next trial ends", seconds=150)
    recovered = time.monotonic() - mended
    nas.wait(f"nasexperiment/{name}", "Succeeded", 240)
    trials, experiment = nas.list("nastrials", of(name)), nas.get("nasexperiment", name)
    assert experiment is not None
    lost, doubled = TRIALS - sum(t["status"]["state"] == "Succeeded" for t in trials), doubles(trials)
    assert (lost, doubled, len(trials)) == (fault.fails, 0, TRIALS), f"after {fault.name}: {trials}"
    assert [
        t["status"]["message"] for t in trials if t["status"]["state"] != "Succeeded" and not t["status"]["message"]
    ] == []
    assert condition(experiment, "Succeeded")["reason"] == "TrialsCompleted"
    assert front(experiment) == best(trials), f"the Pareto set is not that of the trials, after {fault.name}"
    rows.append(row(fault, trials, events(nas, name), recovered, lost - fault.fails, doubled))


def doubles(trials: list[Resource]) -> int:
    """Points asked twice, trials with two results, attempts with one name."""
    points = Counter(json.dumps(t["spec"]["parameters"], sort_keys=True) for t in trials)
    jobs = Counter(a["job"] for t in trials for a in t["status"]["attempts"])
    results = [sum(a.get("reason") == "Completed" for a in t["status"]["attempts"]) for t in trials]
    return sum(n - 1 for n in (*points.values(), *jobs.values(), *(max(1, n) for n in results)))


def front(experiment: Resource) -> list[int]:
    """The trials in the Pareto set as the status shows it."""
    return sorted(point["index"] for point in experiment["status"]["paretoSet"])


def best(trials: list[Resource]) -> list[int]:
    """The trials that no other dominates: the definition."""
    found = {t["spec"]["index"]: t["status"]["metrics"] for t in trials if t["status"]["state"] == "Succeeded"}
    values = {index: (-m["accuracy"], m["size"]) for index, m in found.items()}

    def dominated(mine: tuple[float, float]) -> bool:
        return any(all(a <= b for a, b in zip(v, mine, strict=True)) and v != mine for v in values.values())

    return sorted(index for index, mine in values.items() if not dominated(mine))


def row(fault: Fault, trials: list[Resource], told: list[Resource], recovered: float, lost: int, doubled: int) -> str:
    """A row of docs/reliability.md."""
    warnings = Counter(event["reason"] for event in told if event["type"] == "Warning")
    again = Counter(a.get("reason", "?") for t in trials for a in t["status"]["attempts"][:-1])
    cells = [
        fault.name,
        ", ".join(sorted(warnings)) or "-",
        ", ".join(f"{count} {reason}" for reason, count in sorted(again.items())) or "-",
        f"{recovered:.0f}",
        str(lost),
        str(doubled),
        "yes" if fault.quick else "",
    ]
    return f"| {' | '.join(cells)} |"


def ended(nas: Kubectl, name: str) -> int:
    """Trials that have ended."""
    status: dict[str, Any] = (nas.get("nasexperiment", name) or {}).get("status", {})
    counts = status.get("trials", {})
    return sum(counts.get(state, 0) for state in ("succeeded", "failed", "infeasible"))


def safely(look: Callable[[], int]) -> int:
    """What the look brings; -1 while the API server does not answer."""
    try:
        return look()
    except Exception:  # noqa: BLE001 # whatever kubectl says of a server that is down
        return -1


def events(nas: Kubectl, name: str) -> list[Resource]:
    """The events of an experiment."""
    about = f"--field-selector=involvedObject.name={name},involvedObject.kind=NASExperiment"
    items: list[Resource] = json.loads(nas("get", "events", about, "-o", "json"))["items"]
    return items


PAGE = """# What faults cost

Written by `make chaos`: {number} faults in {minutes:.0f} minutes, each injected into a real cluster (Kubernetes 1.34,
Volcano 1.14, built from their modules) in the middle of an experiment of {trials} trials of 2 s,
two at a time. After each fault, the
experiment ended with exactly its number of trials, and its Pareto set was the one that brute force finds in their
results.

- **warnings**: warning events on the experiment. **repeated**: attempts beyond a trial's first, by the reason that
  ended the one before.
- **recovery**: seconds from the end of the fault to the next trial's end; a trial takes 2 s, a pod two more.
- **lost**: trials without an end of their own. **duplicated**: points asked for twice, trials with two results,
  attempts with the same name.
- `killed after save_trial 2`: the operator's process ends right after its second write of a trial, as if by SIGKILL
  (`PARETONAS_FAILPOINT`). `API: …`: a proxy between the operator and the API server.
- "logs: a record damaged" destroys the result of one trial, which is reported as failed, with the reason.
- A trial that cannot write its logs crashes: `failurePolicy.retries` is 20 in those two rows.
- **quick**: also done for every change, in `.ci/run`.

| fault | warnings | repeated | recovery, s | lost | duplicated | quick |
|---|---|---|---:|---:|---:|---|
{rows}
"""
