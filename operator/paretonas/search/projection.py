"""The feasible point of a space that is nearest to a given one, found by a mixed-integer program.

It is used where bounds alone are not enough: for whole numbers whose sum must equal a value, and to detect constraints
that no point satisfies.
"""

from collections import defaultdict

import numpy as np
from scipy.optimize import Bounds, milp  # type: ignore[import-untyped] # scipy ships no types
from scipy.optimize import LinearConstraint as Rows

from paretonas.search.encoding.choices import ChoiceColumn
from paretonas.search.encoding.codes import Codes
from paretonas.search.space import Space
from paretonas.search.types import SearchError

MOST_NODES = 20_000
"""The most branches to try, which take a second or two. Unlike a time limit, it is the same on every machine."""
UNSOLVABLE = 2
"""The status of scipy's milp for a program without a solution."""


def nearest(space: Space, target: Codes) -> Codes:
    """Find a feasible point, shape (columns,), that is near the target by the sum of the distances.

    Raises:
        SearchError: No point satisfies the constraints, or none was found within `MOST_NODES`.
    """
    program = _Program(space, target)
    solved = program.solve()
    texts = ", ".join(repr(constraint.text) for constraint in space.spec.linear_constraints)
    if solved is None and program.status == UNSOLVABLE:
        raise SearchError(f"no point of the search space keeps the parameter constraints {texts}")
    if solved is not None:
        code = _correct(space, solved)
        for window in (WINDOW, 1.0):
            if code is None:
                code = _round(space, solved, window)
        if code is not None:
            return code
    raise SearchError(f"cannot find a point that keeps the parameter constraints {texts}")


CORRECTIONS = 3
"""Least-squares steps. The first removes the program's error but for rounding, or for parameters that reach an end."""


def _correct(space: Space, code: Codes) -> Codes | None:
    """Move the continuous parameters of a solution as little as possible so that every row holds; None if that fails.

    The smallest such move, in fractions of the ranges, is the least-squares solution of least norm. All parameters move
    at once, so equalities that share several parameters hold together, where `_round` may find no value for the last.
    """
    region, codes = space.region, space.snap(code[None].copy())
    applies = space.applies(codes)
    low, high = (ends[0] for ends in region.box(1))
    width = np.where([column.size is None for column in region.columns], high - low, 0.0)
    equality = np.bincount(region.owners)[region.owners] > 1
    for _ in range(CORRECTIONS):
        if space.feasible(codes)[0]:
            return np.asarray(codes[0])
        numbers = space.numbers(codes)
        excess = (numbers @ region.factors.T - region.bounds)[0]
        used = applies[0] & (equality | (excess > 0.0))
        rows = region.factors[used] * width
        size = np.maximum(np.abs(rows).max(1, initial=0.0), np.finfo(float).tiny)
        step, *_ = np.linalg.lstsq(rows / size[:, None], excess[used] / size, rcond=None)
        moved = np.clip(numbers - step * width, low, high)
        part = np.stack([c.encode_numbers(moved[:, i]) for i, c in enumerate(region.columns)], axis=1)
        codes = space.replace_constrained(codes, part)
    return np.asarray(codes[0]) if space.feasible(codes)[0] else None


WINDOW = 1e-6
"""The fraction of a continuous range within which the program's answer is made exact: the program's accuracy."""


def _round(space: Space, code: Codes, window: float) -> Codes | None:
    """Snap a solution, then adjust its continuous parameters so that every row holds; None if that fails."""
    codes = space.snap(code[None].copy())
    region = space.region
    low, high = region.box(1)
    for i, column in enumerate(region.columns):
        numbers = space.numbers(codes)[:, i]
        if column.size is not None:
            low[:, i] = high[:, i] = numbers
        else:
            start, end = column.around(space.take_constrained(codes)[:, i], np.array([window]))
            low[:, i], high[:, i] = np.maximum(low[:, i], start), np.minimum(high[:, i], end)
    half = np.full((1, len(region.columns)), 0.5)
    part, complete = region.fill((low, high), space.applies(codes), half, np.arange(len(region.columns)))
    codes = space.replace_constrained(codes, part)
    return np.asarray(codes[0]) if complete[0] and space.feasible(codes)[0] else None


