"""When a finished experiment and its trials are removed. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from paretonas.api import NASExperiment
from paretonas.api.reasons import RemovalReason
from paretonas.api.status import make_condition


@dataclass(frozen=True, slots=True)
class Expiry:
    """When an experiment's trials (with their jobs) and the experiment itself are removed; None means never."""

    trials: datetime | None = None
    experiment: datetime | None = None


def expiry(experiment: NASExperiment) -> Expiry:
    """``trial.ttlSecondsAfterFinished`` and ``ttlSecondsAfterFinished`` after the end of the experiment."""
    end, spec = experiment.status.completion_time, experiment.spec
    if end is None:
        return Expiry()

    def after(seconds: int | None) -> datetime | None:
        return None if seconds is None else end + timedelta(seconds=seconds)

    return Expiry(after(spec.trial.ttl_seconds_after_finished), after(spec.ttl_seconds_after_finished))


def trials_removed(experiment: NASExperiment) -> bool:
    """Whether the experiment's trials have been, or are being, removed."""
    condition = experiment.status.condition("TrialsRemoved")
    return condition is not None and condition.status == "True"


def without_trials(experiment: NASExperiment, now: datetime) -> NASExperiment:
    """The experiment with the condition `TrialsRemoved`, which is stored before the first trial is removed."""
    seconds = experiment.spec.trial.ttl_seconds_after_finished
    condition = make_condition(
        "TrialsRemoved",
        "True",
        RemovalReason.TIME_TO_LIVE,
        f"removed {seconds} s after the end; the Pareto set stays here",
        now=now,
        generation=experiment.metadata.generation,
    )
    return experiment.replace(status=experiment.status.with_condition(condition))
