"""Points that keep bounds on formulas, where few do.

They are built by halving: a column's range is halved again and again, and a half that cannot contain a feasible point
(`KnownMetrics.possible`, interval arithmetic) is dropped. Then each point is moved along one column after the other by
slice sampling with shrinkage (Neal 2003, "Slice sampling", section 4), which makes points uniform without knowing the
shape of the region. Where there are linear constraints as well, points also move as in `moves`, unless they would break
a bound.
"""

import numpy as np

from paretonas.search.encoding.choices import ChoiceColumn
from paretonas.search.encoding.codes import Codes, Mask
from paretonas.search.moves import Moves
from paretonas.search.region import TOLERANCE
from paretonas.search.space import Space

HALVINGS = 20
"""How often the range of a continuous parameter is halved: to a millionth of it."""
ROUNDS = 4
"""How often points are built where some attempts end in a part of the space that ranges alone did not exclude."""
SHRINKS = 16
"""The most draws of one slice; the last ones are as near as 1e-4 of the range."""


class BoundedSampler:
    """Builds and moves feasible points of one space."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._moves = Moves(space.region, space.decides)
        limited = {i for i, column in enumerate(space.columns) if column in space.region.columns}
        deciding = {*space.deciding_columns, *space.known.columns_above_bounded}
        self.kept = sorted({*limited, *space.known.bounded_columns, *deciding})
        """The columns that constraints and bounds are about, or that decide which of them apply."""
        self._moving = [i for i in self.kept if i not in deciding]

    def build(self, rng: np.random.Generator, count: int) -> Codes:
        """Build up to ``count`` feasible points, and a part of them if many attempts end in dead ends; or none."""
        found: list[Codes] = []
        for _ in range(ROUNDS):
            found.append(self._descend(rng, count))
            if sum(map(len, found)) >= count // ROUNDS:
                break
        return np.concatenate(found)[:count]

    def mix(self, codes: Codes, rng: np.random.Generator, sweeps: int) -> Codes:
        """Move feasible points by a number of sweeps, each along every column in turn."""
        for _ in range(sweeps):
            for i in rng.permutation(self._moving):
                codes = self._slice(codes, int(i), rng)
            codes = self._along_constraints(codes, rng)
        return codes

    def mutate(self, codes: Codes, rng: np.random.Generator, reach: float, population: Codes) -> Codes:
        """Change one or a few columns of each feasible point; ``reach`` in (0, 1] is the step size."""
        space = self._space
        before = codes
        spared = {space.columns[i].name for i in self._moving}
        codes, chosen = space.mutate(codes, rng, reach, spared=spared)
        inside = space.feasible(codes)
        codes = np.where(inside[:, None], codes, before)
        for i in self._moving:
            rows = chosen[:, i]
            codes[rows] = self._slice(codes[rows], i, rng, reach)
        return self._along_constraints(codes, rng, population, reach)

    def _descend(self, rng: np.random.Generator, count: int) -> Codes:
        """Choose the columns of ``count`` points, those that decide whether others are active first."""
        space = self._space
        ends = np.array([_ends(space, i) for i in range(len(space.columns))])
        low, high = (np.repeat(end[None], count, axis=0) for end in ends.T)
        parents = set(space.parent_columns)
        order = rng.permutation(sorted({*self.kept, *space.parent_columns})).tolist()
        for i in sorted(order, key=lambda i: (i not in parents, space.depth(space.columns[i].name))):
            self._halve(i, low, high, rng)
        codes = space.snap(low + rng.random(low.shape) * (high - low))
        if space.spec.linear_constraints:
            codes = self._fill(codes, low, high, rng)
        return codes[space.feasible(codes)]

    def _halve(self, i: int, low: Codes, high: Codes, rng: np.random.Generator) -> None:
        """Narrow one column of each box to a value, or to a small range of a continuous one."""
        column = self._space.columns[i]
        for _ in range(HALVINGS if column.size is None else int(column.size - 1).bit_length()):
            if column.size is None:
                left_end = right_start = 0.5 * (low[:, i] + high[:, i])
                left = right = left_end - low[:, i] + high[:, i] - right_start  # both are equally long
            else:
                first, last = column.positions(low[:, i]), column.positions(high[:, i])
                middle = (first + last) // 2
                left_end, right_start = column.at(middle), column.at(np.minimum(middle + 1, last))
                left, right = (middle - first + 1).astype(np.float64), (last - middle).astype(np.float64)
                if column.log:  # halves of equal length on its scale
                    left, right = left_end - low[:, i] + 1e-9, (high[:, i] - right_start + 1e-9) * (last > middle)
            to_left = left * self._possible(low, _with(high, i, left_end))
            to_right = right * self._possible(_with(low, i, right_start), high)
            goes_left = rng.random(len(low)) * (to_left + to_right) < to_left
            high[:, i] = np.where(goes_left, left_end, high[:, i])
            low[:, i] = np.where(goes_left, low[:, i], right_start)

    def _possible(self, low: Codes, high: Codes) -> Mask:
        """A mask of the boxes that may contain a feasible point."""
        space = self._space
        kept = space.known.possible(low, high)
        if not space.spec.linear_constraints:
            return kept
        region = space.region
        ends = [space.numbers(codes)[:, None, :] * region.factors for codes in (low, high)]
        least, size = np.minimum(*ends).sum(2), np.maximum(*map(np.abs, ends)).max(2, initial=0.0)
        # while it is open which rows apply, none excludes a box
        settled = (low[:, space.deciding_columns] == high[:, space.deciding_columns]).all(1)
        applies = space.applies(low) & settled[:, None]
        slack = TOLERANCE * np.maximum(size, np.abs(region.bounds))
        return np.asarray(kept & (~applies | (least <= region.bounds + slack)).all(1))

    def _fill(self, codes: Codes, low: Codes, high: Codes, rng: np.random.Generator) -> Codes:
        """Move the constrained columns within their boxes to where the linear constraints hold, equalities too."""
        space = self._space
        box = space.numbers(low), space.numbers(high)
        order = rng.permutation(len(space.region.columns))
        part, complete = space.region.fill(box, space.applies(codes), rng.random(box[0].shape), order)
        return np.where(complete[:, None], space.replace_constrained(codes, part), codes)

    def _slice(self, codes: Codes, i: int, rng: np.random.Generator, reach: float = 1.0) -> Codes:
        """Draw one column of each feasible point again: uniformly on what is feasible around its value.

        Args:
            codes: Feasible points.
            i: The column.
            rng: The source of random numbers.
            reach: How far from its value at most, as a fraction of the column's range.
        """
        column = self._space.columns[i]
        start, end = (-0.5, column.size - 0.5) if isinstance(column, ChoiceColumn) else (0.0, 1.0)
        here = column.positions(codes[:, i]) * 1.0 if isinstance(column, ChoiceColumn) else codes[:, i]
        wide = max(reach, 1.5 / column.size if column.size is not None else 0.0) * (end - start)
        low, high = np.maximum(start, here - wide), np.minimum(end, here + wide)
        moved, open_rows = codes.copy(), np.arange(len(codes))
        for _ in range(SHRINKS):
            drawn = low[open_rows] + rng.random(len(open_rows)) * (high - low)[open_rows]
            values = column.at(np.rint(drawn).astype(np.int64)) if isinstance(column, ChoiceColumn) else drawn
            tried = self._space.snap(_with(codes[open_rows], i, values))
            kept = self._space.feasible(tried)
            moved[open_rows[kept]] = tried[kept]
            open_rows, drawn = open_rows[~kept], drawn[~kept]
            below = drawn < here[open_rows]
            low[open_rows[below]], high[open_rows[~below]] = drawn[below], drawn[~below]
        return moved

    def _along_constraints(
        self, codes: Codes, rng: np.random.Generator, population: Codes | None = None, reach: float | None = None
    ) -> Codes:
        """Move points along the linear constraints, except where that would break a bound on a formula."""
        space = self._space
        if not space.spec.linear_constraints:
            return codes
        part, applies = space.take_constrained(codes), space.applies(codes)
        others = part if population is None else space.take_constrained(population)
        part = self._moves.pair(part, applies, rng, reach)
        part = self._moves.difference(part, applies, rng, self._moves.numbers(others), reach)
        moved = space.replace_constrained(codes, part)
        return np.where(space.feasible(moved)[:, None], moved, codes)


def _ends(space: Space, i: int) -> tuple[float, float]:
    """The smallest and the largest code of a column."""
    column = space.columns[i]
    if column.size is None:
        return 0.0, 1.0
    first, last = column.at(np.array([0, column.size - 1])).tolist()
    return first, last


def _with(codes: Codes, i: int, values: Codes) -> Codes:
    changed = codes.copy()
    changed[:, i] = values
    return changed
