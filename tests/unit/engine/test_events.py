"""What happened between two snapshots, in words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.builders import attempt, experiment, trial
from tests.unit.engine.fakes import Run, World, one_pass

from paretonas.api import ExperimentStatus, NASTrial
from paretonas.api.reasons import Hindrance
from paretonas.engine.engine import Snapshot
from paretonas.engine.events import Event, events
from paretonas.engine.trouble import Trouble

START = datetime(2026, 1, 1, tzinfo=UTC)
LATER = START + timedelta(seconds=12.3)


def snapshot(*trials: NASTrial, status: ExperimentStatus | None = None) -> Snapshot:
    return Snapshot(experiment().replace(status=status or ExperimentStatus()), trials)


def said(before: Snapshot, after: Snapshot) -> list[tuple[str, str, str]]:
    return [(e.reason, e.about, e.message) for e in events(before, after)]


def test_nothing_happened_between_equal_snapshots() -> None:
    same = snapshot(trial(0, "Running", attempts=(attempt(start_time=START),)))
    assert events(same, same) == []


def test_a_submission_tells_the_point() -> None:
    after = snapshot(trial(0, attempts=(attempt(),), x=0.25))
    expected = [("TrialSubmitted", "nas-0", "attempt 1: x 0.25")]
    assert said(snapshot(trial(0, x=0.25)), after) == expected
    assert said(snapshot(), after) == expected, "a trial that was not known is submitted just the same"


def test_a_success_tells_its_time_and_its_metrics() -> None:
    before = snapshot(trial(0, "Running", attempts=(attempt(start_time=START),)))
    ended = attempt(start_time=START, end_time=LATER, reason="Completed", exit_code=0)
    after = snapshot(trial(0, "Succeeded", attempts=(ended,), metrics={"accuracy": 0.97184, "size": 46880.0}))
    assert said(before, after) == [("TrialSucceeded", "nas-0", "in 12.3 s: accuracy 0.9718, size 46,880")]


def test_a_known_result_is_a_success_without_an_attempt() -> None:
    after = snapshot(trial(0, "Succeeded", metrics={"accuracy": 0.5}))
    assert said(snapshot(), after) == [("TrialSucceeded", "nas-0", "is known: accuracy 0.5")]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("ended with exit code 1", "ended with exit code 1"),
        ("ended with exit code 1\n\n  \n", "ended with exit code 1"),
        (
            "ended with exit code 1\nTraceback …\n  File …\nValueError: no shape (3, 4)\n\n",
            "ended with exit code 1: ValueError: no shape (3, 4)",
        ),
        ("was killed\nepoch 7", "was killed: epoch 7"),
        ("failed\n" + "x" * 5000, "failed: " + "x" * 199 + "…"),
        ("", ""),
    ],
)
def test_a_failure_is_a_warning_with_the_last_words_of_its_program(message: str, words: str) -> None:
    before = snapshot(trial(0, "Running", attempts=(attempt(start_time=START),)))
    ended = attempt(start_time=START, end_time=LATER, reason="Crashed", exit_code=1)
    failed = trial(0, "Failed", attempts=(ended,)).with_status(message=message)
    expected = f"Crashed after 12.3 s: {words}" if words else "Crashed after 12.3 s"
    assert events(before, snapshot(failed)) == [Event("TrialFailed", "nas-0", expected, warning=True)]


def test_an_infeasible_trial_is_no_warning() -> None:
    before = snapshot(trial(0, "Running", attempts=(attempt(start_time=START),)))
    ended = attempt(start_time=START, end_time=LATER, reason="NotFinite")
    after = snapshot(trial(0, "Infeasible", attempts=(ended,)).with_status(message="loss is nan"))
    assert events(before, after) == [Event("TrialInfeasible", "nas-0", "NotFinite after 12.3 s: loss is nan")]


def test_a_retry_tells_why_and_then_the_new_attempt() -> None:
    before = snapshot(trial(0, "Running", attempts=(attempt(start_time=START),)))
    crashed = attempt(start_time=START, end_time=LATER, reason="Crashed", exit_code=1)
    after = trial(0, attempts=(crashed, attempt(number=2))).with_status(message="ended with exit code 1\nOh")
    assert said(before, snapshot(after)) == [
        ("TrialRetried", "nas-0", "attempt 1 Crashed after 12.3 s: ended with exit code 1: Oh"),
        ("TrialSubmitted", "nas-0", "attempt 2: x 0.5"),
    ]


def test_a_trial_that_we_stopped_is_not_said_to_be_retried() -> None:
    before = snapshot(trial(0, "Running", attempts=(attempt(start_time=START),)))
    after = snapshot(trial(0, attempts=(attempt(start_time=START, end_time=LATER, reason="Stopped"),)))
    assert said(before, after) == [("TrialStopped", "nas-0", "attempt 1 Stopped after 12.3 s")]


def with_front(*members: int, of: int = 400) -> Snapshot:
    """A snapshot of trials that have succeeded; those of these indices are in the Pareto set."""
    trials = (trial(i, "Succeeded").with_status(pareto=i in members) for i in range(of))
    return snapshot(*trials, status=ExperimentStatus(pareto_set_size=len(members), hypervolume=1857.2))


def test_a_better_pareto_set_tells_who_joined_and_its_hypervolume() -> None:
    before, after = with_front(0, 1), with_front(1, 2)
    assert said(before, after) == [("ParetoSetImproved", "nas", "by nas-2: 2 trials, hypervolume 1,857")]
    assert said(after, with_front(1)) == [], "a set that only lost a member is no better"


@pytest.mark.parametrize(("joined", "names"), [(5, 5), (6, 5), (250, 5)])
def test_a_pareto_set_that_hundreds_join_at_once_is_one_short_line(joined: int, names: int) -> None:
    [(_, _, message)] = said(with_front(399), with_front(*range(joined), 399))
    assert message.count("nas-") == names
    assert (f"and {joined - names} more:" in message) == (joined > names)
    assert f"{joined + 1} trials" in message
    assert len(message) < 120


def test_no_event_is_longer_than_what_kubernetes_takes() -> None:
    many = {f"parameter_{i}": "x" * 253 for i in range(64)}
    submitted = trial(0, attempts=(attempt(),))
    wide = submitted.replace(spec=submitted.spec.replace(parameters=many))
    [event] = events(snapshot(), snapshot(wide))
    assert len(f"{event.about}: {event.message}") < 1024
    assert event.message.startswith("attempt 1: parameter_0 xxx")
    assert event.message.endswith("…")


def test_trials_that_a_retry_takes_up_are_told_in_one_line() -> None:
    closed = tuple(attempt(i, end_time=LATER, reason="Crashed") for i in range(9))
    before = snapshot(*(trial(i, "Failed", attempts=(closed[i],)) for i in range(9)))
    after = snapshot(*(trial(i, attempts=(closed[i],)) for i in range(7)), *before.trials[7:])
    assert said(before, after) == [("Retried", "nas", "7 trials retried: nas-0, nas-1, nas-2, nas-3, nas-4 and 2 more")]


def test_a_trouble_is_said_once() -> None:
    def hindered(message: str) -> Snapshot:
        return replace(snapshot(), trouble=Trouble(Hindrance.SEARCH_FAILED, message))

    before, after = snapshot(), hindered("no model")
    assert events(before, after) == [Event(Hindrance.SEARCH_FAILED, "nas", "no model", warning=True)]
    assert events(after, after) == []
    assert said(after, hindered("another\n  line")) == [("SearchFailed", "nas", "another line")]


def test_a_whole_run_tells_every_trial_once_and_ends_with_its_end() -> None:
    def script(index: int, number: int) -> Run:
        return Run(exit_code=1) if (index, number) == (1, 1) else Run()

    world = World(experiment(maxTrials=4, parallelism=2), script)
    engine, told = world.engine(), list[Event]()
    last = Snapshot(world.experiment_, ())
    while not last.status.finished:
        after = one_pass(engine)
        told += events(last, after)
        last = after
        world.wait()
    reasons = [e.reason for e in told]
    assert reasons.count("TrialSucceeded") == 4
    assert reasons.count("TrialSubmitted") == 5, "four trials, and one of them twice"
    assert reasons.count("TrialRetried") == 1
    assert told[-1] == Event("Succeeded", "nas", "TrialsCompleted: 4 trials ended, 4 succeeded")


def test_an_experiment_that_fails_ends_with_a_warning() -> None:
    world = World(experiment(maxTrials=1, parallelism=1, failurePolicy={"retries": 0}), lambda *_: Run(exit_code=1))
    engine = world.engine()
    before = one_pass(engine)
    world.wait(5)
    last = events(before, one_pass(engine))[-1]
    assert (last.reason, last.warning) == ("Failed", True)
    assert last.message.startswith("NoTrialSucceeded: none of 1 trial succeeded")
