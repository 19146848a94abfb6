"""Spaces of which constraints leave little: candidates keep them, differ, and lie all over what is left."""

import math
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.unit.search.conftest import make_spec, observed

from paretonas.api import ExperimentSpec, Scalar
from paretonas.api.reasons import EndReason
from paretonas.search import Suggestion, suggest_here
from paretonas.search.enumeration import list_points
from paretonas.search.projection import nearest
from paretonas.search.sampling import Sampler
from paretonas.search.space import Space

Points = Sequence[dict[str, Scalar]]


def ints(count: int, low: int, high: int, **more: Any) -> list[dict[str, Any]]:
    return [{"name": f"x{i}", "int": {"min": low, "max": high, **more}} for i in range(count)]


def floats(count: int, low: float, high: float, **more: Any) -> list[dict[str, Any]]:
    return [{"name": f"x{i}", "float": {"min": low, "max": high, **more}} for i in range(count)]


def choices(count: int, *values: int) -> list[dict[str, Any]]:
    return [{"name": f"x{i}", "intChoice": {"values": list(values), "ordered": True}} for i in range(count)]


def order(count: int) -> list[str]:
    return [f"x{i + 1} <= x{i}" for i in range(count - 1)]


def total(count: int) -> str:
    return " + ".join(f"x{i}" for i in range(count))


def candidates(spec: ExperimentSpec, count: int) -> tuple[Suggestion, Space]:
    """That many initial ones, each checked: it keeps every constraint and is none of the others."""
    suggestion, space = suggest_here(spec, [], count), Space(spec)
    points = [candidate.parameters for candidate in suggestion.candidates]
    for point in points:
        assert space.allows(point), point
        assert all(spec.parameter(name).contains(value) for name, value in point.items()), point
    assert len({space.key(point) for point in points}) == len(points)
    return suggestion, space


