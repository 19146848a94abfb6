"""The search space in the model's coordinates: one column a parameter, every rule of the space vectorised.

A *code* is a row of numbers, one per parameter that can vary. Numeric parameters and ordered choices lie in [0, 1], on the
scale that the user chose; an unordered choice is the position of its value. The optimiser only ever looks at codes that
`Space.snap` has put on real values and that `Space.feasible` has passed, so no candidate needs repair after it was chosen.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from paretonas.api import (
    Bool,
    Choice,
    ExperimentSpec,
    Fixed,
    FloatChoice,
    FloatRange,
    IntChoice,
    IntRange,
    LinearConstraint,
    Parameter,
    Scalar,
)

Codes = npt.NDArray[np.float64]
"""Shape (points, columns)."""
Mask = npt.NDArray[np.bool_]
Key = tuple[Scalar | None, ...]
"""A point's values in the order of the parameters, None where inactive: what makes two points the same."""

SPARE_POINTS = 1_000
"""Points beyond twice the trials of an experiment up to which a discrete space is listed (it takes about 0.1 s). A space
of more points cannot be exhausted by the experiment."""
TOLERANCE = 5e-10
"""Relative slack of a constraint, half of what the API grants, so that what passes here passes there."""


@dataclass(frozen=True)
class Column:
    """One parameter in the model's coordinates."""

    parameter: Parameter

    @cached_property
    def name(self) -> str:
        """The parameter's name."""
        return self.parameter.name

    @cached_property
    def values(self) -> tuple[Scalar, ...] | None:
        """The values in the order of their codes; None for a range."""
        domain = self.parameter.domain
        if isinstance(domain, (IntRange, FloatRange)):
            return None
        if isinstance(domain, Fixed):
            return (domain.value,)
        if isinstance(domain, (IntChoice, FloatChoice)) and domain.ordered:
            return tuple(sorted(domain.values))
        return domain.values

    @cached_property
    def log(self) -> bool:
        """Whether codes are even in the logarithm: as the user says, and for ordered choices that span a decade."""
        domain = self.parameter.domain
        if isinstance(domain, (IntRange, FloatRange)):
            return domain.scale == "Log"
        if isinstance(domain, (IntChoice, FloatChoice)) and domain.ordered:
            # [16, 32, 64, 128]: even steps for the model; [1, 2, 3] stays linear
            return min(domain.values) > 0 and max(domain.values) >= 8 * min(domain.values)
        return False

    @cached_property
    def categories(self) -> int:
        """How many values without an order it has; 0 where there is one."""
        domain = self.parameter.domain
        ordered = isinstance(domain, (Choice, IntChoice, FloatChoice)) and domain.ordered
        return len(self.values) if self.values and not ordered else 0

    @property
    def one_hot(self) -> bool:
        """Whether the model sees one input per value: two values are as well told apart by one number."""
        return self.categories > 2  # noqa: PLR2004 # see above

    @cached_property
    def feature_names(self) -> list[str]:
        """The model's inputs for this parameter."""
        return [f"{self.name}={value}" for value in self.values or ()] if self.one_hot else [self.name]

    @cached_property
    def grid(self) -> Codes | None:
        """The codes of `values`, increasing; None for a range."""
        if self.values is None:
            return None
        if self.categories:
            return np.arange(len(self.values), dtype=np.float64)
        if isinstance(self.parameter.domain, Choice):  # ordered texts: even steps
            return np.linspace(0.0, 1.0, len(self.values))
        return self._to_code(np.array(self.values, dtype=np.float64))

    @cached_property
    def size(self) -> int | None:
        """The number of values; None when continuous."""
        domain = self.parameter.domain
        if isinstance(domain, IntRange):
            return domain.max - domain.min + 1
        return None if self.values is None else len(self.values)

    @cached_property
    def numbers(self) -> Codes | None:
        """The numeric value behind each code of the grid; None for a range or texts."""
        if not self.values or isinstance(self.values[0], (str, bool)):
            return None
        return np.array(self.values, dtype=np.float64)

    @cached_property
    def _ends(self) -> tuple[float, float]:
        domain = self.parameter.domain
        if isinstance(domain, (IntRange, FloatRange)):
            low, high = float(domain.min), float(domain.max)
        else:
            assert self.values
            low, high = float(self.values[0]), float(self.values[-1])
        return (math.log(low), math.log(high)) if self.log else (low, high)

    def _to_code(self, numbers: Codes) -> Codes:
        low, high = self._ends
        scaled = np.log(numbers) if self.log else numbers
        return np.clip((scaled - low) / (high - low if high > low else 1.0), 0.0, 1.0)

    def number(self, codes: Codes) -> Codes:
        """Numeric values of snapped codes, shape (points,)."""
        if self.numbers is not None:
            assert self.grid is not None
            return np.asarray(self.numbers[np.searchsorted(self.grid, codes - 1e-12)])
        domain = self.parameter.domain
        assert isinstance(domain, (IntRange, FloatRange))
        low, high = self._ends
        scaled = low + codes * (high - low)
        numbers = np.exp(scaled) if self.log else scaled
        if isinstance(domain, IntRange):
            numbers = np.rint(numbers)
        return np.clip(numbers, domain.min, domain.max)

    def snap(self, codes: Codes) -> Codes:
        """The nearest codes that stand for a value."""
        if self.grid is not None:
            if len(self.grid) == 1:
                return np.full_like(codes, self.grid[0])
            return np.asarray(self.grid[np.searchsorted((self.grid[1:] + self.grid[:-1]) / 2, codes)])
        codes = np.clip(codes, 0.0, 1.0)
        return self._to_code(self.number(codes)) if isinstance(self.parameter.domain, IntRange) else codes

    def spread(self, unit: Codes) -> Codes:
        """Map uniform numbers in [0, 1) to codes so that every value of a choice, and every integer, is as likely."""
        if self.grid is not None:
            return np.asarray(self.grid[np.minimum((unit * len(self.grid)).astype(int), len(self.grid) - 1)])
        domain = self.parameter.domain
        if isinstance(domain, IntRange):
            # widened by half a step on both sides: the ends would have half the chance of the others
            low, high = domain.min - 0.5, domain.max + 0.5
            if self.log:
                numbers = np.exp(math.log(max(low, 0.5)) + unit * (math.log(high) - math.log(max(low, 0.5))))
            else:
                numbers = low + unit * (high - low)
            return self._to_code(np.clip(np.rint(numbers), domain.min, domain.max))
        return unit

    def mutate(self, codes: Codes, rng: np.random.Generator, reach: float) -> Codes:
        """Other codes nearby, not yet snapped; ``reach`` in (0, 1] is the size of a step."""
        count = len(codes)
        if self.categories:
            return (codes + rng.integers(1, self.categories, size=count)) % self.categories
        if self.grid is None:
            moved = codes + reach * rng.normal(size=count)
            if isinstance(self.parameter.domain, IntRange):  # at least to the next integer
                moved = np.where(self.snap(moved) == codes, self._next(codes, rng), moved)
            return moved
        steps = np.rint(rng.normal(size=count) * max(1.0, 2.0 * reach * len(self.grid)))
        steps = np.where(steps == 0, rng.choice([-1.0, 1.0], size=count), steps)
        place = np.searchsorted(self.grid, codes - 1e-12) + steps.astype(int)
        return np.asarray(self.grid[np.clip(place, 0, len(self.grid) - 1)])

    def _next(self, codes: Codes, rng: np.random.Generator) -> Codes:
        return self._to_code(np.maximum(self.number(codes) + rng.choice([-1.0, 1.0], size=len(codes)), self._least))

    @cached_property
    def _least(self) -> float:
        return math.exp(self._ends[0]) if self.log else self._ends[0]

    def encode(self, value: Scalar) -> float:
        """The code of a value; one outside the domain (a user's own point) gets the nearest."""
        value = self.parameter.cast(value)
        if self.grid is not None:
            assert self.values is not None
            if value in self.values:
                return float(self.grid[self.values.index(value)])
            if self.numbers is None or isinstance(value, (str, bool)):
                return float(self.grid[0])
        number = max(float(value), self._least)
        return float(self.snap(self._to_code(np.array([number])))[0])

    def decode(self, code: float) -> Scalar:
        """The value of a snapped code, in the parameter's type."""
        if self.grid is not None:
            assert self.values is not None
            return self.values[int(np.argmin(np.abs(self.grid - code)))]
        number = float(self.number(np.array([code]))[0])
        return int(number) if isinstance(self.parameter.domain, IntRange) else number

    @cached_property
    def resting(self) -> float:
        """The code while inactive: constant, so that the model learns nothing from it."""
        return 0.0 if self.categories else float(self.snap(np.array([0.5]))[0])


