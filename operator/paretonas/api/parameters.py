"""Parameters of the search space; each has exactly one kind."""

import math
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from paretonas.api.base import MAX_TEXT, ListToTuple, Model, Scalar, ScalarField, Whole, as_whole, rule

NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=63)]
"""The name of a parameter or metric; it is used in constraints and in ``${…}``, so it must be an identifier."""

Scale = Literal["Linear", "Log"]

MAX_CHOICES = 100
"""The most values of one choice: Ax searches about this many discrete values one by one; more should be a range."""


MAX_INTEGER = 2**53
"""The largest whole number that the search, which computes with doubles, represents exactly."""

SAME_STEP = 1e-6
"""How far a number may be from a step, as a fraction of it, and still be taken for it: 0.1 + 0.2 is meant as 0.3."""

_WholeNumber = Annotated[Whole, Field(ge=-MAX_INTEGER, le=MAX_INTEGER)]
_Text = Annotated[str, Field(max_length=MAX_TEXT)]


_Stored = Annotated[ScalarField, AfterValidator(as_whole)]
"""A scalar without a declared type. 2.0 is read as 2, because Kubernetes stores it so."""


class _Range(Model):
    min: float
    max: float
    step: float | None = None
    scale: Scale = "Linear"

    @model_validator(mode="after")
    def _ordered(self) -> "_Range":
        if self.min >= self.max:
            raise rule(
                f"is not below max ({self.max})",
                remedy="make min smaller than max, or use fixed for a single value",
                field="min",
                value=self.min,
            )
        if math.isinf(self.max - self.min):
            raise rule(f"is too far from max ({self.max})", remedy="narrow the range", field="min", value=self.min)
        if self.scale == "Log" and self.min <= 0:
            raise rule(
                "cannot be the start of a Log scale",
                remedy="make min greater than 0, or use scale: Linear",
                field="min",
                value=self.min,
            )
        return self

    @model_validator(mode="after")
    def _steps(self) -> "_Range":
        if self.step is None:
            return self
        width = self.max - self.min
        if self.step <= 0:
            raise rule("is not above 0", remedy="make it greater than 0", field="step", value=self.step)
        if self.step > width:
            remedy = f"make it at most {width}, or use fixed for a single value"
            raise rule(
                f"is larger than the range, {width}: only min is left", remedy=remedy, field="step", value=self.step
            )
        # the second condition: numbers so large that min + step equals min
        if width / self.step > MAX_INTEGER or self.step < math.ulp(max(abs(self.min), abs(self.max))):
            remedy = "make it larger, or leave it out for a range without steps"
            raise rule("is too fine for this range", remedy=remedy, field="step", value=self.step)
        return self


class IntRange(_Range):
    """Whole numbers from min to max: all of them or, with a step, min, min + step, … up to max."""

    min: _WholeNumber
    max: _WholeNumber
    step: _WholeNumber | None = None

    @property
    def count(self) -> int:
        """The number of values."""
        return (self.max - self.min) // (self.step or 1) + 1

    def value(self, position: int) -> int:
        """The value at a position from 0 to count - 1."""
        return self.min + position * (self.step or 1)

    def contains(self, value: Scalar) -> bool:
        """Whether the value belongs to this range."""
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole and self.min <= value <= self.max and (value - self.min) % (self.step or 1) == 0  # type: ignore[operator] # a whole number

    def cast(self, value: Scalar) -> Scalar:
        """The value as an int, if nothing is lost by that."""
        whole: Scalar = as_whole(value)
        return whole


