"""Metrics that formulas give, for many points at once, and the bounds on them as constraints on the space.

Values are those of the API's formulas to the last bit, except for ranges of real numbers with very many steps. Where
the value of a formula over such a range is so close to a bound that rounding decides, the API's own check is asked.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial, reduce
from typing import TYPE_CHECKING

import numpy as np

from paretonas.api import Domain, FloatRange, Scalar
from paretonas.api.formula import OPERATIONS, Lookup, NoValueError, run
from paretonas.api.formula_ranges import ranges
from paretonas.search.encoding.choices import ChoiceColumn
from paretonas.search.encoding.codes import Codes, Mask

if TYPE_CHECKING:
    from paretonas.search.space import Space

CLOSE = 1e-9
"""How far a value may be from a bound, relative to the largest intermediate result, for rounding to decide: far more
than that of a few steps, and little enough to be rare."""
MANY_STEPS = 10_000
"""The most steps of a range of real numbers that are listed, as decimals, for exact values."""

_Value = tuple[Codes, Codes]
"""Values and the sizes of the largest intermediate results, both of shape (points,)."""


def _exactly(name: str, count: int) -> Callable[..., Codes]:
    """An operation of the API for each point, since numpy's differ from it in the last bit; NaN where it fails."""

    def operation(*numbers: float) -> float:
        try:
            return OPERATIONS[name](*numbers)
        except (ValueError, OverflowError):
            return math.nan

    each = np.frompyfunc(operation, count, 1)
    return lambda *numbers: np.asarray(each(*numbers), dtype=np.float64)


_OPERATIONS: Mapping[str, Callable[..., Codes]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "**": _exactly("**", 2),
    "negate": np.negative,
    "abs": np.abs,
    "ceil": np.ceil,
    "exp": _exactly("exp", 1),
    "floor": np.floor,
    "log": _exactly("log", 1),
    "max": lambda *numbers: reduce(np.maximum, numbers),
    "min": lambda *numbers: reduce(np.minimum, numbers),
    "sqrt": np.sqrt,
}


