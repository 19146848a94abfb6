"""Moves from points of a region to other points of it.

Three kinds of move together reach every part of the region: along one parameter, within the range that the constraints
leave; along two parameters of one constraint, so that its sum stays the same; and along the difference of two other
points, which lies in every plane that equalities confine the region to (hit-and-run, with directions from a population
of points as in Goodman & Weare 2010, "Ensemble samplers with affine invariance"). Whole numbers move by whole steps.
"""

from fractions import Fraction
from itertools import permutations

import numpy as np

from paretonas.search.encoding import Column
from paretonas.search.encoding.codes import Codes, Mask
from paretonas.search.region import Region

LARGEST_DENOMINATOR = 10_000
"""The largest denominator of a ratio of two factors; two whole parameters with another ratio do not move together."""
NO_RATE = 1e-12
"""A change of a row's sum that is this small, relative to its summands, is attributed to rounding."""


class Moves:
    """The moves within one region; see the module's docstring."""

    def __init__(self, region: Region, fixed: Mask) -> None:
        """Prepare the moves.

        Args:
            region: The region to stay in.
            fixed: The parameters that never move, as a mask of shape (parameters,).
        """
        self._region = region
        self._fixed = fixed
        self._free = np.flatnonzero(~fixed)
        self._columns = region.columns
        self._steps = np.array([column.step or 0.0 for column in region.columns])
        """The distance between neighbouring values; 0 without a grid."""
        self._log = np.array([column.log for column in region.columns], dtype=bool)
        self._pairs = [pair for pair in _pairs(region) if not pair[fixed].any()]

    def numbers(self, codes: Codes) -> Codes:
        """The numbers of codes, both of shape (points, parameters)."""
        return np.stack([c.number(codes[:, i]) for i, c in enumerate(self._columns)], axis=1)

    def mix(self, codes: Codes, applies: Mask, rng: np.random.Generator, sweeps: int) -> Codes:
        """Move points, shape (points, parameters), by a number of sweeps, each with moves of all three kinds."""
        for _ in range(sweeps):
            for i in rng.permutation(self._free):
                codes = self.one(codes, applies, rng, int(i))
            for _ in range((len(self._free) + 1) // 2):
                codes = self.pair(codes, applies, rng)
                codes = self.difference(codes, applies, rng, self.numbers(codes))
        return codes

    def one(self, codes: Codes, applies: Mask, rng: np.random.Generator, i: int, reach: float | None = None) -> Codes:
        """Draw one parameter of each point again, from the range that the others leave and at most ``reach`` away."""
        column = self._columns[i]
        low = self.numbers(codes)
        high = low.copy()
        if reach is None:
            low[:, i], high[:, i] = column.ends
        else:
            low[:, i], high[:, i] = column.around(codes[:, i], reach * np.abs(rng.normal(size=len(codes))))
        start, end = self._region.remaining_range(i, (low, high), applies)
        drawn, there = column.draw_between(start, end, rng.random(len(codes)))
        moved = codes.copy()
        moved[there, i] = drawn[there]
        return moved

    def pair(self, codes: Codes, applies: Mask, rng: np.random.Generator, reach: float | None = None) -> Codes:
        """Move each point along two parameters of one constraint, whose sum stays the same."""
        if not self._pairs:
            return codes
        directions = np.array([self._pairs[k] for k in rng.integers(len(self._pairs), size=len(codes))])
        return self._along(codes, directions, applies, rng, reach)

    def difference(
        self, codes: Codes, applies: Mask, rng: np.random.Generator, population: Codes, reach: float | None = None
    ) -> Codes:
        """Move each point along the difference of two points of the population, shape (any, parameters)."""
        first, second = rng.integers(len(population), size=(2, len(codes)))
        return self._along(codes, population[first] - population[second], applies, rng, reach)

    def _along(
        self, codes: Codes, directions: Codes, applies: Mask, rng: np.random.Generator, reach: float | None
    ) -> Codes:
        """Move each point along its own direction, to anywhere on the part of that line inside the region."""
        numbers = self.numbers(codes)
        across = np.asarray(directions[:, self._fixed].any(axis=1))
        directions = np.where(across[:, None], 0.0, directions)
        directions, grid = self._whole(directions)
        start, end = self._part(numbers, directions, applies)
        if reach is not None:
            width = self._widths(numbers)
            fastest = (np.abs(directions) / width).max(1)
            far = reach * np.abs(rng.normal(size=len(codes))) / np.where(fastest > 0, fastest, 1.0)
            far = np.where(grid > 0, np.maximum(far, 1.0 / np.maximum(grid, 1.0)), far)
            start, end = np.maximum(start, -far), np.minimum(end, far)
        times = self._times(numbers, directions, start, end, rng.random(len(codes)))
        on_grid = np.clip(np.rint(times * grid), np.ceil(start * grid - 1e-9), np.floor(end * grid + 1e-9))
        times = np.where(grid > 0, on_grid / np.maximum(grid, 1.0), times)
        times = np.where(np.isfinite(times), times, 0.0)
        target = numbers + times[:, None] * directions
        moved = np.stack([c.encode_numbers(target[:, i]) for i, c in enumerate(self._columns)], axis=1)
        kept = self._region.keeps(self.numbers(moved), applies) & (times != 0)
        return np.where(kept[:, None], moved, codes)

    def _whole(self, directions: Codes) -> tuple[Codes, Codes]:
        """Round directions to whole steps where there are steps, and count the grid points that each one passes."""
        stepped = self._steps > 0
        if not stepped.any():
            return directions, np.zeros(len(directions))
        counts = np.rint(directions[:, stepped] / self._steps[stepped])
        directions = directions.copy()
        directions[:, stepped] = counts * self._steps[stepped]
        return directions, np.gcd.reduce(counts.astype(np.int64), axis=1).astype(np.float64)

    def _part(self, numbers: Codes, directions: Codes, applies: Mask) -> tuple[Codes, Codes]:
        """The part of each line inside the region, as the smallest and largest multiples of its direction."""
        region = self._region
        rates = directions @ region.factors.T
        moving = applies & (np.abs(rates) > NO_RATE * (np.abs(directions) @ np.abs(region.factors.T)))
        room = np.maximum(region.bounds - numbers @ region.factors.T, 0.0)
        low, high = region.box(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            times = room / rates
            to_low, to_high = (low - numbers) / directions, (high - numbers) / directions
        still = directions == 0
        near = np.where(still, -np.inf, np.minimum(to_low, to_high)).max(1)
        far = np.where(still, np.inf, np.maximum(to_low, to_high)).min(1)
        start = np.maximum(near, np.where(moving & (rates < 0), times, -np.inf).max(1))
        end = np.minimum(far, np.where(moving & (rates > 0), times, np.inf).min(1))
        bounded = ~still.all(1)
        return np.where(bounded, np.minimum(start, 0.0), 0.0), np.where(bounded, np.maximum(end, 0.0), 0.0)

    def _times(self, numbers: Codes, directions: Codes, start: Codes, end: Codes, unit: Codes) -> Codes:
        """Draw a place between start and end for each line, uniform, or uniform in the logarithm of a Log parameter."""
        with np.errstate(invalid="ignore", divide="ignore"):
            times = start + unit * (end - start)
            for i in np.flatnonzero(self._log):
                x, d = numbers[:, i], directions[:, i]
                least, most = np.log(np.maximum(x + start * d, np.finfo(float).tiny)), np.log(x + end * d)
                times = np.where(d != 0, (np.exp(least + unit * (most - least)) - x) / d, times)
            return np.clip(times, start, end)

    def _widths(self, numbers: Codes) -> Codes:
        """The change of each parameter's number that changes its code by 1."""
        low, high = self._region.box(1)
        log = np.where(self._log, np.log(np.where(self._log, high / np.where(self._log, low, 1.0), 1.0)), 1.0)
        return np.where(self._log, numbers * log, np.where(high > low, high - low, 1.0))


def _pairs(region: Region) -> list[Codes]:
    """Directions along two parameters that leave the sum of one row unchanged."""
    found: dict[bytes, Codes] = {}
    for row in region.factors:
        for i, j in permutations(np.flatnonzero(row), 2):
            if i < j and (direction := _pair(region.columns, row, int(i), int(j))) is not None:
                found.setdefault(direction.tobytes(), direction)
    return list(found.values())


def _pair(columns: list[Column], row: Codes, i: int, j: int) -> Codes | None:
    """The smallest step along i and j that leaves the row's sum unchanged; None if there is none in whole steps."""
    direction = np.zeros(len(columns))
    steps = columns[i].step, columns[j].step
    if steps[0] and steps[1]:
        ratio = Fraction(row[i] * steps[0] / (row[j] * steps[1])).limit_denominator(LARGEST_DENOMINATOR)
        if ratio == 0:
            return None
        direction[i], direction[j] = ratio.denominator * steps[0], -ratio.numerator * steps[1]
    elif steps[1]:
        direction[i], direction[j] = -row[j] * steps[1] / row[i], steps[1]
    else:
        direction[i] = steps[0] or 1.0
        direction[j] = -row[i] * direction[i] / row[j]
    return direction