class FloatRange(_Range):
    """Real numbers from min to max: all of them or, with a step, min, min + step, … up to max."""

    @property
    def count(self) -> int | None:
        """The number of values; None without a step."""
        if self.step is None:
            return None
        return int((_decimal(self.max) - _decimal(self.min)) // _decimal(self.step)) + 1

    def value(self, position: int) -> float:
        """The value at a position from 0 to count - 1.

        It is computed in decimals: 0.15 rather than the slightly larger double that 3 * 0.05 gives.

        Raises:
            ValueError: The range has no step.
        """
        if self.step is None:
            raise ValueError("a range without a step has no positions")
        return float(_decimal(self.min) + position * _decimal(self.step))

    def contains(self, value: Scalar) -> bool:
        """Whether the value belongs to this range."""
        if not isinstance(value, float) or not self.min <= value <= self.max:
            return False
        return self.step is None or self._nearest(value) == value

    def cast(self, value: Scalar) -> Scalar:
        """The value as a float, on the nearest step if it is close to one.

        A JSON round trip turns 0.0 into 0, and a sum of steps differs in the last bits.
        """
        if isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if self.step is None or not isinstance(value, float) or not self.min <= value <= self.max:
            return value
        nearest = self._nearest(value)
        return nearest if abs(nearest - value) <= SAME_STEP * self.step else value

    def _nearest(self, value: float) -> float:
        """The nearest value on a step, for a value between min and max."""
        position = round((value - self.min) / (self.step or 1.0))
        return self.value(max(0, min(position, (self.count or 1) - 1)))


def _decimal(number: float) -> Decimal:
    """The decimal number that was written, to which the double is the nearest."""
    return Decimal(repr(number))


class _Values(Model):
    ordered: bool = False

    @model_validator(mode="after")
    def _distinct(self) -> "_Values":
        values: tuple[Scalar, ...] = self.values  # type: ignore[attr-defined] # each subclass declares its own type
        for position, value in enumerate(values):
            if value in values[:position]:
                raise rule("is listed twice", remedy="write each value once", field=f"values[{position}]", value=value)
        return self

    def contains(self, value: Scalar) -> bool:
        """Whether the value is one of the choices, of the same type."""
        return any(value == v and type(value) is type(v) for v in self.values)  # type: ignore[attr-defined] # as above

    def cast(self, value: Scalar) -> Scalar:
        """The choice that equals the value, in the choice's type: a JSON round trip turns 1.0 into 1."""
        same = (
            v
            for v in self.values  # type: ignore[attr-defined] # as above
            if v == value and isinstance(value, bool) == isinstance(v, bool)
        )
        return next(same, value)


class Choice(_Values):
    """One of several texts."""

    values: Annotated[tuple[_Text, ...], ListToTuple, Field(min_length=1, max_length=MAX_CHOICES)]


class IntChoice(_Values):
    """One of several whole numbers."""

    values: Annotated[tuple[_WholeNumber, ...], ListToTuple, Field(min_length=1, max_length=MAX_CHOICES)]


class FloatChoice(_Values):
    """One of several real numbers."""

    values: Annotated[tuple[float, ...], ListToTuple, Field(min_length=1, max_length=MAX_CHOICES)]


class Bool(Model):
    """True or false."""

    @property
    def values(self) -> tuple[bool, ...]:
        """Both values."""
        return (False, True)

    def contains(self, value: Scalar) -> bool:
        """Whether the value is a boolean."""
        return isinstance(value, bool)

    def cast(self, value: Scalar) -> Scalar:
        """The value unchanged: no other type is accepted for a boolean."""
        return value


class Fixed(Model):
    """One value, passed to every trial."""

    value: _Stored

    def contains(self, value: Scalar) -> bool:
        """Whether the value equals the fixed one and has the same type."""
        return value == self.value and type(value) is type(self.value)

    def cast(self, value: Scalar) -> Scalar:
        """The fixed value if it equals the given one, else the given one."""
        same = value == self.value and isinstance(value, bool) == isinstance(self.value, bool)
        return self.value if same else value


Domain = IntRange | FloatRange | Choice | IntChoice | FloatChoice | Bool | Fixed


class ActiveWhen(Model):
    """Makes a parameter active only while `parameter` has one of `values`."""

    parameter: Name
    values: Annotated[tuple[_Stored, ...], ListToTuple, Field(min_length=1, max_length=MAX_CHOICES)]


class Parameter(Model):
    """One dimension of the search space: exactly one kind is set."""

    name: Name
    int_: IntRange | None = Field(None, alias="int")
    float_: FloatRange | None = Field(None, alias="float")
    choice: Choice | None = None
    int_choice: IntChoice | None = None
    float_choice: FloatChoice | None = None
    bool_: Bool | None = Field(None, alias="bool")
    fixed: Fixed | None = None
    active_when: Annotated[tuple[ActiveWhen, ...], ListToTuple, Field(max_length=8)] = ()

    @model_validator(mode="after")
    def _one_kind(self) -> "Parameter":
        kinds = self._kinds()
        if len(kinds) != 1:
            found = " and ".join(kinds) if kinds else "none"
            raise rule(
                f"needs exactly one kind, found {found}",
                remedy="write one of int, float, choice, intChoice, floatChoice, bool (as bool: {}) or fixed",
            )
        return self

    def _kinds(self) -> dict[str, Domain]:
        kinds = {
            "int": self.int_,
            "float": self.float_,
            "choice": self.choice,
            "intChoice": self.int_choice,
            "floatChoice": self.float_choice,
            "bool": self.bool_,
            "fixed": self.fixed,
        }
        return {kind: domain for kind, domain in kinds.items() if domain is not None}

    @property
    def kind(self) -> str:
        """The name of the parameter's kind, as in the document (``int``, ``floatChoice``)."""
        return next(iter(self._kinds()))

    @property
    def domain(self) -> Domain:
        """The values that the parameter can take."""
        return next(iter(self._kinds().values()))

    @property
    def numeric(self) -> bool:
        """Whether the parameter can be used in a linear constraint."""
        return isinstance(self.domain, (IntRange, FloatRange, IntChoice, FloatChoice))

    def contains(self, value: Scalar) -> bool:
        """Whether the parameter can take this value, of this type."""
        return self.domain.contains(value)

    def cast(self, value: Scalar) -> Scalar:
        """The value in this parameter's type, if nothing is lost by that; else the value unchanged."""
        return self.domain.cast(value)
