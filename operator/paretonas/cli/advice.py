"""How an ended experiment goes on, in words: only what helps is said. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from paretonas.api import NASExperiment, NASTrial
from paretonas.engine.remedies import Remedy, remedies
from paretonas.engine.retry import raise_retry, retriable


@dataclass(frozen=True, slots=True)
class NextCommands:
    """What to type where the experiment is stored."""

    retry: str
    resume: str = ""
    more_trials: str = "maxTrials"


def advice(
    experiment: NASExperiment, trials: Sequence[NASTrial], now: datetime, commands: NextCommands
) -> str:
    """``raise maxTrials to go on; …``; empty when nothing helps, or the experiment has not ended."""
    failed, either = (_retriable(experiment, trials, infeasible=infeasible) for infeasible in (False, True))
    words: Mapping[Remedy, str] = {
        Remedy.RETRY: f"once what failed is mended, {commands.retry} takes {_trials(failed, 'failed')} up again",
        Remedy.RETRY_INFEASIBLE: f"{commands.retry} --infeasible takes {_trials(either, 'infeasible')} up again",
        Remedy.MORE_TRIALS: f"raise {commands.more_trials} to go on",
        Remedy.MORE_TIME: "raise activeDeadlineSeconds to go on",
        Remedy.RESUME: f"{commands.resume} goes on",
    }
    return "; ".join(words[remedy] for remedy in remedies(experiment, trials, now))


def nothing_to_retry(name: str, *, infeasible: bool) -> str:
    """That no trial is such that it could be taken up again."""
    return (
        f"{name}: no trial has failed{' or was infeasible' if infeasible else ''}; there is nothing to retry"
    )


def _retriable(experiment: NASExperiment, trials: Sequence[NASTrial], *, infeasible: bool) -> int:
    retry = raise_retry(experiment.spec.retry, infeasible=infeasible)
    return sum(retriable(trial, retry) for trial in trials)


def _trials(amount: int, kind: str) -> str:
    return f"the {kind} trial" if amount == 1 else f"the {amount:,} {kind} trials"
