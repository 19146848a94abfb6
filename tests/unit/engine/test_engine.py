"""Whole runs of the engine in a world in memory: what starts, what stops, what is told."""

from typing import Any

import pytest
from tests.builders import experiment
from tests.unit.engine.fakes import BEGIN, Run, World, one_pass, run

from paretonas.api import NASTrial
from paretonas.api.reasons import EndReason
from paretonas.api.rounding import rounded
from paretonas.engine.engine import Engine, Snapshot, known_trial
from paretonas.engine.summary import summarise
from paretonas.jobs.job import Launch, SubmitError

WRITES = {"create_trial", "save_trial", "save_status", "submit", "cancel"}


def passes(world: World, engine: Engine, count: int, **options: Any) -> Snapshot:
    for _ in range(count):
        snapshot = engine.run_pass(**options)
        world.wait()
    return snapshot


def change(world: World, **spec: Any) -> None:
    """The user edits the spec."""
    world.experiment_ = world.experiment_.replace(spec=world.experiment_.spec.replace(**spec))


def reasons(trial: NASTrial) -> list[str | None]:
    return [a.reason for a in trial.status.attempts]


def ending(snapshot: Snapshot) -> tuple[str, str]:
    condition = snapshot.status.condition("Succeeded")
    assert condition is not None
    return condition.status, condition.reason


def progressing(snapshot: Snapshot) -> tuple[str, str, str]:
    condition = snapshot.status.condition("Progressing")
    assert condition is not None
    return condition.status, condition.reason, condition.message


def test_exactly_max_trials_are_run_and_retries_do_not_count() -> None:
    world = World(experiment(), lambda _, attempt: Run(exit_code=1 if attempt < 3 else 0))
    snapshot = run(world)
    assert [reasons(t) for t in snapshot.trials] == [["Crashed", "Crashed", "Completed"]] * 8
    assert ending(snapshot) == ("True", "TrialsCompleted")
    assert len(world.jobs_) == 24


def test_a_pass_that_sees_nothing_new_writes_nothing() -> None:
    world = World(experiment(), lambda *_: Run(seconds=50))
    engine = world.engine()
    passes(world, engine, 2)
    world.calls.clear()
    passes(world, engine, 5)
    assert not WRITES & set(world.calls)


def test_a_finished_experiment_is_left_alone() -> None:
    world = World(experiment())
    run(world)
    world.calls.clear()
    passes(world, world.engine(), 3)
    assert not WRITES & set(world.calls)
    assert "suggest" not in world.calls


def test_trials_of_the_pareto_set_are_marked_and_others_are_not() -> None:
    snapshot = run(World(experiment()))
    marked = {t.name for t in snapshot.trials if t.status.pareto}
    assert marked == {p.trial for p in snapshot.status.pareto_set}
    assert len(marked) > 0


def test_a_trial_that_is_dominated_later_loses_its_mark() -> None:
    accuracies = [0.1, 0.9, 0.5, 0.5]
    world = World(
        experiment(maxTrials=4, parallelism=1),
        lambda index, _: Run(1, values={"accuracy": accuracies[index], "size": 50.0}),
    )
    engine = world.engine()
    passes(world, engine, 2)
    assert world.trials_["nas-0"].status.pareto
    run(world)
    assert [t.status.pareto for t in world.trials_.values()] == [False, True, False, False]


def test_draining_ends_what_runs_and_the_next_run_takes_it_up_again() -> None:
    world = World(experiment(failurePolicy={"retries": 0}), lambda *_: Run(seconds=4))
    engine = world.engine()
    passes(world, engine, 2)
    snapshot = passes(world, engine, 2, draining=True)
    assert snapshot.running == 0
    assert [reasons(t) for t in snapshot.trials] == [["Stopped"], ["Stopped"]]
    assert ending(snapshot) == ("Unknown", "Running")
    snapshot = run(world)
    assert [reasons(t) for t in snapshot.trials][:3] == [["Stopped", "Completed"]] * 2 + [["Completed"]]
    assert len(snapshot.trials) == 8


