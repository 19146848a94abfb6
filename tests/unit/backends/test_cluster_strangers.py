"""What strangers put into a namespace: read, kept small, and nobody else's trouble."""

import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import builders
from tests.simulation.truth import BEGIN
from tests.unit.backends.test_cluster_store import World

from paretonas.api import UnreadableTrial
from paretonas.api.size_limits import Refused
from paretonas.backends.cluster.store import NameTaken
from paretonas.backends.cluster.trimming import trim
from paretonas.engine.consequences import settle_trial
from paretonas.kube.kinds import EXPERIMENTS, PODS, TRIALS, VOLCANO_JOBS
from paretonas.kube.metadata import uid_of

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["a" * 300, 10**400, -0.0, 1e308, "\x1b]0;x\x07", "", "\ud800"]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=6), inside, max_size=3),
    max_leaves=6,
)
FIELDS = ["index", "parameters", "origin", "observation", "unknown"]
SPECS = st.fixed_dictionaries(
    {"experiment": st.sampled_from(["nas", "other"])},
    optional={
        **dict.fromkeys(FIELDS, ANYTHING),
        "index": st.integers(-1, 2**31) | ANYTHING,
        "parameters": st.dictionaries(st.sampled_from(["x", "y", "x" * 5000]), ANYTHING, max_size=3),
        "observation": st.fixed_dictionaries({}, optional={"metrics": ANYTHING, "state": ANYTHING}),
    },
)


def body(name: str, version: int, **parts: Any) -> dict[str, Any]:
    document = builders.trial(0).to_dict()
    metadata = {"name": name, "namespace": "team", "resourceVersion": str(version), "uid": f"uid-{version}"}
    return {**document, "metadata": metadata, **parts}


@settings(max_examples=400)
@given(st.lists(st.tuples(SPECS, ANYTHING), min_size=1, max_size=3))
def test_whatever_a_trial_holds_the_others_are_read_and_it_is_told_why(
    bad: list[tuple[dict[str, Any], Any]],
) -> None:
    world = World()
    world.store.create_trial(builders.trial(0))
    for number, (spec, status) in enumerate(bad, 1):
        written = body(f"nas-{number}", 1000 + number, spec=spec, status=status)
        world.trials.put(trim(TRIALS, written))
    trials = {trial.name: trial for trial in world.store.trials()}
    assert trials["nas-0"].spec == builders.trial(0).spec
    assert len(trials) == 1 + sum(spec["experiment"] == "nas" for spec, _ in bad)
    for trial in trials.values():
        after = settle_trial(trial, world.store.experiment().spec, BEGIN)
        json.dumps(after.to_dict())
        if isinstance(trial, UnreadableTrial) and not trial.ended and trial.attempt is None:
            assert (after.status.state, after.refused) == ("Infeasible", True)
            assert after.status.message
            assert len(after.status.message) <= 32_768
    assert world.store.strangers().keys() == {
        f"nas-{n}" for n, (spec, _) in enumerate(bad, 1) if spec["experiment"] == "other"
    }


def test_a_bad_trial_is_written_like_any_other() -> None:
    world = World()
    written = body("nas-4", 0, spec={"experiment": "nas", "index": 4, "parameters": {"x": [1]}})
    world.trials.put(world.server._store(TRIALS, written))
    [trial] = world.store.trials()
    saved = world.store.save_trial(settle_trial(trial, world.store.experiment().spec, BEGIN))
    assert isinstance(saved, UnreadableTrial)
    assert saved.refused
    assert settle_trial(saved, world.store.experiment().spec, BEGIN) is saved, "it is told once"


# --- names that are somebody else's


def stranger(name: str, experiment: str, owner: dict[str, str] | None = None) -> dict[str, Any]:
    written = body(name, 0, spec={"experiment": experiment, "index": 0, "parameters": {"x": 0.5}})
    written["metadata"] |= {"ownerReferences": [owner] if owner else []}
    return written


def test_a_stranger_is_seen_by_its_name_also_where_no_watch_has_brought_it() -> None:
    world = World()
    assert world.store.strangers() == {}
    world.server._store(TRIALS, stranger("nas-0", "other"))
    with pytest.raises(NameTaken):
        world.store.create_trial(builders.trial(0))
    assert world.store.strangers() == {"nas-0": "other"}
    assert world.store.trials() == []


def test_only_what_has_the_name_of_a_trial_and_is_none_of_this_experiment_is_a_stranger() -> None:
    world = World()
    config = {"kind": "ConfigMap", "name": "mine", "uid": "config"}
    before = {"kind": "NASExperiment", "name": "nas", "uid": "the-one-before"}
    for name, experiment, owner in (
        ("nas-1", "other", None),
        ("nas-2", "nas", config),
        ("nas-3", "nas", before),  # the garbage collector is on its way
        ("nas-4", "nas", None),
        ("nas-05", "other", None),
        ("nas-x", "other", None),
        ("nas-1-0", "nas-1", None),
    ):
        world.trials.put(world.server._store(TRIALS, stranger(name, experiment, owner)))
    assert world.store.strangers() == {"nas-1": "other", "nas-2": "ConfigMap mine"}


