"""Formulas: what they compute, what is not one, and the ranges that contain their values."""

import math
from itertools import product

import numpy as np
import pytest

from paretonas.api import Scalar
from paretonas.api.formula import MAX_NESTING, FormulaSyntaxError, Lookup, NoValueError, differs, parse_formula
from paretonas.api.formula_ranges import argument, parts, ranges

POINT: dict[str, Scalar] = {"a": 3, "b": 0.5, "lambda": 4, "on": True, "cell": "conv", "k": 5}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("785*a + (a + 1)*b", 2357),
        ("-2**2", -4),
        ("2**-1", 0.5),
        ("2**3**2", 512),
        ("a - 1 - 1", 1),
        ("12/3/2", 2),
        ("-a*-a", 9),
        ("- -a + +a", 6),
        ("lambda*2", 8),
        ("on + on", 2),
        ("1e1*.5 + 2.", 7),
        ("min(a, b, 7) + max(a, b)", 3.5),
        ("floor(-b) + ceil(b) + abs(-a)", 3),
        ("sqrt(lambda) + log(exp(1))", 3),
        ("cost[cell]*a", 27),
        ("ms[k] + ms[on]", 8.5),
    ],
)
def test_a_formula_is_arithmetic_with_the_usual_precedence(text: str, value: float) -> None:
    tables = {"cost": {"conv": 9.0, "skip": 0.0}, "ms": {"1": 1.0, "5.0": 7.5, "true": 1.0}}
    assert parse_formula(text, tables).value(POINT) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("a b", "has 'b' where an operator"),
        ("a +", "ends where"),
        ("(a", "lacks the ) of a ("),
        ("a)", "has ')' without its ("),
        ("a]", "has ']' without its ["),
        ("785h", "has 'h' where an operator"),
        ("__import__('os')", "cannot read"),
        ("a.b", "cannot read '.b'"),
        ("eval(a)", "calls 'eval'"),
        ("a if b else c", "has 'if'"),
        ("a[3]", "needs the name of a parameter"),
        ("sqrt(a, b)", "takes one argument"),
        ("a == b", "cannot read"),
        ("1e999", "too large"),
        ("0x1F", "has 'x1F'"),
        ("\uff41 + 1", "cannot read"),
    ],
)
def test_anything_else_is_refused_with_what_is_wrong(text: str, piece: str) -> None:
    with pytest.raises(FormulaSyntaxError) as refused:
        parse_formula(text)
    assert piece in str(refused.value)


@pytest.mark.parametrize("opening", ["(", "-", "abs(", "2**"])
def test_nesting_is_bounded_and_long_sums_are_not(opening: str) -> None:
    deep = MAX_NESTING // 2
    closing = ")" if opening.endswith("(") else ""
    assert math.isfinite(parse_formula(opening * 3 + "1" + closing * 3).value({}))
    parse_formula(opening * (deep - 1) + "1" + closing * (deep - 1))
    with pytest.raises(FormulaSyntaxError, match="nested"):
        parse_formula(opening * (MAX_NESTING + 1) + "1" + closing * (MAX_NESTING + 1))
    assert parse_formula("+".join(["1"] * 500)).value({}) == 500


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("1/(a - 3)", "divides by zero"),
        ("2**5000", "too large"),
        ("1e308*10", "too large"),
        ("min(1e308*10, 1)", "too large"),
        ("log(a - 3)", "log(0.0) is not a number"),
        ("(-8)**(1/3)", "is not a number"),
        ("0**-1", "is not a number"),
        ("cell + 1", "is the text 'conv'"),
        ("gone + 1", "gone has no value"),
    ],
)
def test_a_point_without_a_finite_value_is_told(text: str, piece: str) -> None:
    with pytest.raises(NoValueError) as missing:
        parse_formula(text).value(POINT)
    assert piece in str(missing.value)


def test_an_inactive_parameter_counts_as_its_number_looked_up_or_not() -> None:
    formula = parse_formula("rank*10 + cost[cell]", {"cost": {"conv": 9.0}}, {"rank": 2.0, "cell": 0.5})
    assert formula.value({}) == 20.5
    assert formula.value({"rank": 3, "cell": "conv"}) == 39


def test_no_value_is_negative_zero() -> None:
    assert math.copysign(1.0, parse_formula("-a*0").value(POINT)) == 1.0


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 1.0, 1e9, 1e300])
def test_single_precision_is_no_other_value_in_any_unit(scale: float) -> None:
    assert not differs(scale * (1 + 5e-8), scale)
    assert not differs(-scale, -scale)
    assert differs(scale * 1.0001, scale)
    assert differs(0.0, scale)


BOXES = [(-3.0, -1.0), (-2.0, 2.0), (0.0, 2.5), (1.0, 4.0), (2.0, 2.0)]


@pytest.mark.parametrize(
    "text",
    [
        "a + b",
        "a - b*a",
        "a/b",
        "a*b/(a*a + 1)",
        "a**2 - b**3",
        "a**b",
        "b**-2",
        "2**a",
        "min(a, b, 1) - max(a, b)",
        "abs(a)*floor(b) + ceil(a*b)",
        "sqrt(a + 3) + exp(b)",
        "log(b)",
        "-a**0",
    ],
)
def test_a_range_contains_every_value_and_knows_where_there_may_be_none(text: str) -> None:
    formula = parse_formula(text)
    rng = np.random.default_rng(0)
    for a, b in product(BOXES, BOXES):
        box = {"a": a, "b": b}

        def load(lookup: Lookup, box: dict[str, tuple[float, float]] = box) -> tuple[np.ndarray, np.ndarray]:
            low, high = box[lookup.parameter]
            return np.array([low]), np.array([high])

        found = ranges(formula.steps, load)
        inside = [
            {n: float(rng.choice([lo, hi, rng.uniform(lo, hi)])) for n, (lo, hi) in box.items()} for _ in range(40)
        ]
        inside += [
            {"a": x, "b": y} for x in {*a, 0.0, 1.0} for y in {*b, 0.0} if a[0] <= x <= a[1] and b[0] <= y <= b[1]
        ]
        for point in inside:
            try:
                value = formula.value(point)
            except NoValueError:
                assert found.may_fail[0], point
            else:
                slack = 1e-12 * abs(value)
                assert found.low[0] - slack <= value <= found.high[0] + slack, (point, box)


def test_a_formula_is_taken_apart_into_what_its_operations_compute() -> None:
    formula = parse_formula("a*b + max(c, d/e, 1)")
    names = [[s.parameter for s in part if isinstance(s, Lookup)] for part in parts(formula.steps)]
    assert names == [["a", "b"], ["d", "e"], ["c", "d", "e"], ["a", "b", "c", "d", "e"]]
    division = parts(formula.steps)[1]
    assert argument(division, 1) == (Lookup("e"),)
    assert argument(formula.steps, 0) == parts(formula.steps)[0]
