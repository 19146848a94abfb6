"""Numbers, durations and lists as text for people."""

import struct
from collections.abc import Mapping
from datetime import timedelta

from paretonas.api import Scalar, format_value, visible

_GROUPED = 1000
"""Numbers from this one on are written without decimals and in groups of thousands: 46,880, not 4.688e+04."""

_EXACT = 10**15
"""Larger whole numbers are written with an exponent: soon beyond this, a double does not have all of them."""

_DIGITS = 17
"""The number of significant digits that distinguishes any two doubles."""

_FLOAT32_DIGITS = 9
"""The number of significant digits that distinguishes any two float32 (IEEE 754)."""

_LAST_LINE = 200
"""The most characters of a program's last line: the message of an exception may contain a whole tensor."""


def number(value: float) -> str:
    """A number, rounded to four digits or to a whole number: ``0.9718``, ``46,880``, ``1e-05``."""
    whole = float(value).is_integer()
    if abs(value) < _EXACT and (whole or abs(value) >= _GROUPED):
        return f"{value:,.0f}"
    return f"{value:.4g}"


def exact(bound: float) -> str:
    """A bound as it was written, since a rounded one would be a different bound."""
    short = number(bound)
    return short if float(short.replace(",", "")) == bound else repr(bound)


def apart(value: float, bound: float) -> str:
    """A value, rounded for reading, but with enough digits to differ from the bound, unless it is the bound."""
    if value == bound:
        return exact(bound)
    if number(value) != number(bound):
        return number(value)
    return next(text for digits in range(5, _DIGITS + 1) if (text := f"{value:.{digits}g}") != f"{bound:.{digits}g}")


def shortest(value: float) -> float:
    """A metric's value without the noise of single precision.

    For example, 0.975 is stored as a float32 of 0.9750000238418579. The result is the number with the fewest
    digits that is the same float32; a whole number becomes an int. A value that is not a float32 is returned
    as it is.
    """
    if float(value).is_integer() and abs(value) <= _EXACT:  # an int where JSON has no fraction
        return int(value)
    for digits in range(1, _FLOAT32_DIGITS + 1):
        text = float(f"{value:.{digits}g}")
        if _as_float32(text) == value:
            return text
    return value


def _as_float32(value: float) -> float | None:
    """The nearest float32; None if the value is out of its range."""
    try:
        [single] = struct.unpack("f", struct.pack("f", value))
    except OverflowError:
        return None
    return float(single)


def value(scalar: Scalar) -> str:
    """A parameter's value, on one line."""
    if isinstance(scalar, (bool, str)):
        return visible(format_value(scalar))
    return number(scalar)


def pairs(values: Mapping[str, Scalar]) -> str:
    """Names and values, as in ``val_acc 0.9718, num_params 46,880``."""
    return ", ".join(f"{visible(name)} {value(scalar)}" for name, scalar in values.items())


def count(amount: int, noun: str) -> str:
    """An amount with its noun, as in ``1 trial`` and ``12 trials``."""
    return f"{amount:,} {noun}" + ("" if amount == 1 else "s")


def shorten(text: str, most: int) -> str:
    """The text, cut to at most ``most`` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def gist(message: str) -> str:
    """A trial's message and the last line of the output below it, in which a program says why it failed."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return ": ".join([*lines[:1], *(shorten(line, _LAST_LINE) for line in lines[1:][-1:])])


def duration(time: timedelta) -> str:
    """A duration, as in ``12.3 s``, ``1 min 23 s`` and ``2 h 05 min``."""
    seconds = max(0.0, time.total_seconds())
    if seconds < 59.95:  # noqa: PLR2004 # what would be rounded to 60.0 s is a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 # minutes of an hour
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def age(time: timedelta) -> str:
    """An age in its largest unit, as in kubectl's column AGE: ``45s``, ``12m``, ``3h``, ``5d``."""
    seconds = max(0, int(time.total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:  # from two units on, as kubectl does: 90 s says more than 1 min
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024


def size(amount: float) -> str:
    """A number of bytes, as in ``3.4 MiB``."""
    for unit in _UNITS:
        if amount < _STEP or unit == _UNITS[-1]:
            break
        amount /= _STEP
    return f"{amount:,.0f} {unit}" if unit == _UNITS[0] else f"{amount:,.1f} {unit}"
