"""What a user can do to continue an experiment that has ended, as one sentence. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from paretonas.api import NASExperiment, NASTrial
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
    }
    return "; ".join(words[remedy] for remedy in remedies(experiment, trials, now))


def nothing_to_retry(name: str, *, infeasible: bool) -> str:
    """The message for an experiment without a trial to retry."""
    return f"{name}: no trial has failed{' or was infeasible' if infeasible else ''}; there is nothing to retry"


def _retriable(experiment: NASExperiment, trials: Sequence[NASTrial], *, infeasible: bool) -> int:
    retry = raise_retry(experiment.spec.retry, infeasible=infeasible)
    return sum(retriable(trial, retry) for trial in trials)


def _trials(amount: int, kind: str) -> str:
    return f"the {kind} trial" if amount == 1 else f"the {amount:,} {kind} trials"
