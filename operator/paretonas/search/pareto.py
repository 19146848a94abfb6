"""The Pareto set and its hypervolume, always of observed values. Pure; no model is asked."""

import math
import sys
from collections.abc import Mapping, Sequence

import moocore
import numpy as np
from numpy.typing import NDArray

from paretonas.api import ExperimentSpec

Metrics = Mapping[str, float]

_MARGIN = 0.1
"""Share of the observed range by which a reference point without a threshold lies beyond the worst value, so that
the extreme points of the set count too (the rule of thumb of Ishibuchi et al., 2018, for small sets)."""
_LARGEST = sys.float_info.max
"""Stands for what no double holds, as the range between -1.7e308 and 1.7e308: infinity is no number in JSON."""


def reference_point(spec: ExperimentSpec, observed: Sequence[Metrics]) -> dict[str, float]:
    """The reference point by metric: each objective's threshold, else just beyond the worst observed value.

    It is asked for once, when the initial trials have ended, and stored: later trials do not move it.

    Args:
        spec: the experiment.
        observed: metrics of the succeeded initial trials; at least one, unless every objective has a threshold.
    """
    point = {}
    for objective in spec.objectives:
        if objective.threshold is not None:
            point[objective.metric] = objective.threshold
            continue
        values = [objective.comparable(metrics[objective.metric]) for metrics in observed]
        spread = max(values) - min(values)
        worst = max(values) + _MARGIN * (spread or abs(max(values)) or 1.0)
        point[objective.metric] = objective.original(min(worst, _LARGEST))
    return point


def feasible(spec: ExperimentSpec, metrics: Metrics) -> bool:
    """Whether a trial may be in the Pareto set: constraints kept, and no objective worse than its threshold."""
    within = all(
        o.threshold is None or o.comparable(metrics[o.metric]) <= o.comparable(o.threshold)
        for o in spec.objectives
    )
    return within and all(constraint.is_satisfied_by(metrics) for constraint in spec.outcomes)


def pareto_set(spec: ExperimentSpec, observed: Sequence[Metrics]) -> list[int]:
    """Positions of the trials that are feasible and that no feasible trial dominates; equal points all count."""
    positions = [i for i, metrics in enumerate(observed) if feasible(spec, metrics)]
    if not positions:
        return []
    points = _points(spec, [observed[i] for i in positions])
    kept = moocore.is_nondominated(points, keep_weakly=True)
    return [position for position, keep in zip(positions, kept, strict=True) if keep]


def hypervolume(spec: ExperimentSpec, observed: Sequence[Metrics], reference: Metrics) -> float:
    """The volume that the feasible trials dominate, up to the reference point.

    In the product of the objectives' units, decades for an objective on a Log scale; exact (moocore, the algorithms
    of Fonseca et al., 2006, and Guerreiro and Fonseca, 2018) up to the largest double.
    """
    points = _points(spec, [metrics for metrics in observed if feasible(spec, metrics)])
    if not len(points):
        return 0.0
    corner = np.array([[o.comparable(reference[o.metric]) for o in spec.objectives]])
    # by powers of two, which change no digit: no side of a box overflows, no product of small ones vanishes on the way
    exponents = np.frexp(np.abs(np.concatenate([points, corner])).max(0))[1]
    volume = moocore.hypervolume(np.ldexp(points, -exponents), ref=np.ldexp(corner[0], -exponents))
    try:
        return math.ldexp(float(volume), int(exponents.sum()))
    except OverflowError:
        return _LARGEST


def hypervolume_trace(spec: ExperimentSpec, observed: Sequence[Metrics], reference: Metrics) -> list[float]:
    """The hypervolume after the first, the second … trial."""
    trace: list[float] = []
    front: list[Metrics] = []
    for metrics in observed:  # only the front of those before can matter
        seen = [*front, metrics]
        front = [seen[i] for i in pareto_set(spec, seen)]
        trace.append(hypervolume(spec, front, reference))
    return trace


def _points(spec: ExperimentSpec, observed: Sequence[Metrics]) -> NDArray[np.float64]:
    """Objectives as smaller-is-better columns, shape (trials, objectives)."""
    rows = [[o.comparable(metrics[o.metric]) for o in spec.objectives] for metrics in observed]
    return np.asarray(rows, dtype=np.float64).reshape(len(rows), len(spec.objectives))
