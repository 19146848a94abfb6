"""When an experiment has reached a goal: of what is stored, whatever the order in which it arrived."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import attempt, experiment, trial
from tests.unit.engine.fakes import BEGIN, Run, World, run
from tests.unit.engine.test_engine import change, ending, passes, reasons

from paretonas.api import ExperimentStatus, NASExperiment, NASTrial, Observation, StopWhen
from paretonas.engine.decide import decide
from paretonas.engine.goals import reached_goals
from paretonas.engine.warm_start import take_over

SIZE = {"metric": "size", "goal": "Minimize", "threshold": 100.0}


def aims(accuracy: float | None = None, size: float | None = None, **more: Any) -> NASExperiment:
    """An experiment with these targets."""
    objectives = [
        {"metric": "accuracy", "goal": "Maximize", "threshold": 0.2, "target": accuracy},
        {**SIZE, "target": size},
    ]
    return experiment(objectives=objectives, **more)


def stalls(trials: int, within: float = 0.0, *, initial: int = 1, **more: Any) -> NASExperiment:
    """An experiment that ends when its front no longer grows."""
    goal = {"hypervolumeStalls": {"trials": trials, "within": within}}
    return experiment(maxTrials=40, stopWhen=goal, search={"initialTrials": initial}, **more)


def result(index: int, accuracy: float = 0.5, size: float = 50.0, *, at: float | None = None) -> NASTrial:
    """A trial that succeeded, ``at`` seconds after the beginning."""
    return ended(index, "Succeeded", at=at, metrics={"accuracy": accuracy, "size": size})


def ended(index: int, state: Any, *, at: float | None = None, metrics: dict[str, float] | None = None) -> NASTrial:
    end = BEGIN + timedelta(seconds=index if at is None else at)
    closed = attempt(index, reason="Completed", start_time=BEGIN, end_time=end)
    return trial(index, state, attempts=(closed,), metrics=metrics)


def known(index: int, accuracy: float, *, counts: bool = False) -> NASTrial:
    """A result that was brought along: of the user's own, or of this search elsewhere."""
    metrics = {"accuracy": accuracy, "size": 50.0}
    of, observation = trial(index, "Succeeded", metrics=metrics), Observation(metrics=metrics)
    return of.replace(spec=of.spec.replace(observation=observation, origin="Sobol" if counts else "User"))


def goals(of: NASExperiment, *trials: NASTrial) -> list[str]:
    return [goal.reason for goal in reached_goals(of, trials)]


# --- targets


@pytest.mark.parametrize(
    ("targets", "accuracy", "size", "reached"),
    [
        ({"accuracy": 0.9}, 0.9, 99.0, True),
        ({"accuracy": 0.9}, 0.8999, 1.0, False),
        ({"accuracy": 0.9}, 0.95, 101.0, False),  # of no use: beyond a threshold
        ({"size": 30}, 0.2, 30.0, True),
        ({"size": 30}, 0.99, 30.001, False),
        ({"accuracy": 0.9, "size": 30}, 0.95, 20.0, True),
        ({"accuracy": 0.9, "size": 30}, 0.95, 31.0, False),
        ({"accuracy": 0.9, "size": 30}, 0.85, 20.0, False),
        ({}, 1.0, 0.0, False),
    ],
)
def test_a_target_is_reached_by_one_trial_in_all_objectives_that_have_one(
    targets: dict[str, float], accuracy: float, size: float, reached: bool
) -> None:
    assert goals(aims(**targets), result(0, accuracy, size)) == ["TargetReached"] * reached


def test_two_trials_that_reach_one_target_each_have_not_reached_both() -> None:
    assert goals(aims(0.9, 30), result(0, 0.95, 60), result(1, 0.5, 20)) == []


@pytest.mark.parametrize("state", ["Pending", "Running", "Failed", "Infeasible", "EarlyStopped"])
def test_only_a_trial_that_has_succeeded_reaches_a_target(state: str) -> None:
    assert goals(aims(0.9), ended(0, state, metrics={"accuracy": 0.95, "size": 1.0})) == []


def test_a_trial_that_breaks_an_outcome_constraint_reaches_nothing() -> None:
    of = aims(0.9, outcomeConstraints=["latency <= 5"])
    for latency, reached in ((5.0, ["TargetReached"]), (5.1, [])):
        metrics = {"accuracy": 0.95, "size": 1.0, "latency": latency}
        assert goals(of, ended(0, "Succeeded", metrics=metrics)) == reached


