"""Kubernetes quantities: which texts are one, and what number it stands for."""

import re
from typing import Annotated, Any, Final

from pydantic import PlainValidator

from paretonas.api.base import as_whole, rule

_UNITS: Final = {
    "": 1.0,
    "m": 1e-3,
    **{unit: 1e3**power for power, unit in enumerate("kMGTPE", start=1)},
    **{unit: 2.0 ** (10 * power) for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), start=1)},
}

_QUANTITY: Final = re.compile(
    rf"(?P<number>[0-9]+\.?[0-9]*|\.[0-9]+)((?P<unit>{'|'.join(filter(None, _UNITS))})|(?P<power>[eE][+-]?[0-9]+))?"
)


def amount(quantity: str) -> float:
    """The number that a quantity stands for: ``500m`` is 0.5, ``2Gi`` is 2147483648. Raises ValueError."""
    match = _QUANTITY.fullmatch(quantity)
    if match is None:
        raise ValueError(f"{quantity!r} is not a quantity")
    return float(match["number"] + (match["power"] or "")) * _UNITS[match["unit"] or ""]


def _check_quantity(value: Any) -> str:
    value = as_whole(value)
    if isinstance(value, float):
        raise rule(
            "is a fractional number without quotes, which Kubernetes does not accept as a quantity",
            remedy=f"put it in quotes: '{value}'",
        )
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _QUANTITY.fullmatch(text):
        raise rule("is not a quantity", remedy="write a number with an optional unit, such as 500m, 2 or 4Gi")
    return text


Quantity = Annotated[str, PlainValidator(_check_quantity)]
"""A Kubernetes quantity, written as a number or as text."""
