"""What the end of an attempt means for its trial."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from paretonas.api import (
    REFUSED,
    Attempt,
    Condition,
    ExperimentSpec,
    NASTrial,
    TrialState,
    UnreadableTrial,
    misfits,
)
from paretonas.api.status import ConditionStatus, make_condition
from paretonas.engine.wording import shortest
from paretonas.jobs.job import Job, Phase
from paretonas.metrics import Reading, Unread

ReadMetrics = Callable[[NASTrial, int], Reading | Unread]

LOST_LIMIT: Final = 10
"""Attempts that may end through no fault of the candidate before its trial is given up: more means that the machine
is broken, and a search must not wait for it for ever."""

_KILLED: Final = ("Killed", "was killed (SIGKILL): by somebody, or by the system for want of memory")
_TERMINATED: Final = ("Terminated", "was ended by SIGTERM")
_SIGNALS: Final = {-9: _KILLED, 137: _KILLED, -15: _TERMINATED, 143: _TERMINATED}
"""Reason and message by exit code: of a signal as a process shows it, and as a shell or container does."""

_WORDS: Final = {
    "OutOfMemory": "ran out of memory; raise trial.resources.memory if such candidates should fit",
    "Evicted": "its pod was evicted or preempted",
    "NodeLost": "its node went away",
    "Aborted": "its job was aborted by an administrator",
}
"""What is said of a reason that the job's place knows."""


@dataclass(frozen=True, slots=True)
class Consequence:
    """What a reason leads to: a final state at once, or another attempt, charged to the candidate or not."""

    state: TrialState | None
    charged: bool = True
    pause: timedelta = timedelta()
    """Before the next attempt."""


KNOWN: Final = "Known"
"""The reason of a result that was brought along."""

REASONS: Final = {
    "Completed": Consequence("Succeeded"),
    "NotFinite": Consequence("Infeasible"),  # a NaN is the candidate's own; the search stays away from it
    "OutOfMemory": Consequence("Infeasible"),  # so is its size
    "MetricsUnavailable": Consequence("Failed"),  # a program that forgets to log does so every time
    "MetricsAmbiguous": Consequence("Failed"),  # so does one that logs a tag in several folders
    "DeadlineExceeded": Consequence("Failed"),  # a second attempt takes as long
    "NoProgress": Consequence(None),  # whatever it waited for may be there the next time
    "Crashed": Consequence(None),
    "Killed": Consequence(None),  # by hand or for its memory: nothing here tells which
    "Lost": Consequence(None, charged=False),
    "Evicted": Consequence(None, charged=False),
    "NodeLost": Consequence(None, charged=False),
    "Terminated": Consequence(None, charged=False),
    "Aborted": Consequence(None, charged=False, pause=timedelta(seconds=30)),  # whoever did it wanted room
    "Stopped": Consequence(None, charged=False),  # with the run or the experiment, by us
}
"""Every reason that an attempt can end with."""


def observe_attempt(
    trial: NASTrial, job: Job | None, spec: ExperimentSpec, read: ReadMetrics, now: datetime
) -> NASTrial:
    """The trial as its job now shows it; the same object when there is nothing new."""
    attempt = trial.attempt
    if attempt is None or (job is None and attempt.start_time is None):
        return trial
    if job is None:
        job = Job(attempt.job, Phase.LOST, started=attempt.start_time, message="its job is gone")
    if not job.over:
        return _alive(trial, attempt, job)
    if job.phase is Phase.SUCCEEDED:  # also when it was about to be stopped: a result is a result
        reading = read(trial, trial.last_attempt)
        if isinstance(reading, Unread):
            started = job.started or attempt.start_time or now
            return _alive(
                trial, attempt, replace(job, phase=Phase.RUNNING, started=started, message=reading.why)
            )
        reason, message, metrics = _result(reading, spec)
    else:
        (reason, message), metrics = _failure(attempt, job, spec), {}
    ended = attempt.replace(
        reason=reason,
        exit_code=job.exit_code,
        start_time=attempt.start_time or job.started,
        end_time=job.ended or now,
    )
    attempts = (*trial.status.attempts[:-1], ended)
    state = _state(attempts, spec)
    if state != "Succeeded" and job.log_tail:
        message = f"{message}\n{job.log_tail}"
    conditions = () if state == "Pending" else (_condition(state, reason, message, now),)
    return trial.with_status(
        state=state, attempts=attempts, metrics=metrics, message=message, conditions=conditions
    )