def test_draining_comes_to_an_end_when_a_stored_attempt_was_never_submitted() -> None:
    """Its run was killed between the two."""
    world = World(experiment(), crash_at=None)
    world.engine().run_pass()
    for name in list(world.jobs_):
        del world.jobs_[name]
    snapshot = passes(world, world.engine(), 2, draining=True)
    assert (snapshot.running, [reasons(t) for t in snapshot.trials]) == (0, [["Stopped"], ["Stopped"]])
    assert run(world).status.trials.succeeded == 8


def test_a_run_that_was_killed_while_it_drained_is_taken_up_again() -> None:
    world = World(experiment(), lambda *_: Run(seconds=4))
    passes(world, world.engine(), 2)
    world.engine().run_pass(draining=True)  # the reasons are stored, the jobs told to end
    snapshot = run(world)
    assert snapshot.status.trials.succeeded == 8


TEMPLATE = {"command": ["x"], "activeDeadlineSeconds": 5}


def test_a_trial_past_its_deadline_is_ended_and_the_others_go_on() -> None:
    world = World(experiment(trial=TEMPLATE), lambda index, _: Run(seconds=1000 if index == 2 else 2))
    snapshot = run(world)
    late = snapshot.trials[2]
    assert (late.status.state, reasons(late)) == ("Failed", ["DeadlineExceeded"])
    assert late.status.message == "ran longer than 5 s\nits last words"
    assert snapshot.status.trials.succeeded == 7


def test_an_experiment_past_its_deadline_ends_what_runs_and_then_itself() -> None:
    world = World(experiment(activeDeadlineSeconds=4), lambda *_: Run(seconds=3))
    snapshot = run(world)
    assert ending(snapshot) == ("False", "DeadlineExceeded")
    assert (snapshot.running, snapshot.status.trials.succeeded) == (0, 2)
    assert [reasons(t) for t in snapshot.trials[2:]] == [["Stopped"], ["Stopped"]]
    change(world, active_deadline_seconds=None)
    assert ending(run(world)) == ("True", "TrialsCompleted")


class Refusing(World):
    """A world in which no job can be submitted."""

    def submit(self, launch: Launch) -> None:
        raise SubmitError(f"cannot start {launch.name}: the folder is read-only")


def test_what_cannot_be_submitted_is_told_and_tried_again() -> None:
    world = Refusing(experiment())
    snapshot = passes(world, world.engine(), 3)
    message = "cannot start nas-1-a1: the folder is read-only"
    assert progressing(snapshot) == ("False", "SubmitFailed", message)
    assert [len(t.status.attempts) for t in snapshot.trials] == [1, 1], "still the first attempt"
    mended = World(world.experiment_, trials_=world.trials_, now=world.now)
    snapshot = run(mended)
    assert snapshot.status.trials.succeeded == 8


class Barred(World):
    """A world in which nobody may look into the folder of one trial."""

    def free_attempt(self, trial: str, number: int) -> int:
        if trial == "nas-2":
            raise SubmitError(f"{trial} may have logs of earlier attempts: Permission denied")
        return super().free_attempt(trial, number)


def test_a_trial_whose_folder_nobody_may_look_into_is_told_and_keeps_no_other_from_its_end() -> None:
    world = Barred(experiment(maxTrials=6, parallelism=2))
    snapshot = passes(world, world.engine(), 40)
    message = "nas-2 may have logs of earlier attempts: Permission denied"
    assert progressing(snapshot) == ("False", "SubmitFailed", message)
    assert [t.status.state for t in snapshot.trials] == ["Succeeded"] * 2 + ["Pending"] + ["Succeeded"] * 3
    assert snapshot.trials[2].status.attempts == (), "no attempt was opened"
    snapshot = run(World(world.experiment_, trials_=world.trials_, jobs_=world.jobs_, now=world.now))
    assert snapshot.status.trials.succeeded == 6


def test_logs_that_take_longer_to_read_than_a_pass_give_the_same_results() -> None:
    at_once, late = World(experiment()), World(experiment(), late=True)
    expected, found = run(at_once), run(late)
    assert late.asked_for == late.jobs_.keys()
    assert [t.status.metrics for t in found.trials] == [t.status.metrics for t in expected.trials]
    assert found.status.pareto_set == expected.status.pareto_set


