"""What to do next, as a pure function of the experiment, its trials, their jobs and the time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import get_args

from paretonas.api import ExperimentSpec, NASExperiment, NASTrial, UnreadableTrial
from paretonas.api.reasons import AttemptReason, EndReason, NoMore
from paretonas.engine.consequences import consequence_of
from paretonas.engine.goals import reached_goals
from paretonas.engine.wording import count
from paretonas.jobs.job import Job


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the experiment ends."""

    succeeded: bool
    reason: EndReason
    message: str


@dataclass(frozen=True, slots=True)
class Stop:
    """An open attempt to stop, with the reason."""

    trial: NASTrial
    reason: AttemptReason


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do next. An `outcome` is only given once nothing runs any more, and then alone."""

    stops: tuple[Stop, ...] = ()
    starts: tuple[NASTrial, ...] = ()
    """Trials whose job is to be submitted: for the first attempt, for a new one, or once more for the same
    attempt if it is unknown whether the last submission arrived."""
    ask: int = 0
    """The number of new candidates to request from the search."""
    outcome: Outcome | None = None


def decide(
    experiment: NASExperiment,
    trials: Sequence[NASTrial],
    jobs: Mapping[str, Job],
    now: datetime,
    *,
    no_more: NoMore | None = None,
    draining: bool = False,
    ahead: int = 0,
) -> Decision:
    """Decide what to do next.

    Args:
        experiment: a valid experiment.
        trials: all of its trials, in index order, up to date with their jobs.
        jobs: the jobs of open attempts by name, without those that do not exist.
        now: the current time.
        no_more: why the search has no further point beside these trials; None if it may have one.
        draining: whether the user is ending the run: running attempts are stopped, and none is started.
        ahead: the number of candidates to keep ready beyond the free slots, to fill the next slot at once.
    """
    spec = experiment.spec
    unfinished = [t for t in trials if not t.ended]
    running = [t for t in unfinished if t.attempt is not None]
    outcome = ending(experiment, trials, now, no_more=no_more)
    if outcome is not None or draining:
        stops = tuple(Stop(t, _stopped_for(t) or AttemptReason.STOPPED) for t in running if not _over(t, jobs))
        return Decision(stops=stops, outcome=None if running else outcome)
    overdue = ((t, _overdue(t, experiment, jobs, now)) for t in running)
    stops = tuple(Stop(t, reason) for t, reason in overdue if reason)
    unsubmitted = [t for t in running if _unsubmitted(t, jobs)]
    if spec.suspend:
        return Decision(stops=stops)
    slots = spec.parallelism - len(running)
    waiting = [t for t in unfinished if t.attempt is None]
    missing = spec.max_trials - sum(t.counts_toward_budget for t in trials)
    ask = max(0, min(missing, slots + ahead - len(waiting))) if no_more is None else 0
    ready = [t for t in waiting if not _pauses(t, now)]
    return Decision(stops=stops, starts=(*unsubmitted, *ready[: max(0, slots)]), ask=ask)


def restrict(decision: Decision, trials: Sequence[NASTrial], limit: int) -> Decision:
    """The decision without what would give all trials together more than ``limit`` attempts."""
    left = max(0, limit - count_attempts(trials))
    again = [t for t in decision.starts if t.attempt is not None]  # this attempt counts already
    new = [t for t in decision.starts if t.attempt is None][:left]
    return replace(decision, starts=(*again, *new), ask=min(decision.ask, left - len(new)))


def count_attempts(trials: Sequence[NASTrial]) -> int:
    """The number of attempts that all trials have together."""
    return sum(len(trial.status.attempts) for trial in trials)


def ending(
    experiment: NASExperiment, trials: Sequence[NASTrial], now: datetime, *, no_more: NoMore | None
) -> Outcome | None:
    """How the experiment ends with these trials; None while it continues."""
    spec = experiment.spec
    counted = [t for t in trials if t.counts_toward_budget]
    ended = [t for t in counted if t.ended]
    succeeded = sum(t.status.state == "Succeeded" for t in ended)
    if spec.stop:
        message = f"stopped by its user; {count(succeeded, 'trial')} succeeded"
        return Outcome(succeeded > 0, EndReason.STOPPED, message)
    if goals := reached_goals(experiment, trials):
        return Outcome(True, goals[0].reason, f"{goals[0].message}; {count(len(ended), 'trial')} ended")
    if all(t.ended for t in trials) and (len(counted) >= spec.max_trials or no_more):
        return _completed(counted, succeeded, no_more if len(counted) < spec.max_trials else None)
    policy = spec.failure_policy
    ran = [t for t in ended if t.spec.observation is None]  # known results may have failed elsewhere
    failed = sum(t.status.state == "Failed" for t in ran)
    if len(ran) >= policy.after_trials and failed > policy.max_failure_ratio * len(ran):
        message = f"{failed} of {count(len(ran), 'ended trial')} failed: {_reasons(ran)}"
        return Outcome(False, EndReason.TOO_MANY_FAILURES, message)
    limit = spec.active_deadline_seconds
    if _past(now - _since(experiment, now), limit):
        message = f"ran longer than {limit} s; {count(succeeded, 'trial')} succeeded"
        return Outcome(False, EndReason.DEADLINE_EXCEEDED, message)
    return None


def _since(experiment: NASExperiment, now: datetime) -> datetime:
    """The time from which the deadline counts: the start, or the last retry.

    Before a retry, the experiment may have been over for days.
    """
    status = experiment.status
    if experiment.spec.retry.generation > status.retry_generation:  # requested, but not yet in the status
        return now
    return status.retry_time or status.start_time or now


def _completed(trials: Sequence[NASTrial], succeeded: int, no_more: NoMore | None) -> Outcome:
    """The outcome when all trials have ended and there will be no more."""
    if succeeded == 0:
        reasons = _reasons(trials)
        message = f"none of {count(len(trials), 'trial')} succeeded: {reasons}"
        return Outcome(False, EndReason.NO_TRIAL_SUCCEEDED, message)
    if no_more is not None:
        message = f"{_describe(no_more)}: {count(len(trials), 'trial')}, {succeeded} succeeded"
        return Outcome(True, no_more, message)
    stopped = sum(t.status.state == "EarlyStopped" for t in trials)
    early = f", {stopped} stopped early" if stopped else ""
    message = f"{count(len(trials), 'trial')} ended, {succeeded} succeeded{early}"
    return Outcome(True, EndReason.TRIALS_COMPLETED, message)


def _describe(no_more: NoMore) -> str:
    match no_more:
        case EndReason.SEARCH_SPACE_EXHAUSTED:
            return "every point of the search space was tried"
        case EndReason.NOTHING_NEW_FOUND:
            return "the search found only points that were tried, though there may be others"


def progress(ended: int, trials: int, spec: ExperimentSpec) -> str:
    """The ended and the planned trials, as in ``12/48``."""
    return f"{ended}/{spec.planned(trials)}"


def ends_for_want_of_points(experiment: NASExperiment, trials: Sequence[NASTrial]) -> NoMore | None:
    """Why no point was left, if the experiment ended for that reason with as many trials; otherwise None."""
    condition = experiment.status.condition("Succeeded")
    counted = sum(trial.counts_toward_budget for trial in trials)
    as_it_is = experiment.status.progress == progress(counted, counted, experiment.spec)
    if condition is None or not as_it_is or counted >= experiment.spec.max_trials:
        return None
    if condition.reason == EndReason.NO_TRIAL_SUCCEEDED:
        return EndReason.NOTHING_NEW_FOUND  # or exhausted: the status does not say which
    return next((why for why in get_args(NoMore) if why == condition.reason), None)


def _reasons(trials: Sequence[NASTrial]) -> str:
    """Why trials did not succeed, as in ``Crashed 3, Lost 1``."""
    counts: dict[str, int] = {}
    for trial in trials:
        if trial.status.state != "Succeeded" and trial.status.attempts:
            reason = trial.status.attempts[-1].reason or AttemptReason.LOST
            counts[reason] = counts.get(reason, 0) + 1
    return ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items(), key=lambda item: -item[1]))


def _unsubmitted(trial: NASTrial, jobs: Mapping[str, Job]) -> bool:
    attempt = trial.attempt
    if attempt is None or attempt.reason is not None:  # it is being stopped, so it must not start
        return False
    if isinstance(trial, UnreadableTrial):  # its point is not known
        return False
    return attempt.start_time is None and attempt.job not in jobs


def _over(trial: NASTrial, jobs: Mapping[str, Job]) -> bool:
    """Whether its open attempt has ended and is yet to be read, so that what it left must not be removed."""
    job = jobs.get(trial.attempt.job) if trial.attempt else None
    return job is not None and job.over


def _stopped_for(trial: NASTrial) -> AttemptReason | None:
    """Why its open attempt is already being stopped; None if it is not."""
    return trial.attempt.cause if trial.attempt and trial.attempt.reason is not None else None


def _pauses(trial: NASTrial, now: datetime) -> bool:
    """Whether its next attempt has to wait for a while."""
    last = trial.status.attempts[-1] if trial.status.attempts else None
    if last is None or last.end_time is None:
        return False
    return now - last.end_time < consequence_of(last.cause).pause


def _overdue(
    trial: NASTrial, experiment: NASExperiment, jobs: Mapping[str, Job], now: datetime
) -> AttemptReason | None:
    attempt, template = trial.attempt, experiment.spec.trial
    if _over(trial, jobs):
        return None
    if attempt is not None and attempt.reason is None and isinstance(trial, UnreadableTrial):
        return AttemptReason.STOPPED
    if attempt is None or attempt.reason is not None or attempt.start_time is None:
        return _stopped_for(trial)
    if _past(now - attempt.start_time, template.active_deadline_seconds):
        return AttemptReason.DEADLINE_EXCEEDED
    quiet = jobs[attempt.job].quiet if attempt.job in jobs else timedelta()
    return AttemptReason.NO_PROGRESS if _past(quiet, template.progress_deadline_seconds) else None


def _past(time: timedelta, limit: int | None) -> bool:
    return limit is not None and time > timedelta(seconds=limit)
