"""What the end of an attempt means for its trial: a result, another attempt, or neither."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from paretonas.api import Attempt, Condition, ExperimentSpec, NASTrial, TrialState, UnreadableTrial, misfits
from paretonas.api.formula import NoValueError, differs
from paretonas.api.reasons import AttemptReason, TrialReason
from paretonas.api.status import ConditionStatus, make_condition
from paretonas.engine.early_stopping import describe_verdict
from paretonas.engine.wording import shortest
from paretonas.jobs.job import Job, Phase
from paretonas.metrics import Reading, Unread

ReadMetrics = Callable[[NASTrial, int], Reading | Unread]

LOST_LIMIT: Final = 10
"""The number of attempts that end through no fault of the candidate after which its trial fails. So many mean
that the machine is broken, and a search must not wait for it forever."""


@dataclass(frozen=True, slots=True)
class Consequence:
    """What a reason leads to: a final state, or another attempt if the state is None."""

    state: TrialState | None
    charged: bool = True
    """Whether the attempt counts as the candidate's failure."""
    pause: timedelta = timedelta()
    """The time to wait before the next attempt."""


def consequence_of(reason: AttemptReason) -> Consequence:  # noqa: PLR0911 # one for each kind of end
    """What follows when an attempt ends for this reason."""
    match reason:
        case AttemptReason.COMPLETED | AttemptReason.FORMULA_CONTRADICTED:
            return Consequence("Succeeded")
        case AttemptReason.NOT_FINITE | AttemptReason.OUT_OF_MEMORY:
            return Consequence("Infeasible")  # the candidate's own fault: the search avoids it
        case AttemptReason.METRICS_UNAVAILABLE | AttemptReason.METRICS_AMBIGUOUS | AttemptReason.DEADLINE_EXCEEDED:
            return Consequence("Failed")  # another attempt would end the same way
        case AttemptReason.EARLY_STOPPED:
            return Consequence("EarlyStopped")
        case AttemptReason.CRASHED | AttemptReason.KILLED | AttemptReason.NO_PROGRESS:
            return Consequence(None)  # it may be the candidate's fault: nothing tells
        case (
            AttemptReason.LOST
            | AttemptReason.EVICTED
            | AttemptReason.NODE_LOST
            | AttemptReason.TERMINATED
            | AttemptReason.STOPPED
        ):
            return Consequence(None, charged=False)
        case AttemptReason.ABORTED:
            return Consequence(None, charged=False, pause=timedelta(seconds=30))  # aborted to make room


def observe_attempt(
    trial: NASTrial, job: Job | None, spec: ExperimentSpec, read: ReadMetrics, now: datetime
) -> NASTrial:
    """The trial, updated from its job; the same object if there is nothing new."""
    attempt = trial.attempt
    if attempt is None or (job is None and attempt.start_time is None):
        return trial
    if job is None:
        job = Job(attempt.job, Phase.LOST, started=attempt.start_time, message="its job is gone")
    if not job.over:
        return _alive(trial, attempt, job)
    if job.phase is Phase.SUCCEEDED:  # even if it was about to be stopped: its result counts
        reading = read(trial, trial.last_attempt)
        if isinstance(reading, Unread):
            started = job.started or attempt.start_time or now
            return _alive(trial, attempt, replace(job, phase=Phase.RUNNING, started=started, message=reading.why))
        reason, message, metrics = _result(reading, trial, spec)
        logged = [reading.logged[o.metric] for o in spec.objectives if o.metric in reading.logged]
    else:
        (reason, message), metrics, logged = _failure(trial, attempt, job, spec), {}, []
    ended = attempt.replace(
        reason=reason, exit_code=job.exit_code, start_time=attempt.start_time or job.started, end_time=job.ended or now
    )
    attempts = (*trial.status.attempts[:-1], ended)
    state = _state(attempts, spec)
    if state not in {"Succeeded", "EarlyStopped"} and job.log_tail:
        message = f"{message}\n{job.log_tail}"
    conditions = () if state == "Pending" else (_condition(state, reason, message, now),)
    return trial.with_status(
        state=state,
        attempts=attempts,
        metrics=metrics,
        message=message,
        conditions=conditions,
        logged_steps=max((objective.steps for objective in logged), default=None),
        last_step=max((objective.last_step for objective in logged), default=None),
    )


def settle_trial(trial: NASTrial, spec: ExperimentSpec, now: datetime) -> NASTrial:
    """End a trial that needs no job: its result is known, or it does not fit. Leave any other unchanged."""
    # a trial that this version cannot read may have been started by another version; it is being stopped
    begun = trial.attempt if isinstance(trial, UnreadableTrial) else trial.status.attempts
    if trial.ended or begun:
        return trial
    observation = trial.spec.observation
    state: TrialState = "Infeasible"
    reason, message = TrialReason.INVALID, "\n".join(map(str, misfits(spec, trial)))
    if not message and observation is None:
        return trial
    if not message and observation is not None:
        state, reason = observation.state, TrialReason.KNOWN
    values: dict[str, float] = {}
    stopped = state == "EarlyStopped"
    if observation is not None and (state == "Succeeded" or (stopped and observation.metrics)):
        known = spec.known_metrics(spec.cast(trial.spec.parameters))
        message = "; ".join(_contradictions(observation.metrics, known, "in the observation"))
        values = {**observation.metrics, **known}
    condition = _condition(state, reason, message, now)
    found = {"estimate": values} if stopped else {"metrics": values}
    return trial.with_status(state=state, message=message, conditions=(condition,), **found)


