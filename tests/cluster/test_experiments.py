"""Experiments of quick trials: their life, and what a person may do to them meanwhile."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.cluster.conftest import Start
from tests.cluster.kubectl import Kubectl, condition, eventually, fresh_namespace
from tests.cluster.quick import of, quick


def events(kubectl: Kubectl, name: str) -> list[dict[str, Any]]:
    """The experiment's events, oldest first."""
    found = json.loads(
        kubectl(
            "get",
            "events",
            f"--field-selector=involvedObject.name={name},involvedObject.kind=NASExperiment",
            "-o",
            "json",
        )
    )
    return sorted(found["items"], key=lambda e: int(e["metadata"]["resourceVersion"]))


def running(kubectl: Kubectl, name: str) -> list[str]:
    """The jobs of an experiment that run now."""
    jobs = kubectl.list("vcjob", of(name))
    return [j["metadata"]["name"] for j in jobs if j.get("status", {}).get("state", {}).get("phase") == "Running"]


@pytest.fixture
def elsewhere(nas: Kubectl) -> Iterator[Kubectl]:
    """Another namespace with an operator of its own."""
    del nas  # so that the resources' schema is there
    with fresh_namespace("paretonas-elsewhere") as kubectl:
        kubectl("apply", "-k", "deploy/base")
        kubectl("rollout", "status", "deployment/paretonas-operator", "--timeout=120s", timeout=150)
        yield kubectl


def test_each_trial_is_stored_run_once_and_logged_in_a_folder_of_its_own(nas: Kubectl, start: Start):
    name = start(quick("plain", maxTrials=6, parallelism=3))
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    trials = nas.list("nastrials", of(name))
    assert sorted(t["spec"]["index"] for t in trials) == list(range(6))
    assert [[a["job"] for a in t["status"]["attempts"]] for t in trials] == [[f"{name}-{i}-a1"] for i in range(6)]
    assert len({t["spec"]["parameters"]["x"] for t in trials}) == 6
    owner = nas.get("nasexperiment", name)
    assert owner is not None
    assert {t["metadata"]["ownerReferences"][0]["uid"] for t in trials} == {owner["metadata"]["uid"]}
    reasons = [e["reason"] for e in events(nas, name)]
    assert reasons.count("TrialSubmitted") == reasons.count("TrialSucceeded") == 6
    assert "ParetoSetImproved" in reasons
    assert reasons[-1] == "Succeeded"


def test_a_crashing_trial_is_retried_then_fails_with_exit_code_and_last_lines(nas: Kubectl, start: Start):
    program = "import sys; print('about to divide', flush=True); 1 / 0"
    document = quick(
        "crashes",
        maxTrials=1,
        parallelism=1,
        failurePolicy={"retries": 1},
        trial={"command": ["python", "-c", program]},
    )
    name = start(document)
    nas.wait(f"nasexperiment/{name}", "Succeeded=False")
    [trial] = nas.list("nastrials", of(name))
    assert trial["status"]["state"] == "Failed"
    assert [(a["reason"], a["exitCode"]) for a in trial["status"]["attempts"]] == [("Crashed", 1)] * 2
    assert "about to divide" in trial["status"]["message"]
    assert "ZeroDivisionError" in trial["status"]["message"]
    assert {(e["reason"], e["type"]) for e in events(nas, name)} >= {
        ("TrialRetried", "Warning"),
        ("TrialFailed", "Warning"),
        ("Failed", "Warning"),
    }


def test_a_trial_that_runs_too_long_is_stopped(nas: Kubectl, start: Start):
    name = start(quick("endless", seconds=600, maxTrials=1, parallelism=1, trial={"activeDeadlineSeconds": 2}))
    nas.wait(f"nasexperiment/{name}", "Succeeded=False")
    [trial] = nas.list("nastrials", of(name))
    assert [a["reason"] for a in trial["status"]["attempts"]] == ["DeadlineExceeded"]


