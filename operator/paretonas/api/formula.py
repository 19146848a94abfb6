"""Formulas: arithmetic over the parameters that gives a metric before a trial runs.

A formula is parsed into steps for a stack machine, so nothing of it is ever executed as code, and a long one needs no
deep recursion. The grammar, from the weakest to the strongest binding::

    sum      = product {("+" | "-") product}
    product  = signed {("*" | "/") signed}
    signed   = ("+" | "-") signed | power
    power    = operand ["**" signed]
    operand  = number | parameter | table "[" parameter "]" | function "(" sum {"," sum} ")" | "(" sum ")"

Every intermediate result must be finite.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from paretonas.api.base import Scalar
from paretonas.api.constraints import NUMBER
from paretonas.api.substitution import format_value

T = TypeVar("T")

MAX_FORMULA = 1000
"""The most characters of a formula: enough for a term for each of 64 parameters."""
MAX_NESTING = 50
"""The most levels of parentheses, signs and powers: the parser calls itself for each of them."""

Table = Mapping[str, float]
"""Numbers by the values of a choice, written as texts: ``{conv3: 9, skip: 0}``."""


class FormulaSyntaxError(ValueError):
    """The text is not a formula; the message says why."""


class NoValueError(ValueError):
    """A formula has no finite value at a point; the message says why."""


@dataclass(frozen=True, slots=True)
class Number:
    """A step that pushes a number."""

    value: float


@dataclass(frozen=True, slots=True)
class Lookup:
    """A step that pushes the number of a parameter, or the number that a table has for its value."""

    parameter: str
    table: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """A step that replaces the last ``count`` numbers by one."""

    name: str
    count: int


Step = Number | Lookup | Operation

OPERATIONS: Mapping[str, Callable[..., float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": math.pow,
    "negate": operator.neg,
    "abs": abs,
    "ceil": lambda x: float(math.ceil(x)),
    "exp": math.exp,
    "floor": lambda x: float(math.floor(x)),
    "log": math.log,
    "max": max,
    "min": min,
    "sqrt": math.sqrt,
}
"""What each operation does with numbers."""

FUNCTIONS = tuple(name for name in OPERATIONS if name.isalpha() and name != "negate")
"""The names that may be called; ``max`` and ``min`` take two or more arguments, the others one."""
_OF_SEVERAL = ("max", "min")


@dataclass(frozen=True)
class Formula:
    """A parsed formula with its tables and the values that stand for inactive parameters.

    Attributes:
        text: The formula as it was written.
        steps: The steps of the stack machine, which leave one number.
        tables: The tables by name.
        when_inactive: The number that stands for a parameter, looked up or not, while it is inactive.
    """

    text: str
    steps: tuple[Step, ...]
    tables: Mapping[str, Table] = field(default_factory=dict)
    when_inactive: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def lookups(self) -> tuple[Lookup, ...]:
        """The different lookups, in the order in which they are written."""
        return tuple(dict.fromkeys(step for step in self.steps if isinstance(step, Lookup)))

    def number(self, lookup: Lookup, value: Scalar) -> float:
        """The number that a lookup gives for a value of its parameter; booleans count as 0 and 1.

        Raises:
            NoValueError: The table has no number for it, or it is a text and there is no table.
        """
        if lookup.table is None:
            if isinstance(value, str):
                raise NoValueError(f"{lookup.parameter} is the text {value!r}")
            return float(value)
        table = self.tables[lookup.table]
        for key, number in table.items():
            if key == format_value(value) or (not isinstance(value, (str, bool)) and _as_number(key) == value):
                return number
        raise NoValueError(f"{lookup.table} has no number for {format_value(value)}")

    def value(self, point: Mapping[str, Scalar]) -> float:
        """The value at a point, from which inactive parameters are absent. Raises NoValueError."""

        def load(lookup: Lookup) -> float:
            if lookup.parameter in point:
                return self.number(lookup, point[lookup.parameter])
            if lookup.parameter in self.when_inactive:
                return self.when_inactive[lookup.parameter]
            raise NoValueError(f"{lookup.parameter} has no value")

        return run(self.steps, float, load, _apply) + 0.0  # + 0.0 turns -0.0 into 0.0


def run(
    steps: tuple[Step, ...],
    constant: Callable[[float], T],
    load: Callable[[Lookup], T],
    apply: Callable[[str, list[T]], T],
) -> T:
    """Run the steps over any kind of number: floats, arrays or ranges."""
    stack: list[T] = []
    for step in steps:
        if isinstance(step, Number):
            stack.append(constant(step.value))
        elif isinstance(step, Lookup):
            stack.append(load(step))
        else:
            arguments = stack[-step.count :]
            del stack[-step.count :]
            stack.append(apply(step.name, arguments))
    [result] = stack
    return result


def _apply(name: str, arguments: list[float]) -> float:
    try:
        result = OPERATIONS[name](*arguments)
    except ZeroDivisionError:
        raise NoValueError("it divides by zero") from None
    except OverflowError:
        raise NoValueError("it is too large for a double") from None
    except ValueError:  # of math: outside the function's domain
        shown = f" {name} ".join(map(repr, arguments)) if name == "**" else f"{name}({arguments[0]!r})"
        raise NoValueError(f"{shown} is not a number") from None
    if not math.isfinite(result):
        raise NoValueError("it is too large for a double")
    return result


def _as_number(key: str) -> float | None:
    try:
        return float(key)
    except ValueError:
        return None


def parse_formula(
    text: str, tables: Mapping[str, Table] | None = None, when_inactive: Mapping[str, float] | None = None
) -> Formula:
    """Parse a formula such as ``785*width + cost[cell]``.

    Raises:
        FormulaSyntaxError: The text does not follow the grammar (see the module).
    """
    parser = _Parser(text)
    return Formula(text, parser.parse(), tables or {}, when_inactive or {})


_TOKEN = re.compile(
    rf"\s*(?:(?P<number>{NUMBER})|(?P<name>[A-Za-z_]\w*)|(?P<sign>\*\*|[-+*/(),\[\]])|(?P<end>$))", re.ASCII
)
_OPENING = {")": "(", "]": "["}
_NEEDED = "where a number, a name or ( is needed"


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._steps: list[Step] = []
        self._depth = 0
        position = 0
        while not self._tokens or self._tokens[-1][0] != "end":
            match = _TOKEN.match(text, position)
            if not match or not match.lastgroup:
                raise FormulaSyntaxError(f"cannot read {text[position:].strip()!r}")
            self._tokens.append((match.lastgroup, match.group().strip()))
            position = match.end()
        self._tokens.reverse()  # the next one is the last

    def parse(self) -> tuple[Step, ...]:
        self._sum()
        kind, found = self._tokens[-1]
        if found in _OPENING:
            raise FormulaSyntaxError(f"has {found!r} without its {_OPENING[found]}")
        if kind != "end":
            raise FormulaSyntaxError(f"has {found!r} where an operator such as + or * is needed")
        return tuple(self._steps)

    def _sum(self) -> None:
        self._chain(self._product, "+", "-")

    def _product(self) -> None:
        self._chain(self._signed, "*", "/")

    def _chain(self, part: Callable[[], None], *signs: str) -> None:
        part()
        while sign := self._take(*signs):
            part()
            self._steps.append(Operation(sign, 2))

    def _signed(self) -> None:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise FormulaSyntaxError(f"is nested more than {MAX_NESTING} levels deep")
        sign = self._take("+", "-")
        if sign:
            self._signed()
            self._steps += [Operation("negate", 1)] * (sign == "-")
        else:
            self._power()
        self._depth -= 1

    def _power(self) -> None:
        self._operand()
        if self._take("**"):
            self._signed()
            self._steps.append(Operation("**", 2))

    def _operand(self) -> None:
        kind, token = self._tokens.pop()
        if kind == "number":
            number = float(token)
            if not math.isfinite(number):
                raise FormulaSyntaxError(f"has a number that is too large: {token}")
            self._steps.append(Number(number))
        elif kind == "name" and self._take("("):
            self._call(token)
        elif kind == "name" and self._take("["):
            inside, parameter = self._tokens.pop()
            if inside != "name":
                raise FormulaSyntaxError(f"needs the name of a parameter between [ and ] after {token!r}")
            self._close("]")
            self._steps.append(Lookup(parameter, token))
        elif kind == "name":
            self._steps.append(Lookup(token))
        elif (kind, token) == ("sign", "("):
            self._sum()
            self._close(")")
        elif kind == "end":
            raise FormulaSyntaxError(f"ends {_NEEDED}")
        else:
            raise FormulaSyntaxError(f"has {token!r} {_NEEDED}")

    def _call(self, function: str) -> None:
        if function not in FUNCTIONS:
            raise FormulaSyntaxError(f"calls {function!r}, which is not one of {', '.join(FUNCTIONS)}")
        self._sum()
        count = 1
        while self._take(","):
            self._sum()
            count += 1
        self._close(")")
        if (count > 1) != (function in _OF_SEVERAL):
            wanted = "two or more arguments" if function in _OF_SEVERAL else "one argument"
            raise FormulaSyntaxError(f"gives {function} {count}, which takes {wanted}")
        self._steps.append(Operation(function, count))

    def _take(self, *signs: str) -> str:
        """Take the next token if it is one of these signs; "" if it is not."""
        kind, token = self._tokens[-1]
        if kind != "sign" or token not in signs:
            return ""
        self._tokens.pop()
        return token

    def _close(self, closed: str) -> None:
        if not self._take(closed):
            kind, token = self._tokens[-1]
            if kind == "end":
                raise FormulaSyntaxError(f"lacks the {closed} of a {_OPENING[closed]}")
            raise FormulaSyntaxError(f"has {token!r} where an operator or {closed} is needed")


def differs(logged: float, value: float) -> bool:
    """Whether a logged value is another one than the formula's, beyond the rounding of single precision."""
    return abs(logged - value) > _SINGLE * max(abs(logged), abs(value))


_SINGLE = 1e-6
"""TensorBoard stores single precision, whose rounding is 6e-8; a program that computes with it adds a few more."""
