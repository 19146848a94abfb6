"""What every value of the API shares: camelCase names outside, frozen and strict values inside."""

import math
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, PlainValidator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

Scalar = int | float | str | bool
"""A parameter's value."""

MAX_TEXT = 253
"""Characters of a parameter's value: the Pareto set of a whole experiment must fit into its status."""


class Model(BaseModel):
    """A frozen value that reads and writes the camelCase document of the custom resource.

    Strict: ``"4"`` is not 4, nor is ``true`` 1. But an integer is a float, since a JSON round trip through Kubernetes
    turns 0.0 into 0; and by the same rule a float without a fraction is an integer (`Whole`).
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        allow_inf_nan=False,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        strict=True,
    )

    def to_dict(self) -> dict[str, Any]:
        """The JSON-ready document: camelCase, defaults filled in, absent values left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed; the changes are not validated again."""
        # not model_copy: it would carry over what a cached_property has computed from the old fields
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return self.model_construct(**{**values, **(self.model_extra or {}), **changes})


def rule(message: str, *, remedy: str, field: str = "", value: Any = None) -> PydanticCustomError:
    """The error of a rule that a type cannot express.

    ``field`` is the camelCase path below the model that raises it, ``value`` what was found there; both empty
    mean the model itself. ``message`` must hold nothing that a user wrote: braces in it have a meaning.
    """
    context = {"remedy": remedy, "field": field, "value": value, "has_value": value is not None}
    return PydanticCustomError("rule", message, context)


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


ListToTuple = BeforeValidator(_as_tuple)
"""Lets a strict tuple field read a list: ``Annotated[tuple[T, ...], ListToTuple]``."""


def as_whole(value: Any) -> Any:
    """A float without a fraction as the integer that Kubernetes makes of it; anything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(as_whole)]
"""An integer, which may be written as ``10.0`` or ``1e3``."""


def _check_scalar(value: Any) -> Scalar:
    if isinstance(value, float) and not math.isfinite(value):
        raise rule("is not a finite number", remedy="write a finite number")
    if not isinstance(value, (int, float, str, bool)):
        raise rule("is not a number, a text or a boolean", remedy="write one value")
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise rule(f"is longer than {MAX_TEXT} characters", remedy="shorten it")
    return value


ScalarField = Annotated[Scalar, PlainValidator(_check_scalar)]
"""A scalar whose type is kept as written (a plain union would report four errors for one mistake)."""


def _read_time(value: Any) -> datetime:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
        utc = time.astimezone(UTC) if isinstance(time, datetime) and time.tzinfo is not None else None
    except (ValueError, OverflowError):  # not a time; or, in UTC, outside the years 1 to 9999
        utc = None
    if utc is None:
        raise rule("is not a time with a zone", remedy="write it as 2026-01-31T12:00:00Z")
    return utc


def _write_time(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


Time = Annotated[datetime, PlainValidator(_read_time), PlainSerializer(_write_time, return_type=str)]
"""An RFC 3339 time in UTC; its fraction of a second is kept."""
