"""How a trial can end, and what comes of it: another attempt, charged or not, or a final state with its reason."""

from datetime import datetime
from typing import Any

from tests.cluster.conftest import Start
from tests.cluster.faults.faults import abort, one_pod
from tests.cluster.kubectl import Kubectl, eventually
from tests.cluster.quick import PROGRAM, of, quick

ONCE = "first = sys.argv[3].endswith('a1')\n"
"""Is true in a trial's first attempt."""


def program(before: str) -> dict[str, Any]:
    """The quick program, with something else done first."""
    head, rest = PROGRAM.split("x, seconds, folder =", 1)
    return {"command": ["python", "-c", f"{head}{ONCE}{before}\nx, seconds, folder ={rest}"]}


def one_trial(nas: Kubectl, name: str) -> dict[str, Any]:
    [trial] = nas.list("nastrials", of(name))
    return trial


def reasons(trial: dict[str, Any]) -> list[str]:
    return [a.get("reason", "") for a in trial["status"]["attempts"]]


ONE: dict[str, Any] = {"maxTrials": 1, "parallelism": 1, "failurePolicy": {"retries": 0}}


def test_a_trial_out_of_memory_is_infeasible_and_the_search_stays_away(nas: Kubectl, start: Start):
    eats = "print('eating', flush=True); kept = [bytearray(b'x' * 2**20) for _ in range(500)]"
    name = start(quick("hungry", **ONE, trial={**program(eats), "resources": {"memory": "64Mi"}}))
    nas.wait(f"nasexperiment/{name}", "Succeeded=False")
    trial = one_trial(nas, name)
    assert (trial["status"]["state"], reasons(trial)) == ("Infeasible", ["OutOfMemory"])
    assert "trial.resources.memory" in trial["status"]["message"], "the remedy is named"


def test_a_trial_that_logs_nan_is_infeasible(nas: Kubectl, start: Start):
    diverges = "\n".join(
        [
            "write = write_scalars",
            "def write_scalars(folder, step): write(folder, {**step, 'accuracy': float('nan')})",
        ]
    )
    name = start(quick("diverged", **ONE, trial=program(diverges)))
    nas.wait(f"nasexperiment/{name}", "Succeeded=False")
    trial = one_trial(nas, name)
    assert (trial["status"]["state"], reasons(trial)) == ("Infeasible", ["NotFinite"])
    assert "accuracy" in trial["status"]["message"]


def test_an_evicted_trial_runs_again_uncharged(nas: Kubectl, start: Start):
    name = start(quick("evicted", seconds=4, **ONE))
    pod = one_pod(nas, name)
    eviction = f'{{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {{"name": "{pod}"}}}}'
    nas(
        "create",
        "--raw",
        f"/api/v1/namespaces/{nas.namespace}/pods/{pod}/eviction",
        "-f",
        "-",
        stdin=eviction,
    )
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    first, last = reasons(one_trial(nas, name))
    assert (first in {"Evicted", "Lost", "Terminated"}, last) == (True, "Completed"), first


def test_a_trial_whose_node_runs_full_is_evicted_and_runs_again_uncharged(nas: Kubectl, start: Start):
    fills = "if first: open('/tmp/full', 'wb').write(b'x' * 2**26); time.sleep(120)"
    template = {**program(fills), "resources": {"ephemeral-storage": "16Mi"}}
    name = start(quick("node-full", **ONE, trial=template))
    nas.wait(f"nasexperiment/{name}", "Succeeded", 180)
    assert reasons(one_trial(nas, name)) == ["Evicted", "Completed"]


def test_an_aborted_trial_runs_again_after_a_pause(nas: Kubectl, start: Start):
    name = start(quick("aborted", seconds=4, **ONE))
    abort(nas, one_pod(nas, name).split("-trial-")[0])
    eventually(lambda: reasons(one_trial(nas, name)) == ["Aborted"], "the attempt is aborted")
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    trial = one_trial(nas, name)
    assert reasons(trial) == ["Aborted", "Completed"]
    ended, begun = trial["status"]["attempts"][0]["endTime"], trial["status"]["attempts"][1]["startTime"]
    assert seconds_between(ended, begun) >= 30


def test_a_trial_without_progress_is_stopped_and_tried_again(nas: Kubectl, start: Start):
    hangs = "if first: time.sleep(600)"
    template = {**program(hangs), "progressDeadlineSeconds": 4}
    name = start(quick("hangs", **{**ONE, "failurePolicy": {"retries": 1}}, trial=template))
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    assert reasons(one_trial(nas, name)) == ["NoProgress", "Completed"]


def test_a_preempted_trial_runs_again_uncharged(nas: Kubectl, start: Start):
    """Volcano's scheduler takes its pod away for one of a higher priority: by deleting it, as an eviction does."""
    name = start(quick("preempted", seconds=6, **ONE))
    nas("delete", "pod", one_pod(nas, name), "--grace-period=1")
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    trial = one_trial(nas, name)
    assert trial["status"]["state"] == "Succeeded"
    assert reasons(trial)[-1] == "Completed"
    assert "Crashed" not in reasons(trial), "with no retry left it would have failed"


def seconds_between(first: str, second: str) -> float:
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()
