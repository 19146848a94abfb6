"""Why the Pareto set is empty: the thresholds and outcome constraints that exclude each result. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from paretonas.api import ExperimentSpec, NASTrial, Objective, OutcomeConstraint
from paretonas.engine.wording import apart, exact


@dataclass(frozen=True, slots=True)
class _Bound:
    """A threshold or an outcome constraint."""

    metric: str
    text: str
    value: float
    missed_by: Mapping[str, float]
    """How far the result of each trial that violates it is beyond it, on the objective's scale, by name."""
    spread: float
    """The difference between the best and the worst result; misses are compared as shares of it."""


def why_none(spec: ExperimentSpec, trials: Sequence[NASTrial]) -> str:
    """How many results each bound excludes, and the nearest miss.

    Empty if a result satisfies all bounds, or if there is no result. Example:
    ``none of 7 results is within the bounds: val_acc >= 0.99 (threshold) excludes 7, latency_ms <= 20
    excludes 2; the nearest miss is nas-3 with val_acc 0.973``.
    """
    results = [t for t in trials if t.status.state == "Succeeded"]
    bounds = [bound for bound in _bounds(spec, results) if bound.missed_by]
    missing = {t.name: [bound for bound in bounds if t.name in bound.missed_by] for t in results}
    if not results or not all(missing.values()):
        return ""
    bounds.sort(key=lambda bound: -len(bound.missed_by))
    which = ", ".join(f"{bound.text} excludes {len(bound.missed_by):,}" for bound in bounds)
    nearest = min(results, key=lambda t: (len(missing[t.name]), _far(t, missing[t.name])))
    values = (
        f"{bound.metric} {apart(nearest.status.metrics[bound.metric], bound.value)}" for bound in missing[nearest.name]
    )
    whole = f"none of {len(results):,} results is" if len(results) > 1 else "the only result is not"
    return f"{whole} within the bounds: {which}; the nearest miss is {nearest.name} with {', '.join(values)}"


def _bounds(spec: ExperimentSpec, results: Sequence[NASTrial]) -> Iterator[_Bound]:
    for objective in spec.objectives:
        if objective.threshold is not None:
            yield _threshold(objective, objective.threshold, results)
    for constraint in spec.outcomes:
        yield _constraint(constraint, results)


def _threshold(objective: Objective, threshold: float, results: Sequence[NASTrial]) -> _Bound:
    values = {t.name: objective.comparable(t.status.metrics[objective.metric]) for t in results}
    sign = ">=" if objective.goal == "Maximize" else "<="
    text = f"{objective.metric} {sign} {exact(threshold)} (threshold)"
    return _bound(objective.metric, text, threshold, objective.comparable(threshold), values)


def _constraint(constraint: OutcomeConstraint, results: Sequence[NASTrial]) -> _Bound:
    sign = 1.0 if constraint.upper else -1.0
    values = {t.name: sign * t.status.metrics[constraint.metric] for t in results}
    text = " ".join(constraint.text.split())
    return _bound(constraint.metric, text, constraint.bound, sign * constraint.bound, values)


def _bound(metric: str, text: str, value: float, most: float, values: Mapping[str, float]) -> _Bound:
    """A bound on ``values`` (by trial) that allows at most ``most``.

    All numbers are halved, since the difference of two doubles may be beyond the largest double.
    """
    missed_by = {name: found / 2 - most / 2 for name, found in values.items() if found > most}
    spread = max(values.values(), default=0.0) / 2 - min(values.values(), default=0.0) / 2
    return _Bound(metric, text, value, missed_by, spread)


def _far(trial: NASTrial, missing: Sequence[_Bound]) -> float:
    """How far a result is beyond its bounds: the sum of the misses, each as a share of the observed range."""
    return sum(bound.missed_by[trial.name] / (bound.spread or 1.0) for bound in missing)
