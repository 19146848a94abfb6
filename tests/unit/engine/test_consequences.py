"""What the end of an attempt means for its trial."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.builders import attempt, experiment, spec, trial

from paretonas.api import ENDED, Attempt, NASTrial, Observation, TrialState
from paretonas.api.reasons import AttemptReason, TrialReason
from paretonas.engine.consequences import LOST_LIMIT, consequence_of, observe_attempt, settle_trial
from paretonas.engine.decide import decide
from paretonas.jobs.job import Job, Phase
from paretonas.metrics import Reading, Unread

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
START, END = NOW - timedelta(seconds=9), NOW - timedelta(seconds=1)
GOOD = {"accuracy": 0.9, "size": 10.0}


def reading(
    values: Mapping[str, float] = GOOD,
    *problems: str,
    not_finite: tuple[str, ...] = (),
    ambiguous: tuple[str, ...] = (),
) -> Reading:
    return Reading(values, problems, not_finite, (), ambiguous)


def closed(number: int, reason: str) -> Attempt:
    return attempt(0, number, reason=reason, start_time=START, end_time=END)


def judged(
    job: Job | None,
    *before: str,
    read: Reading | Unread | None = None,
    reason: str | None = None,
    start: datetime | None = START,
    **fields: Any,
) -> NASTrial:
    """The trial after its open attempt was seen; ``before``: the reasons of its earlier attempts."""
    past = [closed(number, why) for number, why in enumerate(before, 1)]
    open_attempt = attempt(0, len(past) + 1, start_time=start, reason=reason)

    def found(_: NASTrial, number: int) -> Reading | Unread:
        assert number == len(past) + 1, "the folder of another attempt was read"
        assert read is not None, "nothing is to be read of an attempt that did not end well"
        return read

    one = trial(0, "Running", attempts=(*past, open_attempt))
    return observe_attempt(one, job, spec(**fields), found, NOW)


def over(phase: Phase, code: int | None = None, **fields: Any) -> Job:
    return Job("nas-0-a1", phase, code, START, END, **fields)


def last(of: NASTrial) -> Attempt:
    return of.status.attempts[-1]


def reason_of(of: NASTrial) -> str | None:
    return last(of).reason


SUCCEEDED, LOST = over(Phase.SUCCEEDED, 0), over(Phase.LOST)


@pytest.mark.parametrize(
    ("job", "fields", "reason", "state"),
    [
        (SUCCEEDED, {"read": reading()}, "Completed", "Succeeded"),
        (SUCCEEDED, {"read": reading({"size": 1.0}, "accuracy: no tag")}, "MetricsUnavailable", "Failed"),
        (SUCCEEDED, {"read": reading({"size": 1.0}, ambiguous=("accuracy",))}, "MetricsAmbiguous", "Failed"),
        (SUCCEEDED, {"read": reading({"size": 1.0}, not_finite=("accuracy",))}, "NotFinite", "Infeasible"),
        # one that is not needed may be what it likes
        (SUCCEEDED, {"read": reading(GOOD, not_finite=("loss",))}, "Completed", "Succeeded"),
        (SUCCEEDED, {"read": reading(GOOD, ambiguous=("loss",))}, "Completed", "Succeeded"),
        (over(Phase.FAILED, 1), {}, "Crashed", "Pending"),
        (over(Phase.FAILED, 127), {}, "Crashed", "Pending"),
        (over(Phase.FAILED, -11), {}, "Crashed", "Pending"),
        (over(Phase.FAILED, -9), {}, "Killed", "Pending"),
        (over(Phase.FAILED, 137), {}, "Killed", "Pending"),
        (over(Phase.FAILED, -15), {}, "Terminated", "Pending"),
        (over(Phase.FAILED, 143), {}, "Terminated", "Pending"),
        (LOST, {}, "Lost", "Pending"),
        (None, {}, "Lost", "Pending"),  # it ran, and is gone
        (over(Phase.FAILED, -15), {"reason": "Stopped"}, "Stopped", "Pending"),
        (LOST, {"reason": "Stopped"}, "Stopped", "Pending"),
        (over(Phase.FAILED, -15), {"reason": "DeadlineExceeded"}, "DeadlineExceeded", "Failed"),
        (LOST, {"reason": "DeadlineExceeded"}, "DeadlineExceeded", "Failed"),  # it had to be killed
        (SUCCEEDED, {"reason": "Stopped", "read": reading()}, "Completed", "Succeeded"),  # it was faster
        (over(Phase.FAILED, 137, reason="OutOfMemory"), {}, "OutOfMemory", "Infeasible"),
    ],
)
def test_an_end_has_its_reason_and_its_consequence(
    job: Job | None, fields: dict[str, Any], reason: str, state: TrialState
) -> None:
    after = judged(job, **fields)
    assert (reason_of(after), after.status.state) == (reason, state)
    assert after.attempt is None
    assert last(after).start_time == START
    assert last(after).end_time == (END if job else NOW)


@pytest.mark.parametrize(
    ("before", "job", "retries", "state"),
    [
        ((), over(Phase.FAILED, 1), 0, "Failed"),
        ((), over(Phase.FAILED, 1), 1, "Pending"),
        (("Crashed",), over(Phase.FAILED, 1), 1, "Failed"),
        (("Crashed",), over(Phase.FAILED, -9), 1, "Failed"),  # being killed is charged as a crash is
        (("Lost", "Terminated", "Stopped"), over(Phase.FAILED, 1), 1, "Pending"),  # not the candidate's fault
        (("Crashed",), LOST, 1, "Pending"),
        (("Lost",) * (LOST_LIMIT - 2), LOST, 0, "Pending"),
        (("Lost",) * (LOST_LIMIT - 1), LOST, 0, "Failed"),  # but a search does not wait for ever
        (("Stopped",) * 50, LOST, 0, "Pending"),  # users may stop as often as they like
    ],
)
def test_retries_are_counted_by_what_the_candidate_did(
    before: tuple[str, ...], job: Job, retries: int, state: TrialState
) -> None:
    assert judged(job, *before, failurePolicy={"retries": retries}).status.state == state


def test_a_trial_that_was_stopped_waits_for_another_attempt_however_often_it_crashed() -> None:
    stopped = over(Phase.FAILED, -15)
    after = judged(stopped, "Crashed", "Crashed", reason="Stopped", failurePolicy={"retries": 2})
    assert after.status.state == "Pending"


def test_a_failure_shows_its_reason_and_the_last_words_of_the_trial() -> None:
    job = over(Phase.FAILED, 3, log_tail="Traceback\nValueError: no")
    after = judged(job, failurePolicy={"retries": 0})
    assert after.status.message == "ended with exit code 3\nTraceback\nValueError: no"
    [condition] = after.status.conditions
    assert (condition.type, condition.status, condition.reason) == ("Succeeded", "False", "Crashed")
    assert condition.message == "ended with exit code 3", "one line; the rest is in the message"
    assert last(after).exit_code == 3


def test_a_success_says_nothing_of_its_output() -> None:
    after = judged(over(Phase.SUCCEEDED, 0, log_tail="epoch 4"), read=reading())
    assert (after.status.message, after.status.metrics) == ("", GOOD)
    assert [(c.status, c.last_transition_time) for c in after.status.conditions] == [("True", NOW)]


def test_what_could_be_read_of_an_infeasible_trial_is_kept() -> None:
    after = judged(SUCCEEDED, read=reading({"size": 1.0}, "accuracy is nan at step 3", not_finite=("accuracy",)))
    assert after.status.metrics == {"size": 1.0}
    assert after.status.message == "accuracy is nan at step 3"


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_value_without_a_logarithm_is_infeasible_on_a_log_scale(value: float) -> None:
    objectives = [{"metric": "size", "goal": "Minimize", "scale": "Log"}]
    after = judged(SUCCEEDED, read=reading({"size": value}), objectives=objectives)
    assert after.status.state == "Infeasible"
    assert "no logarithm" in after.status.message


def test_an_overdue_trial_says_what_its_limit_was() -> None:
    template = {"command": ["x"], "activeDeadlineSeconds": 60}
    job = over(Phase.FAILED, -15, log_tail="epoch 1")
    after = judged(job, reason="DeadlineExceeded", trial=template)
    assert after.status.message == "ran longer than 60 s\nepoch 1"


def test_a_running_job_starts_the_clock_of_its_attempt() -> None:
    after = judged(Job("nas-0-a1", Phase.RUNNING, started=START), start=None)
    assert (after.status.state, last(after).start_time, last(after).open) == ("Running", START, True)
    again = observe_attempt(after, Job("nas-0-a1", Phase.RUNNING, started=NOW), spec(), _unread, NOW)
    assert again is after, "nothing new is nothing to write, and the start stays"


def test_a_job_that_no_longer_knows_its_start_does_not_take_it_back() -> None:
    assert last(judged(Job("nas-0-a1", Phase.LOST))).start_time == START


def test_a_job_that_waits_says_why() -> None:
    after = judged(Job("nas-0-a1", Phase.PENDING, message="no node has a GPU"), start=None)
    assert (after.status.state, after.status.message, last(after).start_time) == (
        "Pending",
        "no node has a GPU",
        None,
    )


def test_an_attempt_without_a_job_stays_open_until_it_is_submitted() -> None:
    one = trial(0, attempts=(attempt(0),))
    assert observe_attempt(one, None, spec(), _unread, NOW) is one


@pytest.mark.parametrize("state", ["Succeeded", "Failed", "Infeasible"])
def test_a_trial_that_has_ended_is_not_looked_at_again(state: TrialState) -> None:
    one = trial(0, state, attempts=(closed(1, "Completed"),))
    assert observe_attempt(one, Job("nas-0-a1", Phase.RUNNING), spec(), _unread, NOW) is one


def test_every_reason_that_is_charged_leads_to_another_attempt_or_an_end() -> None:
    consequences = [consequence_of(reason) for reason in AttemptReason]
    assert {c.state for c in consequences} == {None, *ENDED}
    assert all(c.charged for c in consequences if c.state is not None)


@pytest.mark.parametrize("word", ["Hibernated", "lost", "", None])
def test_an_attempt_that_ended_for_a_reason_of_another_version_is_tried_again(word: str | None) -> None:
    attempt = Attempt.model_validate({"job": "nas-0-a1", "reason": word}).replace(end_time=NOW)
    assert attempt.cause is AttemptReason.LOST
    decision = decide(experiment(), [trial(0, attempts=(attempt,))], {}, NOW)
    assert [t.name for t in decision.starts] == ["nas-0"]
    again = closed(2, "Completed")
    assert trial(0, attempts=(attempt, again)).status.attempts[0].to_dict().get("reason") == word, "it is kept"


@pytest.mark.parametrize("word", ["Hibernated", "lost"])
def test_an_attempt_that_another_version_is_stopping_ends_with_its_reason(word: str) -> None:
    stopping = Attempt(job="nas-0-a1", start_time=NOW, reason=word)
    after = observe_attempt(
        trial(0, "Running", attempts=(stopping,)), Job("nas-0-a1", Phase.FAILED, -15), spec(), _unread, NOW
    )
    assert (after.status.attempts[0].reason, after.status.state) == (word, "Pending")


def _unread(_: NASTrial, __: int) -> Reading:
    pytest.fail("nothing is to be read")


@pytest.mark.parametrize("start", [START, None])
def test_while_its_logs_are_read_an_attempt_that_ended_well_counts_as_running(start: datetime | None) -> None:
    seen = judged(SUCCEEDED, read=Unread(), start=start)
    assert seen.status.state == "Running"
    assert last(seen).open
    assert last(seen).start_time == START, "else its job might be submitted again, should it be gone by then"


def test_why_its_logs_are_not_read_yet_is_its_message() -> None:
    why = "its logs cannot be read: the file system does not answer; it is tried again"
    seen = judged(SUCCEEDED, read=Unread(why))
    assert (seen.status.state, seen.status.message, seen.status.metrics) == ("Running", why, {})


def test_an_attempt_that_was_being_stopped_and_ended_well_waits_for_its_reading_too() -> None:
    seen = judged(SUCCEEDED, read=Unread(), reason="DeadlineExceeded")
    assert (seen.status.state, last(seen).reason, last(seen).open) == ("Running", "DeadlineExceeded", True)


KNOWN = {"metrics": [{"name": "size", "formula": "40*x + 1"}]}
"""The size of the trial, whose x is 0.5, is 21."""


@pytest.mark.parametrize(
    "found", [{"accuracy": 0.9}, {"accuracy": 0.9, "size": 21.0}, {"accuracy": 0.9, "size": 21.00001}]
)
def test_a_metric_with_a_formula_need_not_be_logged(found: dict[str, float]) -> None:
    after = judged(SUCCEEDED, read=reading(found), **KNOWN)
    assert (reason_of(after), after.status.state, after.status.message) == ("Completed", "Succeeded", "")
    assert after.status.metrics == {"accuracy": 0.9, "size": 21.0}


def test_a_logged_value_that_contradicts_its_formula_is_told_and_the_formula_counts() -> None:
    after = judged(SUCCEEDED, read=reading({"accuracy": 0.9, "size": 20.0}), **KNOWN)
    assert (reason_of(after), after.status.state) == ("FormulaContradicted", "Succeeded")
    assert after.status.metrics == {"accuracy": 0.9, "size": 21.0}
    assert after.status.message == "size is 20 in the logs, but its formula gives 21, which counts"
    assert after.status.conditions[0].reason == AttemptReason.FORMULA_CONTRADICTED


def test_a_logged_nan_contradicts_a_formula_too_and_several_folders_do_no_harm() -> None:
    after = judged(SUCCEEDED, read=reading({"accuracy": 0.9}, not_finite=("size",)), **KNOWN)
    assert (reason_of(after), after.status.metrics["size"]) == ("FormulaContradicted", 21.0)
    after = judged(SUCCEEDED, read=reading({"accuracy": 0.9}, ambiguous=("size",)), **KNOWN)
    assert (reason_of(after), after.status.metrics["size"]) == ("Completed", 21.0)


def test_the_other_metrics_are_still_needed_and_a_logarithm_is_that_of_the_formula() -> None:
    after = judged(SUCCEEDED, read=reading({"size": 21.0}, "accuracy: no tag"), **KNOWN)
    assert (reason_of(after), after.status.state) == ("MetricsUnavailable", "Failed")
    log = [{"metric": "accuracy", "goal": "Maximize"}, {"metric": "size", "goal": "Minimize", "scale": "Log"}]
    after = judged(
        SUCCEEDED,
        read=reading({"accuracy": 0.9, "size": 9.0}),
        objectives=log,
        metrics=[{"name": "size", "formula": "x - 0.5"}],
    )
    assert (reason_of(after), after.status.state) == ("NotFinite", "Infeasible")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"accuracy": 0.9}, ""),
        ({"accuracy": 0.9, "size": 21.0}, ""),
        ({"accuracy": 0.9, "size": 7.0}, "size is 7 in the observation, but its formula gives 21, which counts"),
    ],
)
def test_a_known_result_may_lack_a_formula_or_contradict_it(given: dict[str, float], message: str) -> None:
    one = trial(0)
    one = one.replace(spec=one.spec.replace(observation=Observation(metrics=given), origin="User"))
    after = settle_trial(one, spec(**KNOWN), NOW)
    assert (after.status.state, after.status.message) == ("Succeeded", message)
    assert after.status.metrics == {"accuracy": 0.9, "size": 21.0}
    assert after.status.conditions[0].reason == TrialReason.KNOWN


def test_an_attempt_of_a_point_without_a_value_has_no_finite_result() -> None:
    after = judged(SUCCEEDED, read=reading(), metrics=[{"name": "size", "formula": "1/abs(floor(123457*x) - 61728)"}])
    assert (reason_of(after), after.status.state) == ("NotFinite", "Infeasible")


def test_a_users_point_without_a_value_is_refused_with_the_reason() -> None:
    after = settle_trial(
        trial(0, x=0.5), spec(metrics=[{"name": "size", "formula": "1/abs(floor(123457*x) - 61728)"}]), NOW
    )
    assert after.refused
    assert "the formula of 'size' has no value: it divides by zero" in after.status.message
