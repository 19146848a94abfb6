"""What is to be done now, as a table of situations."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import attempt, experiment, trial

from paretonas.api import Attempt, ExperimentStatus, NASTrial
from paretonas.api.reasons import EndReason, NoMore
from paretonas.engine.decide import Decision, decide, restrict
from paretonas.jobs.job import Job, Phase

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def waiting(index: int) -> NASTrial:
    return trial(index)


def running(index: int, *, since: float = 1.0, reason: str | None = None) -> NASTrial:
    return trial(index, "Running", attempts=(attempt(index, start_time=ago(since), reason=reason),))


def submitted(index: int, *, reason: str | None = None) -> NASTrial:
    """Its attempt is stored; whether its submission arrived only its job tells."""
    return trial(index, attempts=(attempt(index, reason=reason),))


def crashed_once(index: int) -> NASTrial:
    return trial(index, attempts=(attempt(index, reason="Crashed", start_time=ago(9), end_time=ago(1)),))


def ended(index: int, state: str, reason: str = "Completed") -> NASTrial:
    closed = attempt(index, reason=reason, start_time=ago(9), end_time=ago(1))
    return trial(index, state, attempts=(closed,))  # type: ignore[arg-type] # the tables' words


def jobs(*trials: NASTrial) -> dict[str, Job]:
    return {t.attempt.job: Job(t.attempt.job, Phase.PENDING) for t in trials if t.attempt}


def names(trials: Sequence[NASTrial]) -> list[int]:
    return [t.spec.index for t in trials]


def decided(trials: Sequence[NASTrial], seen: dict[str, Job] | None = None, **options: Any) -> Decision:
    flags = {key: options.pop(key) for key in ("no_more", "draining", "ahead") if key in options}
    of = experiment(**options).replace(status=ExperimentStatus(start_time=ago(100)))
    return decide(of, trials, jobs(*trials) if seen is None else seen, NOW, **flags)


def aborted(index: int, seconds: float) -> NASTrial:
    return trial(index, attempts=(attempt(index, reason="Aborted", start_time=ago(99), end_time=ago(seconds)),))


@pytest.mark.parametrize(("seconds", "starts"), [(1, []), (29, []), (31, [0])])
def test_what_an_administrator_has_aborted_waits_before_it_runs_again(seconds: float, starts: list[int]):
    decision = decided([aborted(0, seconds), running(1)])
    assert (names(decision.starts), decision.ask) == (starts, 0), "its slot is kept for it"


QUIET = {"trial": {"command": ["python"], "progressDeadlineSeconds": 10, "activeDeadlineSeconds": 60}}


@pytest.mark.parametrize(
    ("since", "quiet", "reason"),
    [
        (30, 9, None),
        (30, 11, "NoProgress"),
        (61, 11, "DeadlineExceeded"),
    ],
)
def test_an_attempt_that_logs_nothing_new_is_stopped(since: float, quiet: float, reason: str | None):
    silent = Job("nas-0-a1", Phase.RUNNING, quiet=timedelta(seconds=quiet))
    decision = decided([running(0, since=since)], {silent.name: silent}, **QUIET)
    assert [stop.reason for stop in decision.stops] == ([reason] if reason else [])


def test_an_experiment_that_its_user_stops_ends_with_what_there_is():
    trials = [ended(0, "Succeeded"), running(1), waiting(2)]
    decision = decided(trials, stop=True)
    assert [(stop.trial.name, stop.reason) for stop in decision.stops] == [("nas-1", "Stopped")]
    assert (decision.starts, decision.ask, decision.outcome) == ((), 0, None), "not before all have ended"
    outcome = decided([ended(0, "Succeeded"), waiting(1)], stop=True).outcome
    assert outcome is not None
    assert (outcome.succeeded, outcome.reason) == (True, "Stopped")
    nothing = decided([waiting(0)], stop=True).outcome
    assert nothing is not None
    assert not nothing.succeeded, "a search that has found nothing has not succeeded"


@pytest.mark.parametrize(
    ("trials", "options", "starts", "ask"),
    [
        ([], {}, [], 2),
        ([], {"maxTrials": 1, "parallelism": 1}, [], 1),
        ([waiting(0)], {}, [0], 1),
        ([waiting(0), waiting(1), waiting(2)], {}, [0, 1], 0),
        ([running(0)], {}, [], 1),
        ([running(0), running(1)], {}, [], 0),
        ([running(0), crashed_once(1)], {}, [1], 0),  # another attempt takes a slot as a new trial does
        ([running(0), running(1), waiting(2), waiting(3)], {"parallelism": 1}, [], 0),  # it was lowered
        ([submitted(0), submitted(1)], {}, [], 0),
        ([*(ended(i, "Succeeded") for i in range(7)), running(7)], {}, [], 0),
        ([*(ended(i, "Succeeded") for i in range(7))], {}, [], 1),
        ([ended(0, "Failed"), ended(1, "Infeasible")], {}, [], 2),  # they count, too
        ([], {"suspend": True}, [], 0),
        ([waiting(0)], {"suspend": True}, [], 0),
        ([running(0)], {"no_more": EndReason.SEARCH_SPACE_EXHAUSTED}, [], 0),
        ([running(0), waiting(1)], {"no_more": EndReason.SEARCH_SPACE_EXHAUSTED}, [1], 0),
        ([running(0), running(1)], {"ahead": 1}, [], 1),
        ([running(0), running(1), waiting(2)], {"ahead": 1}, [], 0),
        ([*(ended(i, "Succeeded") for i in range(6)), running(6), running(7)], {"ahead": 1}, [], 0),
    ],
)
def test_slots_are_filled_and_no_more(
    trials: list[NASTrial], options: dict[str, Any], starts: list[int], ask: int
) -> None:
    decision = decided(trials, **options)
    assert (names(decision.starts), decision.ask) == (starts, ask)
    assert decision.stops == ()
    assert decision.outcome is None


def test_what_may_not_have_arrived_is_submitted_again_in_its_own_slot() -> None:
    decision = decided([submitted(0), submitted(1), waiting(2)], jobs(submitted(1)))
    assert names(decision.starts) == [0]


def test_a_job_that_was_seen_to_run_is_never_submitted_again() -> None:
    """If it is gone it is lost; that is for the verdict."""
    assert decided([running(0)], {}).starts == ()


@pytest.mark.parametrize("options", [{}, {"draining": True}, {"suspend": True}])
def test_an_attempt_that_is_being_stopped_does_not_begin_any_more(options: dict[str, bool]) -> None:
    """Its run died between the two: its reason is stored, its job may not exist."""
    stopping = submitted(0, reason="Stopped")
    decision = decided([stopping], {}, **options)
    assert decision.starts == ()
    assert [(s.trial, s.reason) for s in decision.stops] == [(stopping, "Stopped")]


def test_an_overdue_trial_is_stopped_and_keeps_its_slot_until_it_is_gone() -> None:
    template = {"command": ["x"], "activeDeadlineSeconds": 60}
    decision = decided([running(0, since=60), running(1, since=61)], trial=template)
    assert [(s.trial.spec.index, s.reason) for s in decision.stops] == [(1, "DeadlineExceeded")]
    assert (decision.starts, decision.ask) == ((), 0)


@pytest.mark.parametrize("options", [{}, {"draining": True}, {"stop": True}])
def test_a_job_that_is_over_is_not_cancelled_while_its_logs_are_read(options: dict[str, bool]) -> None:
    """To cancel a job is to delete it, and with it the word that it has ended well."""
    template = {"command": ["x"], "activeDeadlineSeconds": 60, "progressDeadlineSeconds": 9}
    trials = [running(0, since=61), running(1, since=61, reason="DeadlineExceeded")]
    quiet = timedelta(seconds=10)
    seen = {f"nas-{i}-a1": Job(f"nas-{i}-a1", Phase.SUCCEEDED, 0, quiet=quiet) for i in range(2)}
    decision = decided(trials, seen, trial=template, parallelism=2, **options)
    assert (decision.stops, decision.starts, decision.outcome) == ((), (), None)


def test_the_reason_of_a_stop_stays_what_it_was() -> None:
    template = {"command": ["x"], "activeDeadlineSeconds": 60}
    decision = decided([running(0, since=61, reason="DeadlineExceeded")], trial=template, draining=True)
    assert [s.reason for s in decision.stops] == ["DeadlineExceeded"]


def test_a_suspended_experiment_still_stops_what_is_overdue() -> None:
    template = {"command": ["x"], "activeDeadlineSeconds": 60}
    assert len(decided([running(0, since=61)], trial=template, suspend=True).stops) == 1


def test_draining_stops_all_and_starts_nothing() -> None:
    decision = decided([running(0), submitted(1), waiting(2), crashed_once(3)], {}, draining=True, parallelism=4)
    assert [(s.trial.spec.index, s.reason) for s in decision.stops] == [(0, "Stopped"), (1, "Stopped")]
    assert (decision.starts, decision.ask, decision.outcome) == ((), 0, None)


FAILED = "Failed", "Crashed"
TOO_MANY = False, "TooManyFailures"


@pytest.mark.parametrize(
    ("trials", "options", "outcome"),
    [
        ([ended(i, "Succeeded") for i in range(8)], {}, (True, "TrialsCompleted")),
        ([ended(i, "Succeeded") for i in range(9)], {}, (True, "TrialsCompleted")),  # maxTrials was lowered
        ([ended(i, "Succeeded") for i in range(7)], {}, None),
        ([*(ended(i, "Succeeded") for i in range(7)), crashed_once(7)], {}, None),
        ([ended(i, "Infeasible") for i in range(8)], {}, (False, "NoTrialSucceeded")),
        (
            [ended(0, "Succeeded"), ended(1, "Infeasible")],
            {"no_more": EndReason.SEARCH_SPACE_EXHAUSTED},
            (True, "SearchSpaceExhausted"),
        ),
        (
            [ended(0, "Succeeded"), ended(1, "Succeeded")],
            {"no_more": EndReason.NOTHING_NEW_FOUND},
            (True, "NothingNewFound"),
        ),
        (
            [ended(0, "Infeasible")],
            {"no_more": EndReason.SEARCH_SPACE_EXHAUSTED},
            (False, "NoTrialSucceeded"),
        ),
        ([ended(0, "Succeeded"), waiting(1)], {"no_more": EndReason.SEARCH_SPACE_EXHAUSTED}, None),
        # the ratio: half may fail, counted from the fifth ended trial on
        ([ended(i, *FAILED) for i in range(4)], {}, None),
        ([ended(i, *FAILED) for i in range(5)], {}, TOO_MANY),
        ([*(ended(i, *FAILED) for i in range(3)), *(ended(i, "Succeeded") for i in (3, 4, 5))], {}, None),
        (
            [*(ended(i, *FAILED) for i in range(4)), *(ended(i, "Infeasible") for i in (4, 5, 6))],
            {},
            TOO_MANY,
        ),
        (
            [ended(0, *FAILED)],
            {"failurePolicy": {"maxFailureRatio": 0, "afterTrials": 1}},
            TOO_MANY,
        ),
        ([ended(0, *FAILED)], {"failurePolicy": {"maxFailureRatio": 1, "afterTrials": 1}}, None),
        ([], {"activeDeadlineSeconds": 100}, None),
        ([], {"activeDeadlineSeconds": 99}, (False, "DeadlineExceeded")),
        ([waiting(0), crashed_once(1)], {"activeDeadlineSeconds": 99}, (False, "DeadlineExceeded")),
        ([ended(i, "Succeeded") for i in range(8)], {"activeDeadlineSeconds": 99}, (True, "TrialsCompleted")),
        ([ended(i, "Succeeded") for i in range(8)], {"suspend": True}, (True, "TrialsCompleted")),
        ([ended(i, "Succeeded") for i in range(8)], {"draining": True}, (True, "TrialsCompleted")),
    ],
)
def test_an_experiment_ends_when_and_as_it_should(
    trials: list[NASTrial], options: dict[str, Any], outcome: tuple[bool, str] | None
) -> None:
    decision = decided(trials, **options)
    found = decision.outcome and (decision.outcome.succeeded, decision.outcome.reason)
    assert found == outcome
    if outcome:
        assert (decision.starts, decision.ask, decision.stops) == ((), 0, ())


@pytest.mark.parametrize("open_trial", [running(7), submitted(7)])
def test_it_ends_only_when_nothing_runs_any_more(open_trial: NASTrial) -> None:
    trials = [*(ended(i, *FAILED) for i in range(5)), open_trial]
    decision = decided(trials, {})
    assert decision.outcome is None
    assert [(s.trial, s.reason) for s in decision.stops] == [(open_trial, "Stopped")]
    assert (decision.starts, decision.ask) == ((), 0)


def test_the_end_says_why_trials_failed() -> None:
    trials = [ended(0, *FAILED), *(ended(i, "Infeasible", "NotFinite") for i in range(1, 8))]
    outcome = decided(trials).outcome
    assert outcome is not None
    assert outcome.message == "none of 8 trials succeeded: NotFinite 7, Crashed 1"


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[NASTrial], dict[str, Job], dict[str, Any]]:
    kinds = [
        waiting,
        running,
        submitted,
        crashed_once,
        lambda i: running(i, reason="Stopped"),
        lambda i: running(i, since=99),
        lambda i: ended(i, "Succeeded"),
        lambda i: ended(i, *FAILED),
        lambda i: ended(i, "Infeasible"),
    ]
    trials = [draw(st.sampled_from(kinds))(index) for index in range(draw(st.integers(0, 10)))]
    known = jobs(*(t for t in trials if draw(st.booleans())))
    return (
        trials,
        known,
        {
            "maxTrials": (most := draw(st.integers(1, 12))),
            "parallelism": draw(st.integers(1, most)),
            "no_more": draw(st.sampled_from([None, *get_args(NoMore)])),
            "draining": draw(st.booleans()),
            "suspend": draw(st.booleans()),
            "ahead": draw(st.integers(0, 2)),
            "trial": {"command": ["x"], "activeDeadlineSeconds": 60},
        },
    )


@given(situations())
@settings(max_examples=300)  # they are cheap
def test_whatever_the_situation_the_budgets_are_kept(
    situation: tuple[list[NASTrial], dict[str, Job], dict[str, Any]],
) -> None:
    trials, known, options = situation
    decision = decided(trials, known, **dict(options))
    taken = {t.name for t in trials if t.attempt}
    new = [t for t in decision.starts if t.name not in taken]
    assert len(names(decision.starts)) == len(set(names(decision.starts))), "twice in one pass"
    assert not new or len(taken) + len(new) <= options["parallelism"], "more than the slots"
    assert decision.ask == 0 or len(trials) + decision.ask <= options["maxTrials"], "more than maxTrials"
    assert not {s.trial.name for s in decision.stops} & {t.name for t in decision.starts}, "stopped and started"
    assert all(not t.ended for t in decision.starts)
    assert all(t.attempt is None or t.attempt.job not in known for t in decision.starts), "started again"
    assert {s.trial.name for s in decision.stops} <= taken
    if decision.outcome:
        assert not taken, "an end while something runs"
        assert (decision.starts, decision.ask) == ((), 0)


def test_an_open_attempt_is_what_makes_a_trial_run() -> None:
    """The words of this module's tables."""
    open_attempt: Attempt | None = submitted(0).attempt
    assert open_attempt is not None
    assert (waiting(0).attempt, crashed_once(0).attempt, ended(0, "Succeeded").attempt) == (None, None, None)