class KnownMetrics:
    """The formulas of one space. All codes are snapped and have the shape (points, columns)."""

    def __init__(self, space: "Space") -> None:
        self._space = space
        self._formulas = space.spec.formulas
        self._bounds = space.spec.bounds_on_formulas
        self._position = {c.name: i for i, c in enumerate(space.columns)}
        names = {lookup.parameter for b in self._bounds for lookup in self._formulas[b.metric].lookups}
        self.bounded_columns = [i for i, c in enumerate(space.columns) if c.name in names]
        """The columns of the parameters on which bounded metrics depend."""
        above = {i for name in names for i in self._columns_above(name)}
        self.columns_above_bounded = sorted(above)
        """The columns that decide whether such a parameter is active."""
        used = [(metric, lookup) for metric, formula in self._formulas.items() for lookup in formula.lookups]
        domains = {lookup.parameter: space.spec.parameter(lookup.parameter).domain for _, lookup in used}
        self._steps = {name: _steps(domain) for name, domain in domains.items()}
        self._rounded = {metric for metric, lookup in used if _has_many_steps(domains[lookup.parameter])}
        """Metrics whose values may differ from the API's in the last bits."""
        self._tables = {(metric, lookup): self._table(metric, lookup) for metric, lookup in used}
        self._spans: dict[tuple[str, Lookup], tuple[Codes, Codes]] = {}
        self._above = {p.name: self._columns_above(p.name) for p in space.spec.parameters if p.active_when}

    def __bool__(self) -> bool:
        """Whether there is any formula."""
        return bool(self._formulas)

    @property
    def texts(self) -> str:
        """The bounds, for a message."""
        return ", ".join(repr(bound.text) for bound in self._bounds)

    def values(self, metric: str, codes: Codes) -> Codes:
        """The values of a metric, shape (points,); they are finite for feasible points."""
        return self._evaluate(metric, codes)[0]

    def feasible(self, codes: Codes) -> Mask:
        """A mask of the points at which every formula has a value and every bound holds."""
        kept = np.ones(len(codes), dtype=bool)
        close = np.zeros(len(codes), dtype=bool)
        for metric in self._formulas:
            value, size = self._evaluate(metric, codes)
            kept &= np.isfinite(size)
            for bound in self._bounds:
                if bound.metric == metric:
                    room = bound.bound - value if bound.upper else value - bound.bound
                    margin = CLOSE * np.maximum(size, abs(bound.bound)) if metric in self._rounded else 0.0
                    kept &= room >= -margin
                    close |= np.abs(room) < margin
        for row in np.flatnonzero(kept & close):
            kept[row] = self.allows(self._space.decode(codes[row]))
        return kept

    def allows(self, point: Mapping[str, Scalar]) -> bool:
        """Whether every formula has a value at a point and every bound holds, by the API's own check."""
        try:
            known = self._space.spec.known_metrics(point)
        except NoValueError:
            return False
        return all(bound.is_satisfied_by(known) for bound in self._bounds)

    def possible(self, low: Codes, high: Codes) -> Mask:
        """A mask of the boxes that may contain a feasible point, given their smallest and largest codes."""
        kept = np.ones(len(low), dtype=bool)
        for bound in self._bounds:
            load = partial(self._range, bound.metric, low=low, high=high)
            found = ranges(self._formulas[bound.metric].steps, load)
            end = found.low if bound.upper else found.high
            margin = CLOSE * np.maximum(np.abs(end), abs(bound.bound))
            kept &= (end <= bound.bound + margin) if bound.upper else (end >= bound.bound - margin)
        return kept

    def _evaluate(self, metric: str, codes: Codes) -> _Value:
        points = len(codes)

        def constant(number: float) -> _Value:
            return np.full(points, number), np.full(points, abs(number))

        def load(lookup: Lookup) -> _Value:
            numbers = self._numbers(metric, lookup, codes)
            return numbers, np.abs(numbers)

        def apply(name: str, arguments: list[_Value]) -> _Value:
            value = _OPERATIONS[name](*(argument for argument, _ in arguments))
            return value, reduce(np.maximum, [np.abs(value), *(size for _, size in arguments)])

        with np.errstate(all="ignore"):  # what is not finite is told by its size
            value, size = run(self._formulas[metric].steps, constant, load, apply)
        return value + 0.0, size

    def _numbers(self, metric: str, lookup: Lookup, codes: Codes) -> Codes:
        """The numbers of a lookup."""
        column = self._space.column_of[lookup.parameter]
        own, table, steps = self._own(lookup, codes), self._tables[metric, lookup], self._steps[lookup.parameter]
        if table is not None:
            numbers = table[column.positions(own)]
        else:
            numbers = column.number(own) if steps is None else steps[column.positions(own)]
        if lookup.parameter not in self._above:
            return np.asarray(numbers)
        active = self._space.active(column.parameter, codes)
        return np.where(active, numbers, self._formulas[metric].when_inactive[lookup.parameter])

    def _range(self, metric: str, lookup: Lookup, low: Codes, high: Codes) -> tuple[Codes, Codes]:
        """The smallest and the largest number of a lookup in each box."""
        least, most = self._range_while_active(metric, lookup, low, high)
        if lookup.parameter not in self._above:
            return least, most
        default = self._formulas[metric].when_inactive[lookup.parameter]
        above = self._above[lookup.parameter]
        settled = (low[:, above] == high[:, above]).all(1)
        active = self._space.active(self._space.spec.parameter(lookup.parameter), low)
        least = np.where(settled & active, least, np.where(settled, default, np.minimum(least, default)))
        most = np.where(settled & active, most, np.where(settled, default, np.maximum(most, default)))
        return least, most

    def _range_while_active(self, metric: str, lookup: Lookup, low: Codes, high: Codes) -> tuple[Codes, Codes]:
        column, table = self._space.column_of[lookup.parameter], self._tables[metric, lookup]
        first, last = self._own(lookup, low), self._own(lookup, high)
        if table is None:
            return column.number(first), column.number(last)
        if (metric, lookup) not in self._spans:
            self._spans[metric, lookup] = _spans(table)
        least, most = self._spans[metric, lookup]
        chosen = column.positions(first), column.positions(last)
        return least[chosen], most[chosen]

    def _own(self, lookup: Lookup, codes: Codes) -> Codes:
        """The codes of a lookup's parameter; that of its only value if it does not vary."""
        i = self._position.get(lookup.parameter)
        return codes[:, i] if i is not None else np.zeros(len(codes))

    def _table(self, metric: str, lookup: Lookup) -> Codes | None:
        """The numbers of a choice's values, in the order of their codes; None for a range."""
        column, formula = self._space.column_of[lookup.parameter], self._formulas[metric]
        if not isinstance(column, ChoiceColumn):
            return None
        return np.array([formula.number(lookup, value) for value in column.values])

    def _columns_above(self, name: str) -> list[int]:
        """The columns that decide, directly or not, whether a parameter is active."""
        names = {when.parameter for when in self._space.spec.parameter(name).active_when}
        inner = [i for parent in sorted(names) for i in self._columns_above(parent)]
        return [*inner, *(self._position[parent] for parent in sorted(names) if parent in self._position)]


def _spans(table: Codes) -> tuple[Codes, Codes]:
    """The smallest and the largest number from each position of a table to each, both of shape (size, size)."""
    places = np.arange(len(table))
    # inside[f, l, k]: whether the number at k is among those from f to l
    inside = (places >= places[:, None, None]) & (places <= places[None, :, None])
    return np.where(inside, table, np.inf).min(2), np.where(inside, table, -np.inf).max(2)


def _steps(domain: Domain) -> Codes | None:
    """The values of a range of real numbers with some steps; None for any other parameter."""
    if not isinstance(domain, FloatRange) or domain.count is None or domain.count > MANY_STEPS:
        return None
    return np.array([domain.value(k) for k in range(domain.count)])


def _has_many_steps(domain: Domain) -> bool:
    """Whether the column's numbers may differ from the parameter's values in the last bits."""
    return isinstance(domain, FloatRange) and (domain.count or 0) > MANY_STEPS
