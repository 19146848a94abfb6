"""The linear parameter constraints as matrices, and the range that they leave to each parameter.

Few points may satisfy a set of constraints (one in 362,880 for an order of nine widths), or a part of the space without
volume (``a + b + c == 1``). Drawing points until one fits would fail, so bounds are propagated from parameter to
parameter, and points are built, listed (`enumeration`) and moved (`moves`) within them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from paretonas.api import LinearConstraint
from paretonas.search.encoding import Column
from paretonas.search.encoding.codes import Codes, Mask

TOLERANCE = 5e-10
"""The slack of a constraint, relative to its largest summand: half of the API's, so that a point accepted here is
accepted there."""
ROUNDS = 3
"""The rounds of propagating bounds forward and back. An order or a sum is exact after one. Looser bounds only mean that
some points cannot be completed; they never lead to a wrong point."""

Box = tuple[Codes, Codes]
"""Each parameter's smallest and largest number, both of shape (points, parameters); smallest > largest if none."""


class Region:
    """The points that satisfy a set of constraints, in the numbers of the parameters that the constraints name.

    Attributes:
        columns: One per named parameter, in the order of the experiment.
        factors: Shape (rows, parameters). A point satisfies a row if ``factors @ numbers <= bounds``; an
            equality has two rows.
        bounds: Shape (rows,).
        owners: For each row, the position of its constraint.
    """

    def __init__(self, constraints: Sequence[LinearConstraint], column_of: Mapping[str, Column]) -> None:
        named = {name for constraint in constraints for name in constraint.terms}
        self.columns = [column for name, column in column_of.items() if name in named]
        rows = [
            (owner, c, sign) for owner, c in enumerate(constraints) for sign in ((1.0, -1.0) if c.equality else (1.0,))
        ]
        names = [column.name for column in self.columns]
        self.factors = np.array([[sign * c.terms.get(name, 0.0) for name in names] for _, c, sign in rows])
        self.factors = self.factors.reshape(len(rows), len(names))
        self.bounds = np.array([sign * c.bound for _, c, sign in rows])
        self.owners = np.array([owner for owner, _, _ in rows], dtype=np.intp)
        self._rows_of = [np.flatnonzero(self.factors[:, i]) for i in range(len(names))]
        used = self.factors != 0
        self._neighbours = [
            np.flatnonzero(used[rows].any(0) & (np.arange(len(names)) != i)) for i, rows in enumerate(self._rows_of)
        ]

    # Below, numbers have the shape (points, parameters), and applies the shape (points, rows). applies is False where a
    # row does not apply, since one of its parameters is inactive.

    def keeps(self, numbers: Codes, applies: Mask) -> Mask:
        """A mask of the points that satisfy every row that applies: the API's rule, with half of its slack."""
        kept = ~applies | (numbers @ self.factors.T <= self.bounds)
        close = ~kept.all(1)  # the others satisfy the rows without slack
        parts = numbers[close, None, :] * self.factors
        size = np.maximum(np.abs(parts).max(2, initial=0.0), np.abs(self.bounds))
        kept[close] |= parts.sum(2) <= self.bounds + TOLERANCE * size
        return np.asarray(kept.all(1))

    def box(self, points: int) -> Box:
        """The whole range of each parameter, repeated for a number of points."""
        ends = np.array([column.ends for column in self.columns]).reshape(-1, 2)
        low, high = (np.repeat(end[None], points, axis=0) for end in ends.T)
        return low, high

    def remaining_range(self, i: int, box: Box, applies: Mask) -> tuple[Codes, Codes]:
        """The range that the rows leave to one parameter while the others are anywhere in a box.

        Returns:
            The smallest and the largest remaining value, both of shape (points,); smallest > largest if there is none.
        """
        low, high = box
        rows = self._rows_of[i]
        factors, own = self.factors[rows], self.factors[rows, i]
        least = np.where(factors > 0, low[:, None, :] * factors, high[:, None, :] * factors)
        most = np.maximum(np.abs(low), np.abs(high))[:, None, :] * np.abs(factors)
        least[:, :, i] = most[:, :, i] = 0.0
        limits = (self.bounds[rows] - least.sum(2)) / own
        slack = 0.5 * TOLERANCE * np.maximum(most.max(2), np.abs(self.bounds[rows])) / np.abs(own)
        above, below = applies[:, rows] & (own > 0), applies[:, rows] & (own < 0)
        widened = slack if self.columns[i].size is not None else 0.0
        start = np.maximum(np.where(below, limits - widened, -np.inf).max(1), low[:, i])
        end = np.minimum(np.where(above, limits + widened, np.inf).min(1), high[:, i])
        if self.columns[i].size is None:  # for an equality, rounding may leave slightly less than a point
            touching = (start > end) & (start - end <= 2.0 * np.where(above | below, slack, 0.0).max(1))
            middle = np.clip(0.5 * (start + end), low[:, i], high[:, i])  # never outside the box, or errors would grow
            start, end = np.where(touching, middle, start), np.where(touching, middle, end)
        return self.columns[i].within(start, end)

    def tighten(self, box: Box, applies: Mask, changed: Sequence[int]) -> Box:
        """Propagate changes in a box to all other parameters that they affect."""
        low, high = box[0].copy(), box[1].copy()
        order = range(len(self.columns))
        dirty = {int(j) for i in changed for j in self._neighbours[i]}
        for step in range(2 * ROUNDS):
            if not dirty:
                break
            for i in order if step % 2 == 0 else reversed(order):
                if i not in dirty:
                    continue
                dirty.discard(i)
                start, end = self.remaining_range(i, (low, high), applies)
                if (start > low[:, i]).any() or (end < high[:, i]).any():
                    low[:, i], high[:, i] = np.maximum(start, low[:, i]), np.minimum(end, high[:, i])
                    dirty.update(map(int, self._neighbours[i]))
        return low, high

    def fill(self, box: Box, applies: Mask, unit: Codes, order: npt.NDArray[np.intp]) -> tuple[Codes, Mask]:
        """Build points of the region, one parameter after the other within the range left by those before it.

        Args:
            box: The range of each parameter.
            applies: The rows that apply to each point.
            unit: Uniform numbers in [0, 1), shape (points, parameters).
            order: The parameters in the order in which they are drawn.

        Returns:
            The codes of the parameters, shape (points, parameters), and a mask of the points that were completed.
        """
        codes = np.zeros_like(unit)
        complete = np.ones(len(unit), dtype=bool)
        low, high = self.tighten(box, applies, range(len(self.columns)))
        for i in order:
            codes[:, i], there = self.columns[i].draw_between(low[:, i], high[:, i], unit[:, i])
            complete &= there
            low[:, i] = high[:, i] = self.columns[i].number(codes[:, i])
            low, high = self.tighten((low, high), applies, [int(i)])
        return codes, complete
