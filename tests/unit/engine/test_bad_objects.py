"""One bad object costs only itself: whole runs beside what strangers, mistakes and other versions have stored."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.builders import experiment, trial
from tests.unit.engine.fakes import Run, World, run
from tests.unit.engine.test_engine import progressing
from tests.unit.engine.test_warm_start import add, brought, found

from paretonas.api import (
    MAX_INDEX,
    ExperimentSpec,
    NASTrial,
    TrialMetadata,
    UnreadableTrial,
    parse_trial,
    read_trial,
)
from paretonas.engine.engine import Snapshot
from paretonas.search import KnownTrial, Suggestion


def stored(index: int, name: str = "", status: dict[str, Any] | None = None, **spec: Any) -> NASTrial:
    """A trial as the API server has it, whatever is in it."""
    document = trial().to_dict()
    metadata = {"name": name or f"nas-{index}", "uid": f"uid-{index}"}
    spec = {**document["spec"], "index": index, **spec}
    return read_trial({**document, "metadata": metadata, "spec": spec, "status": status or {}})


BAD = [
    stored(1, parameters={"x": [0.5]}),
    stored(2, parameters={"x": "far" * 100}),
    stored(0, parameters={"y" * 40_000: 1, "x": 0.5}),
    stored(0, parameters={}),
    stored(5, name="other-name"),
    stored(2**31 - 1),
    stored(MAX_INDEX, parameters={"x": {"a": 1}}),
    stored(3, name="nas-6"),
    stored(1, observation={"metrics": {"accuracy": 0.5}}),
    stored(2, observation={"metrics": {"accuracy": "good"}}),
]


class Steady(World):
    """With a search that heeds how many trials there are and how they stand, as the real one, and not their indices."""

    def suggest(self, spec: ExperimentSpec, known: Sequence[KnownTrial], count: int) -> Suggestion:
        in_order = [replace(k, index=i) for i, k in enumerate(sorted(known, key=lambda k: k.index))]
        return super().suggest(spec, in_order, count)


def points(snapshot: Snapshot) -> list[tuple[Any, str]]:
    """What was asked for, and how it ended."""
    return [(t.spec.parameters["x"], t.status.state) for t in snapshot.trials if t.spec.origin == "Sobol"]


def with_(*bad: NASTrial) -> Snapshot:
    world = Steady(experiment(maxTrials=6))
    for one in bad:
        add(world, one.replace(spec=one.spec.replace(origin="User")))
    return run(world)


@pytest.mark.parametrize("bad", BAD, ids=lambda t: t.name)
def test_a_bad_trial_is_infeasible_alone_and_says_why(bad: NASTrial) -> None:
    snapshot = with_(bad)
    [told] = [t for t in snapshot.trials if t.name == bad.name]
    assert (told.status.state, told.refused, told.status.attempts) == ("Infeasible", True, ())
    assert told.status.message
    alone = with_()
    assert sorted(points(snapshot)) == sorted(points(alone)), "the search does not know of it"
    assert snapshot.status.hypervolume == alone.status.hypervolume
    assert snapshot.status.trials == alone.status.trials


def test_all_of_them_together_cost_no_more() -> None:
    unique = {t.name: t for t in BAD}.values()
    snapshot = with_(*unique)
    assert sorted(points(snapshot)) == sorted(points(with_()))
    assert progressing(snapshot)[1] == "TrialsCompleted"


def test_names_that_are_taken_by_others_trials_are_passed_over_and_told() -> None:
    world = Steady(experiment(maxTrials=4), lambda *_: Run(seconds=50))
    world.strangers_ = {"nas-0": "other", "nas-2": "third"}
    engine = world.engine()
    snapshot = engine.run_pass()
    assert [t.spec.index for t in snapshot.trials] == [1, 3]
    status, reason, words = progressing(engine.run_pass())
    assert (status, reason) == ("True", "TrialsRunning")
    assert "nas-0 (of other), nas-2 (of third)" in words
    whole = Steady(experiment(maxTrials=4))
    whole.strangers_ = world.strangers_
    assert points(run(whole)) == points(run(Steady(experiment(maxTrials=4))))


def test_a_search_that_cannot_take_the_next_index_takes_a_gap() -> None:
    world = Steady(experiment(maxTrials=4))
    add(world, brought(MAX_INDEX, 0.3, metrics={"accuracy": 0.4, "size": 10.0}))
    snapshot = run(world)
    assert [t.spec.index for t in snapshot.trials] == [0, 1, 2, 3, MAX_INDEX]
    assert all(t.status.state == "Succeeded" for t in snapshot.trials)


@pytest.mark.parametrize("value", [1e76, -1e76, 1e308, -1.7e308, 5e-324])
@pytest.mark.parametrize("goal", ["Maximize", "Minimize"])
@pytest.mark.parametrize("threshold", [{"threshold": 1e308}, {"threshold": -1e308}, {}], ids=str)
def test_results_at_the_ends_of_what_a_number_can_be_fail_no_pass(
    value: float, goal: str, threshold: dict[str, float]
) -> None:
    objectives = [{"metric": m, "goal": goal, **threshold} for m in ("accuracy", "size")]
    world = Steady(experiment(maxTrials=3, objectives=objectives))
    add(world, brought(0, 0.3, metrics={"accuracy": value, "size": -value}))
    snapshot = run(world)
    assert math.isfinite(snapshot.status.hypervolume or 0.0)
    json.dumps(snapshot.status.to_dict(), allow_nan=False)


def test_an_attempt_of_what_cannot_be_read_any_more_is_stopped_and_no_other_begins() -> None:
    """Another version has taken the trial, and begun it."""
    world = Steady(experiment(maxTrials=2), lambda index, _: Run(seconds=500 if index == 0 else 2))
    add(world, trial(0))
    for _ in range(2):
        world.engine().run_pass(ask=False)  # its job begins
    begun = world.trials_["nas-0"].to_dict()["status"]
    assert begun["state"] == "Running"
    add(world, stored(0, status=begun, parameters={"x": 0.5, "y": [1]}))
    snapshot = run(world)
    bad = snapshot.trials[0]
    assert isinstance(bad, UnreadableTrial)
    assert (bad.status.state, bad.refused, len(bad.status.attempts)) == ("Infeasible", True, 1)
    assert not bad.status.attempts[0].open
    assert [t.status.state for t in snapshot.trials[1:]] == ["Succeeded"] * 2


def test_what_has_succeeded_stays_so_although_its_point_cannot_be_read_any_more() -> None:
    done = {"state": "Succeeded", "metrics": {"accuracy": 0.99, "size": 1.0}, "message": ""}
    world = Steady(experiment(maxTrials=2))
    add(world, stored(0, status=done, parameters={"x": "far" * 100}))
    snapshot = run(world)
    assert snapshot.trials[0].status.state == "Succeeded"
    assert "nas-0" in {point.trial for point in snapshot.status.pareto_set}


# --- warm start from such an experiment


def other(*trials: NASTrial) -> World:
    return Steady(experiment(warmStartFrom=[{"name": "old"}], maxTrials=2), others={"old": list(trials)})


def of_old(index: int, state: str, **spec: Any) -> NASTrial:
    status = {"state": state, "metrics": {"accuracy": 0.5, "size": 1.0} if state == "Succeeded" else {}}
    return stored(index, name=f"old-{index}", status=status, experiment="old", **spec)


def refused(one: NASTrial) -> NASTrial:
    condition = {"type": "Succeeded", "status": "False", "reason": "Invalid", "message": "no"}
    condition["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    status = parse_trial({**trial().to_dict(), "status": {"state": "Infeasible", "conditions": [condition]}})
    return one.replace(status=status.status)


def test_a_result_of_the_other_that_cannot_be_read_is_named_and_nothing_begins_without_it() -> None:
    world = other(found(0, 0.3), of_old(7, "Succeeded", parameters={"x": {"a": 0.5}}))
    snapshot = world.engine().run_pass()
    status, reason, words = progressing(snapshot)
    assert (status, reason) == ("False", "WarmStartFailed")
    assert "old-7" in words
    assert "spec.parameters.x" in words
    assert snapshot.trials == ()


def test_where_nothing_but_such_a_trial_is_there_to_begin_with_it_says_so() -> None:
    world = other(refused(of_old(0, "Pending", parameters={"x": [1]})))
    assert progressing(world.engine().run_pass())[:2] == ("False", "WarmStartFailed")


def test_what_the_other_has_refused_is_no_result_and_left_out() -> None:
    snapshot = run(other(found(0, 0.3), refused(of_old(3, "Pending", parameters={"x": [1]}))))
    assert [t.spec.observation.source for t in snapshot.trials if t.spec.observation] == ["old-0"]
    assert progressing(snapshot)[1] == "TrialsCompleted"


def test_what_is_taken_over_passes_over_names_that_are_taken() -> None:
    world = other(found(0, 0.3), found(1, 0.6))
    world.strangers_ = {"nas-1": "third"}
    snapshot = run(world)
    assert [t.spec.index for t in snapshot.trials] == [0, 2, 3, 4]


def test_a_name_that_is_not_the_trials_own_does_not_confuse_the_search() -> None:
    named = trial(0, x=0.123).replace(metadata=TrialMetadata(name="nas-2"))
    snapshot = with_(named)
    assert sorted(t.name for t in snapshot.trials) == [f"nas-{i}" for i in (1, 2, 3, 4, 5, 6, 7)]
    assert points(snapshot) == points(with_())
