"""One bad object costs only itself: an operator among them, and a neighbour whose experiment ends as without them."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from tests import builders
from tests.unit.controller.conftest import Cluster
from tests.waiting import eventually

from paretonas.controller import controller as under_test


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paretonas.controller.dispatch.FIRST_DELAY", 0.02)


def trial(name: str, of: str, index: int, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"paretonas.io/experiment": of}}
    spec = {"experiment": of, "index": index, "parameters": {"x": 0.5}, **spec}
    return {"apiVersion": "paretonas.io/v1alpha1", "kind": "NASTrial", "metadata": metadata, "spec": spec}


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


def overlay(cluster: Cluster, name: str, value: Any) -> None:
    document = builders.experiment(name, **builders.ON_CLUSTER).to_dict()
    document["spec"]["trial"]["podOverlay"] = value
    cluster.server.put(document)


def add_bad_objects(cluster: Cluster) -> None:
    """Everything of the kind, in the neighbour's namespace."""
    overlay(cluster, "deep", nested(450))
    overlay(cluster, "large", {"a": [{} for _ in range(60_000)]})
    sidecars = [{"name": f"own-{i}", "securityContext": {"privileged": True}} for i in range(150)]
    overlay(cluster, "sidecars", {"spec": {"containers": sidecars}})
    cluster.server.put(builders.experiment("victim", **builders.ON_CLUSTER))
    for index, values in enumerate(({"x": [1]}, {"x": "a" * 300}, {"y" * 40_000: 1}, {"x": nested(400)})):
        cluster.server.put(trial(f"victim-{index}", "victim", index, parameters=values))
    huge = {"metrics": {"accuracy": 1e308, "size": -1e308}}
    cluster.server.put(trial("victim-7", "victim", 7, observation=huge))
    cluster.server.put(trial("victim-2147483647", "victim", 2147483647))
    job = {
        "kind": "Job",
        "metadata": {"name": "victim-9-a1", "labels": {"paretonas.io/experiment": "victim"}},
    }
    cluster.server.put({**job, "spec": {"tasks": [{"name": "t", "replicas": 2**31 - 1}]}, "status": {}})


def end_all(cluster: Cluster, name: str, count: int) -> None:
    """Its jobs end as they come, each with what its point amounts to."""
    for index in range(count):
        job = f"{name}-{index}-a1"
        cluster.until(lambda job=job: job in cluster.names("jobs"), f"{job} begins")
        x = cluster.trial(f"{name}-{index}")["spec"]["parameters"]["x"]
        cluster.end(job, accuracy=x, size=90 * x)
    cluster.until(lambda: condition(cluster, name, "Succeeded")["status"] == "True", f"the end of {name}")


def condition(cluster: Cluster, name: str, kind: str) -> dict[str, Any]:
    conditions = cluster.experiment(name).get("status", {}).get("conditions", ())
    return next((c for c in conditions if c["type"] == kind), {"status": "", "reason": "", "message": ""})


def result(cluster: Cluster) -> Any:
    status = cluster.experiment()["status"]
    return {key: status[key] for key in ("paretoSet", "hypervolume", "trials", "progress", "referencePoint")}


def test_a_neighbours_experiment_ends_exactly_as_without_them(
    cluster: Cluster, request: pytest.FixtureRequest, tmp_path: Any
) -> None:
    alone = Cluster(tmp_path / "alone")
    request.addfinalizer(alone.close)
    add_bad_objects(cluster)
    for world in (cluster, alone):
        world.operator(ask_ahead=0).start()  # each candidate is asked for when all before it have ended
        world.apply(maxTrials=4, parallelism=1)
        end_all(world, "nas", 4)
    assert result(cluster) == result(alone)
    for name, words in (
        ("deep", "is nested more than 32 levels deep"),
        ("large", "is larger than 64 KiB"),
        ("sidecars", "spec.trial.podOverlay.spec.containers"),
    ):
        told = cluster.until(lambda name=name: condition(cluster, name, "Valid"), name)
        assert (told["status"], words in told["message"]) == ("False", True), told
        assert len(told["message"]) <= 32_768
    cluster.until(
        lambda: "victim-9-a1" in condition(cluster, "victim", "Progressing")["message"],
        "what has its job's name",
    )
    for index in (0, 1, 2, 3, 2147483647):
        told = cluster.trial(f"victim-{index}")["status"]
        assert told["state"] == "Infeasible", index
        assert 0 < len(told["message"]) <= 32_768
    good = cluster.until(lambda: [n for n in cluster.names("jobs") if n.startswith("victim-8")], "it goes on too")
    assert good == ["victim-8-a1"], "and what is its own is run, past what is not"


def test_a_search_goes_on_past_a_strangers_name_and_says_so(cluster: Cluster) -> None:
    cluster.server.put(trial("nas-0", "other", 0))
    cluster.operator(pass_seconds=0.05).start()
    cluster.apply()
    cluster.until(lambda: cluster.names("jobs") == ["nas-1-a1", "nas-2-a1"], "it goes on")
    said = cluster.until(
        lambda: "nas-0" in cluster.condition("Progressing")[1] and cluster.condition("Progressing"),
        "it is told",
    )
    assert said == (
        "True",
        "passed over, since a NASTrial of another experiment has the name: nas-0 (of other)",
    )
    assert cluster.trial("nas-0")["spec"]["experiment"] == "other"


