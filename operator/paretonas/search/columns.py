"""One parameter in the model's coordinates, vectorised.

A range, and a choice with an order, lies in [0, 1] on its scale; a choice without one is the position of its
value. A *code* is *snapped* when it stands for a value.
"""

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from paretonas.api import Choice, Fixed, FloatChoice, FloatRange, IntChoice, IntRange, Parameter, Scalar

Codes = npt.NDArray[np.float64]
"""Numbers in the model's coordinates: shape (points,) for one column, (points, columns) for a space."""

LOG_RATIO = 8
"""An ordered choice of positive numbers whose ends differ by this factor is even in the logarithm: [16, 32, 64,
128] is, [1, 2, 3, 4] is not."""


def column(parameter: Parameter) -> "RangeColumn | ChoiceColumn":
    """The column of a parameter."""
    domain = parameter.domain
    if isinstance(domain, (IntRange, FloatRange)):
        return RangeColumn(parameter, domain)
    return ChoiceColumn(parameter)


class RangeColumn:
    """Integers or reals between two ends, linear or logarithmic."""

    values: tuple[Scalar, ...] | None = None
    """Only a choice lists its values."""

    def __init__(self, parameter: Parameter, domain: IntRange | FloatRange) -> None:
        self.parameter = parameter
        self.name = parameter.name
        self.feature_names = [parameter.name]
        self._whole = isinstance(domain, IntRange)
        self._log = domain.scale == "Log"
        self._min, self._max = domain.min, domain.max
        self._low, self._high = self._scaled(np.array([domain.min, domain.max], dtype=np.float64)).tolist()
        self.size = int(domain.max - domain.min) + 1 if self._whole else None
        """The number of values; None when continuous."""
        self.resting = float(self.snap(np.array([0.5]))[0])
        """The code while inactive: constant, so that the model learns nothing from it."""

    def _scaled(self, numbers: Codes) -> Codes:
        return np.asarray(np.log(numbers)) if self._log else numbers

    def _code(self, numbers: Codes) -> Codes:
        return np.asarray(np.clip((self._scaled(numbers) - self._low) / (self._high - self._low), 0.0, 1.0))

    def number(self, codes: Codes) -> Codes:
        """The numeric values of codes."""
        scaled = self._low + codes * (self._high - self._low)
        numbers = np.exp(scaled) if self._log else scaled
        return np.asarray(np.clip(np.rint(numbers) if self._whole else numbers, self._min, self._max))

    def snap(self, codes: Codes) -> Codes:
        """The nearest codes that stand for a value."""
        return self._code(self.number(codes)) if self._whole else np.clip(codes, 0.0, 1.0)

    def spread(self, unit: Codes) -> Codes:
        """Map uniform numbers in [0, 1) to codes, every integer as likely as its part of the scale is long."""
        if not self._whole:
            return unit
        # half a step more on both sides: the ends would have half the chance of the others
        ends = np.array([max(self._min - 0.5, 0.5) if self._log else self._min - 0.5, self._max + 0.5])
        low, high = self._scaled(ends)
        scaled = low + unit * (high - low)
        return self._code(np.clip(np.rint(np.exp(scaled) if self._log else scaled), self._min, self._max))

    def mutate(self, codes: Codes, rng: np.random.Generator, reach: float) -> Codes:
        """Other codes nearby, not yet snapped; ``reach`` in (0, 1] is the size of a step."""
        moved = codes + reach * rng.normal(size=len(codes))
        if not self._whole:
            return moved
        neighbour = self.number(codes) + rng.choice([-1.0, 1.0], size=len(codes))
        return np.where(
            self.snap(moved) == codes, self._code(np.clip(neighbour, self._min, self._max)), moved
        )

    def alternatives(self, code: float) -> Codes:  # noqa: ARG002 # a range has no list of others
        """The other codes, where they can be listed."""
        return np.zeros(0)

    def encode(self, values: Sequence[Scalar | None]) -> Codes:
        """The codes of values; None is at rest, and a number outside the domain (a user's own point) at its end."""
        numbers = np.array([self._min if v is None else float(v) for v in values], dtype=np.float64)
        codes = self.snap(self._code(np.clip(numbers, self._min, self._max)))
        codes[[v is None for v in values]] = self.resting
        return codes

    def decode(self, code: float) -> Scalar:
        """The value of a snapped code, in the parameter's type."""
        number = float(self.number(np.array([code]))[0])
        return int(number) if self._whole else number

    def features(self, codes: Codes) -> Codes:
        """The model's inputs, shape (points, features)."""
        return codes[:, None]

    def from_features(self, features: Codes) -> Codes:
        """The inverse of `features`."""
        return features[:, 0]