def distance(codes: npt.NDArray[np.float64]) -> float:
    """The mean distance of two points, of a thousand at most."""
    codes = codes[:: len(codes) // 1000 + 1]
    return float(np.abs(codes[:, None] - codes[None]).sum(2).sum() / (len(codes) * (len(codes) - 1)))


def spread(suggestion: Suggestion, space: Space, uniform: npt.NDArray[np.float64]) -> float:
    """The mean distance of two candidates as a part of that of two uniform points."""
    codes = space.encode([candidate.parameters for candidate in suggestion.candidates])
    return distance(codes) / distance(uniform)


def ordered_uniform(rows: int, columns: int) -> npt.NDArray[np.float64]:
    return -np.sort(-np.random.default_rng(0).random((rows, columns)), axis=1)


def simplex_uniform(rows: int, columns: int, *, inside: bool) -> npt.NDArray[np.float64]:
    drawn = np.random.default_rng(0).exponential(size=(rows, columns + inside))
    return (drawn / drawn.sum(1, keepdims=True))[:, :columns]


@pytest.mark.parametrize(
    ("parameters", "constraints", "uniform"),
    [
        (ints(7, 4, 900), order(7), ordered_uniform(1000, 7)),
        (ints(10, 8, 2048, scale="Log"), order(10), ordered_uniform(1000, 10)),
        (choices(11, 8, 16, 32, 64, 128, 256, 512, 1024), order(11), None),
        (ints(8, 1, 90000), order(8), ordered_uniform(1000, 8)),
        (ints(8, 16, 512, step=16), order(8), ordered_uniform(1000, 8)),
        (floats(10, 0, 3), order(10), ordered_uniform(1000, 10)),
        (ints(5, 0, 80), [f"{total(5)} == 80"], simplex_uniform(1000, 5, inside=False)),
        (ints(5, 0, 80), [f"{total(5)} <= 80", f"{total(5)} >= 80"], simplex_uniform(1000, 5, inside=False)),
        (floats(7, 0, 1), [f"{total(7)} <= 1"], simplex_uniform(1000, 7, inside=True)),
        (floats(9, 0, 1e-9), [f"{total(9)} <= 1e-9"], simplex_uniform(1000, 9, inside=True)),
        (floats(4, 0, 2), [f"{total(4)} <= 2", f"{total(4)} >= 2"], simplex_uniform(1000, 4, inside=False)),
        (floats(4, 0, 1e6), [f"{total(4)} == 1e6"], simplex_uniform(1000, 4, inside=False)),
        (floats(6, 0, 1, step=0.01), [f"{total(6)} == 1"], simplex_uniform(1000, 6, inside=False)),
    ],
    ids=lambda value: None if isinstance(value, np.ndarray) else str(value)[:60],
)
def test_as_many_as_asked_are_found_and_they_spread(parameters, constraints, uniform) -> None:
    spec = make_spec(parameters, parameterConstraints=constraints, maxTrials=40, search={"initialTrials": 30})
    suggestion, space = candidates(spec, 24)
    assert len(suggestion.candidates) == 24
    assert suggestion.no_more is None
    if uniform is not None:
        assert spread(suggestion, space, uniform) > 0.5


def test_the_model_moves_along_thin_constraints_too() -> None:
    spec = make_spec(
        [*ints(6, 8, 512), {"name": "rate", "float": {"min": 0, "max": 1}}],
        parameterConstraints=[*order(6), "x0 + x5 == 600"],
        maxTrials=40,
        search={"initialTrials": 5},
    )
    known = observed(c.parameters for c in suggest_here(spec, [], 6).candidates)
    space = Space(spec)
    for _ in range(5):
        found = suggest_here(spec, known, 3).candidates
        assert {c.origin for c in found} == {"BayesianOptimization"}
        assert all(space.allows(c.parameters) for c in found)
        known += observed((c.parameters for c in found), len(known))
    assert len({space.key(trial.parameters) for trial in known}) == 21


@pytest.mark.parametrize(
    ("parameters", "constraints", "count"),
    [
        (ints(3, 1, 9), ["x0 + x1 + x2 == 11"], sum(1 for x in product(range(1, 10), repeat=3) if sum(x) == 11)),
        (ints(2, 1, 100000), ["x0 <= x1", "x1 <= x0", "x0 <= 7"], 7),
        (ints(2, 1, 70000), ["x0 + x1 == 31"], 30),
        (ints(2, 1, 4096, scale="Log"), ["x0 == 512*x1"], 8),
        (choices(4, 1, 2, 4), order(4), math.comb(6, 2)),
        (ints(2, 0, 30, step=10), ["x0 - x1 == 10"], 3),
        (floats(2, 0, 0.3, step=0.1), ["x0 + x1 <= 0.3"], 10),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_a_space_is_exhausted_when_all_of_it_was_listed(parameters, constraints, count) -> None:
    spec = make_spec(parameters, parameterConstraints=constraints, maxTrials=100, search={"initialTrials": 100})
    suggestion, _ = candidates(spec, count + 5)
    assert len(suggestion.candidates) == count
    assert suggestion.no_more is EndReason.SEARCH_SPACE_EXHAUSTED


@pytest.mark.parametrize(
    ("parameter", "count"),
    [
        ({"floatChoice": {"values": [0, 1e-13, 1e-12, 3e-12, 1e-7, 0.2, 5], "ordered": True}}, 7),
        ({"floatChoice": {"values": [1, 1 + 1e-15, 1 + 1e-12], "ordered": True}}, 3),
        ({"float": {"min": 3e14, "max": 3e14 + 1}}, 17),
        ({"float": {"min": 0, "max": 4e-323}}, 9),
        ({"float": {"min": -1, "max": -1 + 2.0**-50}}, 9),
        ({"float": {"min": 1e12, "max": 1e12 + 0.001, "scale": "Log"}}, 9),
        ({"float": {"min": 0.1, "max": 0.7, "step": 0.1}}, 7),
        ({"int": {"min": -5, "max": 90, "step": 30}}, 4),
    ],
    ids=str,
)
def test_values_that_are_near_each_other_are_all_found(parameter, count) -> None:
    spec = make_spec([{"name": "x", **parameter}], maxTrials=50)
    known = observed(c.parameters for c in suggest_here(spec, [], 2).candidates)
    while len(known) < count:
        suggestion = suggest_here(spec, known, 2)
        assert suggestion.candidates
        known += observed((c.parameters for c in suggestion.candidates), len(known))
    assert len({trial.parameters["x"] for trial in known}) == count
    assert suggest_here(spec, known, 1).no_more is EndReason.SEARCH_SPACE_EXHAUSTED


def test_a_single_point_of_real_numbers_is_not_called_exhausted() -> None:
    spec = make_spec(floats(2, 0, 1), parameterConstraints=["x0 + x1 >= 2"], maxTrials=9)
    suggestion = suggest_here(spec, [], 3)
    assert suggestion.no_more in {None, EndReason.NOTHING_NEW_FOUND}


def test_steps_are_written_as_the_numbers_that_were_meant() -> None:
    spec = make_spec(floats(1, 0, 0.5, step=0.05), maxTrials=20, search={"initialTrials": 11})
    found = sorted(float(c.parameters["x0"]) for c in suggest_here(spec, [], 11).candidates)
    assert found == [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5]


_FACTORS = st.sampled_from([-3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0])


@st.composite
def small_discrete(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[str]]:
    """Two to four whole numbers or choices of up to 12 values, and linear constraints that one point keeps at least."""
    parameters, values = [], []
    for i in range(draw(st.integers(2, 4))):
        low, size = draw(st.integers(-20, 20)), draw(st.integers(2, 12))
        step = draw(st.sampled_from([1, 1, 3]))
        listed = [low + k * step for k in range(size)]
        if draw(st.integers(0, 3)) == 0:
            listed = sorted({v * abs(v) for v in listed})
            kind = {"intChoice": {"values": listed, "ordered": True}} if len(listed) > 1 else None
        else:
            kind = {"int": {"min": listed[0], "max": listed[-1], "step": step}}
        assume(kind is not None)
        parameters.append({"name": f"x{i}", **(kind or {})})
        values.append(listed)
    point = [draw(st.sampled_from(listed)) for listed in values]
    constraints = [draw(_constraint(point)) for _ in range(draw(st.integers(1, 3)))]
    return parameters, constraints


@st.composite
def _constraint(draw: st.DrawFn, point: Sequence[float]) -> str:
    """A linear constraint that the point keeps, as text."""
    names = draw(st.lists(st.integers(0, len(point) - 1), min_size=1, max_size=len(point), unique=True))
    factors = [draw(_FACTORS) for _ in names]
    sign = draw(st.sampled_from(["<=", ">=", "=="]))
    room = {"<=": 1.0, ">=": -1.0, "==": 0.0}[sign] * draw(st.integers(0, 4))
    bound = sum(f * point[i] for f, i in zip(factors, names, strict=True)) + room
    left = " + ".join(f"{f}*x{i}" if f > 0 else f"0 - {-f}*x{i}" for f, i in zip(factors, names, strict=True))
    right = f"{bound!r}" if bound >= 0 else f"0 - {-bound!r}"
    return f"{left} {sign} {right}"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(small_discrete(), st.integers(0, 3))
def test_whatever_the_constraints_a_discrete_space_is_searched_as_brute_force_says(space_text, seed) -> None:
    parameters, constraints = space_text
    spec = make_spec(
        parameters,
        parameterConstraints=constraints,
        maxTrials=1000,
        search={"seed": seed, "initialTrials": 1000},
    )
    space = Space(spec)
    domains = [space.spec.parameter(p["name"]).domain for p in parameters]
    values = [
        d.values if hasattr(d, "values") else [d.value(k) for k in range(d.count)]  # type: ignore[union-attr,operator] # whole numbers
        for d in domains
    ]
    names = [p["name"] for p in parameters]
    feasible = [p for p in (dict(zip(names, row, strict=True)) for row in product(*values)) if space.allows(p)]
    asked = min(len(feasible) + 2, 40)
    suggestion, _ = candidates(spec, asked)
    assert len(suggestion.candidates) == min(asked, len(feasible))
    assert (suggestion.no_more is EndReason.SEARCH_SPACE_EXHAUSTED) == (len(feasible) <= asked)
    if len(feasible) > 20:
        assert spread(suggestion, space, space.encode(feasible)) > 0.5


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0.01, 1e3)), min_size=2, max_size=5),
    st.data(),
    st.sampled_from([1e-9, 1.0, 1e9]),
)
def test_whatever_the_constraints_real_numbers_keep_them_and_spread(ends, data, unit) -> None:
    lows, widths = np.array([low for low, _ in ends]) * unit, np.array([width for _, width in ends]) * unit
    parameters = [
        {"name": f"x{i}", "float": {"min": float(low), "max": float(low + width)}}
        for i, (low, width) in enumerate(zip(lows, widths, strict=True))
    ]
    part = np.array([data.draw(st.floats(0.05, 0.95)) for _ in ends])
    point = (lows + part * widths).tolist()
    constraints = [data.draw(_constraint(point)) for _ in range(data.draw(st.integers(1, 3)))]
    spec = make_spec(parameters, parameterConstraints=constraints, maxTrials=60, search={"initialTrials": 60})
    suggestion, space = candidates(spec, 20)
    assert len(suggestion.candidates) == 20 or suggestion.no_more is EndReason.NOTHING_NEW_FOUND
    box = np.random.default_rng(0).random((20_000, len(ends)))
    uniform = box[space.feasible(space.snap(box))]
    if len(uniform) > 50:
        assert len(suggestion.candidates) == 20
        assert spread(suggestion, space, uniform) > 0.5


