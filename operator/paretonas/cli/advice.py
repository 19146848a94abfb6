"""What a user can do to continue an experiment that has ended, as one sentence. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from paretonas.api import NASExperiment, NASTrial
from paretonas.api.reasons import EndReason, Goal
from paretonas.engine.goals import reached_goals
from paretonas.engine.remedies import Remedy, remedies
from paretonas.engine.retry import raise_retry, retriable


@dataclass(frozen=True, slots=True)
class NextCommands:
    """The commands to type, for where the experiment is stored."""

    retry: str
    resume: str = ""
    more_trials: str = "maxTrials"


def advice(experiment: NASExperiment, trials: Sequence[NASTrial], now: datetime, commands: NextCommands) -> str:
    """The remedies, as in ``raise maxTrials to continue; …``.

    Empty when no remedy applies, or when the experiment has not ended.
    """
    failed, either = (_retriable(experiment, trials, infeasible=infeasible) for infeasible in (False, True))
    words: Mapping[Remedy, str] = {
        Remedy.RETRY: f"once the cause is fixed, {commands.retry} retries {_trials(failed, 'failed')}",
        Remedy.RETRY_INFEASIBLE: f"{commands.retry} --infeasible retries {_trials(either, 'infeasible')}",
        Remedy.MORE_TRIALS: f"raise {commands.more_trials} to continue",
        Remedy.MORE_TIME: "raise activeDeadlineSeconds to continue",
        Remedy.RESUME: f"{commands.resume} continues it",
        Remedy.OTHER_GOALS: f"{_other_goals(experiment, trials)} to continue",
    }
    return "; ".join(words[remedy] for remedy in remedies(experiment, trials, now))


def why_no_retry(experiment: NASExperiment, amount: int, *, infeasible: bool) -> str:
    """Why a retry of ``amount`` trials would run nothing; empty if it would run them."""
    name, ended = experiment.name, experiment.status.condition("Succeeded")
    if not amount:
        return f"{name}: no trial has failed{' or was infeasible' if infeasible else ''}; there is nothing to retry"
    reached = next((goal for goal in get_args(Goal) if ended is not None and ended.reason == goal), None)
    return f"{name}: nothing is retried, since {_REACHED[reached]}" if reached else ""


_REACHED: Mapping[Goal, str] = {
    EndReason.TARGET_REACHED: "its target is reached",
    EndReason.HYPERVOLUME_STALLED: "its hypervolume has stalled",
}


def _other_goals(experiment: NASExperiment, trials: Sequence[NASTrial]) -> str:
    """What to do about the goals that were reached."""
    words: Mapping[Goal, str] = {
        EndReason.TARGET_REACHED: "set harder targets or remove them",
        EndReason.HYPERVOLUME_STALLED: "change or remove stopWhen.hypervolumeStalls",
    }
    return " and ".join(words[goal.reason] for goal in reached_goals(experiment, trials))


def _retriable(experiment: NASExperiment, trials: Sequence[NASTrial], *, infeasible: bool) -> int:
    retry = raise_retry(experiment.spec.retry, infeasible=infeasible)
    return sum(retriable(trial, retry) for trial in trials)


def _trials(amount: int, kind: str) -> str:
    return f"the {kind} trial" if amount == 1 else f"the {amount:,} {kind} trials"