def settle_trial(trial: NASTrial, spec: ExperimentSpec, now: datetime) -> NASTrial:
    """A trial that needs no job: it brings its result, or does not fit the experiment. Any other is left as it is."""
    # one that cannot be read by this version may have run in another: what runs of it is being stopped
    begun = trial.attempt if isinstance(trial, UnreadableTrial) else trial.status.attempts
    if trial.ended or begun:
        return trial
    observation = trial.spec.observation
    state: TrialState = "Infeasible"
    reason, message = REFUSED, "\n".join(map(str, misfits(spec, trial)))
    if not message and observation is None:
        return trial
    if not message and observation is not None:
        state, reason = observation.state, KNOWN
    metrics = observation.metrics if observation is not None and state == "Succeeded" else {}
    condition = _condition(state, reason, message, now)
    return trial.with_status(state=state, metrics=dict(metrics), message=message, conditions=(condition,))


def _alive(trial: NASTrial, attempt: Attempt, job: Job) -> NASTrial:
    running = job.phase is Phase.RUNNING
    seen = attempt.replace(start_time=attempt.start_time or (job.started if running else None))
    state: TrialState = "Running" if running else "Pending"
    attempts = (*trial.status.attempts[:-1], seen)
    after = trial.with_status(state=state, attempts=attempts, message=job.message)
    return trial if after.status == trial.status else after


def _failure(attempt: Attempt, job: Job, spec: ExperimentSpec) -> tuple[str, str]:
    """Reason and message of an attempt that ended without a result."""
    if attempt.reason is not None:  # we stopped it, for this reason
        limits = spec.trial.active_deadline_seconds, spec.trial.progress_deadline_seconds
        words = {
            "DeadlineExceeded": f"ran longer than {limits[0]} s",
            "NoProgress": f"logged nothing new for {limits[1]} s",
        }
        return attempt.reason, words.get(attempt.reason, "")
    if job.reason:
        return job.reason, _WORDS.get(job.reason, job.message)
    if job.phase is Phase.LOST:
        return "Lost", job.message
    return _SIGNALS.get(job.exit_code or 0, ("Crashed", f"ended with exit code {job.exit_code}"))


def _result(reading: Reading, spec: ExperimentSpec) -> tuple[str, str, dict[str, float]]:
    """Reason, message and metrics of an attempt that has ended well."""
    values = dict(reading.values)
    not_finite = [name for name in reading.not_finite if name in spec.needed_metrics]
    unusable = [o.metric for o in spec.objectives if o.scale == "Log" and values.get(o.metric, 1.0) <= 0]
    if not_finite:
        return "NotFinite", "; ".join(reading.problems), values
    if unusable:
        [metric, *_] = unusable
        return (
            "NotFinite",
            f"{metric} is {shortest(values[metric])}, which has no logarithm (scale: Log)",
            values,
        )
    if spec.needed_metrics.intersection(reading.ambiguous):
        return "MetricsAmbiguous", "; ".join(reading.problems), values
    if not spec.needed_metrics <= values.keys():
        return "MetricsUnavailable", "; ".join(reading.problems), values
    return "Completed", "", values


def _state(attempts: Sequence[Attempt], spec: ExperimentSpec) -> TrialState:
    """The trial's state after its last attempt has ended; Pending when there will be another."""
    consequence = REASONS[attempts[-1].reason or "Lost"]
    if consequence.state is not None:
        return consequence.state
    generation = attempts[-1].retry_generation
    reasons = [a.reason for a in attempts if a.retry_generation == generation and a.reason != "Stopped"]
    charged = sum(REASONS[reason or "Lost"].charged for reason in reasons)
    spent = charged > spec.failure_policy.retries or len(reasons) - charged >= LOST_LIMIT
    return "Failed" if spent else "Pending"


def _condition(state: TrialState, reason: str, message: str, now: datetime) -> Condition:
    status: ConditionStatus = "True" if state == "Succeeded" else "False"
    first_line = message.partition("\n")[0]
    return make_condition("Succeeded", status, reason, first_line, now=now)