class Space:
    """The parameters of an experiment, with their conditions and constraints."""

    def __init__(self, spec: ExperimentSpec) -> None:
        self.spec = spec
        self.parameters = spec.parameters
        sizes = {p.name: Column(p).size for p in spec.parameters}
        self.columns = [Column(p) for p in spec.parameters if sizes[p.name] != 1]
        self.position = {column.name: i for i, column in enumerate(self.columns)}
        self.constraints = spec.linear_constraints

    # -- one point ---------------------------------------------------------------------------------------------------

    def active(self, name: str, values: Mapping[str, Scalar]) -> bool:
        """Whether a parameter is active beside these values of the others."""
        return all(
            self.active(when.parameter, values)
            and when.parameter in values
            and any(values[when.parameter] == value for value in when.values)
            for when in self.spec.parameter(name).active_when
        )

    def key(self, parameters: Mapping[str, Scalar]) -> Key:
        """What makes it the same point as another one, whatever JSON did to its numbers."""
        return tuple(
            p.cast(parameters[p.name]) if p.name in parameters else None for p in self.parameters
        )

    def encode(self, parameters: Mapping[str, Scalar]) -> Codes:
        """The code of a point, shape (columns,)."""
        row = [
            column.encode(parameters[column.name]) if column.name in parameters else column.resting
            for column in self.columns
        ]
        return np.array(row, dtype=np.float64)

    def decode(self, code: Codes) -> dict[str, Scalar]:
        """The point of a snapped code, without inactive parameters, in the order of the parameters."""
        values: dict[str, Scalar] = {}
        for parameter in self.parameters:
            i = self.position.get(parameter.name)
            column = Column(parameter) if i is None else self.columns[i]
            values[parameter.name] = column.decode(0.0 if i is None else code[i])
        return {name: value for name, value in values.items() if self.active(name, values)}

    # -- many points ---------------------------------------------------------------------------------------------------

    def snap(self, codes: Codes) -> Codes:
        """The nearest codes of real points, inactive columns at rest."""
        snapped = np.stack([column.snap(codes[:, i]) for i, column in enumerate(self.columns)], axis=1)
        return self._rest(snapped)

    def spread(self, unit: Codes) -> Codes:
        """Points of the space, as even as the given points of the unit cube."""
        codes = np.stack([column.spread(unit[:, i]) for i, column in enumerate(self.columns)], axis=1)
        return self._rest(codes)

    def mutate(self, codes: Codes, rng: np.random.Generator, reach: float) -> Codes:
        """Each point with about one and a half of its columns changed, at least one; ``reach`` in (0, 1] is the size of a step."""
        codes = codes.copy()
        rows, columns = codes.shape
        chosen = rng.random((rows, columns)) < 1.5 / columns
        chosen[np.arange(rows), rng.integers(columns, size=rows)] = True
        for i, column in enumerate(self.columns):
            here = chosen[:, i]
            codes[here, i] = column.mutate(codes[here, i], rng, reach)
        return self.snap(codes)

    def neighbours(self, code: Codes) -> Codes:
        """Every point that differs from this one in the value of one choice."""
        rows = [
            np.where(np.arange(len(code)) == i, value, code)
            for i, column in enumerate(self.columns)
            if column.grid is not None
            for value in column.grid
            if value != code[i]
        ]
        return self.snap(np.array(rows)) if rows else np.zeros((0, len(code)))

    def _rest(self, codes: Codes) -> Codes:
        for i, column in enumerate(self.columns):
            if column.parameter.active_when:
                codes[~self._active_rows(column.parameter, codes), i] = column.resting
        return codes

    def _active_rows(self, parameter: Parameter, codes: Codes) -> Mask:
        rows = np.ones(len(codes), dtype=bool)
        for when in parameter.active_when:
            parent = self.spec.parameter(when.parameter)
            rows &= self._active_rows(parent, codes)
            i = self.position.get(parent.name)
            if i is None:
                rows &= Column(parent).decode(0.0) in when.values
            else:
                codes_of_values = [self.columns[i].encode(value) for value in when.values]
                rows &= np.isin(codes[:, i], codes_of_values)
        return rows

    def feasible(self, codes: Codes) -> Mask:
        """Which snapped codes satisfy every parameter constraint."""
        rows = np.ones(len(codes), dtype=bool)
        for constraint in self.constraints:
            rows &= self._satisfied(constraint, codes)
        return rows

    def _satisfied(self, constraint: LinearConstraint, codes: Codes) -> Mask:
        total = np.zeros(len(codes))
        size = np.full(len(codes), max(abs(constraint.bound), 1.0))
        applies = np.ones(len(codes), dtype=bool)
        for name, factor in constraint.terms.items():
            parameter = self.spec.parameter(name)
            i = self.position.get(name)
            column = Column(parameter) if i is None else self.columns[i]
            code = np.zeros(len(codes)) if i is None else codes[:, i]
            part = factor * column.number(code)
            total += part
            size = np.maximum(size, np.abs(part))
            applies &= self._active_rows(parameter, codes)
        return ~applies | (total <= constraint.bound + TOLERANCE * size)

    def allows(self, parameters: Mapping[str, Scalar]) -> bool:
        """The last word on a decoded point, by the API's own check."""
        return all(constraint.satisfied(parameters) for constraint in self.constraints)

    # -- the model's view ----------------------------------------------------------------------------------------------

    @cached_property
    def feature_names(self) -> list[str]:
        """The model's inputs: a parameter's name, or ``name=value`` for each value of an unordered choice of three or more."""
        return [name for column in self.columns for name in column.feature_names]

    @cached_property
    def feature_columns(self) -> list[int]:
        """Which column each feature comes from; features of one column share a length scale."""
        return [i for i, column in enumerate(self.columns) for _ in column.feature_names]

    def features(self, codes: Codes) -> Codes:
        """The model's inputs for codes, shape (points, features); two values of one choice are at distance 1."""
        parts = [
            (codes[:, i, None] == np.arange(column.categories)) * math.sqrt(0.5)
            if column.one_hot
            else codes[:, i, None]
            for i, column in enumerate(self.columns)
        ]
        return np.concatenate(parts, axis=1).astype(np.float64)

    def codes(self, features: Codes) -> Codes:
        """The inverse of `features`."""
        columns, start = [], 0
        for column in self.columns:
            stop = start + len(column.feature_names)
            part = features[:, start:stop]
            columns.append(part.argmax(1).astype(np.float64) if column.one_hot else part[:, 0])
            start = stop
        return np.stack(columns, axis=1)

    # -- all points ----------------------------------------------------------------------------------------------------

    @cached_property
    def points(self) -> Codes | None:
        """Every feasible point of a small discrete space, shape (points, columns); None for a larger one."""
        sizes = [column.size for column in self.columns]
        limit = 2 * self.spec.max_trials + SPARE_POINTS
        plain = not self.constraints and not any(p.active_when for p in self.parameters)
        if None in sizes or (plain and math.prod(filter(None, sizes)) > limit):
            return None
        found: list[Codes] = []
        for parameters in self._enumerate():
            found.append(self.encode(parameters))
            if len(found) > limit:
                return None
        return np.array(found).reshape(len(found), len(self.columns))

    def _enumerate(self) -> Iterator[dict[str, Scalar]]:
        """Every feasible point, parents first, leaving a branch as soon as a constraint cannot be kept any more."""
        order = self._parents_first()

        def extend(values: dict[str, Scalar], depth: int) -> Iterator[dict[str, Scalar]]:
            if depth == len(order):
                yield values
                return
            parameter = order[depth]
            if not self.active(parameter.name, values):
                yield from extend(values, depth + 1)
                return
            domain = parameter.domain
            choices: Sequence[Scalar] = (
                range(domain.min, domain.max + 1) if isinstance(domain, IntRange) else Column(parameter).values or ()
            )
            for value in choices:
                extended = {**values, parameter.name: value}
                if self._can_be_kept(extended):
                    yield from extend(extended, depth + 1)

        return extend({}, 0)

    def _parents_first(self) -> list[Parameter]:
        order: dict[str, Parameter] = {}

        def add(parameter: Parameter) -> None:
            for when in parameter.active_when:
                add(self.spec.parameter(when.parameter))
            order.setdefault(parameter.name, parameter)

        for parameter in self.parameters:
            add(parameter)
        return list(order.values())

    def _can_be_kept(self, values: Mapping[str, Scalar]) -> bool:
        for constraint in self.constraints:
            missing = [self.spec.parameter(name) for name in constraint.terms if name not in values]
            if any(parameter.active_when for parameter in missing):
                continue  # it may turn out inactive, and then the constraint does not apply
            best = {p.name: _best_end(p, constraint.terms[p.name]) for p in missing}
            if not constraint.satisfied({**values, **best}):
                return False
        return True


def _best_end(parameter: Parameter, factor: float) -> Scalar:
    """The value that adds least to a constraint's left side."""
    domain = parameter.domain
    if isinstance(domain, (IntRange, FloatRange)):
        return domain.min if factor > 0 else domain.max
    if isinstance(domain, (IntChoice, FloatChoice)):
        return min(domain.values, key=lambda value: factor * value)
    assert isinstance(domain, (Fixed, Bool, Choice))
    return Column(parameter).values[0]  # type: ignore[index] # not a range, so it has values
