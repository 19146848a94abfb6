"""Enumeration of the feasible points of a discrete space."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paretonas.search.encoding.codes import Codes, Positions
from paretonas.search.region import Box
from paretonas.search.space import Space

SPARE_POINTS = 1_000
"""A discrete space is listed if it has at most this many points more than twice the experiment's trials; the experiment
cannot exhaust a larger one."""
POINTS_AT_ONCE = 4_096
"""The number of points that are completed together."""
MOST_WORK = 400_000
"""The number of points, complete or not, after which the listing is abandoned: some seconds. Only puzzles reach it,
such as whole numbers whose sum with large factors must equal a value; orders and plain sums have no dead ends."""


def list_points(space: Space) -> Codes | None:
    """List every feasible point of a small discrete space, shape (points, columns), in the order of the values.

    Returns:
        The points; None if the space is continuous, has more than 2 maxTrials + `SPARE_POINTS` points, or takes too
        long to list.
    """
    sizes = [c.size for c in space.columns]
    limit = 2 * space.spec.max_trials + SPARE_POINTS
    free = not space.restricted and not any(p.active_when for p in space.spec.parameters)
    if None in sizes or (free and math.prod(filter(None, sizes)) > limit):
        return None
    found: list[Codes] = []
    for block in _complete(space):
        if block is None or sum(map(len, found)) + len(block) > limit:
            return None
        found.append(block)
    return np.concatenate(found) if found else np.zeros((0, len(space.columns)))


@dataclass(frozen=True)
class _Block:
    """Points whose first columns in the order are chosen, and the values that the next column may take."""

    depth: int
    codes: Codes
    box: Box
    first: Positions
    counts: Positions

    def split(self) -> tuple[npt.NDArray[np.intp], Positions, "_Block | None"]:
        """Take up to `POINTS_AT_ONCE` children: the row and the next value's position of each, and what remains."""
        before = np.cumsum(self.counts)
        rows = max(1, int(np.searchsorted(before, POINTS_AT_ONCE, side="right")))
        counts = np.minimum(self.counts[:rows], POINTS_AT_ONCE)  # one row alone may have more values than a block
        parents = np.repeat(np.arange(rows), counts)
        places = self.first[parents] + np.arange(len(parents)) - np.repeat(np.cumsum(counts) - counts, counts)
        start = rows - 1 if counts[-1] < self.counts[rows - 1] else rows
        if start == len(self.counts):
            return parents, places, None
        low, high = self.box
        first, more = self.first[start:].copy(), self.counts[start:].copy()
        if start < rows:
            first[0], more[0] = first[0] + counts[-1], more[0] - counts[-1]
        return parents, places, _Block(self.depth, self.codes[start:], (low[start:], high[start:]), first, more)


def _complete(space: Space) -> Iterator[Codes | None]:
    """Yield blocks of complete points; None, and then nothing more, once it takes too long.

    The blocks are visited depth first. Constraints without conditional parameters apply from the start; which of the
    others apply is known when the columns that decide it, which come first, are chosen.
    """
    order = _parents_first(space)
    deciding = len(space.parent_columns)
    always = np.array(
        [not any(space.spec.parameter(n).active_when for n in c.terms) for c in space.spec.linear_constraints],
        dtype=bool,
    )[space.region.owners]
    place = {column.name: i for i, column in enumerate(space.region.columns)}
    resting = np.array([[c.resting for c in space.columns]])
    work = 0

    def block(depth: int, codes: Codes, box: Box) -> _Block:
        """Create the block of points whose columns before this depth are chosen."""
        column = space.columns[order[depth]]
        i = place.get(column.name)
        if i is None:
            first, last = np.zeros(len(codes), dtype=np.int64), np.full(len(codes), (column.size or 1) - 1)
        else:
            first, last = column.positions_between(box[0][:, i], box[1][:, i])
        active = space.active(column.parameter, codes)
        [rest] = column.positions(np.array([column.resting]))
        counts = np.where(active, np.maximum(last - first + 1, 0), 1)
        return _Block(depth, codes, box, np.where(active, first, rest), counts)

    def rows_that_hold(depth: int, codes: Codes) -> npt.NDArray[np.bool_]:
        return space.applies(codes) if depth >= deciding else np.repeat(always[None], len(codes), axis=0)

    box = space.region.box(1)
    box = space.region.tighten(box, rows_that_hold(0, resting), range(len(place)))
    stack = [block(0, resting, box)]
    while stack:
        parent = stack.pop()
        rows, places, left = parent.split()
        if left is not None:
            stack.append(left)
        work += len(rows)
        if work > MOST_WORK:
            yield None
            return
        column, depth = space.columns[order[parent.depth]], parent.depth + 1
        codes = parent.codes[rows]
        codes[:, order[parent.depth]] = values = column.at(places)
        low, high = parent.box[0][rows], parent.box[1][rows]
        i = place.get(column.name)
        if i is not None:
            # an inactive parameter has its resting code, and none of its rows applies
            low[:, i] = high[:, i] = column.number(values)
        changed = [i] if i is not None and depth != deciding else range(len(place))
        low, high = space.region.tighten((low, high), rows_that_hold(depth, codes), changed)
        alive = (low <= high).all(1) & _possible(space, codes, order[depth:])
        codes, low, high = codes[alive], low[alive], high[alive]
        if depth == len(order):
            yield codes[space.feasible(codes)]
        elif len(codes):
            stack.append(block(depth, codes, (low, high)))


def _possible(space: Space, codes: Codes, free: list[int]) -> npt.NDArray[np.bool_]:
    """A mask of the points whose bounds on formulas can still hold, wherever the free columns are."""
    if not space.known:
        return np.ones(len(codes), dtype=bool)
    low, high = codes.copy(), codes.copy()
    for i in free:
        column = space.columns[i]
        low[:, i], high[:, i] = column.at(np.array([0, (column.size or 1) - 1]))
    return space.known.possible(low, high)


def _parents_first(space: Space) -> list[int]:
    """Order the columns so that those that decide whether others are active come first."""
    parents = set(space.parent_columns)
    return sorted(range(len(space.columns)), key=lambda i: (i not in parents, space.depth(space.columns[i].name)))