def test_an_experiment_whose_trials_cannot_be_submitted_still_ends_at_its_deadline() -> None:
    world = Refusing(experiment(activeDeadlineSeconds=4))
    assert ending(run(world, limit=10)) == ("False", "DeadlineExceeded")


def test_too_many_failures_end_what_runs_and_then_the_experiment() -> None:
    world = World(
        experiment(maxTrials=50, parallelism=3, failurePolicy={"retries": 0}),
        lambda index, _: Run(2, exit_code=7) if index else Run(100),
    )
    snapshot = run(world)
    assert ending(snapshot) == ("False", "TooManyFailures")
    assert reasons(snapshot.trials[0]) == ["Stopped"]
    assert len(snapshot.trials) <= 8, "it did not go on for long"
    condition = snapshot.status.condition("Succeeded")
    assert condition is not None
    assert condition.message == "6 of 6 ended trials failed: Crashed 6"


def test_suspended_an_experiment_lets_trials_end_and_starts_none() -> None:
    world = World(experiment())
    engine = world.engine()
    engine.run_pass()
    change(world, suspend=True)
    snapshot = passes(world, engine, 5)
    assert (snapshot.running, snapshot.status.trials.succeeded, len(snapshot.trials)) == (0, 2, 2)
    assert progressing(snapshot)[:2] == ("False", "Suspended")
    change(world, suspend=False)
    assert run(world).status.trials.succeeded == 8


def test_raised_max_trials_go_on_after_the_end_from_the_same_reference_point() -> None:
    free = [{"metric": "accuracy", "goal": "Maximize"}, {"metric": "size", "goal": "Minimize"}]
    world = World(experiment(objectives=free))
    first = run(world)
    change(world, max_trials=12)
    second = run(world)
    assert len(second.trials) == 12
    assert second.status.reference_point == first.status.reference_point != {}
    assert second.status.hypervolume is not None
    assert first.status.hypervolume is not None
    assert second.status.hypervolume >= first.status.hypervolume
    assert second.trials[:8] == tuple(
        t.with_status(pareto=s.status.pareto) for t, s in zip(first.trials, second.trials, strict=False)
    )


@pytest.mark.parametrize("beside", [False, True])
def test_an_exhausted_space_ends_the_search_as_complete(beside: bool) -> None:
    world = World(experiment(), points=5)
    snapshot = run(world, beside=beside)
    assert ending(snapshot) == ("True", "SearchSpaceExhausted")
    assert {point["x"] for point in world.asked} == {0.0, 0.2, 0.4, 0.6, 0.8}
    assert world.calls.count("suggest") <= 4, "it is not asked over and over"
    assert ending(run(world)) == ("True", "SearchSpaceExhausted"), "an engine that comes new sees it too"


def test_that_nothing_new_was_found_is_not_called_exhausted() -> None:
    world = World(experiment(), points=4, no_more=EndReason.NOTHING_NEW_FOUND)
    assert ending(run(world)) == ("True", "NothingNewFound")
    assert ending(run(world)) == ("True", "NothingNewFound"), "an engine that comes new says the same"


def test_when_no_trial_succeeds_the_experiment_fails() -> None:
    snapshot = run(World(experiment(failurePolicy={"maxFailureRatio": 1.0}), lambda *_: Run(exit_code=1)))
    assert ending(snapshot) == ("False", "NoTrialSucceeded")
    assert (snapshot.status.pareto_set, snapshot.status.hypervolume) == ((), 0.0)


@pytest.mark.parametrize("beside", [False, True])
def test_a_search_that_fails_is_told_and_what_runs_goes_on(beside: bool) -> None:
    world = World(experiment(maxTrials=4, parallelism=1), search_fails=0)
    engine = world.engine()
    engine.run_pass()
    world.search_fails = 3
    world.wait(5)
    snapshot = engine.run_pass(ask=not beside)
    if beside:
        engine.ask()
        snapshot = engine.run_pass(ask=False)
    assert progressing(snapshot) == ("False", "SearchFailed", "the model does not fit")
    assert snapshot.status.trials.succeeded == 1
    assert run(world).status.trials.succeeded == 4


