"""Which trial of the Pareto set to take: the balanced one, the best of each objective, and what a step costs. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import dist

from paretonas.api import NASTrial
from paretonas.report.results import Results

_FEWEST = 3
"""The fewest different points of a front that have a middle: of two, each is an end."""


@dataclass(frozen=True)
class Slack:
    """A limit on a metric, and how far a trial is from it.

    Attributes:
        metric: The metric.
        limit: The limit in words, such as ``val_acc >= 0.94``.
        slack: The distance in the unit of the metric; negative if the limit is not kept.
    """

    metric: str
    limit: str
    slack: float


def balanced(results: Results) -> NASTrial | None:
    """The trial of the front that is nearest to the best values of all objectives, which usually is its knee.

    Distances are measured on the objectives' scales, as shares of the range that the front spans: no unit counts.
    None if the front has fewer than three different points.
    """
    points = {trial.name: _comparable(results, trial) for trial in results.front}
    if len(set(points.values())) < _FEWEST:
        return None
    columns = list(zip(*points.values(), strict=True))
    best = [min(column) for column in columns]
    # halves, since the range of the largest doubles is no double
    half = [(max(column) / 2 - min(column) / 2) or 1.0 for column in columns]

    def distance(trial: NASTrial) -> float:
        place = points[trial.name]
        return dist([0.0] * len(best), [(v / 2 - b / 2) / h for v, b, h in zip(place, best, half, strict=True)])

    return min(results.front, key=lambda trial: (distance(trial), trial.spec.index))


def best_of_each(results: Results) -> dict[str, NASTrial]:
    """For each objective, the trial of the front that is best in it; of several, the first tried."""
    return {
        objective.metric: min(
            results.front,
            key=lambda trial: (objective.comparable(trial.status.metrics[objective.metric]), trial.spec.index),
        )
        for objective in results.objectives
        if results.front
    }


def steps(results: Results) -> list[dict[str, float]]:
    """From each trial of the front to the next one, what each objective gains or loses, in its own unit."""
    names = [objective.metric for objective in results.objectives]
    return [
        {name: after.status.metrics[name] - before.status.metrics[name] for name in names}
        for before, after in pairwise(results.front)
    ]


def slacks(results: Results, trial: NASTrial) -> list[Slack]:
    """How far a trial with a result is from each threshold and each outcome constraint."""
    found = list(_thresholds(results, trial))
    for constraint in results.experiment.spec.outcomes:
        value = trial.status.metrics[constraint.metric]
        slack = constraint.bound - value if constraint.upper else value - constraint.bound
        found.append(Slack(constraint.metric, constraint.text, slack))
    return found


def _thresholds(results: Results, trial: NASTrial) -> Iterable[Slack]:
    for objective in results.objectives:
        if objective.threshold is not None:
            value, lower = trial.status.metrics[objective.metric], objective.goal == "Maximize"
            slack = value - objective.threshold if lower else objective.threshold - value
            bound = repr(objective.threshold).removesuffix(".0")
            yield Slack(objective.metric, f"{objective.metric} {'>=' if lower else '<='} {bound}", slack)


def _comparable(results: Results, trial: NASTrial) -> tuple[float, ...]:
    return tuple(o.comparable(trial.status.metrics[o.metric]) for o in results.objectives)