def test_a_warm_start_from_a_result_that_cannot_be_read_is_told(cluster: Cluster) -> None:
    cluster.operator(pass_seconds=0.1).start()
    cluster.apply("other", suspend=True)
    bad = trial("other-3", "other", 3, parameters={"x": {"a": 1}})
    cluster.server.put({**bad, "status": {"state": "Succeeded", "metrics": {"accuracy": 0.5, "size": 1.0}}})
    cluster.apply(warmStartFrom=[{"name": "other"}])
    told = cluster.until(
        lambda: (c := condition(cluster, "nas", "Progressing"))["reason"] == "WarmStartFailed" and c,
        "the reason",
    )
    assert "other-3" in told["message"]
    cluster.server.delete("nastrials", "other-3")
    cluster.until(lambda: len(cluster.names("jobs")) == 2, "without it it begins")


def test_somebody_elses_job_is_told_and_neither_taken_for_a_trials_nor_deleted(cluster: Cluster) -> None:
    owner = {"kind": "CronJob", "name": "nightly", "uid": "u", "apiVersion": "batch/v1"}
    metadata = {"name": "nas-0-a1", "ownerReferences": [owner]}
    cluster.server.put({"kind": "Job", "metadata": metadata, "spec": {}, "status": {"state": {"phase": "Failed"}}})
    cluster.operator(pass_seconds=0.05).start()
    cluster.apply()
    told = cluster.until(
        lambda: (c := condition(cluster, "nas", "Progressing"))["reason"] == "SubmitFailed" and c,
        "the reason",
    )
    assert "belongs to CronJob nightly" in told["message"]
    cluster.until(lambda: "nas-1-a1" in cluster.names("jobs"), "the other slot is in use")
    cluster.edit(stop=True)
    cluster.until(lambda: condition(cluster, "nas", "Succeeded")["reason"] == "Stopped", "the end")
    assert cluster.names("jobs") == ["nas-0-a1"], "its own is gone, the other one is there"


# --- what nobody has foreseen


Fault = Callable[[Cluster], None]


def refuse_trials(cluster: Cluster) -> None:
    cluster.server.refused["/nastrials"] = 422


def break_decisions(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("paretonas.engine.engine.decide", broken)


def test_a_pass_that_fails_again_and_again_says_why_and_comes_less_and_less_often(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.controller.start()
    with monkeypatch.context() as patch:
        break_decisions(patch)
        cluster.apply()
        told = cluster.until(
            lambda: (c := condition(cluster, "nas", "Progressing"))["reason"] == "PassFailed" and c,
            "the reason",
        )
        assert told["status"] == "False"
        assert "ZeroDivisionError: planted" in told["message"]
        begin, before = time.monotonic(), cluster.passes
        eventually(lambda: cluster.passes >= before + 2, "it is tried again")
        assert time.monotonic() - begin > 0.02 * 2**2, "not at once, although its own write is an event"
        written = len(cluster.server.events)
        eventually(lambda: cluster.passes >= before + 3, "and again")
        assert len(cluster.server.events) == written, "the same is said once"
    cluster.until(lambda: cluster.condition("Progressing")[0] == "True", "it goes on by itself")


def test_a_first_failure_is_not_told(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(under_test, "failing", lambda *_: seen.append("told"))
    cluster.controller.start()
    with monkeypatch.context() as patch:
        break_decisions(patch)
        patch.setattr(under_test, "_REPEATED", 10**6)
        cluster.apply()
        cluster.watch()
        eventually(lambda: cluster.passes > 2, "some fail")
    cluster.until(lambda: cluster.condition("Progressing")[0] == "True", "it goes on by itself")
    assert seen == []


def test_candidates_that_cannot_be_stored_are_told_and_asked_for_less_and_less_often(
    cluster: Cluster,
) -> None:
    cluster.operator(pass_seconds=0.05).start()
    refuse_trials(cluster)
    cluster.apply()
    told = cluster.until(
        lambda: (c := condition(cluster, "nas", "Progressing"))["reason"] == "PassFailed" and c, "the reason"
    )
    assert told["message"] == "the API server refuses what the operator needs: refused"
    asked, passes = cluster.search.asked, cluster.passes
    eventually(lambda: cluster.passes > passes + 10, "passes go on")
    assert cluster.search.asked <= asked + 4
    cluster.server.refused.clear()
    cluster.until(lambda: len(cluster.names("jobs")) == 2, "it goes on by itself")
    cluster.until(lambda: cluster.condition("Progressing")[0] == "True", "and says so")


def test_a_version_that_never_comes_is_not_waited_for_at_full_speed(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watch that has gone deaf, or a second operator that writes all the time."""
    monkeypatch.setattr(under_test, "_SOON", 0.001)
    monkeypatch.setattr(under_test, "_CONFLICTS", 3)
    monkeypatch.setattr("paretonas.controller.dispatch.FIRST_DELAY", 5.0)
    cluster.controller.start()
    with cluster.server.news:
        cluster.apply()
        cluster.watch()
        cluster.apply(maxTrials=7)
        cluster.deafen()
    eventually(lambda: cluster.controller._passes.failures(("team", "nas")) == 1, "a failure like any other")
    passes = cluster.passes
    time.sleep(0.2)
    assert cluster.passes == passes
    assert cluster.controller.alive


def test_a_message_longer_than_the_schema_takes_is_cut(cluster: Cluster) -> None:
    cluster.controller.start()
    document = builders.experiment(**builders.ON_CLUSTER).to_dict()
    document["spec"]["parameters"] = [{"name": f"{i}-" + "p" * 39_000, "bool": {}} for i in range(60)]
    cluster.server.put(document)
    told = cluster.until(lambda: (c := condition(cluster, "nas", "Valid"))["status"] == "False" and c, "told")
    assert len(told["message"]) <= 32_768
    assert "p" * 100 not in told["message"]
