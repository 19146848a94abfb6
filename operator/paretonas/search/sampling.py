"""Sampling of feasible points: scattered over the whole space, and near given points."""

from functools import cached_property

import numpy as np
import torch
from torch.quasirandom import SobolEngine

from paretonas.search.bounded import BoundedSampler
from paretonas.search.encoding.codes import Codes
from paretonas.search.enumeration import list_points
from paretonas.search.moves import Moves
from paretonas.search.space import Space
from paretonas.search.types import SearchError

SCATTERED = 1024
"""The number of points in one scatter; doubling it changed no hypervolume beyond noise."""
THIN = 30
"""If fewer than one Sobol point in this many satisfies the constraints, points are built within them instead."""
ORDERS = 4
"""The number of orders of the parameters in which points are built: parameters drawn first are spread most widely."""
FEW = 16
"""If fewer points than this were built, a mixed-integer program finds this many more, at 10 to 100 ms per point."""
SWEEPS = 12
"""The sweeps of moves after which points no longer depend on how they were built. After 10, the standard deviations of
an order of 9 and 12 numbers, and of 8 with a fixed sum, are within 5 % of the exact ones; of 20 within 15 %."""
FRESH_SWEEPS = 2
"""The sweeps between the stored sample and another one: it is uniform already, and only has to differ."""
RIVALS = 8
"""The number of candidates for each place in the sequence; the one farthest from all points before it is taken
(Mitchell 1991, "Spectrally optimal sampling for distribution ray tracing")."""