def test_a_value_that_a_log_cannot_have_exactly_reaches_the_target_that_is_written_so() -> None:
    """0.9 in a log is 0.8999999761581421, and every table shows it as 0.9."""
    assert goals(aims(0.9), result(0, 0.8999999761581421)) == ["TargetReached"]
    assert goals(aims(0.9), result(0, 0.8999998569488525)) == [], "the next float32 below it"


@pytest.mark.parametrize("size", [1e-300, 3e-7, 5e299])
def test_a_target_is_compared_in_whatever_unit(size: float) -> None:
    objectives = [{"metric": "size", "goal": "Minimize", "scale": "Log", "target": size}]
    for factor, reached in ((0.999, True), (1.0, True), (1.001, False)):
        at = ended(0, "Succeeded", metrics={"size": size * factor})
        assert goals(experiment(objectives=objectives), at) == ["TargetReached"] * reached


def test_the_first_trial_that_reached_it_is_named_with_values_that_show_it() -> None:
    late, early = result(0, 0.99124, 20, at=9), result(1, 0.99126, 46.88, at=3)
    [goal] = reached_goals(aims(0.99122, 60.0), [late, early])
    assert goal.message == "nas-1 reached every target: accuracy 0.9913 >= 0.99122, size 46.88 <= 60"
    [goal] = reached_goals(aims(0.99122), [late])
    assert goal.message == "nas-0 reached the target: accuracy 0.99124 >= 0.99122"
    [goal] = reached_goals(aims(0.5), [result(0, 0.5)])
    assert goal.message == "nas-0 reached the target: accuracy 0.5 >= 0.5"


# --- a stalled hypervolume

STALLED = ["HypervolumeStalled"]


def flat(count: int, *, begin: int = 0, accuracy: float = 0.5) -> list[NASTrial]:
    return [result(begin + i, accuracy) for i in range(count)]


def test_a_front_that_does_not_grow_for_as_many_results_has_stalled() -> None:
    for count in range(6):
        assert goals(stalls(3), *flat(count)) == (STALLED if count >= 4 else []), count
    [goal] = reached_goals(stalls(3), flat(4))
    assert goal.message == "the last 3 results added nothing to the hypervolume, within 0"


@pytest.mark.parametrize(
    ("within", "grown", "stalled"),
    [(0.0, 0.5, True), (0.0, 0.5 + 1e-12, False), (0.09, 0.55, False), (0.1, 0.55, True), (0.6, 0.999, True)],
)
def test_growth_is_a_share_of_the_hypervolume(within: float, grown: float, stalled: bool) -> None:
    """From 0.5 to 0.55 it grows by a tenth of what it was, and by an eleventh of what it is."""
    of = stalls(2, within)
    assert goals(of, result(0), result(1), result(2, grown)) == STALLED * stalled


def test_the_message_says_how_much_was_added() -> None:
    [goal] = reached_goals(stalls(1, 0.25), [result(0), result(1, 0.6)])
    assert goal.message == "the last result added 0.1667 of the hypervolume, within 0.25"


def test_a_search_that_has_found_nothing_within_the_thresholds_has_not_stalled() -> None:
    assert goals(stalls(2, 0.9), *flat(30, accuracy=-0.1)) == []
    assert goals(stalls(2, 0.9), *flat(30, accuracy=0.0)) == [], "at the reference point there is no volume either"
    assert goals(stalls(2, 0.9), *flat(9, accuracy=-0.1), result(9), result(10)) == [], "all of it is new"


def test_the_initial_trials_are_no_stall() -> None:
    """Quasi-random points are not chosen to improve anything."""
    assert goals(stalls(2, initial=5), *flat(6)) == []
    assert goals(stalls(2, initial=5), *flat(7)) == STALLED
    assert goals(stalls(2, initial=5), *(known(i, 0.5) for i in range(5)), *flat(2, begin=5)) == STALLED, (
        "the model takes over at once where results are known"
    )


def test_failed_trials_are_not_counted_and_infeasible_and_stopped_ones_are() -> None:
    first = flat(2)
    for state, stalled in (("Failed", False), ("Infeasible", True), ("EarlyStopped", True)):
        assert goals(stalls(3, initial=2), *first, *(ended(2 + i, state) for i in range(3))) == STALLED * stalled


