"""A user's retry: failed trials taken up again with new attempts, and the experiment's end withdrawn."""

from datetime import timedelta
from typing import Any

import pytest
from tests.builders import attempt, experiment, trial
from tests.unit.engine.fakes import BEGIN, Run, World, run

from paretonas.api import NASTrial, Observation, Retry, StopWhen
from paretonas.engine.decide import ending
from paretonas.engine.remedies import Remedy, remedies
from paretonas.engine.retry import raise_retry, retriable, retry_trial


def failing(*indices: int, **spec: Any) -> World:
    """A world in which trials of these indices crash until it is mended."""
    world = World(experiment(**{"failurePolicy": {"retries": 1, "afterTrials": 3}, **spec}))
    world.script = lambda index, _: Run(exit_code=1) if index in indices else Run()
    return world


def ask(world: World, *, infeasible: bool = False) -> None:
    """The user mends the script and asks for a retry."""
    world.script = lambda *_: Run()
    spec = world.experiment_.spec
    again = raise_retry(spec.retry, infeasible=infeasible)
    world.experiment_ = world.experiment_.replace(spec=spec.replace(retry=again))


def reason(world: World) -> str:
    condition = world.experiment_.status.condition("Succeeded")
    assert condition is not None
    return condition.reason


def attempts(world: World, index: int) -> list[tuple[int, str | None, int]]:
    """Number, reason and retry of each attempt."""
    trials = world.trials_[f"nas-{index}"].status.attempts
    return [(a.number, a.reason, a.retry_generation) for a in trials]


@pytest.mark.parametrize("parallelism", [1, 3])
def test_failed_trials_are_taken_up_again_and_the_end_is_withdrawn(parallelism: int) -> None:
    world = failing(*range(9), maxTrials=6, parallelism=parallelism)
    assert run(world).status.trials.failed >= 3
    assert reason(world) == "TooManyFailures"
    points = world.asked
    ask(world)
    status = run(world).status
    assert reason(world) == "TrialsCompleted"
    assert (status.trials.succeeded, status.trials.failed, status.progress) == (6, 0, "6/6")
    assert world.asked[: len(points)] == points, "the same points"
    assert attempts(world, 0) == [(1, "Crashed", 0), (2, "Crashed", 0), (3, "Completed", 1)]
    assert not world.trials_["nas-0"].status.message, "what it failed of is told by its old attempts"


def test_what_succeeded_is_not_run_again() -> None:
    world = failing(1, maxTrials=4, failurePolicy={"retries": 0})
    run(world)
    assert reason(world) == "TrialsCompleted"
    ask(world)
    assert run(world).status.trials.succeeded == 4
    assert [len(t.status.attempts) for t in world.trials_.values()] == [1, 2, 1, 1]


def test_a_trial_gets_all_its_attempts_anew_with_each_retry() -> None:
    world = failing(0, maxTrials=1, parallelism=1)
    run(world)
    for generation in (1, 2):
        ask(world)
        world.script = lambda *_: Run(exit_code=1)
        run(world)
        assert reason(world) == "NoTrialSucceeded"
        assert [retry for *_, retry in attempts(world, 0)].count(generation) == 2
    assert [number for number, *_ in attempts(world, 0)] == [1, 2, 3, 4, 5, 6]


def test_what_fails_again_ends_it_only_after_as_many_as_at_first() -> None:
    world = failing(*range(9), maxTrials=8, parallelism=1)
    run(world)
    assert reason(world) == "TooManyFailures"
    ask(world)
    world.script = lambda *_: Run(exit_code=1)
    run(world)
    assert reason(world) == "TooManyFailures"
    assert [t.status.state for t in world.trials_.values()] == ["Failed"] * 3


def test_an_attempt_that_was_running_as_the_retry_was_asked_for_is_one_of_the_old() -> None:
    """It may have begun with the script as it was: should it fail, it is taken up again, with all its attempts."""
    world = failing(0, maxTrials=1, parallelism=1, failurePolicy={"retries": 0})
    engine = world.engine()
    engine.run_pass()
    ask(world)
    assert run(world).status.trials.succeeded == 1
    assert attempts(world, 0) == [(1, "Crashed", 0), (2, "Completed", 1)]


@pytest.mark.parametrize(("infeasible", "tries"), [(False, 1), (True, 2)])
def test_infeasible_trials_are_taken_up_only_when_that_is_asked_for(infeasible: bool, tries: int) -> None:
    world = failing(1, maxTrials=2, parallelism=1, failurePolicy={"retries": 0})
    world.script = lambda index, _: Run(exit_code=1) if index else Run(not_finite=("accuracy",))
    run(world)
    assert [t.status.state for t in world.trials_.values()] == ["Infeasible", "Failed"]
    ask(world, infeasible=infeasible)
    run(world)
    assert [len(t.status.attempts) for t in world.trials_.values()] == [tries, 2]


