"""Points of a space that keep every constraint: scattered all over it, and near given ones."""

from functools import cached_property

import numpy as np
import torch

from paretonas.search.ax_hooks import sobol_engine
from paretonas.search.encoding.codes import Codes
from paretonas.search.enumeration import list_points
from paretonas.search.moves import Moves
from paretonas.search.projection import nearest
from paretonas.search.space import Space

SCATTERED = 1024
"""Points of one scatter; doubling it changed no hypervolume beyond noise."""
THIN = 30
"""Where fewer than one Sobol point in so many keeps the constraints, points are built within them instead."""
ORDERS = 4
"""Orders of the parameters in which points are built: those drawn first spread most."""
FEW = 16
"""Points built below which a mixed-integer program looks for as many: 10 to 100 ms a point."""
SWEEPS = 12
"""Rounds of steps after which built points have forgotten how they were built. After 10, the standard deviations of an
order of 9 and 12 numbers, and of 8 with a fixed sum, are within 5 % of the exact ones; of 20 within 15 %."""
FRESH_SWEEPS = 2
"""Rounds between a stored sample and another one: it is uniform already, and only has to differ."""
RIVALS = 8
"""For each place in the sequence, points of which the one that is farthest from all before it is taken (Mitchell 1991,
"Spectrally optimal sampling for distribution ray tracing")."""


