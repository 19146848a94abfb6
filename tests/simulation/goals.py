"""What the goals of an experiment mean, by their definition; nothing of the engine is used to judge it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from paretonas.api import ExperimentSpec, NASExperiment, NASTrial


def reached(experiment: NASExperiment, trials: Sequence[NASTrial]) -> list[str]:
    """The reasons for which the experiment is to end with these trials."""
    spec, corner = experiment.spec, experiment.status.reference_point
    stalls = spec.stop_when.hypervolume_stalls
    found = ["TargetReached"] if any(_hits(spec, trial) for trial in trials) else []
    if stalls is None or not corner:
        return found
    in_order = sorted((t for t in trials if t.spec.observation is None and _shows(t)), key=_end)
    last = [t.name for t in in_order[-stalls.trials :]]
    succeeded = [t for t in trials if t.status.state == "Succeeded"]
    before = [t for t in succeeded if t.name not in last]
    enough = len(last) == stalls.trials and len(before) >= (spec.search.initial_trials or 0)
    old, new = area(spec, before, corner), area(spec, succeeded, corner)
    return [*found, *(["HypervolumeStalled"] if enough and new > 0 and old >= (1 - stalls.within) * new else [])]


def within(spec: ExperimentSpec, trial: NASTrial) -> bool:
    """Whether a result is within every threshold."""
    return all(
        o.threshold is None or o.comparable(trial.status.metrics[o.metric]) <= o.comparable(o.threshold)
        for o in spec.objectives
    )


def area(spec: ExperimentSpec, trials: Sequence[NASTrial], corner: Mapping[str, float]) -> float:
    """The area that results within the thresholds dominate, as a staircase."""
    points = sorted((t.status.metrics for t in trials if within(spec, t)), key=lambda m: -m["accuracy"])
    volume, top = 0.0, corner["size"]
    for point in points:
        volume += max(0.0, point["accuracy"] - corner["accuracy"]) * max(0.0, top - point["size"])
        top = min(top, point["size"])
    return volume


def _hits(spec: ExperimentSpec, trial: NASTrial) -> bool:
    accuracy, size = spec.objectives
    if (accuracy.target is None and size.target is None) or trial.status.state != "Succeeded":
        return False
    enough = accuracy.target is None or trial.status.metrics["accuracy"] >= accuracy.target
    small = size.target is None or trial.status.metrics["size"] <= size.target
    return enough and small and within(spec, trial)


def _shows(trial: NASTrial) -> bool:
    if trial.status.state == "Infeasible":  # one that does not fit has had no attempt
        return bool(trial.status.attempts)
    return trial.status.state in {"Succeeded", "EarlyStopped"}


def _end(trial: NASTrial) -> tuple[datetime, int]:
    ends = [a.end_time for a in trial.status.attempts if a.end_time]
    return max(ends, default=datetime.min.replace(tzinfo=UTC)), trial.spec.index
