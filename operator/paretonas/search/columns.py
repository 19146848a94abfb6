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
Mask = npt.NDArray[np.bool_]

LOG_RATIO = 8
"""An ordered choice of positive numbers whose ends differ by this factor is even in the logarithm: [16, 32, 64,
128] is, [1, 2, 3, 4] is not. A zero before them, as in [0, 1e-5, 1e-3], is one mean step below the smallest."""
Positions = npt.NDArray[np.int64]
"""Places among the values of a column."""
_MAGNITUDE = np.int64(2**63 - 1)
"""All bits of a double but its sign."""
FEW_DOUBLES = 2**22
"""Up to so many doubles a range of real numbers is one of single values: 1e12 to 1e12 + 1 has 8,193 of them. Above, no
experiment could tell the difference."""
NARROW = 2.0**-20
"""A range that is narrower than this part of its largest number is even on both scales, and logarithms would only
round it."""
ROUNDING = 1e-9
"""Parts of a step that are taken for the rounding of a bound."""


def column(parameter: Parameter) -> "RangeColumn | ChoiceColumn":
    """The column of a parameter."""
    domain = parameter.domain
    if isinstance(domain, (IntRange, FloatRange)):
        return RangeColumn(parameter, domain)
    return ChoiceColumn(parameter)


class RangeColumn:
    """Numbers between two ends, linear or logarithmic: all whole ones, those on a step, or all that a double can be."""

    values: tuple[Scalar, ...] | None = None
    """Only a choice lists its values."""

    def __init__(self, parameter: Parameter, domain: IntRange | FloatRange) -> None:
        self.parameter = parameter
        self.name = parameter.name
        self.feature_names = [parameter.name]
        self._domain = domain
        self._stepped = domain.count is not None
        self._step = float(domain.step or 1)
        self._min = float(domain.min)
        self._max = float(domain.max if domain.count is None else domain.value(domain.count - 1))
        self._log = domain.scale == "Log" and (self._max - self._min) > NARROW * self._max
        self._low, self._high = self._scaled(np.array([self._min, self._max])).tolist()
        self.ends = self._min, self._max
        self.step = self._step if self._stepped else None
        """The distance of neighbouring numbers; None where there is no such grid."""
        self.log = self._log
        self.size = domain.count if self._stepped else _few_doubles(self._min, self._max)
        """The number of values; None when continuous."""
        self.resting = float(self.snap(np.array([0.5]))[0])
        """The code while inactive: constant, so that the model learns nothing from it."""

    def _scaled(self, numbers: Codes) -> Codes:
        return np.asarray(np.log(numbers)) if self._log else numbers

    def _code(self, numbers: Codes) -> Codes:
        return np.asarray(np.clip((self._scaled(numbers) - self._low) / (self._high - self._low), 0.0, 1.0))

    def _on_scale(self, scaled: Codes) -> Codes:
        """The nearest values to points of the scale."""
        numbers = np.exp(scaled) if self._log else scaled
        if self._stepped:
            numbers = self._min + np.rint((numbers - self._min) / self._step) * self._step
        return np.asarray(np.clip(numbers, self._min, self._max))

    def number(self, codes: Codes) -> Codes:
        """The numeric values of codes."""
        return self._on_scale(self._low + codes * (self._high - self._low))

    def snap(self, codes: Codes) -> Codes:
        """The nearest codes that stand for a value."""
        return np.clip(codes, 0.0, 1.0) if self.size is None else self._code(self.number(codes))

    def positions(self, codes: Codes) -> Positions:
        """The places of snapped codes among the values, from 0. Raises TypeError for a continuous range."""
        return self._positions(self.number(codes))

    def _positions(self, numbers: Codes) -> Positions:
        if self._stepped:
            return np.rint((numbers - self._min) / self._step).astype(np.int64)
        if self.size is None:
            raise TypeError(f"parameter {self.name!r} is continuous")
        return _ordinals(numbers) - _ordinals(np.array([self._min]))

    def at(self, positions: Positions) -> Codes:
        """The codes of the values at some places. Raises TypeError for a continuous range."""
        if self._stepped:
            return self._code(np.asarray(self._min + positions * self._step))
        if self.size is None:
            raise TypeError(f"parameter {self.name!r} is continuous")
        return self._code(_doubles(positions + _ordinals(np.array([self._min]))))

    def positions_between(self, low: Codes, high: Codes) -> tuple[Positions, Positions]:
        """The first and the last place of the values from ``low`` to ``high``; crossed where there is none."""
        low, high = self.within(low, high)
        there = low <= high
        first = self._positions(np.where(there, low, self._min))
        return first, np.where(there, self._positions(np.where(there, high, self._min)), first - 1)

    def identity(self, codes: Codes) -> Codes:
        """What makes snapped codes the same value; of a continuous range all but its last bits.

        A round trip through values may change those.
        """
        return np.round(codes, 9) + 0.0 if self.size is None else self.positions(codes).astype(np.float64)

    def spread(self, unit: Codes) -> Codes:
        """Map uniform numbers in [0, 1) to codes, every value as likely as its part of the scale is long."""
        return self.between(np.full(len(unit), self._min), np.full(len(unit), self._max), unit)[0]

    def within(self, low: Codes, high: Codes) -> tuple[Codes, Codes]:
        """The smallest and the largest values from ``low`` to ``high``; crossed where there is none."""
        low, high = np.maximum(low, self._min), np.minimum(high, self._max)
        if not self._stepped:
            return low, high
        first = np.ceil((low - self._min) / self._step - ROUNDING)
        last = np.floor((high - self._min) / self._step + ROUNDING)
        return self._min + first * self._step, self._min + last * self._step

    def between(self, low: Codes, high: Codes, unit: Codes) -> tuple[Codes, Mask]:
        """Map uniform numbers in [0, 1) to codes of the values from ``low`` to ``high``, even on the scale.

        Returns:
            The codes, and where there is a value at all.
        """
        low, high = self.within(low, high)
        there = low <= high
        low, high = np.where(there, low, self._min), np.where(there, high, self._min)
        start, stop = low, high
        if self._stepped:
            # half a step more on both sides: the ends would have half the chance of the others
            half = 0.5 * self._step
            start, stop = (np.maximum(low - half, 0.5 * low) if self._log else low - half), high + half
        start, stop = self._scaled(start), self._scaled(stop)
        numbers = np.clip(self._on_scale(start + unit * (stop - start)), low, high)
        return self._code(numbers), there

    def around(self, codes: Codes, reach: Codes) -> tuple[Codes, Codes]:
        """The numbers at most ``reach`` away in the model's coordinates, the next value on both sides among them."""
        step = self._step if self._stepped else 0.0
        low, high = self.number(np.maximum(codes - reach, 0.0)), self.number(np.minimum(codes + reach, 1.0))
        here = self.number(codes)
        return np.minimum(low, here - step), np.maximum(high, here + step)

    def mutate(self, codes: Codes, rng: np.random.Generator, reach: float) -> Codes:
        """Other codes nearby, not yet snapped; ``reach`` in (0, 1] is the size of a step."""
        moved = codes + reach * rng.normal(size=len(codes))
        if not self._stepped:
            return moved
        neighbour = self.number(codes) + self._step * rng.choice([-1.0, 1.0], size=len(codes))
        return np.where(
            self.snap(moved) == codes, self._code(np.clip(neighbour, self._min, self._max)), moved
        )

    def alternatives(self, code: float) -> Codes:  # noqa: ARG002 # a range has no list of others
        """The other codes, where they can be listed."""
        return np.zeros(0)

    def encode_numbers(self, numbers: Codes) -> Codes:
        """The codes of the nearest values to numbers."""
        return self.snap(self._code(np.clip(numbers, self._min, self._max)))

    def encode(self, values: Sequence[Scalar | None]) -> Codes:
        """The codes of values; None is at rest, and a number outside the domain (a user's own point) at its end."""
        numbers = np.array([self._min if v is None else float(v) for v in values], dtype=np.float64)
        codes = self.encode_numbers(numbers)
        codes[[v is None for v in values]] = self.resting
        return codes

    def decode(self, code: float) -> Scalar:
        """The value of a snapped code, in the parameter's type."""
        number = float(self.number(np.array([code]))[0])
        if not self._stepped:
            return number
        position = round((number - self._min) / self._step)
        return self._domain.value(position)

    def features(self, codes: Codes) -> Codes:
        """The model's inputs, shape (points, features)."""
        return codes[:, None]

    def from_features(self, features: Codes) -> Codes:
        """The inverse of `features`."""
        return features[:, 0]