def test_a_running_job_deleted_by_hand_becomes_a_new_attempt(nas: Kubectl, start: Start):
    name = start(quick("deleted", seconds=15, maxTrials=1, parallelism=1))
    [job] = eventually(lambda: running(nas, name), "a running job")
    nas("delete", "vcjob", job)
    eventually(lambda: f"{name}-0-a2" in running(nas, name), "the second attempt runs")
    [trial] = nas.list("nastrials", of(name))
    assert trial["status"]["attempts"][0]["reason"] == "Lost"
    nas.wait(f"nasexperiment/{name}", "Succeeded")


def test_a_deleted_experiment_is_gone_within_30_seconds_and_others_are_untouched(nas: Kubectl, start: Start):
    doomed, other = (
        start(quick("doomed", seconds=60)),
        start(quick("other", seconds=20, maxTrials=1, parallelism=1)),
    )
    eventually(lambda: len(running(nas, doomed)) == 2 and running(nas, other), "jobs of both run")
    nas("delete", "nasexperiment", doomed)
    eventually(lambda: not nas.list("nastrials,vcjob,pods", of(doomed)), "nothing of it is left", seconds=30)
    nas.wait(f"nasexperiment/{other}", "Succeeded")
    [trial] = nas.list("nastrials", of(other))
    assert len(trial["status"]["attempts"]) == 1


def test_an_experiment_created_anew_under_a_deleted_ones_name_starts_from_nothing(nas: Kubectl, start: Start):
    name = start(quick("again", seconds=60))
    eventually(lambda: len(running(nas, name)) == 2, "jobs run")
    first = {t["metadata"]["uid"] for t in nas.list("nastrials", of(name))}
    nas("delete", "nasexperiment", name, "--wait=false")
    start(quick("again", maxTrials=2))
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    trials = nas.list("nastrials", of(name))
    assert len(trials) == 2
    assert not first & {t["metadata"]["uid"] for t in trials}


def test_experiments_of_one_name_in_two_namespaces_do_not_see_each_other(
    nas: Kubectl, start: Start, elsewhere: Kubectl
):
    here = start(quick("same-name", maxTrials=3))
    elsewhere.apply(quick(here, maxTrials=2, search={"seed": 1}))
    nas.wait(f"nasexperiment/{here}", "Succeeded")
    elsewhere.wait(f"nasexperiment/{here}", "Succeeded")
    ours, theirs = nas.list("nastrials", of(here)), elsewhere.list("nastrials", of(here))
    assert (len(ours), len(theirs)) == (3, 2)
    points = [{json.dumps(t["spec"]["parameters"]) for t in trials} for trials in (ours, theirs)]
    assert not points[0] & points[1], "two seeds, two searches"


def test_a_suspended_experiment_starts_nothing_until_it_is_resumed(nas: Kubectl, start: Start):
    name = start(quick("asleep", suspend=True, maxTrials=2))
    nas.wait(f"nasexperiment/{name}", "Suspended")
    assert nas.list("vcjob", of(name)) == []
    nas("patch", "nasexperiment", name, "--type=merge", "-p", '{"spec": {"suspend": false}}')
    nas.wait(f"nasexperiment/{name}", "Succeeded")


def test_an_ended_experiment_goes_on_when_its_budget_is_raised(nas: Kubectl, start: Start):
    name = start(quick("more", maxTrials=2))
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    nas("patch", "nasexperiment", name, "--type=merge", "-p", '{"spec": {"maxTrials": 3}}')
    eventually(lambda: len(nas.list("nastrials", of(name))) == 3, "the third trial")
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    assert [len(t["status"]["attempts"]) for t in nas.list("nastrials", of(name))] == [1, 1, 1]


def test_the_operator_replaced_in_mid_run_loses_and_doubles_nothing(nas: Kubectl, start: Start):
    name = start(quick("survivor", seconds=3, maxTrials=6))
    eventually(lambda: running(nas, name), "jobs run")
    nas("delete", "pod", "-l", "app.kubernetes.io/component=operator", "--grace-period=0", "--force")
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    trials = nas.list("nastrials", of(name))
    assert [len(t["status"]["attempts"]) for t in trials] == [1] * 6
    experiment = nas.get("nasexperiment", name)
    assert experiment is not None
    assert condition(experiment, "Succeeded")["reason"] == "TrialsCompleted"