@pytest.mark.parametrize(
    ("trials", "limit", "starts", "ask"),
    [
        ([], 1, [], 1),
        ([], 2, [], 2),
        ([waiting(0), waiting(1)], 1, [0], 0),
        ([waiting(0), waiting(1)], 0, [], 0),
        ([waiting(0)], 2, [0], 1),
        ([submitted(0)], 1, [0], 0),
        ([submitted(0), waiting(1)], 1, [0], 0),
        ([crashed_once(0)], 1, [], 0),
        ([crashed_once(0)], 2, [0], 0),
        ([running(0), waiting(1)], 1, [], 0),
        ([ended(0, "Succeeded"), ended(1, "Failed", "Crashed")], 2, [], 0),
        ([ended(0, "Succeeded"), ended(1, "Failed", "Crashed")], 3, [], 1),
    ],
)
def test_a_limit_of_attempts_is_kept(trials: list[NASTrial], limit: int, starts: list[int], ask: int) -> None:
    decision = restrict(decided(trials, {}), trials, limit)
    assert (names(decision.starts), decision.ask) == (starts, ask)


@pytest.mark.parametrize("draining", [True, False])
def test_a_limit_does_not_keep_anything_from_being_stopped(draining: bool) -> None:
    trials = [running(0), running(1, reason="DeadlineExceeded")]
    whole = decided(trials, draining=draining)
    assert restrict(whole, trials, 0).stops == whole.stops != ()