class _Program:
    """The mixed-integer program; a range is one variable, a choice one 0/1 variable per value."""

    def __init__(self, space: Space, target: Codes) -> None:
        self._space = space
        self.status = 0
        self._low: list[float] = []
        self._high: list[float] = []
        self._whole: list[int] = []
        self._cost: list[float] = []
        self._rows: list[tuple[dict[int, float], float, float]] = []
        self._start = [self._add_column(i, float(target[i])) for i in range(len(space.columns))]
        self._position = {column.name: i for i, column in enumerate(space.columns)}
        self._activity: dict[str, int] = {}
        for constraint_row in range(len(space.region.bounds)):
            self._add_row(constraint_row)

    def _variable(self, high: float = 1.0, *, whole: bool = False, cost: float = 0.0) -> int:
        self._low.append(0.0)
        self._high.append(high)
        self._whole.append(int(whole))
        self._cost.append(cost)
        return len(self._low) - 1

    def _add_column(self, i: int, target: float) -> int:
        """Add a column and return its first variable.

        A choice has one variable per value, a range one for its steps from min, or for its fraction of the range.
        """
        column = self._space.columns[i]
        if isinstance(column, ChoiceColumn):
            codes = column.at(np.arange(column.size))
            start = [
                self._variable(whole=True, cost=abs(float(code) - target) if column.ordered else float(code != target))
                for code in codes
            ]
            self._rows.append((dict.fromkeys(start, 1.0), 1.0, 1.0))
            return start[0]
        low, high = column.ends
        goal = float(column.number(np.array([target]))[0])
        unit = column.step or (high - low)
        variable = self._variable((high - low) / unit, whole=column.step is not None)
        distance = self._variable(np.inf, cost=unit / (high - low))
        place = (goal - low) / unit
        self._rows.append(({variable: 1.0, distance: -1.0}, -np.inf, place))
        self._rows.append(({variable: 1.0, distance: 1.0}, place, np.inf))
        return variable

    def _active(self, name: str) -> int | None:
        """The 0/1 variable for whether a parameter is active; None if it always is."""
        parameter = self._space.spec.parameter(name)
        if not parameter.active_when:
            return None
        if name in self._activity:
            return self._activity[name]
        active = self._variable(whole=True)
        self._activity[name] = active
        need: list[dict[int, float]] = []
        for when in parameter.active_when:
            above = self._active(when.parameter)
            if above is not None:
                need.append({above: 1.0})
            i = self._position.get(when.parameter)
            if i is None:  # a parameter with a single value
                never = self._space.column_of[when.parameter].decode(0.0) not in when.values
                need += [{}] if never else []
            else:
                column = self._space.columns[i]
                places = column.positions(column.encode(when.values)).tolist()
                need.append({self._start[i] + place: 1.0 for place in places})
        for part in need:  # active exactly if every part holds
            self._rows.append(({**_negative(part), active: 1.0}, -np.inf, 0.0))
        together: dict[int, float] = defaultdict(float)
        for part in need:
            for variable, factor in part.items():
                together[variable] += factor
        self._rows.append(({**_negative(together), active: 1.0}, 1.0 - len(need), np.inf))
        return active

    def _add_row(self, row: int) -> None:
        """Add one row of the region; it is relaxed while one of its parameters is inactive."""
        region, space = self._space.region, self._space
        terms: dict[int, float] = defaultdict(float)
        bound, most = float(region.bounds[row]), 0.0
        for column, factor in zip(region.columns, region.factors[row], strict=True):
            if not factor:
                continue
            low, high = column.ends
            most += max(factor * low, factor * high)
            i = self._position.get(column.name)
            if i is None:
                bound -= factor * low
            elif isinstance(column, ChoiceColumn):
                for place, number in enumerate(column.number(column.at(np.arange(column.size)))):
                    terms[self._start[i] + place] += factor * float(number)
            else:
                bound -= factor * low
                terms[self._start[i]] += factor * (column.step or high - low)
        room = max(0.0, most - float(region.bounds[row]))
        names = space.spec.linear_constraints[region.owners[row]].terms
        for active in map(self._active, names):
            if active is not None:
                terms[active] += room
                bound += room
        size = max(map(abs, terms.values()), default=0.0) or 1.0
        self._rows.append(({variable: factor / size for variable, factor in terms.items()}, -np.inf, bound / size))

    def solve(self) -> Codes | None:
        """Solve the program; return the codes, shape (columns,), or None if there is no solution (see `status`)."""
        matrix = np.zeros((len(self._rows), len(self._low)))
        for k, (terms, _, _) in enumerate(self._rows):
            for variable, factor in terms.items():
                matrix[k, variable] = factor
        limits = Rows(matrix, [low for _, low, _ in self._rows], [high for _, _, high in self._rows])
        solved = milp(
            self._cost,
            constraints=limits,
            integrality=self._whole,
            bounds=Bounds(self._low, self._high),
            options={"node_limit": MOST_NODES},
        )
        self.status = solved.status
        if solved.x is None:
            return None
        codes = []
        for start, column in zip(self._start, self._space.columns, strict=True):
            if isinstance(column, ChoiceColumn):
                place = int(solved.x[start : start + column.size].argmax())
                codes.append(float(column.at(np.array([place]))[0]))
            else:
                low, high = column.ends
                number = low + float(solved.x[start]) * (column.step or high - low)
                codes.append(float(column.encode_numbers(np.array([number]))[0]))
        return np.array(codes)


def _negative(terms: dict[int, float]) -> dict[int, float]:
    return {variable: -factor for variable, factor in terms.items()}
