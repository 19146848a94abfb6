"""What happened between two snapshots, as the lines of a local run or the Events on a cluster. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from paretonas.api import Attempt, NASTrial, TrialState, list_names
from paretonas.api.reasons import AttemptReason, EventReason, Hindrance
from paretonas.engine.early_stopping import describe_verdict
from paretonas.engine.engine import Snapshot
from paretonas.engine.wording import count, duration, gist, number, pairs, shorten

_NAMES = 5
"""The most trials that a line names; the table lists all of them."""

_MESSAGE = 900
"""The most characters of a message: an Event may have 1,024, including the name at its beginning."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        reason: what happened, or what keeps the experiment from making progress.
        about: the name of the trial or the experiment.
        message: the rest of the sentence, on one line.
        warning: whether it may need attention.
    """

    reason: EventReason | Hindrance
    about: str
    message: str
    warning: bool = False


def events(before: Snapshot, after: Snapshot) -> list[Event]:
    """Everything that happened, in an order that is easy to read.

    First come known results and retries, then ended attempts, the Pareto set, submissions, trouble, and the
    experiment's end.
    """
    known = {t.name: t for t in before.trials}
    happened = [
        *_brought(known, after),
        *_taken_up(known, after),
        *(event for trial in after.trials for event in _ends(known.get(trial.name), trial)),
        *_improvement(before, after),
        *_removals(known, after),
        *_audits(known, after),
        *(event for trial in after.trials for event in _submissions(known.get(trial.name), trial)),
        *_trouble(before, after),
        *_completion(before, after),
    ]
    return [replace(event, message=shorten(event.message, _MESSAGE)) for event in happened]


def _ends(before: NASTrial | None, after: NASTrial) -> Iterator[Event]:
    """The attempts that ended. The last one is reported as the end of its trial, if the trial has ended."""
    attempts = after.status.attempts
    ended = [i for i, attempt in enumerate(attempts) if not attempt.open and _was_open(before, i)]
    for position in ended:
        if after.ended and position == len(attempts) - 1:
            continue
        words = f"attempt {attempts[position].number} {_how(attempts[position])}"
        message = after.status.message if position == ended[-1] else ""  # it describes the last one
        if attempts[position].cause is AttemptReason.STOPPED:
            yield Event(EventReason.TRIAL_STOPPED, after.name, words)
        else:
            yield Event(EventReason.TRIAL_RETRIED, after.name, _sentence(words, message), warning=True)
    brought = after.spec.observation is not None and not after.refused
    if after.ended and not brought and (before is None or not before.ended):
        yield _result(after)


def _brought(before: Mapping[str, NASTrial], after: Snapshot) -> Iterator[Event]:
    """Known results, in one event: there may be hundreds, and none was found by this experiment."""
    new = [
        trial
        for trial in after.trials
        if trial.ended
        and trial.spec.observation is not None
        and not trial.refused
        and not (trial.name in before and before[trial.name].ended)
    ]
    if new:
        succeeded = sum(trial.status.state == "Succeeded" for trial in new)
        message = f"{count(len(new), 'result')} known beforehand, {succeeded:,} of them from trials that succeeded"
        yield Event(EventReason.RESULTS_KNOWN, after.experiment.name, message)


def _result(trial: NASTrial) -> Event:
    state, attempts = trial.status.state, trial.status.attempts
    if state == "Succeeded":
        took = _took(attempts[-1]) if attempts else ""
        words = f"in {took}" if took else "is known"
        message = "; ".join(filter(None, [f"{words}: {pairs(trial.status.metrics)}", trial.status.message]))
        return Event(EventReason.TRIAL_SUCCEEDED, trial.name, message, warning=bool(trial.status.message))
    if state == "EarlyStopped" and attempts:  # its message says all but how long it took
        took = _took(attempts[-1])
        message = ", ".join(filter(None, [f"after {took}" if took else "", trial.status.message]))
        return Event(END_EVENTS[state], trial.name, message)
    words = _how(attempts[-1]) if attempts else state
    return Event(END_EVENTS[state], trial.name, _sentence(words, trial.status.message), state == "Failed")


END_EVENTS: Mapping[TrialState, EventReason] = {
    "Succeeded": EventReason.TRIAL_SUCCEEDED,
    "Failed": EventReason.TRIAL_FAILED,
    "Infeasible": EventReason.TRIAL_INFEASIBLE,
    "EarlyStopped": EventReason.TRIAL_EARLY_STOPPED,
}
"""The event for the end of a trial, by its state; there is one for each state in `ENDED`."""


def _how(attempt: Attempt) -> str:
    """How an attempt ended, as in ``Crashed after 1.2 s``."""
    took = _took(attempt)
    return f"{attempt.reason or AttemptReason.LOST}{f' after {took}' if took else ''}"


def _took(attempt: Attempt) -> str:
    start, end = attempt.start_time, attempt.end_time
    return duration(end - start) if start and end else ""


def _sentence(words: str, message: str) -> str:
    return ": ".join(filter(None, [words, gist(message)]))


def _taken_up(before: Mapping[str, NASTrial], after: Snapshot) -> Iterator[Event]:
    """The trials that a retry runs again, in one event."""
    again = [t for t in after.trials if not t.ended and t.name in before and before[t.name].ended]
    if again:
        names = list_names([trial.name for trial in again], _NAMES)
        yield Event(EventReason.RETRIED, after.experiment.name, f"{count(len(again), 'trial')} retried: {names}")


def _improvement(before: Snapshot, after: Snapshot) -> Iterator[Event]:
    status = after.status
    known = {trial.name for trial in before.trials if trial.status.pareto}
    new = [trial.name for trial in after.trials if trial.status.pareto and trial.name not in known]
    if new:
        volume = "" if status.hypervolume is None else f", hypervolume {number(status.hypervolume)}"
        message = f"by {list_names(new, _NAMES)}: {count(status.pareto_set_size, 'trial')}{volume}"
        yield Event(EventReason.PARETO_SET_IMPROVED, after.experiment.name, message)


def _removals(before: Mapping[str, NASTrial], after: Snapshot) -> Iterator[Event]:
    """Output folders that were removed, in one event."""
    removed = [
        trial.name
        for trial in after.trials
        if trial.status.output_removed and trial.name in before and not before[trial.name].status.output_removed
    ]
    if removed:
        message = f"outside the Pareto set: {list_names(removed, _NAMES)}"
        yield Event(EventReason.OUTPUTS_REMOVED, after.experiment.name, message)


def _audits(before: Mapping[str, NASTrial], after: Snapshot) -> Iterator[Event]:
    """Trials that are not stopped although they could be."""
    for trial in after.trials:
        verdict, known = trial.status.verdict, before.get(trial.name)
        if verdict is not None and verdict.audit and (known is None or known.status.verdict is None):
            yield Event(EventReason.TRIAL_AUDITED, trial.name, describe_verdict(verdict))


def _submissions(before: NASTrial | None, after: NASTrial) -> Iterator[Event]:
    known = len(before.status.attempts) if before is not None else 0
    for attempt in after.status.attempts[known:]:
        yield Event(
            EventReason.TRIAL_SUBMITTED, after.name, f"attempt {attempt.number}: {pairs(after.spec.parameters)}"
        )


def _was_open(trial: NASTrial | None, position: int) -> bool:
    """Whether the attempt was open, or did not exist yet."""
    attempts = trial.status.attempts if trial is not None else ()
    return position >= len(attempts) or attempts[position].open


def _trouble(before: Snapshot, after: Snapshot) -> Iterator[Event]:
    """What keeps the experiment from making progress; repeated only if it has changed."""
    trouble = after.trouble
    if trouble is not None and trouble != before.trouble and not after.status.finished:
        yield Event(trouble.reason, after.experiment.name, " ".join(trouble.message.split()), warning=True)


def _completion(before: Snapshot, after: Snapshot) -> Iterator[Event]:
    condition = after.status.condition("Succeeded")
    if condition is None or not after.status.finished or before.status.finished:
        return
    succeeded = condition.status == "True"
    message = f"{condition.reason}: {condition.message}"
    yield Event(
        EventReason.SUCCEEDED if succeeded else EventReason.FAILED, after.experiment.name, message, not succeeded
    )