def test_the_deadline_counts_anew_from_the_retry() -> None:
    world = failing(0, maxTrials=1, parallelism=1, activeDeadlineSeconds=20)
    run(world)
    world.wait(3600)
    ask(world)
    assert run(world).status.trials.succeeded == 1
    assert world.experiment_.status.start_time == BEGIN
    world.wait(3600)
    assert world.engine().run_pass().status == world.experiment_.status, "and it stays ended"


def test_one_that_ran_out_of_time_goes_on_with_a_retry_and_runs_out_again() -> None:
    world = failing(0, maxTrials=2, parallelism=1, activeDeadlineSeconds=20, failurePolicy={"retries": 0})
    world.script = lambda index, _: Run(seconds=99) if index else Run(exit_code=1)
    run(world)
    assert reason(world) == "DeadlineExceeded"
    ask(world)
    world.script = lambda index, _: Run(seconds=99) if index else Run()
    run(world)
    assert reason(world) == "DeadlineExceeded"
    assert [t.status.state for t in world.trials_.values()] == ["Succeeded", "Pending"]


def test_a_retry_of_a_suspended_experiment_waits_for_it_to_be_resumed() -> None:
    world = failing(0, maxTrials=1, parallelism=1)
    run(world)
    ask(world)
    world.experiment_ = world.experiment_.replace(spec=world.experiment_.spec.replace(suspend=True))
    status = world.engine().run_pass().status
    assert (status.finished, status.trials.pending) == (False, 1)
    assert len(attempts(world, 0)) == 2


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_at_any_call_loses_no_retry_and_doubles_no_attempt(moment: Any) -> None:
    def until_asked() -> World:
        world = failing(*range(9), maxTrials=4, parallelism=2)
        run(world)
        ask(world)
        return world

    calm = until_asked()
    begin = len(calm.calls)
    run(calm)
    expected = {name: trial.status.attempts[-1].number for name, trial in calm.trials_.items()}
    for call in range(begin + 1, len(calm.calls) + 1):
        world = until_asked()
        world.crash_at, world.crash = call, moment
        run(world)
        assert {n: t.status.attempts[-1].number for n, t in world.trials_.items()} == expected, f"call {call}"
        assert world.experiment_.status.trials.succeeded == 4


def known(index: int, *, counts: bool) -> NASTrial:
    """A result that was brought along, of a search elsewhere or of the user's own."""
    of = trial(index, "Failed")
    origin = "Sobol" if counts else "User"
    return of.replace(spec=of.spec.replace(observation=Observation(state="Failed"), origin=origin))


def test_what_did_not_fail_here_is_not_taken_up() -> None:
    retry = Retry(generation=5, infeasible=True)
    for other in (known(0, counts=True), known(0, counts=False), trial(0), trial(0, "Infeasible")):
        assert not retriable(other, retry)
        assert retry_trial(other, retry) is other


def test_failures_that_were_brought_along_end_nothing_here() -> None:
    of = experiment(maxTrials=20, failurePolicy={"afterTrials": 2})
    elsewhere = [known(i, counts=True) for i in range(9)]
    here = [trial(10 + i, "Failed", attempts=(attempt(10 + i, end_time=BEGIN),)) for i in range(2)]
    assert ending(of, elsewhere, BEGIN, no_more=None) is None
    outcome = ending(of, [*elsewhere, *here], BEGIN, no_more=None)
    assert outcome is not None
    assert outcome.message == "2 of 2 ended trials failed: Lost 2"


# --- remedies: none is named in vain


def _aims(accuracy: float) -> list[dict[str, Any]]:
    return [
        {"metric": "accuracy", "goal": "Maximize", "threshold": 0.0, "target": accuracy},
        {"metric": "size", "goal": "Minimize", "threshold": 100.0},
    ]


