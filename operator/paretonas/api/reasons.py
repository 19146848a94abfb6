"""All reasons that ParetoNAS gives: each is a CamelCase word with its meaning in one line.

The engine, both backends, the controller and the command line take their words from here, and
`docs/reasons.md` has these enumerations as tables. Stored objects keep a reason as a plain text, since
another version may have written one that this version does not know. `Attempt.cause` says what such an
attempt counts as.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal, Self

from paretonas.api.status import ConditionStatus, ConditionType


class Reason(StrEnum):
    """A reason with its meaning."""

    _value_: str
    meaning: str
    """One line, for the tables of the documentation."""

    def __new__(cls, word: str, meaning: str = "") -> Self:
        """Create the member ``word`` with its meaning."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.meaning = meaning
        return member


class AttemptReason(Reason):
    """How an attempt ended. A trial's condition `Succeeded` has the reason of its last attempt."""

    COMPLETED = "Completed", "Every metric was found."
    FORMULA_CONTRADICTED = (
        "FormulaContradicted",
        "Every metric was found, but one was logged with another value than its formula gives; the formula counts.",
    )
    NOT_FINITE = "NotFinite", "A metric is NaN or infinite, or has no logarithm though the objective's scale is Log."
    OUT_OF_MEMORY = "OutOfMemory", "It needed more memory than `trial.resources.memory`."
    METRICS_UNAVAILABLE = "MetricsUnavailable", "It ended well, but a metric is not in its logs."
    METRICS_AMBIGUOUS = "MetricsAmbiguous", "A tag is in several folders, and the metric does not say which is meant."
    DEADLINE_EXCEEDED = "DeadlineExceeded", "It ran longer than `trial.activeDeadlineSeconds`."
    NO_PROGRESS = "NoProgress", "It logged nothing new for `trial.progressDeadlineSeconds`."
    CRASHED = "Crashed", "Its program ended with an exit code other than 0."
    KILLED = "Killed", "SIGKILL ended it: somebody did, or the system for want of memory."
    LOST = "Lost", "It went away without an exit code."
    EVICTED = "Evicted", "Its pod was evicted, preempted or deleted."
    NODE_LOST = "NodeLost", "Its node went away."
    TERMINATED = "Terminated", "SIGTERM ended it."
    ABORTED = "Aborted", "An administrator aborted its job."
    EARLY_STOPPED = "EarlyStopped", "It was stopped, because it could not join the Pareto set (`earlyStopping`)."
    STOPPED = "Stopped", "It was stopped, because its experiment had ended, or its run was interrupted."


class TrialReason(Reason):
    """The reason of a trial's condition `Succeeded` that did not come from an attempt."""

    KNOWN = "Known", "Its result was given as its `observation`."
    INVALID = "Invalid", "It does not fit its experiment; the message says why."


class EndReason(Reason):
    """Why an experiment has ended: the reason of its conditions `Succeeded` and `Progressing`."""

    TRIALS_COMPLETED = "TrialsCompleted", "`maxTrials` trials have ended."
    TARGET_REACHED = "TargetReached", "One trial has reached the `target` of every objective that has one."
    HYPERVOLUME_STALLED = (
        "HypervolumeStalled",
        "The last results have added almost nothing to the hypervolume (`stopWhen.hypervolumeStalls`).",
    )
    SEARCH_SPACE_EXHAUSTED = "SearchSpaceExhausted", "Every point of the search space was tried."
    NOTHING_NEW_FOUND = "NothingNewFound", "The search found only points that were tried; there may be others."
    NO_TRIAL_SUCCEEDED = "NoTrialSucceeded", "All trials have ended, and none succeeded."
    TOO_MANY_FAILURES = "TooManyFailures", "More trials failed than `failurePolicy` allows."
    DEADLINE_EXCEEDED = "DeadlineExceeded", "It ran longer than `activeDeadlineSeconds`."
    STOPPED = "Stopped", "Its user set `stop`; it has succeeded if a trial had."


NoMore = Literal[EndReason.SEARCH_SPACE_EXHAUSTED, EndReason.NOTHING_NEW_FOUND]
"""The reasons why the search has no further candidate."""


Goal = Literal[EndReason.TARGET_REACHED, EndReason.HYPERVOLUME_STALLED]
"""The reasons why an experiment has ended before its last trial, as its user wished."""


class Hindrance(Reason):
    """What keeps an experiment from making progress; the next pass tries again."""

    SUBMIT_FAILED = (
        "SubmitFailed",
        "A trial cannot be started: its job is refused, its name is taken, or its folder cannot be used.",
    )
    SEARCH_FAILED = "SearchFailed", "The search cannot suggest a candidate."
    WARM_START_FAILED = "WarmStartFailed", "An experiment in `warmStartFrom` is missing or cannot be used."
    TRIALS_WAITING = (
        "TrialsWaiting",
        "No trial has run for a minute, and at least one waits to start; the message says for what.",
    )
    PASS_FAILED = (
        "PassFailed",
        "A pass failed three times in a row for a reason that was not foreseen, or the API server refused a request.",
    )