@pytest.mark.parametrize("unit", [1e-12, 1e-9, 1.0, 1e9])
@pytest.mark.parametrize("seed", range(8))
def test_equalities_that_leave_a_single_point_of_real_numbers_find_it(seed: int, unit: float) -> None:
    """Each equality decides one more parameter, so rounding goes from one to the next."""
    rng = np.random.default_rng([seed, 5])
    count = int(rng.integers(2, 6))
    lows, widths = rng.uniform(-1e3, 1e3, count) * unit, rng.uniform(0.01, 1e3, count) * unit
    point = lows + rng.uniform(0.05, 0.95, count) * widths
    constraints = []
    for i in range(count):
        factors = [*rng.integers(-4, 5, i).tolist(), int(rng.integers(1, 5))]
        terms = " + ".join(f"{factor}*x{j}" for j, factor in enumerate(factors)).replace("+ -", "- ")
        constraints.append(f"0 + {terms} == {np.dot(factors, point[: i + 1])!s}".replace("+ -", "- "))
    parameters = [
        {"name": f"x{i}", "float": {"min": float(low), "max": float(low + width)}}
        for i, (low, width) in enumerate(zip(lows, widths, strict=True))
    ]
    space = Space(make_spec(parameters, parameterConstraints=constraints))
    [code, *_] = Sampler(space).sequence(1)
    found = space.decode(code)
    assert [found[f"x{i}"] for i in range(count)] == pytest.approx(point, abs=1e-6 * widths.max())


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("seed", range(8))
def test_equalities_that_share_their_parameters_leave_many_points(seed: int, unit: float) -> None:
    """No parameter follows from the others one by one: two or three equalities hold at once."""
    rng = np.random.default_rng([seed, 7])
    lows, widths = rng.uniform(-1e3, 1e3, 5) * unit, rng.uniform(0.1, 1e3, 5) * unit
    point = lows + rng.uniform(0.2, 0.8, 5) * widths
    constraints = []
    for _ in range(2 + seed % 2):
        factors = rng.choice([-3, -2, -1, 1, 2, 3], 5).tolist()
        terms = " + ".join(f"{factor}*x{j}" for j, factor in enumerate(factors))
        constraints.append(f"0 + {terms} == {np.dot(factors, point)!s}".replace("+ -", "- "))
    parameters = [
        {"name": f"x{i}", "float": {"min": float(low), "max": float(low + width)}}
        for i, (low, width) in enumerate(zip(lows, widths, strict=True))
    ]
    spec = make_spec(parameters, parameterConstraints=constraints, maxTrials=60, search={"initialTrials": 60})
    suggestion, _ = candidates(spec, 10)
    assert len({tuple(candidate.parameters.values()) for candidate in suggestion.candidates}) == 10


