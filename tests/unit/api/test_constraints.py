import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from paretonas.api.constraints import ConstraintSyntaxError, parse_linear, parse_outcome

NAMES = ("a", "b", "c", "e1", "E", "_x9", "hidden_2")
NUMBERS = st.sampled_from(["0", "1", "2", "0.5", ".25", "3.", "1e-3", "1E+2", "12.5e1", "7e0"])
SPACES = st.sampled_from(["", " ", "  "])


@st.composite
def summands(draw: st.DrawFn) -> str:
    """``2*a*.5``, ``b``, ``3``: factors in any order, at most one of them a name."""
    factors = draw(st.lists(NUMBERS, max_size=2))
    if not factors or draw(st.booleans()):
        factors.insert(draw(st.integers(0, len(factors))), draw(st.sampled_from(NAMES)))
    gap = draw(SPACES)
    return f"{gap}*{gap}".join(factors)


@st.composite
def sides(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(["", "-", "+"])) + draw(summands())
    for summand in draw(st.lists(summands(), max_size=3)):
        gap = draw(SPACES)
        text += f"{gap}{draw(st.sampled_from('+-'))}{gap}{summand}"
    return text


CONSTRAINTS = st.tuples(sides(), st.sampled_from(["<=", " <= ", ">=", " >= "]), sides())
VALUES = st.fixed_dictionaries({name: st.sampled_from([-2.0, 0.0, 0.5, 1.0, 7.0, 1e3]) for name in NAMES})


def assert_names_cancel_out(left: str, right: str) -> None:
    """Nothing else may make a well-formed constraint be refused."""
    zero, one = (dict.fromkeys(NAMES, value) for value in (0.0, 1.0))
    for name in NAMES:
        values = {**zero, name: one[name]}
        with_name, without = (eval(f"({left}) - ({right})", {}, v) for v in (values, zero))  # noqa: S307 # as below
        assert with_name == pytest.approx(without, rel=1e-9, abs=1e-9), f"{left} and {right} do compare {name}"


@given(CONSTRAINTS, VALUES)
@settings(max_examples=200)
def test_a_constraint_says_what_python_says(parts: tuple[str, str, str], values: dict[str, float]):
    left, sign, right = parts
    try:
        constraint = parse_linear(left + sign + right)
    except ConstraintSyntaxError:
        assert_names_cancel_out(left, right)
        return
    difference = eval(left, {}, values) - eval(right, {}, values)  # noqa: S307 # what Python says, of our own text
    if sign.strip() == ">=":
        difference = -difference
    ours = sum(factor * values[name] for name, factor in constraint.terms.items()) - constraint.bound
    size = max(1.0, *(abs(factor * values[name]) for name, factor in constraint.terms.items()))
    assert ours == pytest.approx(difference, abs=1e-9 * size)
    assume(abs(difference) > 1e-6 * size)
    assert constraint.is_satisfied_by(values) == (difference <= 0)


@given(CONSTRAINTS, VALUES)
def test_a_constraint_with_its_sides_changed_is_the_same(parts: tuple[str, str, str], values: dict[str, float]):
    left, sign, right = parts
    turned = {"<=": ">=", ">=": "<="}[sign.strip()]
    try:
        one, other = parse_linear(left + sign + right), parse_linear(right + turned + left)
    except ConstraintSyntaxError:
        return
    assert one.terms == other.terms
    assert one.bound == other.bound
    assert one.is_satisfied_by(values) == other.is_satisfied_by(values)


@pytest.mark.parametrize(
    ("text", "terms", "bound"),
    [
        ("b <= a", {"b": 1, "a": -1}, 0),
        ("b >= a", {"b": -1, "a": 1}, 0),
        ("2*a + b <= c - 1", {"a": 2, "b": 1, "c": -1}, -1),
        ("0.5 * a * 4 <= 3 * 2", {"a": 2}, 6),
        ("a + a <= b - a", {"a": 3, "b": -1}, 0),
        ("a - a + b <= 1", {"b": 1}, 1),
        ("-a<=-.5", {"a": -1}, -0.5),
        ("100 >= a + 1e1", {"a": 1}, 90),
    ],
)
def test_terms_are_collected_on_the_left_and_numbers_on_the_right(text: str, terms: dict[str, float], bound: float):
    constraint = parse_linear(text)
    assert (dict(constraint.terms), constraint.bound, constraint.text) == (terms, bound, text)


def test_a_constraint_holds_while_one_of_its_parameters_is_inactive():
    constraint = parse_linear("a + b <= 1")
    assert not constraint.is_satisfied_by({"a": 5, "b": 5})
    assert constraint.is_satisfied_by({"a": 5})
    assert constraint.is_satisfied_by({})


