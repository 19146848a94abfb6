"""Linear constraints between parameters and on metrics, parsed from text."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from paretonas.api.base import Scalar

NUMBER = r"\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?"
"""A number without its sign, as a regular expression."""
_TOKEN = re.compile(rf"\s*(?:(?P<number>{NUMBER})|(?P<name>[A-Za-z_]\w*)|(?P<sign>[-+*]))")
_TOLERANCE = 1e-9
"""The slack of a check, relative to the largest summand: it covers the rounding of a few double sums and is far below
any parameter's step. It has no absolute part, since a constraint may be in units of 1e-12."""


class ConstraintSyntaxError(ValueError):
    """The text is not a linear constraint; the message tells why."""


@dataclass(frozen=True, slots=True)
class LinearConstraint:
    """``sum(terms[name] * value[name]) <= bound``, or ``== bound`` if ``equality``."""

    terms: Mapping[str, float]
    bound: float
    text: str
    equality: bool = False

    def is_satisfied_by(self, values: Mapping[str, Scalar]) -> bool:
        """Whether the values satisfy the constraint; always true while one of its parameters is inactive."""
        if any(name not in values for name in self.terms):
            return True
        parts = [factor * float(values[name]) for name, factor in self.terms.items()]
        slack = _TOLERANCE * max(map(abs, [*parts, self.bound]))
        excess = sum(parts) - self.bound
        return (abs(excess) if self.equality else excess) <= slack


@dataclass(frozen=True, slots=True)
class OutcomeConstraint:
    """``metric <= bound`` if ``upper``, else ``metric >= bound``."""

    metric: str
    upper: bool
    bound: float
    text: str

    def is_satisfied_by(self, metrics: Mapping[str, float]) -> bool:
        """Whether the observed metrics satisfy the constraint. Raises KeyError if the metric was not observed."""
        value = metrics[self.metric]
        return value <= self.bound if self.upper else value >= self.bound


def parse_linear(text: str) -> LinearConstraint:
    """Parse a constraint such as ``2*a + b <= c - 1``.

    Each side is a sum of numbers and of names with numeric factors; between them is one ``<=``, ``>=`` or ``==``.

    Raises:
        ConstraintSyntaxError: The text is anything else, or compares only numbers.
    """
    parts = re.split(r"(<=|>=|==)", text)
    if len(parts) != 3:  # noqa: PLR2004 # left, sign, right
        raise ConstraintSyntaxError("needs exactly one <=, >= or ==")
    left, sign, right = parts
    terms, constant = _side(left)
    right_terms, right_constant = _side(right)
    for name, factor in right_terms.items():
        terms[name] = terms.get(name, 0.0) - factor
    flip = -1.0 if sign == ">=" else 1.0
    kept = {name: flip * factor for name, factor in terms.items() if factor != 0}
    if not kept:
        raise ConstraintSyntaxError("compares only numbers")
    bound = flip * (right_constant - constant)
    if not all(map(math.isfinite, [*kept.values(), bound])):
        raise ConstraintSyntaxError("has a number that is too large")
    return LinearConstraint(kept, bound, text, equality=sign == "==")


def parse_outcome(text: str) -> OutcomeConstraint:
    """Parse a constraint such as ``metric <= 20``.

    Raises:
        ConstraintSyntaxError: The text does not compare one metric, with factor 1, to one number.
    """
    linear = parse_linear(text)
    [(metric, factor), *more] = linear.terms.items()
    if more or abs(factor) != 1:
        raise ConstraintSyntaxError("needs one metric compared with one number")
    if linear.equality:
        raise ConstraintSyntaxError("needs <= or >=, since no measured metric equals a number exactly")
    return OutcomeConstraint(metric, factor > 0, linear.bound * factor, text)


def _side(text: str) -> tuple[dict[str, float], float]:
    """Parse one side of a constraint into (factors by name, constant)."""
    tokens, position = [], 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if not match:
            raise ConstraintSyntaxError(f"cannot read {text[position:].strip()!r}")
        tokens.append((match.lastgroup, match.group().strip()))
        position = match.end()
    terms: dict[str, float] = {}
    constant = 0.0
    for sign, factors in _summands(tokens, text):
        names = [token for kind, token in factors if kind == "name"]
        number = sign
        for kind, token in factors:
            number *= float(token) if kind == "number" else 1.0
        if len(names) > 1:
            raise ConstraintSyntaxError(f"multiplies {' and '.join(names)}, so it is not linear")
        if names:
            terms[names[0]] = terms.get(names[0], 0.0) + number
        else:
            constant += number
    return terms, constant


_Token = tuple[str | None, str]


def _summands(tokens: list[_Token], text: str) -> list[tuple[float, list[_Token]]]:
    """Split one side at + and -; within a summand, factors alternate with ``*``."""
    summands: list[tuple[float, list[_Token]]] = []
    sign, factors, wants_factor, signed = 1.0, list[_Token](), True, False
    for kind, token in tokens:
        if kind != "sign":
            if not wants_factor:
                raise ConstraintSyntaxError(f"needs +, - or * before {token!r}")
            factors.append((kind, token))
            wants_factor = False
        elif token == "*":  # noqa: S105 # not a password: the sign of a product
            if wants_factor:
                raise ConstraintSyntaxError("has * with nothing before it")
            wants_factor = True
        elif wants_factor and (factors or signed):
            raise ConstraintSyntaxError(f"has {token!r} where a number or a name is needed")
        else:
            if factors:
                summands.append((sign, factors))
            sign, factors, wants_factor, signed = (-1.0 if token == "-" else 1.0), [], True, True  # noqa: S105 # a sign
    if wants_factor:
        raise ConstraintSyntaxError(f"has an incomplete side: {text.strip()!r}")
    return [*summands, (sign, factors)]