def _alive(trial: NASTrial, attempt: Attempt, job: Job) -> NASTrial:
    running = job.phase is Phase.RUNNING
    seen = attempt.replace(start_time=attempt.start_time or (job.started if running else None))
    state: TrialState = "Running" if running else "Pending"
    attempts = (*trial.status.attempts[:-1], seen)
    after = trial.with_status(state=state, attempts=attempts, message=job.message)
    return trial if after.status == trial.status else after


def _failure(trial: NASTrial, attempt: Attempt, job: Job, spec: ExperimentSpec) -> tuple[str, str]:
    """The reason and the message of an attempt that ended without a result."""
    if attempt.reason is not None:  # we stopped it, for this reason
        return attempt.reason, _describe_stop(attempt.cause, trial, spec)
    if job.reason is not None:
        return job.reason, _describe(job.reason) or job.message
    if job.phase is Phase.LOST:
        return AttemptReason.LOST, job.message
    match job.exit_code:  # a signal, as a process or as a shell or a container reports it
        case -9 | 137:
            return AttemptReason.KILLED, "was killed (SIGKILL), by somebody or by the system for want of memory"
        case -15 | 143:
            return AttemptReason.TERMINATED, "was ended by SIGTERM"
        case code:
            return AttemptReason.CRASHED, f"ended with exit code {code}"


def _describe_stop(reason: AttemptReason, trial: NASTrial, spec: ExperimentSpec) -> str:
    """Why ParetoNAS stopped an attempt; "" if the reason says everything."""
    if reason is AttemptReason.EARLY_STOPPED and trial.status.verdict is not None:
        return describe_verdict(trial.status.verdict)
    if reason is AttemptReason.DEADLINE_EXCEEDED:
        return f"ran longer than {spec.trial.active_deadline_seconds} s"
    if reason is AttemptReason.NO_PROGRESS:
        return f"logged nothing new for {spec.trial.progress_deadline_seconds} s"
    return ""


def _describe(reason: AttemptReason) -> str:
    """The message for a reason that the backend gave; "" if the job's own message explains it."""
    match reason:
        case AttemptReason.OUT_OF_MEMORY:
            return "ran out of memory; raise trial.resources.memory if such candidates should fit"
        case AttemptReason.EVICTED:
            return "its pod was evicted or preempted"
        case AttemptReason.NODE_LOST:
            return "its node went away"
        case AttemptReason.ABORTED:
            return "its job was aborted by an administrator"
        case _:
            return ""


def _result(reading: Reading, trial: NASTrial, spec: ExperimentSpec) -> tuple[str, str, dict[str, float]]:
    """The reason, message and metrics of an attempt that ended without an error."""
    try:
        known = spec.known_metrics(spec.cast(trial.spec.parameters))
    except NoValueError as error:
        return AttemptReason.NOT_FINITE, str(error), dict(reading.values)
    values = {**reading.values, **known}
    logged = spec.needed_metrics.difference(known)
    not_finite = [name for name in reading.not_finite if name in logged]
    unusable = [o.metric for o in spec.objectives if o.scale == "Log" and values.get(o.metric, 1.0) <= 0]
    if not_finite:
        return AttemptReason.NOT_FINITE, "; ".join(reading.problems), values
    if unusable:
        [metric, *_] = unusable
        return (
            AttemptReason.NOT_FINITE,
            f"{metric} is {shortest(values[metric])}, which has no logarithm (scale: Log)",
            values,
        )
    if not logged <= values.keys():
        ambiguous = logged.intersection(reading.ambiguous)
        reason = AttemptReason.METRICS_AMBIGUOUS if ambiguous else AttemptReason.METRICS_UNAVAILABLE
        return reason, "; ".join(reading.problems), values
    undefined = [metric for metric in reading.not_finite if metric in known]
    contradictions = [
        *_contradictions(reading.values, known, "in the logs"),
        *(f"{metric} is not finite in the logs; the value of its formula counts" for metric in undefined),
    ]
    reason = AttemptReason.FORMULA_CONTRADICTED if contradictions else AttemptReason.COMPLETED
    return reason, "; ".join(contradictions), values


def _contradictions(found: Mapping[str, float], known: Mapping[str, float], where: str) -> list[str]:
    """The values that are not those of their formulas, in words."""
    return [
        f"{metric} is {shortest(found[metric])} {where}, but its formula gives {shortest(value)}, which counts"
        for metric, value in known.items()
        if metric in found and differs(found[metric], value)
    ]


def _state(attempts: Sequence[Attempt], spec: ExperimentSpec) -> TrialState:
    """The trial's state after its last attempt has ended; Pending if there will be another attempt."""
    consequence = consequence_of(attempts[-1].cause)
    if consequence.state is not None:
        return consequence.state
    generation = attempts[-1].retry_generation
    reasons = [a.cause for a in attempts if a.retry_generation == generation and a.cause != AttemptReason.STOPPED]
    charged = sum(consequence_of(reason).charged for reason in reasons)
    spent = charged > spec.failure_policy.retries or len(reasons) - charged >= LOST_LIMIT
    return "Failed" if spent else "Pending"


def _condition(state: TrialState, reason: str, message: str, now: datetime) -> Condition:
    status: ConditionStatus = "True" if state == "Succeeded" else "False"
    first_line = message.partition("\n")[0]
    return make_condition("Succeeded", status, reason, first_line, now=now)
