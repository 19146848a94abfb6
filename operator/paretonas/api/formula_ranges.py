"""The range of a formula over boxes of the search space, by interval arithmetic.

A range contains every value that the formula takes in its box. It may be wider, since a parameter that is written twice
counts as two. Sums, products and powers of doubles round monotonically, so the ends are computed as the values are.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from paretonas.api.formula import Lookup, Operation, Step, run

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_LARGEST = sys.float_info.max


@dataclass(frozen=True, slots=True)
class Ranges:
    """Ranges over several boxes.

    Attributes:
        low: The smallest values, shape (boxes,).
        high: The largest values, shape (boxes,).
        may_fail: Whether a point of the box may have no finite value, shape (boxes,).
    """

    low: Array
    high: Array
    may_fail: Mask


def ranges(steps: tuple[Step, ...], load: Callable[[Lookup], tuple[Array, Array]]) -> Ranges:
    """The ranges of the value that steps leave.

    Args:
        steps: The steps of a formula, or the first of them that leave one number.
        load: The smallest and the largest number of a lookup in each box, both of shape (boxes,).
    """

    def loaded(lookup: Lookup) -> Ranges:
        low, high = load(lookup)
        return Ranges(low, high, np.zeros(len(low), dtype=bool))

    def constant(value: float) -> Ranges:
        return Ranges(np.array([value]), np.array([value]), np.array([False]))

    with np.errstate(all="ignore"):  # what overflows or is not a number is marked
        return run(steps, constant, loaded, apply_operation)


def apply_operation(name: str, arguments: list[Ranges]) -> Ranges:
    """The ranges of an operation's result."""
    low, high, fails = _RULES[name](*((a.low, a.high) for a in arguments))
    for argument in arguments:
        fails = fails | argument.may_fail
    fails = fails | ~(np.isfinite(low) & np.isfinite(high))
    low, high = np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)
    return Ranges(np.clip(low, -_LARGEST, _LARGEST), np.clip(high, -_LARGEST, _LARGEST), np.asarray(fails))


_Pair = tuple[Array, Array]
_Rule = tuple[Array, Array, Mask]
_NEVER: Mask = np.array([False])


def _corners(operation: Callable[[Array, Array], Array], a: _Pair, b: _Pair) -> _Pair:
    found = [operation(x, y) for x in a for y in b]
    return reduce(np.minimum, found), reduce(np.maximum, found)


def _divide(a: _Pair, b: _Pair) -> _Rule:
    by_zero = (b[0] <= 0) & (b[1] >= 0)
    low, high = _corners(np.divide, a, b)
    return np.where(by_zero, -np.inf, low), np.where(by_zero, np.inf, high), by_zero


def _power(a: _Pair, b: _Pair) -> _Rule:
    whole = (b[0] == b[1]) & (b[0] == np.rint(b[0]))
    zero_to_negative = (a[0] <= 0) & (a[1] >= 0) & (b[0] < 0)
    root_of_negative = (a[0] < 0) & ~whole
    fails = zero_to_negative | root_of_negative
    low, high = _corners(np.power, a, b)
    dips = (a[0] < 0) & (a[1] > 0) & (np.mod(b[0], 2) == 0)  # an even power is smallest at zero
    low = np.where(dips, np.minimum(low, 0.0), low)
    return np.where(fails, -np.inf, low), np.where(fails, np.inf, high), fails


def _abs(a: _Pair) -> _Rule:
    both = np.abs(a[0]), np.abs(a[1])
    low = np.where((a[0] <= 0) & (a[1] >= 0), 0.0, np.minimum(*both))
    return low, np.maximum(*both), _NEVER


def _increasing(
    function: Callable[[Array], Array], fails: Callable[[Array], Mask] | None = None
) -> Callable[..., _Rule]:
    """The rule of an increasing function, given where it has no value."""

    def rule(a: _Pair) -> _Rule:
        failing = _NEVER if fails is None else fails(a[0])
        return np.where(failing, -np.inf, function(a[0])), function(a[1]), failing

    return rule


def _of_several(function: Callable[[Array, Array], Array]) -> Callable[..., _Rule]:
    return lambda *all_of_them: (
        reduce(function, [a[0] for a in all_of_them]),
        reduce(function, [a[1] for a in all_of_them]),
        _NEVER,
    )


_RULES: dict[str, Callable[..., _Rule]] = {
    "+": lambda a, b: (a[0] + b[0], a[1] + b[1], _NEVER),
    "-": lambda a, b: (a[0] - b[1], a[1] - b[0], _NEVER),
    "*": lambda a, b: (*_corners(np.multiply, a, b), _NEVER),
    "/": _divide,
    "**": _power,
    "negate": lambda a: (-a[1], -a[0], _NEVER),
    "abs": _abs,
    "ceil": _increasing(np.ceil),
    "exp": _increasing(np.exp),
    "floor": _increasing(np.floor),
    "log": _increasing(np.log, lambda low: low <= 0),
    "max": _of_several(np.maximum),
    "min": _of_several(np.minimum),
    "sqrt": _increasing(np.sqrt, lambda low: low < 0),
}


def parts(steps: tuple[Step, ...]) -> list[tuple[Step, ...]]:
    """For each operation of a formula, the steps that compute it: its arguments and itself, in the steps' order."""
    spans, _ = _spans(steps)
    return [steps[start:end] for start, end in spans]


def argument(steps: tuple[Step, ...], position: int) -> tuple[Step, ...]:
    """The steps that compute one argument of the operation that comes last."""
    _, starts = _spans(steps[:-1])
    ends = [*starts[1:], len(steps) - 1]
    return steps[starts[position] : ends[position]]


def _spans(steps: tuple[Step, ...]) -> tuple[list[tuple[int, int]], list[int]]:
    """The span of the steps of each operation, and where the steps of each number that is left begin."""
    starts: list[int] = []
    found = []
    for place, step in enumerate(steps):
        start = place
        if isinstance(step, Operation):
            start = starts[-step.count]
            del starts[-step.count :]
            found.append((start, place + 1))
        starts.append(start)
    return found, starts
