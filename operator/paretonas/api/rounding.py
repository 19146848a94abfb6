"""Numbers as a person writes them, for the columns of `kubectl get`, which prints what is stored. Pure."""

from collections.abc import Mapping
from typing import Final

_WHOLE: Final = 1e5
"""Numbers from this one on have no decimals: six digits are as many as a column needs."""

_EXACT: Final = 1e15
"""Larger numbers have an exponent: soon beyond this, a double does not have all whole numbers."""


def rounded(value: float) -> str:
    """A number with six digits, or as a whole number: ``1354.98``, ``0.9655``, ``12345678``, ``1e-12``."""
    if abs(value) < _EXACT and (float(value).is_integer() or abs(value) >= _WHOLE):
        return str(round(value))
    return f"{value:.6g}"


def rounded_pairs(values: Mapping[str, float]) -> str:
    """Names and values in alphabetical order, as kubectl prints labels: ``num_params=46880,val_acc=0.9655``."""
    return ",".join(f"{name}={rounded(value)}" for name, value in sorted(values.items()))