def test_a_constraint_forgives_the_rounding_of_a_sum_but_no_step_of_a_parameter():
    assert 0.1 + 0.2 > 0.3
    assert parse_linear("a + b <= 0.3").is_satisfied_by({"a": 0.1, "b": 0.2})
    assert not parse_linear("a + b <= 0.3").is_satisfied_by({"a": 0.1, "b": 0.2 + 1e-6})
    assert not parse_linear("a <= b").is_satisfied_by({"a": 1_000_001, "b": 1_000_000})


@pytest.mark.parametrize(
    ("text", "kept", "broken"),
    [
        ("a + b == 1", {"a": 0.1 + 0.2, "b": 0.7}, {"a": 0.3, "b": 0.7001}),
        ("2*n == m - 1", {"n": 3, "m": 7}, {"n": 3, "m": 6}),
        ("a - 0.5*b == 0", {"a": 1e-12, "b": 2e-12}, {"a": 1e-12, "b": 2.1e-12}),
    ],
)
def test_an_equality_holds_to_both_sides(text: str, kept: dict[str, float], broken: dict[str, float]):
    assert parse_linear(text).equality
    assert parse_linear(text).is_satisfied_by(kept)
    assert not parse_linear(text).is_satisfied_by(broken)


@pytest.mark.parametrize("unit", [1e-300, 1e-15, 1.0, 1e15, 1e300])
def test_a_constraint_means_the_same_in_any_unit(unit: float):
    constraint = parse_linear(f"a + b <= {3 * unit!r}")
    assert constraint.is_satisfied_by({"a": 1 * unit, "b": 2 * unit})
    assert not constraint.is_satisfied_by({"a": 1 * unit, "b": 2.001 * unit})


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "a b", "a < b", "a = b", "a != b", "a => b",
        "a == b == c", "a === b", "a <= b <= c", "<=", "a <=", "<= b", "a + <= b", "a ++ b <= 1",
        "a - -b <= 1", "* a <= 1", "a * * b <= 1", "2a <= 1", "2 a <= 1", "a*b <= 1", "a*2*b <= 1", "a/2 <= 1",
        "(a) <= 1", "a <= 1.2.3", "a <= 1e", "1 <= 2", "a <= a", "0*a <= 1", "1e999*a <= 1", "a <= 1e999",
        "1e308*a + 1e308*a <= 1", "a <= b; c", "a ≤ b", "__import__('os') <= 1",
    ],
)  # fmt: skip
def test_what_is_no_linear_constraint_is_refused(text: str):
    with pytest.raises(ConstraintSyntaxError):
        parse_linear(text)


@given(st.text(alphabet="ab 1.e+-*<=>()/", max_size=12))
def test_any_text_is_read_or_refused_but_never_fails_otherwise(text: str):
    try:
        constraint = parse_linear(text)
    except ConstraintSyntaxError:
        return
    assert constraint.terms
    assert all(map(math.isfinite, [*constraint.terms.values(), constraint.bound]))


@pytest.mark.parametrize(
    ("text", "metric", "upper", "bound"),
    [
        ("latency_ms <= 20", "latency_ms", True, 20.0),
        ("val_acc >= 0.9", "val_acc", False, 0.9),
        ("20 >= latency_ms", "latency_ms", True, 20.0),
        ("-drift <= 2", "drift", False, -2.0),
        ("loss + 1 <= 1e-3", "loss", True, 1e-3 - 1),
    ],
)
def test_an_outcome_constraint_is_one_metric_and_one_bound(text: str, metric: str, upper: bool, bound: float):
    constraint = parse_outcome(text)
    assert (constraint.metric, constraint.upper, constraint.bound) == (metric, upper, bound)
    inside, outside = (bound - 1, bound + 1) if upper else (bound + 1, bound - 1)
    assert constraint.is_satisfied_by({metric: inside})
    assert constraint.is_satisfied_by({metric: bound})
    assert not constraint.is_satisfied_by({metric: outside})


@pytest.mark.parametrize("text", ["a <= b", "2*a <= 1", "a + b <= 1", "1 <= 2", "a < 1", "a == 1"])
def test_an_outcome_constraint_of_another_form_is_refused(text: str):
    with pytest.raises(ConstraintSyntaxError):
        parse_outcome(text)


def test_an_outcome_constraint_needs_its_metric():
    with pytest.raises(KeyError):
        parse_outcome("latency_ms <= 20").is_satisfied_by({"val_acc": 1.0})


@given(st.floats(math.log(16), math.log(128)), st.floats(math.log(16), math.log(128)))
def test_an_order_survives_the_way_from_a_log_scale_to_integers(one: float, other: float):
    # what the search relies on: exp and rounding are monotone
    smaller, larger = sorted((one, other))
    assert parse_linear("b <= a").is_satisfied_by({"a": round(math.exp(larger)), "b": round(math.exp(smaller))})