def test_known_results_are_part_of_the_front_and_none_of_the_last_results() -> None:
    best = known(7, 0.9)
    assert goals(stalls(2), best, *(known(8 + i, 0.5) for i in range(5))) == []
    assert goals(stalls(2), result(0), result(1, 0.6), result(2, 0.7), best) == STALLED, "nothing beats what was known"
    assert goals(stalls(2), *(known(i, 0.5, counts=True) for i in range(3))) == STALLED, "a search goes on elsewhere"


def test_the_order_is_that_of_the_ends_so_that_what_ends_late_is_the_latest() -> None:
    straggler = result(1, 0.9, at=100)
    others = [result(i) for i in (0, 2, 3, 4, 5)]
    assert goals(stalls(3), *others) == STALLED
    assert goals(stalls(3), others[0], straggler, *others[1:]) == []
    assert goals(stalls(3), others[0], result(1, 0.9), *others[1:]) == STALLED, "here it ended early"


def test_a_trial_that_is_retried_counts_when_it_has_ended_at_last() -> None:
    failed, others = ended(1, "Failed"), [result(i) for i in (0, 2, 3, 4)]
    assert goals(stalls(3), others[0], failed, *others[1:]) == STALLED
    attempts = (*failed.status.attempts, attempt(1, 2, reason="Completed", end_time=BEGIN + timedelta(hours=1)))
    again = trial(1, "Succeeded", attempts=attempts, metrics={"accuracy": 0.9, "size": 50.0})
    assert goals(stalls(3), others[0], again, *others[1:]) == []


def test_one_objective_stalls_by_the_distance_of_its_best_value_from_the_reference_point() -> None:
    """In whatever unit, and wherever its zero is."""
    for unit, zero in ((1.0, 0.0), (1e6, -5e6), (1e-9, 273.15e-9)):
        objective = {"metric": "loss", "goal": "Minimize", "threshold": zero + 10 * unit}
        trials = [
            ended(i, "Succeeded", metrics={"loss": zero + loss * unit}) for i, loss in enumerate((9.0, 6.0, 5.8, 7.0))
        ]
        # from a distance of 4 to one of 4.2: a share of 0.0476
        assert goals(stalls(2, 0.04, objectives=[objective]), *trials) == []
        assert goals(stalls(2, 0.05, objectives=[objective]), *trials) == STALLED


def test_without_thresholds_the_frozen_reference_point_is_what_counts() -> None:
    objectives = [{"metric": "accuracy", "goal": "Maximize"}, {"metric": "size", "goal": "Minimize"}]
    of = stalls(1, 0.04, initial=2, objectives=objectives)
    trials = [result(0, 0.5, 50), result(1, 0.6, 60), result(2, 0.605, 60)]
    assert goals(of, *trials) == STALLED
    fixed = ExperimentStatus(reference_point={"accuracy": 0.59, "size": 61.0})
    assert goals(of.replace(status=fixed), *trials) == [], "from there it is a third"
    running = [trials[0], trial(1, "Running"), trials[2], result(3, 0.605, 60)]
    assert goals(of, *running) == [], "while an initial trial runs, there is no reference point"


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9), st.booleans()), max_size=12),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.1, 0.5]),
    st.randoms(),
)
def test_a_stall_is_what_its_definition_says(
    drawn: Sequence[tuple[int, int, bool]], window: int, within: float, shuffled: Any
) -> None:
    trials = [
        result(i, value / 4, at=end) if good else ended(i, "Infeasible", at=end)
        for i, (value, end, good) in enumerate(drawn)
    ]
    in_order = sorted(range(len(drawn)), key=lambda i: (drawn[i][1], i))
    best = [0.0]
    for i in in_order:
        best.append(max(best[-1], drawn[i][0] / 4 if drawn[i][2] else 0.0))
    before = [i for i in in_order[:-window] if drawn[i][2]]
    expected = (
        len(drawn) >= window and len(before) >= 1 and best[-1] > 0 and best[-1 - window] >= (1 - within) * best[-1]
    )
    shuffled.shuffle(trials)
    assert goals(stalls(window, within), *trials) == STALLED * expected


# --- what the engine does with it