def test_asked_beside_passes_the_candidates_missing_are_counted() -> None:
    world = World(experiment())
    engine = world.engine()
    snapshot = engine.run_pass(ask=False)
    assert (snapshot.missing, snapshot.trials) == (2, ())
    engine.ask()
    engine.ask()
    assert len(world.trials_) == 2, "asked twice, but they are there"
    snapshot = engine.run_pass(ask=False)
    assert (snapshot.missing, snapshot.running) == (0, 2)


def test_asked_ahead_a_candidate_waits_for_the_next_free_slot() -> None:
    world = World(experiment(), ahead=1)
    snapshot = world.engine().run_pass()
    assert (len(snapshot.trials), snapshot.running) == (3, 2)
    assert run(world).status.trials.total == 8


def test_a_removed_trial_is_replaced_and_its_index_not_used_again() -> None:
    world = World(experiment(maxTrials=4, parallelism=1))
    engine = world.engine()
    passes(world, engine, 5)
    del world.trials_["nas-1"]
    assert [t.spec.index for t in run(world).trials] == [0, 2, 3, 4]


def test_the_search_is_told_metrics_only_of_trials_that_have_succeeded() -> None:
    world = World(
        experiment(maxTrials=5, parallelism=1, failurePolicy={"retries": 0, "maxFailureRatio": 1.0}),
        lambda index, _: [
            Run(),
            Run(exit_code=1),
            Run(values={"size": 1.0}),
            Run(values={"size": 1.0}, not_finite=("accuracy",)),
            Run(seconds=999),
        ][index],
    )
    engine = world.engine()
    passes(world, engine, 15)
    known = [known_trial(t) for t in world.trials_.values()]
    assert [k.state for k in known] == ["Observed", "Failed", "Failed", "Failed", "Pending"]
    assert [set(k.metrics) for k in known] == [{"accuracy", "size"}, set(), set(), set(), set()]
    assert [k.index for k in known] == [0, 1, 2, 3, 4]


def test_a_lost_trial_is_given_up_in_the_end() -> None:
    """A machine that loses everything must not be tried for ever."""
    world = World(experiment(maxTrials=1, parallelism=1), lambda *_: Run(1, exit_code=None))
    snapshot = run(world)
    assert ending(snapshot) == ("False", "NoTrialSucceeded")
    assert reasons(snapshot.trials[0]) == ["Lost"] * 10


class OldSchema(World):
    """A world whose resource definition is older than the operator: it drops the rounded metrics."""

    dropping = True

    def save_trial(self, trial: NASTrial) -> NASTrial:
        saved = super().save_trial(trial)
        if self.dropping:
            saved = self.trials_[trial.name] = saved.replace(status=saved.status.replace(rounded_metrics=""))
        return saved


def test_metrics_that_an_older_version_has_stored_are_rounded_by_the_first_pass_of_this_one() -> None:
    world = OldSchema(experiment(maxTrials=3))
    run(world)
    assert {t.status.rounded_metrics for t in world.trials_.values()} == {""}
    world.dropping = False
    snapshot = one_pass(world.engine())
    assert [t.status.rounded_metrics.partition("=")[0] for t in snapshot.trials] == ["accuracy"] * 3
    assert snapshot.trials == tuple(world.trials())
    engine, calls = world.engine(), len(world.calls)
    one_pass(engine)
    assert "save_trial" not in world.calls[calls:]


def test_rounded_metrics_that_the_resource_definition_drops_are_not_written_again_and_again() -> None:
    world = OldSchema(experiment(maxTrials=3))
    run(world)
    engine, calls = world.engine(), len(world.calls)
    passes(world, engine, 5)
    assert world.calls[calls:].count("save_trial") == 3


def test_the_hypervolume_is_stored_exactly_and_rounded() -> None:
    status = run(World(experiment(maxTrials=3))).status
    assert status.hypervolume is not None
    assert status.rounded_hypervolume == rounded(status.hypervolume)
    free = experiment(
        objectives=[{"metric": "accuracy", "goal": "Maximize"}]
    )  # no reference point before its first trials
    assert summarise(free, [], BEGIN).rounded_hypervolume is None
