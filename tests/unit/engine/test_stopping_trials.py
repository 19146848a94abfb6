"""Early stopping in whole runs of the engine: what is stopped, what is stored of it, and what the search is told."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.builders import experiment, spec, trial
from tests.unit.engine.fakes import Run, World, one_pass, run

from paretonas.api import Observation
from paretonas.api.reasons import EarlyStoppingReason, EventReason
from paretonas.engine.engine import Snapshot, known_trial
from paretonas.engine.events import events
from paretonas.engine.savings import find_comparability

Script = Callable[[int, int], Run]

GOOD = [0.5, 0.6, 0.7, 0.75, 0.8, 0.8]
BAD = [0.1, 0.15, 0.2, 0.2, 0.2, 0.2]
SLOW = [0.1, 0.15, 0.2, 0.5, 0.8, 0.9]
SETTINGS = {"strategy": "OptimisticDominance", "minCurves": 2, "auditFraction": 0}


def learn(bad: set[int], values: list[float] = BAD) -> Script:
    """The trials of ``bad`` learn less; they are larger than the others, too."""

    def script(index: int, _: int) -> Run:
        curve = values if index in bad else [v + index / 1000 for v in GOOD]
        return Run(seconds=6, curves={"accuracy": curve, "size": [90.0 if index in bad else 50.0]})

    return script


def world(script: Script, **settings: Any) -> World:
    stopping = {**SETTINGS, **settings}
    return World(experiment(maxTrials=6, parallelism=1, earlyStopping=stopping), script)


def states(snapshot: Snapshot) -> list[str]:
    return [t.status.state for t in snapshot.trials]


def test_a_trial_that_cannot_join_the_pareto_set_is_stopped_and_the_others_run_to_their_end() -> None:
    snapshot = run(world(learn({0, 3, 5})))
    assert states(snapshot) == ["Succeeded", "Succeeded", "Succeeded", "EarlyStopped", "Succeeded", "EarlyStopped"]
    stopped = snapshot.trials[3]
    assert [a.reason for a in stopped.status.attempts] == ["EarlyStopped"]
    assert stopped.status.metrics == {}
    verdict = stopped.status.verdict
    assert verdict is not None
    assert (verdict.rule, verdict.step, verdict.dominated_by, verdict.audit) == (
        "OptimisticDominance",
        1,
        "nas-2",
        False,
    )
    assert stopped.status.message.startswith("stopped at step 1: it could have reached accuracy ")
    condition = stopped.status.condition("Succeeded")
    assert condition is not None
    assert (condition.status, condition.reason, condition.message) == ("False", "EarlyStopped", stopped.status.message)


def test_the_status_counts_what_was_stopped_and_saved() -> None:
    status = run(world(learn({0, 3, 5}))).status
    assert (status.trials.early_stopped, status.trials.succeeded, status.progress) == (2, 4, "6/6")
    ended = status.condition("Succeeded")
    assert ended is not None
    assert ended.message == "6 trials ended, 4 succeeded, 2 stopped early"
    assert status.savings is not None
    assert status.savings.steps == 2 * (5 - 1)
    assert status.savings.share == pytest.approx(8 / (4 * 5 + 2 * 1 + 8))
    assert status.audits is not None
    assert (status.audits.trials, status.audits.false_stops) == (0, 0)
    condition = status.condition("EarlyStopping")
    assert condition is not None
    assert (condition.status, condition.reason) == ("True", "CurvesCompared")
    assert {p.trial for p in status.pareto_set} == {"nas-4"}


def test_without_early_stopping_nothing_is_stopped_read_or_counted() -> None:
    idle = World(experiment(maxTrials=6, parallelism=1), learn({3, 5}))
    snapshot = run(idle)
    assert states(snapshot) == ["Succeeded"] * 6
    assert "curves" not in idle.calls
    assert (snapshot.status.savings, snapshot.status.audits) == (None, None)
    assert snapshot.status.condition("EarlyStopping") is None


def test_the_search_is_told_the_estimate_of_a_stopped_trial() -> None:
    snapshot = run(world(learn({0, 3, 5})))
    stopped = snapshot.trials[3]
    known = known_trial(stopped)
    assert (known.state, known.metrics) == ("Observed", stopped.status.estimate)
    assert known.metrics.keys() == {"accuracy", "size"}
    assert known.metrics["size"] == 90
    assert 0.2 <= known.metrics["accuracy"] < 0.8
    without = known_trial(stopped.with_status(estimate={}))
    assert (without.state, without.metrics) == ("Pending", {}), "its point is not asked for again"


@pytest.mark.parametrize("late", [False, True])
def test_an_audited_trial_runs_to_its_end_and_shows_whether_the_verdict_was_right(late: bool) -> None:
    fooled = world(learn({3, 5}, SLOW), auditFraction=1)
    fooled.late = late
    snapshot = run(fooled)
    assert states(snapshot) == ["Succeeded"] * 6
    assert [t.name for t in snapshot.trials if t.status.verdict] == ["nas-3"], "it has shown that such a gain happens"
    audits = snapshot.status.audits
    assert audits is not None
    assert (audits.trials, audits.false_stops) == (1, 1)
    assert snapshot.status.savings is not None
    assert (snapshot.status.savings.steps, snapshot.status.savings.share) == (0, 0.0)


def test_a_verdict_is_stored_before_the_job_is_stopped_and_a_crash_in_between_changes_nothing() -> None:
    undisturbed = run(world(learn({0, 3, 5})))
    calls = len(_calls(world(learn({0, 3, 5}))))
    for at in range(1, calls, 3):
        for moment in ("before", "after"):
            crashing = world(learn({0, 3, 5}))
            crashing.crash_at, crashing.crash = at, moment  # type: ignore[assignment] # a literal
            snapshot = run(crashing)
            assert len(crashing.calls) > at, "it has crashed"
            assert states(snapshot) == states(undisturbed), f"{moment} call {at}"
            for t in snapshot.trials:
                assert (t.status.state == "EarlyStopped") == (t.status.verdict is not None), f"{moment} call {at}"


def _calls(of: World) -> list[str]:
    run(of)
    return of.calls


def test_a_trial_that_crashes_while_it_is_being_stopped_is_not_tried_again() -> None:
    stubborn = world(learn({0, 3, 5}))
    cancel = stubborn.cancel

    def crash(name: str, attempt: int) -> None:
        cancel(name, attempt)
        stubborn.jobs_[f"{name}-a{attempt}"].run = Run(exit_code=1)

    stubborn.cancel = crash  # type: ignore[method-assign]
    assert states(run(stubborn)).count("EarlyStopped") == 2


def test_a_result_that_comes_just_before_the_stop_counts() -> None:
    quick = world(learn({0, 3, 5}))

    def finish(name: str, attempt: int) -> None:
        started = quick.jobs_[f"{name}-a{attempt}"]
        started.ends = quick.now

    quick.cancel = finish  # type: ignore[method-assign]
    snapshot = run(quick)
    assert states(snapshot) == ["Succeeded"] * 6
    assert snapshot.status.audits is not None
    assert snapshot.status.audits.trials == 2
    assert known_trial(snapshot.trials[3]).metrics == snapshot.trials[3].status.metrics


def test_a_trial_retried_after_a_crash_is_judged_by_its_new_attempt() -> None:
    def script(index: int, attempt: int) -> Run:
        given = learn({0, 3, 5})(index, attempt)
        if index == 3 and attempt == 1:
            given.exit_code, given.seconds = 1, 2
        return given

    snapshot = run(world(script))
    assert [a.reason for a in snapshot.trials[3].status.attempts] == ["Crashed", "EarlyStopped"]


def test_a_suspended_experiment_still_stops_what_cannot_join_the_pareto_set() -> None:
    suspended = world(learn({0, 3, 5}))
    engine = suspended.engine()
    while len(suspended.trials_) < 4 or suspended.trials_["nas-3"].status.state != "Running":
        one_pass(engine)
        suspended.wait()
    suspended.experiment_ = suspended.experiment_.replace(spec=suspended.experiment_.spec.replace(suspend=True))
    for _ in range(8):
        snapshot = one_pass(suspended.engine())
        suspended.wait()
    assert snapshot.trials[3].status.state == "EarlyStopped"


def test_where_no_objective_is_a_curve_the_status_says_so_and_nothing_is_stopped() -> None:
    flat = world(lambda index, _: Run(seconds=4, curves={"accuracy": [index / 100], "size": [50.0]}))
    snapshot = run(flat)
    assert states(snapshot) == ["Succeeded"] * 6
    condition = snapshot.status.condition("EarlyStopping")
    assert condition is not None
    assert (condition.status, condition.reason) == ("False", "NoCurves")
    assert "6 completed trials logged 1 value of an objective at most" in condition.message


def test_a_curve_of_another_metric_than_an_objective_is_none() -> None:
    curves = {"accuracy": [0.5], "size": [50.0], "loss": [3.0, 2.0, 1.0]}
    other = World(
        experiment(maxTrials=3, parallelism=1, outcomeConstraints=["loss <= 9"], earlyStopping=SETTINGS),
        lambda *_: Run(seconds=4, curves=curves),
    )
    condition = run(other).status.condition("EarlyStopping")
    assert condition is not None
    assert condition.reason == "NoCurves"


def test_before_there_are_enough_completed_trials_the_status_says_how_many_are_missing() -> None:
    settings = spec(earlyStopping={**SETTINGS, "minCurves": 3}).early_stopping
    assert settings is not None
    done = [trial(i, "Succeeded").with_status(logged_steps=9) for i in range(2)]
    status, reason, message = find_comparability(settings, done)
    assert (status, reason) == ("Unknown", EarlyStoppingReason.FEW_COMPLETED)
    assert message == "2 of 3 completed trials (minCurves)"


def test_a_stop_and_an_audit_are_told_as_events() -> None:
    def happened(**settings: Any) -> dict[tuple[EventReason, str], str]:
        told, watched = dict[tuple[EventReason, str], str](), world(learn({0, 3, 5}), **settings)
        before, engine = one_pass(watched.engine()), watched.engine()
        for _ in range(60):
            watched.wait()
            after = one_pass(engine)
            told |= {(e.reason, e.about): e.message for e in events(before, after)}  # type: ignore[misc] # no hindrance here
            before = after
        return told

    message = happened()[EventReason.TRIAL_EARLY_STOPPED, "nas-3"]
    assert message.startswith("after 2.0 s, stopped at step 1: it could have reached accuracy ")
    told = happened(auditFraction=1)
    assert (EventReason.TRIAL_AUDITED, "nas-3") in told
    assert (EventReason.TRIAL_EARLY_STOPPED, "nas-3") not in told


@pytest.mark.parametrize(("metrics", "state"), [({"accuracy": 0.3, "size": 90.0}, "Observed"), ({}, "Pending")])
def test_an_imported_trial_that_was_stopped_early_keeps_its_estimate(metrics: dict[str, float], state: str) -> None:
    start = World(experiment(maxTrials=1, parallelism=1))
    stopped = trial(0).replace(
        spec=trial(0).spec.replace(observation=Observation(state="EarlyStopped", metrics=metrics))
    )
    start.trials_["nas-0"] = stopped
    one_pass(start.engine())
    known = known_trial(start.trials_["nas-0"])
    assert start.trials_["nas-0"].status.state == "EarlyStopped"
    assert (known.state, known.metrics) == (state, metrics)