def test_whole_numbers_that_meet_a_sum_only_here_and_there_are_found() -> None:
    spec = make_spec(
        ints(4, 0, 500),
        parameterConstraints=["61*x0 + 67*x1 + 71*x2 + 73*x3 == 29876"],
        maxTrials=20,
        search={"initialTrials": 20},
    )
    suggestion, _ = candidates(spec, 12)
    assert len(suggestion.candidates) == 12


def test_a_condition_lifts_the_constraints_of_what_is_not_active() -> None:
    spec = make_spec(
        [
            {"name": "kind", "choice": {"values": ["plain", "deep"]}},
            {"name": "blocks", "int": {"min": 1, "max": 60}},
            {"name": "extra", "int": {"min": 1, "max": 60}, "activeWhen": [{"parameter": "kind", "values": ["deep"]}]},
        ],
        parameterConstraints=["blocks + extra == 50"],
        maxTrials=60,
        search={"initialTrials": 50},
    )  # fmt: skip
    suggestion, _ = candidates(spec, 30)
    deep = [c.parameters for c in suggestion.candidates if c.parameters["kind"] == "deep"]
    plain = [c.parameters for c in suggestion.candidates if c.parameters["kind"] == "plain"]
    assert len(deep) > 5
    assert len(plain) > 5
    assert {p["blocks"] + p["extra"] for p in deep} == {50}
    assert any(p["blocks"] > 50 for p in plain)