class Sampler:
    """A sampler of the feasible points of one space. Its points depend on the space and the seeds alone."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self._blocks: list[Codes] = []

    @cached_property
    def points(self) -> Codes | None:
        """All feasible points of a small discrete space, by `enumeration.list_points`; None for any other."""
        return list_points(self.space)

    def sequence(self, count: int) -> Codes:
        """At least ``count`` feasible points, evenly scattered: the start of a sequence given by the search's seed.

        Raises:
            SearchError: No point of the space satisfies the constraints.
        """
        seed = self.space.spec.search.seed
        if not self._thin:
            return self._filter(seed, count)
        while sum(map(len, self._blocks)) < count:
            block = self._build([seed, len(self._blocks)])
            self._blocks.append(block[_order_evenly(block)])
        return np.concatenate(self._blocks)

    def scatter(self, seed: int) -> Codes:
        """`SCATTERED` feasible points all over the space, different for each seed.

        Raises:
            SearchError: No point of the space satisfies the constraints.
        """
        if not self._thin:
            return self._filter(seed, SCATTERED)
        rng = np.random.default_rng(seed)
        if self._bounded:
            return self._with_others(self._bounded.mix(self._sample, rng, FRESH_SWEEPS), rng)
        codes = self.space.spread(_sobol(seed, len(self.space.columns), len(self._sample)))
        part = self.space.take_constrained(self._sample)
        codes = self._with_deciding(codes, self._sample)
        part = self._moves.mix(part, self.space.applies(codes), rng, FRESH_SWEEPS)
        codes = self.space.replace_constrained(codes, part)
        return codes[self.space.feasible(codes)]

    def mutate(self, codes: Codes, rng: np.random.Generator, reach: float) -> Codes:
        """Change one or a few parameters of each point; ``reach`` in (0, 1] is the step size.

        If few points satisfy the constraints, the constrained parameters move along them. A new point may still break
        a constraint.
        """
        space = self.space
        if not self._thin:
            return space.mutate(codes, rng, reach)[0]
        if self._bounded:
            return self._bounded.mutate(codes, rng, reach, self._sample)
        moving = [c for c, decides in zip(space.region.columns, space.decides, strict=True) if not decides]
        codes, chosen = space.mutate(codes, rng, reach, spared={column.name for column in moving})
        applies, part = space.applies(codes), space.take_constrained(codes)
        position = {column.name: i for i, column in enumerate(space.columns)}
        for i, column in enumerate(space.region.columns):
            if column in moving and column.name in position:
                rows = chosen[:, position[column.name]]
                part[rows] = self._moves.one(part[rows], applies[rows], rng, i, reach)
        population = self._moves.numbers(space.take_constrained(self._sample))
        along = rng.random(len(codes)) < 0.5  # noqa: PLR2004 # half of the points
        part[along] = self._moves.pair(part[along], applies[along], rng, reach)
        along = rng.random(len(codes)) < 0.5  # noqa: PLR2004 # half of the points
        part[along] = self._moves.difference(part[along], applies[along], rng, population, reach)
        return space.replace_constrained(codes, part)

    @cached_property
    def _thin(self) -> bool:
        """Whether few points of the box satisfy the constraints, in any group of points with the same active ones."""
        if not self.space.restricted:
            return False
        unit = np.random.default_rng(0).random((SCATTERED, len(self.space.columns)))
        codes = self.space.spread(unit)
        _, kinds = np.unique(self._kinds(codes), axis=0, return_inverse=True)
        drawn = np.bincount(kinds.reshape(-1))
        kept = np.bincount(kinds.reshape(-1), weights=self.space.feasible(codes))
        return bool((kept[drawn >= THIN] < drawn[drawn >= THIN] / THIN).any())

    def _kinds(self, codes: Codes) -> Codes:
        """What differs between points that have to satisfy different constraints and bounds; constant if nothing."""
        above = codes[:, self.space.known.columns_above_bounded]
        return np.concatenate([np.zeros((len(codes), 1)), self.space.applies(codes), above], axis=1)

    @cached_property
    def _bounded(self) -> BoundedSampler | None:
        """What builds and moves the points if a formula is bounded; None if none is."""
        return BoundedSampler(self.space) if self.space.known.bounded_columns else None

    @cached_property
    def _moves(self) -> Moves:
        return Moves(self.space.region, self.space.decides)

    @cached_property
    def _sample(self) -> Codes:
        """Feasible points, approximately uniform."""
        return self._build([0])

    def _filter(self, seed: int, count: int) -> Codes:
        """At least the first ``count`` points of a Sobol sequence that satisfy the constraints."""
        sobol = _sobol_engine(seed, len(self.space.columns))
        draw = max(SCATTERED, 2 ** (count - 1).bit_length())
        kept: list[Codes] = []
        while sum(map(len, kept)) < count:
            codes = self.space.spread(sobol.draw(draw, dtype=torch.double).numpy())
            kept.append(codes[self.space.feasible(codes)])
        return np.concatenate(kept)

    def _build(self, seed: list[int]) -> Codes:
        """Build `SCATTERED` feasible points, and move them until they are approximately uniform."""
        rng = np.random.default_rng(seed)
        if self._bounded:
            return self._build_bounded(self._bounded, rng)
        starts = np.concatenate([self._fill(rng, SCATTERED // ORDERS) for _ in range(ORDERS)])
        if len(starts) < FEW:
            from paretonas.search.projection import nearest  # noqa: PLC0415 # imports scipy, 0.3 s that few spaces need

            found = self.space.spread(rng.random((FEW, len(self.space.columns))))
            starts = np.concatenate([starts, [nearest(self.space, target) for target in found]])
        codes = starts[np.arange(SCATTERED) % len(starts)]
        part = self._moves.mix(self.space.take_constrained(codes), self.space.applies(codes), rng, SWEEPS)
        unit = _sobol(int(rng.integers(2**31)), len(self.space.columns), SCATTERED)
        codes = self.space.replace_constrained(self._with_deciding(self.space.spread(unit), codes), part)
        return codes[self.space.feasible(codes)]

    def _build_bounded(self, bounded: BoundedSampler, rng: np.random.Generator) -> Codes:
        """The same where a formula is bounded. Raises SearchError."""
        starts = bounded.build(rng, SCATTERED)
        if not len(starts):
            texts = ", ".join(filter(None, [*map(repr, self.space.spec.parameter_constraints), self.space.known.texts]))
            if self.points is not None and not len(self.points):
                raise SearchError(f"no point of the search space keeps {texts}")
            raise SearchError(f"cannot find a point that keeps {texts}")
        codes = starts[np.arange(SCATTERED) % len(starts)]
        return self._with_others(bounded.mix(codes, rng, SWEEPS), rng)

    def _with_others(self, codes: Codes, rng: np.random.Generator) -> Codes:
        """Spread the columns that no constraint and no bound is about; keep those that are feasible."""
        kept = self._bounded.kept if self._bounded else []
        spread = self.space.spread(_sobol(int(rng.integers(2**31)), len(self.space.columns), len(codes)))
        spread[:, kept] = codes[:, kept]
        spread = self.space.snap(spread)
        return spread[self.space.feasible(spread)]

    def _fill(self, rng: np.random.Generator, count: int) -> Codes:
        """Build at most ``count`` feasible points; constrained parameters are drawn one by one in a random order."""
        space, region = self.space, self.space.region
        codes = space.spread(_sobol(int(rng.integers(2**31)), len(space.columns), count))
        low, high = region.box(len(codes))
        numbers = space.numbers(codes)
        # parameters that decide whether others are active keep their values: these determine which rows apply
        low[:, space.decides] = high[:, space.decides] = numbers[:, space.decides]
        unit = rng.random((len(codes), len(region.columns)))
        order = rng.permutation(len(region.columns))
        part, complete = region.fill((low, high), space.applies(codes), unit, order)
        codes = space.replace_constrained(codes, part)
        return codes[complete & space.feasible(codes)]

    def _with_deciding(self, codes: Codes, source: Codes) -> Codes:
        """Copy the parameters that decide whether constrained ones are active from other points."""
        codes = codes.copy()
        kept = self.space.deciding_columns
        codes[:, kept] = source[:, kept]
        return codes


def _sobol(seed: int, columns: int, count: int) -> Codes:
    """The first points of a scrambled Sobol sequence, shape (count, columns)."""
    drawn = _sobol_engine(seed, columns).draw(count, dtype=torch.double)
    return np.asarray(drawn.numpy())


def _sobol_engine(seed: int, columns: int) -> SobolEngine:
    """The sequence of Ax's generator for the seed, which takes this engine too, from its start."""
    return SobolEngine(columns, scramble=True, seed=seed)  # type: ignore[no-untyped-call] # torch's


def _order_evenly(codes: Codes) -> list[int]:
    """Order points so that any first part is evenly spread: each point is far from those before it."""
    order = [0]
    distance = np.full(len(codes), np.inf)
    left = np.arange(1, len(codes))
    while len(left):
        distance = np.minimum(distance, np.abs(codes - codes[order[-1]]).sum(1))
        rivals = left[: RIVALS * len(order)]
        chosen = int(rivals[distance[rivals].argmax()])
        order.append(chosen)
        left = left[left != chosen]
    return order