class ValidReason(Reason):
    """Reasons of the condition `Valid`."""

    VALID = "Valid", "The experiment can be run."
    INVALID = "Invalid", "The message lists every field that is wrong; no job is created."


class ProgressReason(Reason):
    """Reasons of the condition `Progressing`, apart from a hindrance and the experiment's end."""

    TRIALS_RUNNING = "TrialsRunning", "Trials are run, or will be."
    SUSPENDED = "Suspended", "Its user set `suspend`."
    MANAGED_ELSEWHERE = "ManagedElsewhere", "`managedBy` names another controller, so the operator leaves it alone."


class SuspendedReason(Reason):
    """Reasons of the condition `Suspended`."""

    SUSPENDED = "Suspended", "Its user set `suspend`: no trial is started."
    RESUMED = "Resumed", "It is not suspended."


class EarlyStoppingReason(Reason):
    """Reasons of the condition `EarlyStopping`."""

    CURVES_COMPARED = "CurvesCompared", "Running trials are compared with completed ones."
    NO_CURVES = "NoCurves", "Completed trials logged too few values of every objective, so that none can be stopped."
    FEW_COMPLETED = "FewCompleted", "Fewer than `earlyStopping.minCurves` trials are complete, so that none is stopped."


class UnfinishedReason(Reason):
    """The reason of the condition `Succeeded` before the end."""

    RUNNING = "Running", "The experiment has not ended."


class RemovalReason(Reason):
    """The reason of the condition `TrialsRemoved`."""

    TIME_TO_LIVE = "TimeToLive", "`trial.ttlSecondsAfterFinished` has passed: only the status is left."


class EventReason(Reason):
    """What happened to an experiment or a trial. A hindrance is also an event, with its own name."""

    TRIAL_SUBMITTED = "TrialSubmitted", "An attempt's job was submitted."
    TRIAL_SUCCEEDED = "TrialSucceeded", "A trial ended with all its metrics."
    TRIAL_INFEASIBLE = "TrialInfeasible", "A trial has no finite result, ran out of memory, or does not fit."
    TRIAL_FAILED = "TrialFailed", "A trial failed, and is not tried again."
    TRIAL_STOPPED = "TrialStopped", "An attempt was stopped."
    TRIAL_EARLY_STOPPED = "TrialEarlyStopped", "A trial was stopped, because it could not join the Pareto set."
    TRIAL_AUDITED = "TrialAudited", "A trial could be stopped early, but runs to its end to check the rule."
    TRIAL_RETRIED = "TrialRetried", "An attempt failed, and there will be another."
    RESULTS_KNOWN = "ResultsKnown", "Known results were taken over."
    RETRIED = "Retried", "Failed trials get new attempts, as a retry asked."
    PARETO_SET_IMPROVED = "ParetoSetImproved", "A trial joined the Pareto set."
    OUTPUTS_REMOVED = "OutputsRemoved", "Output folders were removed, as `trial.keepOutputs` says."
    SUCCEEDED = "Succeeded", "The experiment has ended with a result."
    FAILED = "Failed", "The experiment has ended without one."


CONDITION_REASONS: Final[Mapping[ConditionType, Mapping[ConditionStatus, tuple[Reason, ...]]]] = {
    "Valid": {"True": (ValidReason.VALID,), "False": (ValidReason.INVALID,)},
    "Progressing": {
        "True": (ProgressReason.TRIALS_RUNNING,),
        "False": (ProgressReason.SUSPENDED, *Hindrance, *EndReason),
        "Unknown": (ProgressReason.MANAGED_ELSEWHERE,),
    },
    "Suspended": {"True": (SuspendedReason.SUSPENDED,), "False": (SuspendedReason.RESUMED,)},
    "EarlyStopping": {
        "True": (EarlyStoppingReason.CURVES_COMPARED,),
        "False": (EarlyStoppingReason.NO_CURVES,),
        "Unknown": (EarlyStoppingReason.FEW_COMPLETED,),
    },
    "Succeeded": {
        "True": (
            EndReason.TRIALS_COMPLETED,
            EndReason.TARGET_REACHED,
            EndReason.HYPERVOLUME_STALLED,
            EndReason.SEARCH_SPACE_EXHAUSTED,
            EndReason.NOTHING_NEW_FOUND,
            EndReason.STOPPED,
        ),
        "False": (
            EndReason.NO_TRIAL_SUCCEEDED,
            EndReason.TOO_MANY_FAILURES,
            EndReason.DEADLINE_EXCEEDED,
            EndReason.STOPPED,
        ),
        "Unknown": (UnfinishedReason.RUNNING,),
    },
    "TrialsRemoved": {"True": (RemovalReason.TIME_TO_LIVE,)},
}
"""The reasons of an experiment's conditions, by type and status."""
