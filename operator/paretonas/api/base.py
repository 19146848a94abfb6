"""The base of all values of the API: camelCase field names in documents, frozen and strict values in Python."""

import math
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, PlainValidator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

Scalar = int | float | str | bool
"""A parameter's value."""

MAX_TEXT = 253
"""The longest parameter value, in characters: the Pareto set of an experiment must fit into its status."""


class Model(BaseModel):
    """A frozen value that is read from and written to the camelCase document of the custom resource.

    It is strict: ``"4"`` is not accepted for 4, nor ``true`` for 1. However, an integer is accepted as a float, since a
    JSON round trip through Kubernetes turns 0.0 into 0. For the same reason, a float without a fraction is accepted as
    an integer (`Whole`).
    """

    model_config = ConfigDict(
        alias_generator=to_camel, allow_inf_nan=False, extra="forbid", frozen=True, populate_by_name=True, strict=True
    )

    def to_dict(self) -> dict[str, Any]:
        """The document as JSON-compatible values: camelCase, with defaults, without absent values."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def replace(self, **changes: Any) -> Self:
        """Copy the value with some fields changed; the changes are not validated."""
        # not model_copy, which would keep the cached properties computed from the old fields
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return self.model_construct(**{**values, **(self.model_extra or {}), **changes})


def rule(message: str, *, remedy: str, field: str = "", value: Any = None) -> PydanticCustomError:
    """The error of a rule that a type cannot express.

    Args:
        message: What is wrong. It must not contain text written by a user, since braces in it have a meaning.
        remedy: What the user should do.
        field: The camelCase path below the model that raises the error; empty for the model itself.
        value: The value found there, if any.
    """
    context = {"remedy": remedy, "field": field, "value": value, "has_value": value is not None}
    return PydanticCustomError("rule", message, context)


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


ListToTuple = BeforeValidator(_as_tuple)
"""A validator that lets a strict tuple field accept a list: ``Annotated[tuple[T, ...], ListToTuple]``."""


def as_whole(value: Any) -> Any:
    """A float without a fraction as the integer that Kubernetes makes of it; any other value unchanged."""
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
"""A scalar that keeps the type it was written with (a plain union would report four errors for one mistake)."""


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
"""An RFC 3339 time in UTC, including its fraction of a second."""