def test_constraints_that_only_some_values_of_a_condition_allow_are_no_dead_end() -> None:
    """With depth 2 the rest cannot be kept at all."""
    spec = make_spec(
        [
            {"name": "depth", "intChoice": {"values": [1, 2], "ordered": True}},
            {"name": "a", "int": {"min": 10, "max": 90}},
            {"name": "b", "int": {"min": 10, "max": 90}, "activeWhen": [{"parameter": "depth", "values": [2]}]},
        ],
        parameterConstraints=["a + b <= 12", "depth + b <= 10"],
        maxTrials=60,
        search={"initialTrials": 40},
    )  # fmt: skip
    suggestion, _ = candidates(spec, 12)
    assert {c.parameters["depth"] for c in suggestion.candidates} == {1}
    assert len(suggestion.candidates) == 12


TWO_CONDITIONS = [
    {"name": "kind", "choice": {"values": ["plain", "deep", "wide"]}},
    {"name": "skip", "bool": {}, "activeWhen": [{"parameter": "kind", "values": ["deep", "wide"]}]},
    {"name": "a", "int": {"min": 1, "max": 4}},
    {
        "name": "b",
        "int": {"min": 1, "max": 4},
        "activeWhen": [{"parameter": "kind", "values": ["deep", "plain"]}, {"parameter": "skip", "values": [True]}],
    },
    {
        "name": "c",
        "int": {"min": 1, "max": 3},
        "activeWhen": [{"parameter": "kind", "values": ["wide"]}, {"parameter": "skip", "values": [False]}],
    },
]  # fmt: skip


@pytest.mark.parametrize(
    ("constraints", "kept"),
    [
        ([], lambda _: True),
        (["a + b <= 3"], lambda p: "b" not in p or p["a"] + p["b"] <= 3),
        (["a == b", "a >= c"], lambda p: p.get("b", p["a"]) == p["a"] and p["a"] >= p.get("c", 1)),
        (["b >= c"], lambda _: True),  # never both active
    ],
)
def test_all_of_several_conditions_must_hold_as_brute_force_finds(
    constraints: list[str], kept: Callable[[dict[str, Any]], bool]
) -> None:
    points = set()
    for kind, skip, a, b, c in product(("plain", "deep", "wide"), (False, True), range(1, 5), range(1, 5), range(1, 4)):
        point: dict[str, Any] = {"kind": kind, "a": a}
        if kind != "plain":
            point["skip"] = skip
        if kind == "deep" and skip:
            point["b"] = b
        if kind == "wide" and not skip:
            point["c"] = c
        if kept(point):
            points.add(tuple(sorted(point.items())))
    spec = make_spec(TWO_CONDITIONS, parameterConstraints=constraints, maxTrials=100)
    space = Space(spec)
    codes = list_points(space)
    assert codes is not None
    assert {tuple(sorted(space.decode(code).items())) for code in codes} == points
    for target in np.random.default_rng(0).random((20, len(space.columns))):
        assert tuple(sorted(space.decode(nearest(space, space.spread(target[None])[0])).items())) in points
    sequence = Sampler(space).sequence(64)
    assert {tuple(sorted(space.decode(code).items())) for code in sequence} <= points