# --- what is kept


def experiment(overlay: Any) -> dict[str, Any]:
    document = builders.experiment(**builders.ON_CLUSTER).to_dict()
    document["spec"]["trial"]["podOverlay"] = overlay
    document["metadata"] |= {
        "resourceVersion": "1",
        "managedFields": [{"fieldsV1": overlay}],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "x" * 200_000},
    }
    return document


def memory(value: Any) -> int:
    """Bytes of a value of dicts and lists."""
    size, left = 0, [value]
    while left:
        item = left.pop()
        size += sys.getsizeof(item)
        left += [*item.keys(), *item.values()] if isinstance(item, dict) else item if isinstance(item, list) else ()
    return size


def test_of_an_overlay_beyond_its_bounds_the_cache_keeps_nothing_but_that() -> None:
    written = experiment({"spec": {"a": [{} for _ in range(400_000)]}})
    assert memory(written) > 30_000_000
    small = trim(EXPERIMENTS, written)
    assert memory(small) < 20_000
    assert isinstance(small["spec"]["trial"]["podOverlay"], Refused)
    assert {**small["spec"], "trial": 0} == {**written["spec"], "trial": 0}, "of the rest nothing is lost"


def test_the_largest_overlay_that_is_taken_costs_little() -> None:
    overlay = {"spec": {"a": [{} for _ in range(490)], "b": "x" * 60_000}}
    small = trim(EXPERIMENTS, experiment(overlay))
    assert small["spec"]["trial"]["podOverlay"] == overlay
    assert memory(small) < 200_000


def test_of_a_trials_value_as_much_is_kept_as_shows_what_is_wrong() -> None:
    deep: Any = 1
    for _ in range(5_000):
        deep = {"a": deep}
    values = {"x": 0.5, "n": None, "deep": deep, "wide": [1] * 10**5, "long": "é" * 10**6, "b": True}
    small = trim(TRIALS, body("nas-0", 1, spec={"experiment": "nas", "index": 0, "parameters": values}))
    found = small["spec"]["parameters"]
    assert found == {"x": 0.5, "n": None, "deep": {}, "wide": [], "long": "é" * 254, "b": True}


def test_of_a_job_which_may_be_anybodys_only_how_it_does_is_kept() -> None:
    tasks = [
        {"name": "trial", "replicas": 2, "template": {"spec": {"containers": [{"env": [{}] * 9}] * 9}}},
        {"name": "negative", "replicas": -(10**6)},
        {"name": "million", "replicas": 10**6},
        {"template": {}},
    ]
    job = {
        "metadata": {"name": "nas-0-a1", "managedFields": []},
        "spec": {"tasks": tasks},
        "status": {"a": 1},
    }
    small = trim(VOLCANO_JOBS, job)
    assert small["metadata"] == {"name": "nas-0-a1"}
    assert small["status"] == {"a": 1}
    assert small["spec"]["tasks"][0] == {"name": "trial", "replicas": 2}
    assert sum(task["replicas"] for task in small["spec"]["tasks"]) <= 1000


def test_of_a_pod_only_how_it_does_is_kept() -> None:
    pod = {
        "metadata": {"name": "p", "annotations": {}, "labels": {"a": "b"}},
        "spec": {},
        "status": {"phase": "x"},
    }
    assert trim(PODS, pod) == {"metadata": {"name": "p", "labels": {"a": "b"}}, "status": {"phase": "x"}}


def test_trials_that_are_gone_are_not_remembered() -> None:
    world = World()
    for index in range(3):
        world.store.create_trial(builders.trial(index))
    world.store.trials()
    world.trials.remove(world.server.stored.pop((TRIALS, "nas-1")))
    world.store.trials()
    kept = {uid_of(world.server.stored[TRIALS, name]) for name in ("nas-0", "nas-2")}
    assert world.store._parse_trial._parsed.keys() == kept


def test_a_status_that_somebody_else_has_written_does_not_keep_ours_from_being_written() -> None:
    world = World()
    stored = world.server.get(EXPERIMENTS, "team", "nas")
    assert stored is not None
    world.experiments.put(world.server.replace_status(EXPERIMENTS, {**stored, "status": {"conditions": 7}}))
    world.store.change_status(lambda before: before.replace(progress="1/8"))
    assert world.server.stored[EXPERIMENTS, "nas"]["status"]["progress"] == "1/8"