def _few_doubles(low: float, high: float) -> int | None:
    """How many doubles there are from ``low`` to ``high``; None for more than `FEW_DOUBLES`."""
    first, last = _ordinals(np.array([low, high])).tolist()
    return last - first + 1 if last - first < FEW_DOUBLES else None


def _ordinals(numbers: Codes) -> Positions:
    """The places of doubles among all doubles: neighbours differ by 1 (their bits, read as sign and magnitude)."""
    bits = np.ascontiguousarray(numbers + 0.0).view(np.int64)  # + 0.0: there is one zero
    return np.where(bits >= 0, bits, -(bits & _MAGNITUDE))


def _doubles(ordinals: Positions) -> Codes:
    """The inverse of `_ordinals`."""
    numbers = np.abs(ordinals).view(np.float64)
    return np.where(ordinals >= 0, numbers, -numbers)


class ChoiceColumn:
    """One of a few values."""

    step: float | None = None
    """Only a range has even steps."""
    log = False
    """Whether moves along it are even in the logarithm; the values of a choice are few."""

    def __init__(self, parameter: Parameter) -> None:
        self.parameter = parameter
        self.name = parameter.name
        domain = parameter.domain
        values = (domain.value,) if isinstance(domain, Fixed) else domain.values  # type: ignore[union-attr] # no range
        self.ordered = isinstance(domain, (Choice, IntChoice, FloatChoice)) and domain.ordered
        """Whether neighbouring values are alike."""
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
        scaled = self._numbers
        positive = self._numbers[self._numbers > 0]
        zero = self.size - len(positive) == 1 and self._numbers[0] == 0 and len(positive) > 1
        if (len(positive) == self.size or zero) and positive[-1] >= LOG_RATIO * positive[0]:
            scaled = np.log(positive)
            if zero:
                below = scaled[0] - (scaled[-1] - scaled[0]) / (len(positive) - 1)
                scaled = np.concatenate([[below], scaled])
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

    def positions(self, codes: Codes) -> Positions:
        """The places of codes among the values, from 0."""
        return self._places(codes).astype(np.int64)

    def at(self, positions: Positions) -> Codes:
        """The codes of the values at some places."""
        return np.asarray(self._grid[positions])

    def positions_between(self, low: Codes, high: Codes) -> tuple[Positions, Positions]:
        """The first and the last place of the values from ``low`` to ``high``; crossed where there is none."""
        numbers = self._sorted_numbers
        first, behind = np.searchsorted(numbers, low), np.searchsorted(numbers, high, side="right")
        return first.astype(np.int64), behind.astype(np.int64) - 1

    def identity(self, codes: Codes) -> Codes:
        """What makes snapped codes the same value: its place, since two values may be as near as 0 and 1e-12."""
        return self._places(codes).astype(np.float64)

    def spread(self, unit: Codes) -> Codes:
        """Map uniform numbers in [0, 1) to codes, every value as likely."""
        return np.asarray(self._grid[np.minimum((unit * self.size).astype(int), self.size - 1)])

    def within(self, low: Codes, high: Codes) -> tuple[Codes, Codes]:
        """The smallest and the largest values from ``low`` to ``high``; crossed where there is none."""
        first, last = self.positions_between(low, high)
        numbers = np.concatenate([[-np.inf], self._sorted_numbers, [np.inf]])
        return np.where(first <= last, numbers[first + 1], np.inf), np.where(
            first <= last, numbers[last + 1], -np.inf
        )

    def between(self, low: Codes, high: Codes, unit: Codes) -> tuple[Codes, Mask]:
        """Map uniform numbers in [0, 1) to codes of the values from ``low`` to ``high``, each as likely.

        Returns:
            The codes, and where there is a value at all.
        """
        first, last = self.positions_between(low, high)
        there = first <= last
        places = first + np.floor(unit * (last - first + 1)).astype(int)
        return np.asarray(self._grid[np.clip(places, 0, self.size - 1)]), there

    def around(self, codes: Codes, reach: Codes) -> tuple[Codes, Codes]:
        """The numbers of at least the next value on both sides, of more where ``reach`` in (0, 1] is wider."""
        places = self._places(codes)
        steps = np.maximum(1, np.rint(2.0 * reach * self.size)).astype(int)
        numbers = self._sorted_numbers
        return numbers[np.maximum(places - steps, 0)], numbers[np.minimum(places + steps, self.size - 1)]

    def encode_numbers(self, numbers: Codes) -> Codes:
        """The codes of the nearest values to numbers. Raises TypeError for texts and booleans."""
        middles = (self._sorted_numbers[1:] + self._sorted_numbers[:-1]) / 2
        return np.asarray(self._grid[np.searchsorted(middles, numbers)])

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest number."""
        return float(self._sorted_numbers[0]), float(self._sorted_numbers[-1])

    @property
    def _sorted_numbers(self) -> Codes:
        if self._numbers is None or not self.ordered:
            raise TypeError(f"parameter {self.name!r} has no numbers with an order")
        return self._numbers

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
