"""A range in the model's coordinates, vectorised."""

from collections.abc import Sequence

import numpy as np

from paretonas.api import FloatRange, IntRange, Parameter, Scalar
from paretonas.search.encoding.codes import Codes, Mask, Positions

_MAGNITUDE = np.int64(2**63 - 1)
"""All bits of a double except its sign."""
FEW_DOUBLES = 2**22
"""A range of real numbers with at most this many doubles is treated as discrete: 1e12 to 1e12 + 1 has 8,193. With more,
no experiment could tell the difference."""
NARROW = 2.0**-20
"""A range narrower than this fraction of its largest number is even on both scales, and logarithms would only add
rounding."""
ROUNDING = 1e-9
"""The fraction of a step that is attributed to the rounding of a bound."""


class RangeColumn:
    """The column of a range, linear or logarithmic: of whole numbers, of numbers on a step, or of all doubles."""

    def __init__(self, parameter: Parameter, domain: IntRange | FloatRange) -> None:
        self.parameter = parameter
        self.name = parameter.name
        self.feature_names = [parameter.name]
        self._domain = domain
        self._stepped = domain.count is not None
        self._step = float(domain.step or 1)
        self._min = float(domain.min)
        self._max = float(domain.max if domain.count is None else domain.value(domain.count - 1))
        self.log = domain.scale == "Log" and (self._max - self._min) > NARROW * self._max
        self._low, self._high = self._scaled(np.array([self._min, self._max])).tolist()
        self.ends = self._min, self._max
        self.step = self._step if self._stepped else None
        """The distance between neighbouring numbers; None without a grid."""
        self.size = domain.count if self._stepped else _few_doubles(self._min, self._max)
        """The number of values; None if the range is continuous."""
        self.resting = float(self.snap(np.array([0.5]))[0])
        """The code while the parameter is inactive: constant, so that the model learns nothing from it."""

    def _scaled(self, numbers: Codes) -> Codes:
        return np.asarray(np.log(numbers)) if self.log else numbers

    def _code(self, numbers: Codes) -> Codes:
        return np.asarray(np.clip((self._scaled(numbers) - self._low) / (self._high - self._low), 0.0, 1.0))

    def _on_scale(self, scaled: Codes) -> Codes:
        """The values nearest to points on the scale."""
        numbers = np.exp(scaled) if self.log else scaled
        if self._stepped:
            numbers = self._min + np.rint((numbers - self._min) / self._step) * self._step
        return np.asarray(np.clip(numbers, self._min, self._max))

    def number(self, codes: Codes) -> Codes:
        """The numeric values of codes."""
        return self._on_scale(self._low + codes * (self._high - self._low))

    def snap(self, codes: Codes) -> Codes:
        """The nearest codes that represent a value."""
        return np.clip(codes, 0.0, 1.0) if self.size is None else self._code(self.number(codes))

    def positions(self, codes: Codes) -> Positions:
        """The positions of snapped codes among the values, from 0. Raises TypeError for a continuous range."""
        return self._positions(self.number(codes))

    def _positions(self, numbers: Codes) -> Positions:
        if self._stepped:
            return np.rint((numbers - self._min) / self._step).astype(np.int64)
        if self.size is None:
            raise TypeError(f"parameter {self.name!r} is continuous")
        return _ordinals(numbers) - _ordinals(np.array([self._min]))

    def at(self, positions: Positions) -> Codes:
        """The codes of the values at the given positions. Raises TypeError for a continuous range."""
        if self._stepped:
            return self._code(np.asarray(self._min + positions * self._step))
        if self.size is None:
            raise TypeError(f"parameter {self.name!r} is continuous")
        return self._code(_doubles(positions + _ordinals(np.array([self._min]))))

    def positions_between(self, low: Codes, high: Codes) -> tuple[Positions, Positions]:
        """The positions of the first and the last value from ``low`` to ``high``; first > last if there is none."""
        low, high = self.within(low, high)
        there = low <= high
        first = self._positions(np.where(there, low, self._min))
        return first, np.where(there, self._positions(np.where(there, high, self._min)), first - 1)

    def identity(self, codes: Codes) -> Codes:
        """A key that is equal for equal values; for a continuous range, it ignores the last bits.

        A round trip through values may change those.
        """
        return np.round(codes, 9) + 0.0 if self.size is None else self.positions(codes).astype(np.float64)

    def spread(self, unit: Codes) -> Codes:
        """Map uniform numbers in [0, 1) to codes; each value is as likely as its part of the scale is long."""
        return self.draw_between(np.full(len(unit), self._min), np.full(len(unit), self._max), unit)[0]

    def within(self, low: Codes, high: Codes) -> tuple[Codes, Codes]:
        """The smallest and the largest value from ``low`` to ``high``; smallest > largest if there is none."""
        low, high = np.maximum(low, self._min), np.minimum(high, self._max)
        if not self._stepped:
            return low, high
        first = np.ceil((low - self._min) / self._step - ROUNDING)
        last = np.floor((high - self._min) / self._step + ROUNDING)
        return self._min + first * self._step, self._min + last * self._step

    def draw_between(self, low: Codes, high: Codes, unit: Codes) -> tuple[Codes, Mask]:
        """Map uniform numbers in [0, 1) to codes of the values from ``low`` to ``high``, even on the scale.

        Returns:
            The codes, and a mask of where there is any value.
        """
        low, high = self.within(low, high)
        there = low <= high
        low, high = np.where(there, low, self._min), np.where(there, high, self._min)
        start, stop = low, high
        if self._stepped:
            # half a step more on both sides, or the ends would be half as likely as the others
            half = 0.5 * self._step
            start, stop = (np.maximum(low - half, 0.5 * low) if self.log else low - half), high + half
        start, stop = self._scaled(start), self._scaled(stop)
        numbers = np.clip(self._on_scale(start + unit * (stop - start)), low, high)
        return self._code(numbers), there

    def around(self, codes: Codes, reach: Codes) -> tuple[Codes, Codes]:
        """The range of numbers within ``reach`` in the model's coordinates, including the next value on both sides."""
        step = self._step if self._stepped else 0.0
        low, high = self.number(np.maximum(codes - reach, 0.0)), self.number(np.minimum(codes + reach, 1.0))
        here = self.number(codes)
        return np.minimum(low, here - step), np.maximum(high, here + step)

    def mutate(self, codes: Codes, rng: np.random.Generator, reach: float) -> Codes:
        """Change codes to others nearby, not yet snapped; ``reach`` in (0, 1] is the step size."""
        moved = codes + reach * rng.normal(size=len(codes))
        if not self._stepped:
            return moved
        neighbour = self.number(codes) + self._step * rng.choice([-1.0, 1.0], size=len(codes))
        return np.where(self.snap(moved) == codes, self._code(np.clip(neighbour, self._min, self._max)), moved)

    def alternatives(self, code: float) -> Codes:  # noqa: ARG002 # a range has no list of others
        """The codes of the other values; none, since a range is not listed."""
        return np.zeros(0)

    def encode_numbers(self, numbers: Codes) -> Codes:
        """The codes of the values nearest to numbers."""
        return self.snap(self._code(np.clip(numbers, self._min, self._max)))

    def encode(self, values: Sequence[Scalar | None]) -> Codes:
        """The codes of values; None gets the resting code, and a number outside the range (of a user) its end."""
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
    """The number of doubles from ``low`` to ``high``; None if there are more than `FEW_DOUBLES`."""
    first, last = _ordinals(np.array([low, high])).tolist()
    return last - first + 1 if last - first < FEW_DOUBLES else None


def _ordinals(numbers: Codes) -> Positions:
    """The positions of doubles among all doubles: neighbours differ by 1 (the bits, read as sign and magnitude)."""
    bits = np.ascontiguousarray(numbers + 0.0).view(np.int64)  # + 0.0 turns -0.0 into 0.0
    return np.where(bits >= 0, bits, -(bits & _MAGNITUDE))


def _doubles(ordinals: Positions) -> Codes:
    """The inverse of `_ordinals`."""
    numbers = np.abs(ordinals).view(np.float64)
    return np.where(ordinals >= 0, numbers, -numbers)
