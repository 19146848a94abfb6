"""What other experiments have found, as trials of this one; and results that a user brings."""

from typing import Any

import pytest
from tests.builders import experiment, trial
from tests.unit.engine.fakes import World, run

from paretonas.api import NASTrial, Observation, TrialState
from paretonas.engine.warm_start import WarmStartError, take_over


def found(index: int, x: float, state: TrialState = "Succeeded", **metrics: float) -> NASTrial:
    """A trial of the experiment ``old``."""
    metrics = metrics or {"accuracy": x, "size": 90 * x}
    one = trial(index, state, metrics=metrics if state == "Succeeded" else {}, x=x)
    return one.replace(metadata=one.metadata.replace(name=f"old-{index}"), spec=one.spec.replace(experiment="old"))


OLD = [found(0, 0.3), found(1, 0.6, "Failed"), found(4, 0.9)]


def warm(**fields: Any) -> World:
    return World(experiment(warmStartFrom=[{"name": "old"}], **fields), others={"old": list(OLD)})


def brought(index: int, x: float, **observation: Any) -> NASTrial:
    """A result that the user brings."""
    one = trial(index, x=x)
    return one.replace(spec=one.spec.replace(origin="User", observation=Observation(**observation)))


def add(world: World, one: NASTrial) -> None:
    world.trials_[one.name] = one


def test_what_was_found_elsewhere_is_known_and_not_run_again() -> None:
    snapshot = run(world := warm(maxTrials=3))
    known, asked = snapshot.trials[:3], snapshot.trials[3:]
    assert [t.spec.observation.source for t in known if t.spec.observation] == ["old-0", "old-1", "old-4"]
    assert [t.status.state for t in known] == ["Succeeded", "Failed", "Succeeded"]
    assert [t.status.metrics for t in known] == [t.status.metrics for t in OLD]
    assert not any(t.status.attempts for t in known)
    assert len(asked) == 3, "maxTrials are asked for beside them"
    assert len(world.jobs_) == 3
    counts = snapshot.status.trials
    assert (counts.total, counts.known, counts.failed) == (3, 3, 0)
    assert snapshot.status.progress == "3/3"
    assert {p.trial for p in snapshot.status.pareto_set} >= {"nas-0", "nas-2"}, "they are results like any other"


def test_the_search_stays_away_from_what_failed_elsewhere() -> None:
    world = warm(maxTrials=5)
    world.points = 8
    others = [found(i, i / 8, "Failed") for i in range(3)]
    world.others["old"] = others
    snapshot = run(world)
    assert {t.spec.parameters["x"] for t in snapshot.trials if t.status.attempts} == {i / 8 for i in range(3, 8)}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_in_the_middle_takes_nothing_over_twice(moment: Any) -> None:
    undisturbed = run(warm()).trials
    for call in range(1, 30):
        world = warm()
        world.crash_at, world.crash = call, moment
        assert [t.spec for t in run(world).trials] == [t.spec for t in undisturbed], f"crashed {moment} call {call}"


def test_what_is_found_there_after_the_search_has_begun_is_left_alone() -> None:
    world = warm()
    engine = world.engine()
    engine.run_pass()
    world.others["old"] = [*OLD, found(5, 0.7)]
    snapshot = run(world)
    assert snapshot.status.trials.known == 3


def test_an_experiment_that_does_not_exist_is_named_and_waited_for() -> None:
    world = warm()
    world.others.clear()
    engine = world.engine()
    snapshot = engine.run_pass()
    progressing = snapshot.status.condition("Progressing")
    assert progressing is not None
    assert (progressing.status, progressing.reason) == ("False", "WarmStartFailed")
    assert "no experiment 'old'" in progressing.message
    assert snapshot.trials == ()
    world.others["old"] = list(OLD)
    assert run(world).status.trials.known == 3


def test_points_outside_the_space_are_left_out() -> None:
    new = take_over(experiment(), [], {"old": [found(0, 0.5), found(1, 3.0), found(2, 0.25, accuracy=1.0)]})
    assert [t.spec.observation.source for t in new if t.spec.observation] == ["old-0"]


def test_one_of_which_nothing_fits_is_refused_with_an_example() -> None:
    with pytest.raises(
        WarmStartError, match=r"none of the 2 trials of 'old' fits .* as old-0: spec\.parameters\.x: 3\.0"
    ):
        take_over(experiment(), [], {"old": [found(0, 3.0), found(1, 4.0)]})


def test_one_that_has_found_nothing_yet_is_no_mistake() -> None:
    assert take_over(experiment(), [], {"old": []}) == []


def test_a_result_that_the_user_brings_needs_no_job_and_no_room_in_the_budget() -> None:
    world = World(experiment(maxTrials=2))
    add(world, brought(7, 0.123, metrics={"accuracy": 0.99, "size": 0.0}))
    snapshot = run(world)
    assert [t.name for t in snapshot.trials] == ["nas-7", "nas-8", "nas-9"]
    assert [p.trial for p in snapshot.status.pareto_set] == ["nas-7"]
    assert (snapshot.status.trials.known, snapshot.status.progress) == (1, "2/2")


def test_a_point_without_a_result_is_tried_first_and_counts() -> None:
    world = World(experiment(maxTrials=2, parallelism=1))
    one = trial(0, x=0.123)
    add(world, one.replace(spec=one.spec.replace(origin="User")))
    snapshot = run(world)
    assert [t.status.attempts[0].job for t in snapshot.trials] == ["nas-0-a1", "nas-1-a1"]
    assert snapshot.status.progress == "2/2"


def test_a_trial_that_does_not_fit_is_told_so_and_disturbs_nothing() -> None:
    world = World(experiment(maxTrials=2))
    add(world, brought(5, 3.0, metrics={"accuracy": 1.0, "size": 1.0}))
    snapshot = run(world)
    refused = snapshot.trials[0]
    assert (refused.status.state, refused.refused) == ("Infeasible", True)
    assert "spec.parameters.x: 3.0: is outside the search space" in refused.status.message
    assert (snapshot.status.progress, snapshot.status.trials.known) == ("2/2", 0)
    assert "nas-5" not in {p.trial for p in snapshot.status.pareto_set}


def test_a_trial_asked_for_in_another_cluster_counts_with_its_result() -> None:
    one = brought(0, 0.5, metrics={"accuracy": 0.5, "size": 45.0})
    world = World(experiment(maxTrials=3))
    add(world, one.replace(spec=one.spec.replace(origin="Sobol")))
    snapshot = run(world)
    assert len(snapshot.trials) == 3
    assert (snapshot.status.trials.total, snapshot.status.trials.known) == (3, 0)


def test_the_next_candidates_are_those_of_the_run_that_was_brought_over() -> None:
    """The trials of a whole run, half of them brought into a new world as their documents would be."""
    whole = run(World(experiment(parallelism=1)))
    world = World(experiment(parallelism=1))
    for one in whole.trials[:4]:
        observation = Observation(metrics=dict(one.status.metrics))
        add(world, trial(one.spec.index).replace(spec=one.spec.replace(observation=observation)))
    assert [t.spec.parameters for t in run(world).trials] == [t.spec.parameters for t in whole.trials]