ENDS: dict[str, tuple[dict[str, Any], Any, list[Remedy]]] = {
    "all is well": ({"maxTrials": 3}, lambda *_: Run(), [Remedy.MORE_TRIALS]),
    "some failed": (
        {"maxTrials": 5},
        lambda index, _: Run(exit_code=1) if index == 1 else Run(),
        [Remedy.RETRY, Remedy.MORE_TRIALS],
    ),
    "too many failed": ({"maxTrials": 9}, lambda *_: Run(exit_code=1), [Remedy.RETRY]),
    "all ended, and too many failed": (
        {"maxTrials": 5, "failurePolicy": {"retries": 0, "afterTrials": 5}},
        lambda index, _: Run(exit_code=1) if index else Run(),
        [Remedy.RETRY],
    ),
    "every point was tried": ({"maxTrials": 99, "points": 4}, lambda *_: Run(), []),
    "every point was tried, some failed": (
        {"maxTrials": 99, "points": 8},
        lambda index, _: Run(exit_code=1) if index == 1 else Run(),
        [Remedy.RETRY],
    ),
    "nothing fits": (
        {"maxTrials": 3},
        lambda *_: Run(not_finite=("accuracy",)),
        [Remedy.RETRY_INFEASIBLE, Remedy.MORE_TRIALS],
    ),
    "out of time": (
        {"maxTrials": 3, "activeDeadlineSeconds": 5},
        lambda *_: Run(seconds=99),
        [Remedy.MORE_TIME],
    ),
    "its target is reached": ({"objectives": _aims(0.0)}, lambda *_: Run(), [Remedy.OTHER_GOALS]),
    "its target is reached, some failed": (
        {"objectives": _aims(0.0)},
        lambda index, _: Run() if index else Run(exit_code=1),
        [Remedy.OTHER_GOALS],
    ),
    "it has stalled": (
        {"search": {"initialTrials": 1}, "stopWhen": {"hypervolumeStalls": {"trials": 2, "within": 0.1}}},
        lambda *_: Run(values={"accuracy": 0.5, "size": 50.0}),
        [Remedy.OTHER_GOALS],
    ),
    "its target is reached, and it has stalled": (
        {
            "objectives": _aims(0.5),
            "search": {"initialTrials": 1},
            "stopWhen": {"hypervolumeStalls": {"trials": 1, "within": 0}},
        },
        lambda index, _: Run(values={"accuracy": 0.5 - 0.1 * (index == 1), "size": 50.0 - index}),
        [Remedy.OTHER_GOALS],
    ),
    "the last trial reaches its target": ({"maxTrials": 1, "objectives": _aims(0.0)}, lambda *_: Run(), []),
}


@pytest.mark.parametrize("case", ENDS)
def test_what_is_advised_helps_and_what_helps_is_advised(case: str) -> None:
    fields, script, expected = ENDS[case]
    policy = {"retries": 0, "afterTrials": 3}
    points = fields.get("points", 64)
    spec = {"failurePolicy": policy, **{k: v for k, v in fields.items() if k != "points"}}
    world = World(experiment(parallelism=1, **spec), script, points=points)
    run(world)
    found = remedies(world.experiment_, list(world.trials_.values()), world.now)
    assert found == expected
    for remedy in Remedy:
        assert _helps(world, remedy) == (remedy in _covering(found)), remedy


def _covering(found: list[Remedy]) -> set[Remedy]:
    """What helps: a retry of what has failed is also one of all that could be retried."""
    return {*found, *([Remedy.RETRY_INFEASIBLE] if Remedy.RETRY in found else [])}


def _helps(world: World, remedy: Remedy) -> bool:
    """Whether the experiment goes on with the next pass of a new process, when its user does this."""
    spec = world.experiment_.spec
    changes: dict[Remedy, dict[str, Any]] = {
        Remedy.RETRY: {"retry": raise_retry(spec.retry, infeasible=False)},
        Remedy.RETRY_INFEASIBLE: {"retry": raise_retry(spec.retry, infeasible=True)},
        Remedy.MORE_TRIALS: {"max_trials": spec.max_trials + 5},
        Remedy.MORE_TIME: {"active_deadline_seconds": (spec.active_deadline_seconds or 0) + 9999},
        Remedy.RESUME: {"stop": False},
        Remedy.OTHER_GOALS: {"objectives": spec.without_targets().objectives, "stop_when": StopWhen()},
    }
    retry = changes[remedy].get("retry")
    if retry is not None and not any(retriable(t, retry) for t in world.trials_.values()):
        return False  # the command changes nothing then
    changed = world.experiment_.replace(spec=spec.replace(**changes[remedy]))
    other = World(changed, world.script, points=world.points, now=world.now, trials_=dict(world.trials_))
    other.jobs_ = dict(world.jobs_)
    return not other.engine().run_pass().status.finished


def test_one_that_its_user_has_stopped_is_resumed() -> None:
    world = failing(maxTrials=9)
    world.engine().run_pass()
    world.experiment_ = world.experiment_.replace(spec=world.experiment_.spec.replace(stop=True))
    run(world)
    assert remedies(world.experiment_, list(world.trials_.values()), world.now) == [Remedy.RESUME]


def test_a_thousand_trials_cannot_be_more() -> None:
    world = failing(maxTrials=1000)
    done = [trial(i, "Succeeded") for i in range(1000)]
    world.trials_ = {t.name: t for t in done}
    run(world)
    assert remedies(world.experiment_, done, world.now + timedelta(days=1)) == []


def test_one_that_goes_on_needs_no_remedy() -> None:
    assert remedies(experiment(), [trial(0, "Failed")], BEGIN) == []
