"""The Pareto set and its hypervolume, as pure functions of observed values. No model is involved."""

import math
import sys
from collections.abc import Mapping, Sequence

import moocore
import numpy as np
from numpy.typing import NDArray

from paretonas.api import ExperimentSpec

Metrics = Mapping[str, float]

_MARGIN = 0.1
"""The share of the observed range by which a reference point without a threshold lies beyond the worst value, so that
the extreme points of the set count as well (the rule of thumb of Ishibuchi et al. 2018 for small sets)."""
_LARGEST = sys.float_info.max
"""Stands for larger results, such as the range between -1.7e308 and 1.7e308, since JSON has no infinity."""


def reference_point(spec: ExperimentSpec, observed: Sequence[Metrics]) -> dict[str, float]:
    """The reference point by metric: each objective's threshold, or a value just beyond the worst observed one.

    It is computed once, when the initial trials have ended, and stored. Later trials do not move it.

    Args:
        spec: The experiment.
        observed: Metrics of the succeeded initial trials; at least one, unless every objective has a threshold.
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
    """Whether a trial may be in the Pareto set: it satisfies every constraint, and every objective's threshold."""
    within = all(
        o.threshold is None or o.comparable(metrics[o.metric]) <= o.comparable(o.threshold) for o in spec.objectives
    )
    return within and all(constraint.is_satisfied_by(metrics) for constraint in spec.outcomes)


def pareto_set(spec: ExperimentSpec, observed: Sequence[Metrics]) -> list[int]:
    """The positions of the feasible trials that no feasible trial dominates. Of equal points, all are included."""
    positions = [i for i, metrics in enumerate(observed) if feasible(spec, metrics)]
    if not positions:
        return []
    points = _points(spec, [observed[i] for i in positions])
    kept = moocore.is_nondominated(points, keep_weakly=True)
    return [position for position, keep in zip(positions, kept, strict=True) if keep]


def hypervolume(spec: ExperimentSpec, observed: Sequence[Metrics], reference: Metrics) -> float:
    """The volume that the feasible trials dominate, up to the reference point.

    Its unit is the product of the objectives' units, with decades for an objective on a Log scale. It is exact up to
    the largest double (moocore, the algorithms of Fonseca et al. 2006, and Guerreiro and Fonseca 2018).
    """
    volume, exponent = _volume(
        _points(spec, [metrics for metrics in observed if feasible(spec, metrics)]), spec, reference
    )
    try:
        return math.ldexp(volume, exponent)
    except OverflowError:
        return _LARGEST


def hypervolume_growth(
    spec: ExperimentSpec, before: Sequence[Metrics], after: Sequence[Metrics], reference: Metrics
) -> float | None:
    """The share of the hypervolume that was not there before: from 0 (nothing was added) to 1 (there was none).

    It has no unit, and is exact where the hypervolumes themselves are beyond the range of a double.

    Args:
        spec: The experiment.
        before: Metrics of the earlier trials.
        after: Metrics of the earlier and the later trials.
        reference: The reference point.

    Returns:
        The share, or None if the hypervolume is 0 even now.
    """
    # the front alone, sorted and without doubles: what adds nothing changes not even the last digit
    fronts = (np.unique(_points(spec, [m[i] for i in pareto_set(spec, m)]), axis=0) for m in (before, after))
    (old, old_exponent), (new, new_exponent) = (_volume(front, spec, reference) for front in fronts)
    return None if new == 0 else max(0.0, 1.0 - math.ldexp(old / new, old_exponent - new_exponent))


def _volume(points: NDArray[np.float64], spec: ExperimentSpec, reference: Metrics) -> tuple[float, int]:
    """The hypervolume of points as of `_points`, as a factor and the exponent of a power of two."""
    if not len(points):
        return 0.0, 0
    corner = np.array([[o.comparable(reference[o.metric]) for o in spec.objectives]])
    # scaled by powers of two, which change no digit: no side of a box overflows, and no product of small ones vanishes
    exponents = np.frexp(np.abs(np.concatenate([points, corner])).max(0))[1]
    volume = moocore.hypervolume(np.ldexp(points, -exponents), ref=np.ldexp(corner[0], -exponents))
    return float(volume), int(exponents.sum())


def hypervolume_trace(spec: ExperimentSpec, observed: Sequence[Metrics], reference: Metrics) -> list[float]:
    """The hypervolume after each trial."""
    trace: list[float] = []
    front: list[Metrics] = []
    for metrics in observed:  # of the earlier trials, only the front matters
        seen = [*front, metrics]
        front = [seen[i] for i in pareto_set(spec, seen)]
        trace.append(hypervolume(spec, front, reference))
    return trace


def _points(spec: ExperimentSpec, observed: Sequence[Metrics]) -> NDArray[np.float64]:
    """Objectives as smaller-is-better columns, shape (trials, objectives)."""
    rows = [[o.comparable(metrics[o.metric]) for o in spec.objectives] for metrics in observed]
    return np.asarray(rows, dtype=np.float64).reshape(len(rows), len(spec.objectives))