class ChoiceColumn:
    """One of a few values."""

    def __init__(self, parameter: Parameter) -> None:
        self.parameter = parameter
        self.name = parameter.name
        domain = parameter.domain
        values = (domain.value,) if isinstance(domain, Fixed) else domain.values  # type: ignore[union-attr] # no range
        self.ordered = isinstance(domain, (Choice, IntChoice, FloatChoice)) and domain.ordered
        numeric = not isinstance(values[0], (str, bool))
        self.values: tuple[Scalar, ...] = tuple(sorted(values)) if self.ordered and numeric else values
        """In the order of their codes."""
        self.size = len(self.values)
        self._numbers = np.array(self.values, dtype=np.float64) if numeric else None
        self._code_of = dict(zip(self.values, self._grid.tolist(), strict=True))
        self.resting = float(self._grid[len(self._grid) // 2 if self.ordered else 0])
        """The code while inactive: constant, so that the model learns nothing from it."""
        self._one_hot = not self.ordered and self.size > 2  # noqa: PLR2004 # one number tells two values apart as well
        names = [f"{self.name}={value}" for value in self.values] if self._one_hot else [self.name]
        self.feature_names = names

    @cached_property
    def _grid(self) -> Codes:
        """The codes of the values, increasing."""
        if not self.ordered:
            return np.arange(self.size, dtype=np.float64)
        if self._numbers is None or self.size == 1:
            return np.linspace(0.0, 1.0, self.size)
        log = self._numbers[0] > 0 and self._numbers[-1] >= LOG_RATIO * self._numbers[0]
        scaled = np.log(self._numbers) if log else self._numbers
        return np.asarray((scaled - scaled[0]) / (scaled[-1] - scaled[0]))

    def _places(self, codes: Codes) -> npt.NDArray[np.intp]:
        return np.searchsorted((self._grid[1:] + self._grid[:-1]) / 2, codes)

    def number(self, codes: Codes) -> Codes:
        """The numeric values of codes. Raises TypeError for texts and booleans."""
        if self._numbers is None:
            raise TypeError(f"parameter {self.name!r} has no numbers")
        return np.asarray(self._numbers[self._places(codes)])

    def snap(self, codes: Codes) -> Codes:
        """The nearest codes that stand for a value."""
        return np.asarray(self._grid[self._places(codes)])

    def spread(self, unit: Codes) -> Codes:
        """Map uniform numbers in [0, 1) to codes, every value as likely."""
        return np.asarray(self._grid[np.minimum((unit * self.size).astype(int), self.size - 1)])

    def mutate(self, codes: Codes, rng: np.random.Generator, reach: float) -> Codes:
        """Other codes nearby; any other where there is no order. ``reach`` in (0, 1] is the size of a step."""
        if not self.ordered:
            return (codes + rng.integers(1, self.size, size=len(codes))) % self.size
        steps = np.rint(rng.normal(size=len(codes)) * max(1.0, 2.0 * reach * self.size))
        steps = np.where(steps == 0, rng.choice([-1.0, 1.0], size=len(codes)), steps)
        return np.asarray(self._grid[np.clip(self._places(codes) + steps.astype(int), 0, self.size - 1)])

    def alternatives(self, code: float) -> Codes:
        """The codes of the other values."""
        return np.asarray(self._grid[self._grid != code])

    def encode(self, values: Sequence[Scalar | None]) -> Codes:
        """The codes of values; None is at rest, and so is what is no value (a user's own point)."""
        cast = self.parameter.cast
        return np.array(
            [self.resting if v is None else self._code_of.get(cast(v), self.resting) for v in values]
        )

    def decode(self, code: float) -> Scalar:
        """The value of a snapped code."""
        return self.values[int(self._places(np.array([code]))[0])]

    def features(self, codes: Codes) -> Codes:
        """The model's inputs, shape (points, features): without an order, any two values are at distance 1."""
        if not self._one_hot:
            return codes[:, None]
        return np.asarray((codes[:, None] == self._grid) * math.sqrt(0.5))

    def from_features(self, features: Codes) -> Codes:
        """The inverse of `features`."""
        return features.argmax(1).astype(np.float64) if self._one_hot else features[:, 0]
