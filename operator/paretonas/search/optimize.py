"""Maximising a criterion over a mixed space: a wide sample, then an evolution of the best points.

Only feasible points of the space are evaluated, so the best one can be tried as it is. (Relaxing the space and rounding
afterwards, as BoTorch does, can end at another point or a known one.) No gradient is needed, so ranges, choices,
conditions and constraints are all handled alike. It takes about 1,700 evaluations, in batches.
"""

from collections.abc import Callable, Collection

import numpy as np
import numpy.typing as npt

from paretonas.search.encoding.codes import Codes
from paretonas.search.sampling import Sampler

Criterion = Callable[[Codes], npt.NDArray[np.float64]]
"""A function from codes, shape (points, columns), to the values to maximise, shape (points,)."""

NEAR_BEST = 256
"""Additional points of the wide sample: neighbours of the best known trials, where improvement is most likely."""
SURVIVORS = 6
CHILDREN = 24
GENERATIONS = 8
FIRST_REACH, REACH_FACTOR = 0.2, 0.6
"""The step size shrinks from 0.2 of a range to 0.006 over the generations."""


def maximise(
    criterion: Criterion,
    sampler: Sampler,
    scattered: Codes,
    best: Codes,
    avoid: Collection[bytes],
    rng: np.random.Generator,
) -> tuple[Codes, float] | None:
    """Find the best point and its value.

    Args:
        criterion: The function to maximise.
        sampler: The space, and how to move in it.
        scattered: Feasible points all over the space, shape (points, columns).
        best: Known points whose neighbourhood is searched, shape (points, columns).
        avoid: Points that must not be returned, by `Space.identities`.
        rng: The source of random numbers.

    Returns:
        The point and its value; None if no point is left.
    """
    space, seen = sampler.space, set(avoid)

    def fresh(codes: Codes) -> Codes:
        codes = codes[space.feasible(codes)]
        new = []
        for row, key in zip(codes, space.identities(codes), strict=True):
            if key not in seen:
                seen.add(key)
                new.append(row)
        return np.array(new).reshape(len(new), codes.shape[1])

    points = scattered
    if len(best):
        around = sampler.mutate(np.repeat(best, max(1, NEAR_BEST // len(best)), axis=0), rng, FIRST_REACH / 2)
        points = np.concatenate([scattered, around])
    points = fresh(points)
    if not len(points):
        return None
    values = criterion(points)
    points, values = _survivors(points, values)
    for generation in range(GENERATIONS):
        reach = FIRST_REACH * REACH_FACTOR**generation
        children = sampler.mutate(np.repeat(points, CHILDREN, axis=0), rng, reach)
        children = fresh(np.concatenate([children, space.neighbours(points[0])]))
        if len(children):
            points = np.concatenate([points, children])
            values = np.concatenate([values, criterion(children)])
            points, values = _survivors(points, values)
    return points[0], float(values[0])


def _survivors(points: Codes, values: npt.NDArray[np.float64]) -> tuple[Codes, npt.NDArray[np.float64]]:
    order = np.argsort(-values, kind="stable")[:SURVIVORS]
    return points[order], values[order]
