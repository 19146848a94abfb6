"""Two objectives against each other: the groups of trials, the front as a line, and its corners. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from paretonas.api import NASTrial, Objective
from paretonas.report.results import Results

Point = tuple[float, float]
"""The values of the objectives on the x and the y axis."""


@dataclass(frozen=True)
class Plane:
    """The trials with a result, by the values of two objectives.

    Attributes:
        x: The objective on the horizontal axis.
        y: The objective on the vertical axis.
        dominated: Trials that another one beats.
        ruled_out: Trials that break a threshold or an outcome constraint.
        front: The trials of the Pareto set.
        line: The edge of what the front dominates, with two objectives; else empty, since no line is the front.
    """

    x: Objective
    y: Objective
    dominated: Sequence[NASTrial]
    ruled_out: Sequence[NASTrial]
    front: Sequence[NASTrial]
    line: Sequence[Point]

    def point(self, trial: NASTrial) -> Point:
        """Where a trial is."""
        metrics = trial.status.metrics
        return metrics[self.x.metric], metrics[self.y.metric]


def plane(results: Results, x: Objective, y: Objective) -> Plane:
    """The trials of an experiment in the plane of two of its objectives."""
    feasible = [results.feasible(trial) for trial in results.succeeded]
    others = [(t, ok) for t, ok in zip(results.succeeded, feasible, strict=True) if t.name not in results.front_names]
    found = Plane(x, y, [t for t, ok in others if ok], [t for t, ok in others if not ok], results.front, ())
    if len(results.objectives) != 2:  # noqa: PLR2004 # a plane has the whole front only then
        return found
    points = sorted({found.point(trial) for trial in results.front}, key=lambda p: x.comparable(p[0]))
    return Plane(x, y, found.dominated, found.ruled_out, found.front, _edge(points, results, x, y))


def _edge(points: Sequence[Point], results: Results, x: Objective, y: Objective) -> list[Point]:
    """The edge of the region that the points dominate, from the best in x on; it ends at the reference point."""
    edge = list(points[:1])
    for (_, before), (after, value) in pairwise(points):
        edge += [(after, before), (after, value)]
    if points and results.reference:
        (first, _), (_, last) = points[0], points[-1]
        return [(first, results.reference[y.metric]), *edge, (results.reference[x.metric], last)]
    return edge