def script(values: Mapping[int, float], seconds: float = 2.0) -> Any:
    def attempt_of(index: int, _: int) -> Run:
        return Run(
            seconds=seconds + 100 * (index not in values), values={"accuracy": values.get(index, 0.5), "size": 50.0}
        )

    return attempt_of


def test_a_reached_target_stops_what_runs_and_ends_the_experiment() -> None:
    world = World(aims(0.9, parallelism=3), script({0: 0.5, 1: 0.95}), ahead=1)
    snapshot = run(world)
    assert ending(snapshot) == ("True", "TargetReached")
    assert snapshot.status.conditions[-1].message == "nas-1 reached the target: accuracy 0.95 >= 0.9; 2 trials ended"
    assert not snapshot.running
    stopped = [t for t in snapshot.trials if not t.ended]
    assert stopped
    assert {tuple(reasons(t)) for t in stopped} <= {("Stopped",), ()}
    world.calls.clear()
    passes(world, world.engine(), 3)
    assert not {"create_trial", "save_trial", "save_status", "submit", "suggest"} & set(world.calls)


def test_a_harder_target_or_none_continues_the_experiment_with_what_was_stopped() -> None:
    world = World(aims(0.9, parallelism=2, maxTrials=6), script(dict.fromkeys(range(6), 0.5) | {1: 0.95, 3: 0.99}))
    run(world)
    change(world, objectives=aims(0.97).spec.objectives)
    snapshot = run(world)
    assert ending(snapshot) == ("True", "TargetReached")
    assert snapshot.trials[3].status.state == "Succeeded"
    change(world, objectives=aims().spec.objectives)
    snapshot = run(world)
    assert ending(snapshot) == ("True", "TrialsCompleted")
    assert len(snapshot.trials) == 6
    assert {tuple(reasons(t)) for t in snapshot.trials} <= {("Completed",), ("Stopped", "Completed")}


def test_a_stalled_experiment_ends_and_continues_without_its_goal() -> None:
    of = stalls(3, 0.01).replace(status=ExperimentStatus())
    world = World(of, lambda *_: Run(values={"accuracy": 0.5, "size": 50.0}))
    snapshot = run(world)
    assert ending(snapshot) == ("True", "HypervolumeStalled")
    assert len(snapshot.trials) < 10
    change(world, stop_when=StopWhen(), max_trials=12)
    snapshot = run(world)
    assert ending(snapshot) == ("True", "TrialsCompleted")
    assert len(snapshot.trials) == 12


def test_more_trials_alone_continue_no_experiment_whose_goal_is_reached() -> None:
    world = World(aims(0.3), script(dict.fromkeys(range(8), 0.5)))
    count = len(run(world).trials)
    change(world, max_trials=30)
    snapshot = run(world)
    assert (ending(snapshot), len(snapshot.trials)) == (("True", "TargetReached"), count)


def test_a_target_that_a_known_result_reaches_starts_nothing() -> None:
    of = aims(0.9, warmStartFrom=[{"name": "other"}])
    world = World(of, others={"other": [result(0, 0.95)]})
    snapshot = run(world)
    assert ending(snapshot) == ("True", "TargetReached")
    assert [t.spec.origin for t in snapshot.trials] == ["User"]
    assert not world.jobs_
    assert take_over(of, list(snapshot.trials), world.others) == [], "and nothing is taken over twice"


def test_a_goal_that_is_reached_by_the_last_trial_is_the_reason() -> None:
    world = World(aims(0.9, maxTrials=2), script({0: 0.5, 1: 0.95}))
    assert ending(run(world)) == ("True", "TargetReached")


def test_a_goal_comes_before_too_many_failures_and_a_deadline_and_after_the_user() -> None:
    failures = [ended(i, "Failed") for i in range(1, 9)]
    trials = [result(0, 0.95), *failures]
    hard = {"maxTrials": 20, "activeDeadlineSeconds": 1}
    begun = ExperimentStatus(start_time=BEGIN)

    def reason(**more: Any) -> str:
        of = aims(0.9, **hard, **more).replace(status=begun)
        outcome = decide(of, trials, {}, BEGIN + timedelta(days=1)).outcome
        assert outcome is not None
        return outcome.reason

    assert reason() == "TargetReached"
    assert reason(stop=True) == "Stopped"
