"""A choice in the model's coordinates, vectorised."""

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from paretonas.api import Choice, Fixed, FloatChoice, IntChoice, Parameter, Scalar
from paretonas.search.encoding.codes import Codes, Mask, Positions

LOG_RATIO = 8
"""An ordered choice of positive numbers whose ends differ by this factor is even in the logarithm: [16, 32, 64,
128] is, [1, 2, 3, 4] is not. A zero before them, as in [0, 1e-5, 1e-3], is one mean step below the smallest."""


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