class Sampler:
    """Points of one space. All of it is a function of the space and the seeds, and nothing of it ever changes."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self._blocks: list[Codes] = []

    @cached_property
    def points(self) -> Codes | None:
        """Every feasible point of a small discrete space; None for any other. See `enumeration.listed`."""
        return list_points(self.space)

    def sequence(self, count: int) -> Codes:
        """At least ``count`` feasible points, evenly scattered: the start of one sequence for the space's seed.

        Raises:
            SearchError: no point of the space keeps the constraints.
        """
        seed = self.space.spec.search.seed
        if not self._thin:
            return self._filtered(seed, count)
        while sum(map(len, self._blocks)) < count:
            block = self._built([seed, len(self._blocks)])
            self._blocks.append(block[_even(block)])
        return np.concatenate(self._blocks)

    def scatter(self, seed: int) -> Codes:
        """`SCATTERED` feasible points all over the space, others for each seed.

        Raises:
            SearchError: no point of the space keeps the constraints.
        """
        if not self._thin:
            return self._filtered(seed, SCATTERED)
        rng = np.random.default_rng(seed)
        codes = self.space.spread(_sobol(seed, len(self.space.columns), len(self._sample)))
        part = self.space.constrained(self._sample)
        codes = self._with_deciding(codes, self._sample)
        part = self._moves.mix(part, self.space.applies(codes), rng, FRESH_SWEEPS)
        codes = self.space.with_constrained(codes, part)
        return codes[self.space.feasible(codes)]

    def mutate(self, codes: Codes, rng: np.random.Generator, reach: float) -> Codes:
        """Each point with one or a few parameters changed; ``reach`` in (0, 1] is the size of a step.

        Where constraints are thin, those that they name move along them. A point may break one all the same.
        """
        space = self.space
        if not self._thin:
            return space.mutate(codes, rng, reach)[0]
        moving = [c for c, decides in zip(space.region.columns, space.decides, strict=True) if not decides]
        codes, chosen = space.mutate(codes, rng, reach, spared={column.name for column in moving})
        applies, part = space.applies(codes), space.constrained(codes)
        position = {column.name: i for i, column in enumerate(space.columns)}
        for i, column in enumerate(space.region.columns):
            if column in moving and column.name in position:
                rows = chosen[:, position[column.name]]
                part[rows] = self._moves.one(part[rows], applies[rows], rng, i, reach)
        population = self._moves.numbers(space.constrained(self._sample))
        along = rng.random(len(codes)) < 0.5  # noqa: PLR2004 # as many as not
        part[along] = self._moves.pair(part[along], applies[along], rng, reach)
        along = rng.random(len(codes)) < 0.5  # noqa: PLR2004 # as many as not
        part[along] = self._moves.difference(part[along], applies[along], rng, population, reach)
        return space.with_constrained(codes, part)

    @cached_property
    def _thin(self) -> bool:
        """Whether most points of the box break a constraint, or most of those among which the same ones hold."""
        if not self.space.spec.linear_constraints:
            return False
        unit = np.random.default_rng(0).random((SCATTERED, len(self.space.columns)))
        codes = self.space.spread(unit)
        _, kinds = np.unique(self.space.applies(codes), axis=0, return_inverse=True)
        drawn = np.bincount(kinds.reshape(-1))
        kept = np.bincount(kinds.reshape(-1), weights=self.space.feasible(codes))
        return bool((kept[drawn >= THIN] < drawn[drawn >= THIN] / THIN).any())

    @cached_property
    def _moves(self) -> Moves:
        return Moves(self.space.region, self.space.decides)

    @cached_property
    def _sample(self) -> Codes:
        """Feasible points, about uniform."""
        return self._built([0])

    def _filtered(self, seed: int, count: int) -> Codes:
        """The first ``count`` and more points of a Sobol sequence that keep the constraints."""
        sobol = sobol_engine(seed, len(self.space.columns))
        draw = max(SCATTERED, 2 ** (count - 1).bit_length())
        kept: list[Codes] = []
        while sum(map(len, kept)) < count:
            codes = self.space.spread(sobol.draw(draw, dtype=torch.double).numpy())
            kept.append(codes[self.space.feasible(codes)])
        return np.concatenate(kept)

    def _built(self, seed: list[int]) -> Codes:
        """`SCATTERED` feasible points that are built and then moved until they are about uniform."""
        rng = np.random.default_rng(seed)
        starts = np.concatenate([self._filled(rng, SCATTERED // ORDERS) for _ in range(ORDERS)])
        if len(starts) < FEW:
            found = self.space.spread(rng.random((FEW, len(self.space.columns))))
            starts = np.concatenate([starts, [nearest(self.space, target) for target in found]])
        codes = starts[np.arange(SCATTERED) % len(starts)]
        part = self._moves.mix(self.space.constrained(codes), self.space.applies(codes), rng, SWEEPS)
        unit = _sobol(int(rng.integers(2**31)), len(self.space.columns), SCATTERED)
        codes = self.space.with_constrained(self._with_deciding(self.space.spread(unit), codes), part)
        return codes[self.space.feasible(codes)]

    def _filled(self, rng: np.random.Generator, count: int) -> Codes:
        """At most ``count`` feasible points, the constrained parameters drawn one after the other in some order."""
        space, region = self.space, self.space.region
        codes = space.spread(_sobol(int(rng.integers(2**31)), len(space.columns), count))
        low, high = region.box(len(codes))
        numbers = space.numbers(codes)
        # what decides whether others are active stays as it is drawn: it says which rows hold
        low[:, space.decides] = high[:, space.decides] = numbers[:, space.decides]
        unit = rng.random((len(codes), len(region.columns)))
        order = rng.permutation(len(region.columns))
        part, complete = region.fill((low, high), space.applies(codes), unit, order)
        codes = space.with_constrained(codes, part)
        return codes[complete & space.feasible(codes)]

    def _with_deciding(self, codes: Codes, source: Codes) -> Codes:
        """Points with the parameters that decide about constrained ones taken from others."""
        codes = codes.copy()
        kept = self.space.deciding_columns
        codes[:, kept] = source[:, kept]
        return codes


def _sobol(seed: int, columns: int, count: int) -> Codes:
    """The first points of a scrambled Sobol sequence, shape (count, columns)."""
    drawn = sobol_engine(seed, columns).draw(count, dtype=torch.double)
    return np.asarray(drawn.numpy())


def _even(codes: Codes) -> list[int]:
    """An order of points in which every start is even: each next one is far from those before it."""
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
