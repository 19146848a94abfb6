"""What a user can do to an experiment: stop it, let it go, take it elsewhere, begin with what others found."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tests.cluster.conftest import Start
from tests.cluster.kubectl import Kubectl, Refused, condition, eventually, fresh_namespace
from tests.cluster.quick import of, quick


@pytest.fixture
def elsewhere(nas: Kubectl) -> Iterator[Kubectl]:
    """Another namespace with an operator of its own: as far as an export goes, another cluster."""
    del nas  # so that the resources' schema is there
    with fresh_namespace("paretonas-abroad") as kubectl:
        kubectl("apply", "-k", "deploy/base")
        kubectl("rollout", "status", "deployment/paretonas-operator", "--timeout=120s", timeout=150)
        yield kubectl


def patch(nas: Kubectl, name: str, **spec: Any) -> None:
    nas("patch", "nasexperiment", name, "--type=merge", "-p", json.dumps({"spec": spec}))


def status(nas: Kubectl, name: str) -> dict[str, Any]:
    found: dict[str, Any] = (nas.get("nasexperiment", name) or {}).get("status", {})
    return found


def ended(nas: Kubectl, name: str) -> int:
    return int(status(nas, name).get("trials", {}).get("succeeded", 0))


def points(nas: Kubectl, name: str) -> list[float]:
    trials = sorted(nas.list("nastrials", of(name)), key=lambda t: t["spec"]["index"])
    return [t["spec"]["parameters"]["x"] for t in trials]


def test_a_stopped_experiment_succeeds_with_what_there_is_and_can_go_on(nas: Kubectl, start: Start):
    name = start(quick("stopped", seconds=3, maxTrials=6))
    eventually(lambda: ended(nas, name) >= 2, "two trials have ended")
    patch(nas, name, stop=True)
    nas.wait(f"nasexperiment/{name}", "Succeeded", 30)
    assert condition(nas.get("nasexperiment", name) or {}, "Succeeded")["reason"] == "Stopped"
    assert status(nas, name)["paretoSet"]
    eventually(lambda: not nas.list("pods", of(name)) or not _alive(nas, name), "nothing runs any more")
    patch(nas, name, stop=False)
    eventually(
        lambda: condition(nas.get("nasexperiment", name) or {}, "Succeeded")["status"] == "Unknown",
        "it goes on",
    )
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    trials = nas.list("nastrials", of(name))
    assert len(trials) == 6
    assert {a["reason"] for t in trials for a in t["status"]["attempts"]} <= {"Completed", "Stopped"}


def _alive(nas: Kubectl, name: str) -> list[str]:
    return [p["metadata"]["name"] for p in nas.list("pods", of(name)) if p["status"]["phase"] in {"Pending", "Running"}]


def test_an_experiment_past_its_deadline_ends(nas: Kubectl, start: Start):
    name = start(quick("late", seconds=60, activeDeadlineSeconds=5))
    nas.wait(f"nasexperiment/{name}", "Succeeded=False", 60)
    assert condition(nas.get("nasexperiment", name) or {}, "Succeeded")["reason"] == "DeadlineExceeded"


def test_too_many_failures_end_it_with_their_reasons_counted(nas: Kubectl, start: Start):
    policy = {"maxFailureRatio": 0.25, "afterTrials": 2, "retries": 0}
    name = start(quick("hopeless", maxTrials=8, failurePolicy=policy, trial={"command": ["false"], "args": []}))
    nas.wait(f"nasexperiment/{name}", "Succeeded=False")
    told = condition(nas.get("nasexperiment", name) or {}, "Succeeded")
    assert told["reason"] == "TooManyFailures"
    assert "Crashed 2" in told["message"] or "Crashed 3" in told["message"], told["message"]


def test_trials_and_jobs_go_after_their_time_the_status_after_its_own(nas: Kubectl, start: Start):
    name = start(quick("passing", maxTrials=2, ttlSecondsAfterFinished=12, trial={"ttlSecondsAfterFinished": 2}))
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    before = status(nas, name)["paretoSet"]
    eventually(lambda: not nas.list("nastrials,vcjob,pods", of(name)), "trials, jobs and pods are gone")
    assert status(nas, name)["paretoSet"] == before
    assert condition(nas.get("nasexperiment", name) or {}, "TrialsRemoved")["status"] == "True"
    eventually(lambda: nas.get("nasexperiment", name) is None, "the experiment is gone too")


def test_a_known_result_is_not_run_and_a_point_of_the_user_is_run_first(nas: Kubectl, start: Start):
    name = start(quick("helped", maxTrials=3, suspend=True))

    def trial(index: int, x: float, **spec: Any) -> dict[str, Any]:
        return {
            "apiVersion": "paretonas.io/v1alpha1",
            "kind": "NASTrial",
            "metadata": {"name": f"{name}-{index}", "labels": {"paretonas.io/experiment": name}},
            "spec": {"experiment": name, "index": index, "parameters": {"x": x}, **spec},
        }

    nas.apply(
        trial(0, 0.3, observation={"metrics": {"accuracy": 1.0, "size": 1.0}}),
        trial(1, 0.25),
        trial(2, 7.0),
    )
    patch(nas, name, suspend=False)
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    found = {t["spec"]["index"]: t["status"] for t in nas.list("nastrials", of(name))}
    assert (found[0]["state"], found[0].get("attempts", [])) == ("Succeeded", [])
    assert found[1]["attempts"][0]["job"] == f"{name}-1-a1"
    assert found[2]["state"] == "Infeasible"
    assert "spec.parameters.x" in found[2]["message"]
    assert sorted(found) == [0, 1, 2, 3, 4], "the user's point is one of three, its result and its mistake are not"
    assert status(nas, name)["trials"]["known"] == 1
    assert 0 in {p["index"] for p in status(nas, name)["paretoSet"]}
    nas("delete", "nastrials", *(f"{name}-{i}" for i in range(3)))


def test_an_experiment_begins_with_what_another_has_found(nas: Kubectl, start: Start):
    first = start(quick("first", maxTrials=3))
    nas.wait(f"nasexperiment/{first}", "Succeeded")
    second = start(quick("second", maxTrials=2, warmStartFrom=[{"name": first}]))
    nas.wait(f"nasexperiment/{second}", "Succeeded")
    assert status(nas, second)["trials"] == {**status(nas, second)["trials"], "known": 3, "total": 2}
    assert points(nas, second)[:3] == points(nas, first)
    assert len(set(points(nas, second))) == 5, "no point is asked again"


def test_a_search_goes_on_in_another_cluster_with_the_same_candidates(nas: Kubectl, start: Start, elsewhere: Kubectl):
    """The real search, past its quasi-random trials; one at a time, so that ends come in one order.

    Four have ended, and the fifth, asked for meanwhile, has not run yet: what an export in mid-run has.
    """
    document = quick("moving", maxTrials=7, parallelism=1, search={"initialTrials": 3})
    whole = start(document)
    nas.wait(f"nasexperiment/{whole}", "Succeeded", 180)
    exported = yaml.safe_load(nas.plugin("export", whole, "-o", "yaml"))
    half = [item for item in exported["items"] if item["spec"].get("index", 0) < 5]
    del half[4]["spec"]["observation"]
    elsewhere.apply({**exported, "items": half})
    elsewhere.wait(f"nasexperiment/{whole}", "Succeeded", 180)
    assert points(elsewhere, whole) == points(nas, whole)
    assert status(elsewhere, whole)["paretoSet"] == status(nas, whole)["paretoSet"]
    assert status(elsewhere, whole)["hypervolume"] == status(nas, whole)["hypervolume"]
    brought = [t for t in elsewhere.list("nastrials", of(whole)) if not t["status"].get("attempts")]
    assert len(brought) == 4, "what has run is not run again"


def test_a_target_ends_an_experiment_and_a_change_of_it_continues_it(nas: Kubectl, start: Start):
    """The first trial of each is far from the target; `accuracy` is 1 at x = 0.3."""
    objectives = quick("any")["spec"]["objectives"]

    def aiming(target: float | None) -> list[dict[str, Any]]:
        return [{**objectives[0], "target": target}, objectives[1]]

    name = start(quick("aiming", maxTrials=40, objectives=aiming(0.9)))
    nas.wait(f"nasexperiment/{name}", "Succeeded", 180)
    told = condition(nas.get("nasexperiment", name) or {}, "Succeeded")
    assert told["reason"] == "TargetReached"
    assert "reached the target: accuracy" in told["message"]
    assert "TargetReached" in nas("get", "nasexperiment", name)
    eventually(lambda: not _alive(nas, name), "nothing runs any more")
    count = len(nas.list("nastrials", of(name)))
    assert count < 40
    with pytest.raises(Refused, match="cannot be changed but for target"):
        patch(nas, name, objectives=[{**aiming(None)[0], "threshold": 0.5}, objectives[1]])
    patch(nas, name, objectives=objectives, maxTrials=41)
    eventually(
        lambda: condition(nas.get("nasexperiment", name) or {}, "Succeeded")["status"] == "Unknown", "it goes on"
    )
    goal = {"hypervolumeStalls": {"trials": 1, "within": 0.99}}
    patch(nas, name, stopWhen=goal)
    nas.wait(f"nasexperiment/{name}", "Succeeded", 180)
    assert condition(nas.get("nasexperiment", name) or {}, "Succeeded")["reason"] == "HypervolumeStalled"
