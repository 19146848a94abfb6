"""A trial that cannot join the Pareto set is stopped while it runs: its pod goes, and its slot is filled."""

import inspect
import json
from typing import Any

from tests.cluster.conftest import Start
from tests.cluster.kubectl import Kubectl, eventually
from tests.cluster.quick import PROGRAM, of, quick
from tests.local import quick_trial

LEARNS = "\n".join(
    [
        *PROGRAM.split("x, seconds, folder =")[0].splitlines(),
        f"STEPS = {quick_trial.STEPS}",
        inspect.getsource(quick_trial.learned),
        inspect.getsource(quick_trial.learn),
        "learn(*map(float, sys.argv[1:4]), Path(sys.argv[4]))",
    ]
)

GOOD, BAD = {"end": 0.9, "size": 20.0, "seconds": 0.5}, {"end": 0.5, "size": 80.0, "seconds": 4.0}
"""The operator looks at curves every few seconds, so the one that is to be stopped takes longer for a step."""


def test_a_real_trial_is_stopped_its_pod_goes_and_its_slot_is_filled(nas: Kubectl, start: Start):
    document = quick(
        "learns",
        maxTrials=4,
        parallelism=1,
        suspend=True,
        parameters=[
            {"name": "end", "float": {"min": 0.4, "max": 1.0}},
            {"name": "size", "float": {"min": 10.0, "max": 90.0}},
            {"name": "seconds", "float": {"min": 0.1, "max": 4.0}},
        ],
        earlyStopping={"strategy": "OptimisticDominance", "minCurves": 2, "graceSteps": 2, "auditFraction": 0},
        trial={
            "command": ["python", "-c", LEARNS],
            "args": ["${parameters.end}", "${parameters.size}", "${parameters.seconds}", "${trial.logDir}"],
        },
    )
    name = start(document)
    points = [GOOD, {**GOOD, "end": 0.91}, BAD]
    for index, point in enumerate(points):
        nas.apply(
            {
                "apiVersion": "paretonas.io/v1alpha1",
                "kind": "NASTrial",
                "metadata": {"name": f"{name}-{index}", "labels": {"paretonas.io/experiment": name}},
                "spec": {"experiment": name, "index": index, "parameters": point},
            }
        )
    nas("patch", "nasexperiment", name, "--type=merge", "-p", '{"spec": {"suspend": false}}')
    stopped = eventually(lambda: _in_state(nas, f"{name}-2", "EarlyStopped"), "the third trial is stopped", 180)
    status = stopped["status"]
    verdict = status["verdict"]
    assert [a["reason"] for a in status["attempts"]] == ["EarlyStopped"]
    assert (verdict["dominatedBy"], verdict["rule"]) == (f"{name}-1", "OptimisticDominance")
    assert verdict["step"] < quick_trial.STEPS
    assert status["estimate"].keys() == {"accuracy", "size"}
    assert status["message"].startswith(f"stopped at step {verdict['step']}: it could have reached accuracy ")
    eventually(lambda: not _pods(nas, name, f"{name}-2-"), "its pod has gone")
    eventually(lambda: nas.get("nastrial", f"{name}-3"), "its slot goes to a candidate of the search")
    nas.wait(f"nasexperiment/{name}", "Succeeded", 120)
    experiment = nas.get("nasexperiment", name)
    assert experiment is not None
    found = experiment["status"]
    assert found["trials"]["earlyStopped"] >= 1
    assert found["savings"]["steps"] >= verdict["stepsSaved"] >= 1
    assert 0 < found["savings"]["share"] < 1
    [condition] = [c for c in found["conditions"] if c["type"] == "EarlyStopping"]
    assert (condition["status"], condition["reason"]) == ("True", "CurvesCompared")
    assert f"{name}-2" not in [point["trial"] for point in found["paretoSet"]]
    events = json.loads(nas("get", "events", "-o", "json"))["items"]
    told = [e for e in events if e["involvedObject"]["name"] in {name, f"{name}-2"}]
    assert "TrialEarlyStopped" in {e["reason"] for e in told}
    nas("delete", "nastrials", *(f"{name}-{index}" for index in range(len(points))))


def _pods(nas: Kubectl, name: str, prefix: str) -> list[dict[str, Any]]:
    return [p for p in nas.list("pods", of(name)) if p["metadata"]["name"].startswith(prefix)]


def _in_state(nas: Kubectl, trial: str, state: str) -> dict[str, Any] | None:
    found = nas.get("nastrial", trial)
    return found if found and found.get("status", {}).get("state") == state else None
