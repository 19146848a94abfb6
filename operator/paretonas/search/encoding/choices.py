"""A choice in the model's coordinates, vectorised."""

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from paretonas.api import Choice, Fixed, FloatChoice, IntChoice, Parameter, Scalar
from paretonas.search.encoding.codes import Codes, Mask, Positions

LOG_RATIO = 8
"""An ordered choice of positive numbers is encoded by logarithm if its ends differ by at least this factor: [16, 32,
64, 128] is, [1, 2, 3, 4] is not. A zero before them, as in [0, 1e-5, 1e-3], is one mean step below the smallest."""


class ChoiceColumn:
    """The column of a parameter that takes one of a few values."""

    step: float | None = None
    """The step between neighbouring numbers; always None, since only a range has even steps."""
    log = False
    """Whether moves along the column are even in the logarithm; always False, since a choice has few values."""

    def __init__(self, parameter: Parameter) -> None:
        self.parameter = parameter
        self.name = parameter.name
        domain = parameter.domain
        values = (domain.value,) if isinstance(domain, Fixed) else domain.values  # type: ignore[union-attr] # no range
        self.ordered = isinstance(domain, (Choice, IntChoice, FloatChoice)) and domain.ordered
        """Whether neighbouring values are similar."""
        numeric = not isinstance(values[0], (str, bool))
        self.values: tuple[Scalar, ...] = tuple(sorted(values)) if self.ordered and numeric else values
        """The values in the order of their codes."""
        self.size = len(self.values)
        self._numbers = np.array(self.values, dtype=np.float64) if numeric else None
        self._code_of = dict(zip(self.values, self._grid.tolist(), strict=True))
        self.resting = float(self._grid[len(self._grid) // 2 if self.ordered else 0])
        """The code while the parameter is inactive: constant, so that the model learns nothing from it."""
        self.one_hot = not self.ordered and self.size > 2  # noqa: PLR2004 # for two values, one number is enough
        """Whether the model has an input for each value."""
        names = [f"{self.name}={value}" for value in self.values] if self.one_hot else [self.name]
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
        """The numeric values of codes. Raises TypeError if the values are texts or booleans."""
        if self._numbers is None:
            raise TypeError(f"parameter {self.name!r} has no numbers")
        return np.asarray(self._numbers[self._places(codes)])

    def snap(self, codes: Codes) -> Codes:
        """The nearest codes that represent a value."""
        return np.asarray(self._grid[self._places(codes)])

    def positions(self, codes: Codes) -> Positions:
        """The positions of codes among the values, from 0."""
        return self._places(codes).astype(np.int64)

    def at(self, positions: Positions) -> Codes:
        """The codes of the values at the given positions."""
        return np.asarray(self._grid[positions])

    def positions_between(self, low: Codes, high: Codes) -> tuple[Positions, Positions]:
        """The positions of the first and the last value from ``low`` to ``high``; first > last if there is none."""
        numbers = self._sorted_numbers
        first, behind = np.searchsorted(numbers, low), np.searchsorted(numbers, high, side="right")
        return first.astype(np.int64), behind.astype(np.int64) - 1

    def identity(self, codes: Codes) -> Codes:
        """A key that is equal for equal values: the position, since two values may be as close as 0 and 1e-12."""
        return self._places(codes).astype(np.float64)

    def spread(self, unit: Codes) -> Codes:
        """Map uniform numbers in [0, 1) to codes; every value is equally likely."""
        return np.asarray(self._grid[np.minimum((unit * self.size).astype(int), self.size - 1)])

    def within(self, low: Codes, high: Codes) -> tuple[Codes, Codes]:
        """The smallest and the largest value from ``low`` to ``high``; inf and -inf if there is none."""
        first, last = self.positions_between(low, high)
        numbers = np.concatenate([[-np.inf], self._sorted_numbers, [np.inf]])
        return np.where(first <= last, numbers[first + 1], np.inf), np.where(first <= last, numbers[last + 1], -np.inf)

    def draw_between(self, low: Codes, high: Codes, unit: Codes) -> tuple[Codes, Mask]:
        """Map uniform numbers in [0, 1) to codes of the values from ``low`` to ``high``, each equally likely.

        Returns:
            The codes, and a mask of where there is any value.
        """
        first, last = self.positions_between(low, high)
        there = first <= last
        places = first + np.floor(unit * (last - first + 1)).astype(int)
        return np.asarray(self._grid[np.clip(places, 0, self.size - 1)]), there

    def around(self, codes: Codes, reach: Codes) -> tuple[Codes, Codes]:
        """The range of numbers within ``reach`` in (0, 1]; it includes at least the next value on both sides."""
        places = self._places(codes)
        steps = np.maximum(1, np.rint(2.0 * reach * self.size)).astype(int)
        numbers = self._sorted_numbers
        return numbers[np.maximum(places - steps, 0)], numbers[np.minimum(places + steps, self.size - 1)]

    def encode_numbers(self, numbers: Codes) -> Codes:
        """The codes of the values nearest to numbers. Raises TypeError if the values are texts or booleans."""
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
        """Change codes to others nearby, or to any other without an order; ``reach`` in (0, 1] is the step size."""
        if not self.ordered:
            return (codes + rng.integers(1, self.size, size=len(codes))) % self.size
        steps = np.rint(rng.normal(size=len(codes)) * max(1.0, 2.0 * reach * self.size))
        steps = np.where(steps == 0, rng.choice([-1.0, 1.0], size=len(codes)), steps)
        return np.asarray(self._grid[np.clip(self._places(codes) + steps.astype(int), 0, self.size - 1)])

    def alternatives(self, code: float) -> Codes:
        """The codes of the other values."""
        return np.asarray(self._grid[self._grid != code])

    def encode(self, values: Sequence[Scalar | None]) -> Codes:
        """The codes of values; None and unknown values (of a user's own point) get the resting code."""
        cast = self.parameter.cast
        return np.array([self.resting if v is None else self._code_of.get(cast(v), self.resting) for v in values])

    def decode(self, code: float) -> Scalar:
        """The value of a snapped code."""
        return self.values[int(self._places(np.array([code]))[0])]

    def features(self, codes: Codes) -> Codes:
        """The model's inputs, shape (points, features); without an order, any two values have distance 1."""
        if not self.one_hot:
            return codes[:, None]
        return np.asarray((codes[:, None] == self._grid) * math.sqrt(0.5))

    def from_features(self, features: Codes) -> Codes:
        """The inverse of `features`."""
        return features.argmax(1).astype(np.float64) if self.one_hot else features[:, 0]
