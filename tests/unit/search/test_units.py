"""Numbers in other units and at their extremes: no scale of a parameter or a metric is special."""

import math
import sys
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from paretonas.api import ExperimentSpec
from paretonas.search import KnownTrial, suggest_here
from paretonas.search.pareto import hypervolume, reference_point
from paretonas.search.scales import FARTHEST, MetricScale

UNIT = [{"name": name, "float": {"min": 0, "max": 1}} for name in "ab"]
LARGEST, SMALLEST = sys.float_info.max, math.ulp(0.0)


def _search(
    spec: ExperimentSpec, measure: Callable[[Mapping[str, Any]], Mapping[str, float]], trials: int
) -> list[dict[str, Any]]:
    """The points of a search; a trial whose result is empty has failed."""
    known: list[KnownTrial] = []
    for index in range(trials):
        suggestion = suggest_here(spec, known, 1)
        if not suggestion.candidates:
            assert suggestion.no_more
            break
        point = dict(suggestion.candidates[0].parameters)
        metrics = measure(point)
        known.append(KnownTrial(index, point, "Observed" if metrics else "Failed", metrics))
    return [dict(trial.parameters) for trial in known]


def _front(unit: float, offset: float = 0.0) -> Callable[[Mapping[str, Any]], dict[str, float]]:
    def measure(point: Mapping[str, Any]) -> dict[str, float]:
        bend = (point["b"] - 0.4) ** 2
        return {
            "error": (offset + (1 - point["a"]) ** 2 + bend) * unit,
            "gain": (offset + 1 - point["a"] ** 2 - bend) * unit,
            "latency": (1 + point["a"] + point["b"]) * unit,
        }

    return measure


def _spec(make_spec, unit: float, *, bounded: bool, **objective: Any) -> ExperimentSpec:
    return make_spec(
        UNIT,
        objectives=[
            {
                "metric": "error",
                "goal": "Minimize",
                **({"threshold": 0.9 * unit} if bounded else {}),
                **objective,
            },
            {
                "metric": "gain",
                "goal": "Maximize",
                **({"threshold": 0.125 * unit} if bounded else {}),
                **objective,
            },
        ],
        outcomeConstraints=[f"latency <= {2.25 * unit!r}"] if bounded else [],
        search={"initialTrials": 4, "seed": 5},
    )


@pytest.mark.parametrize("unit", [2.0**-1000, 2.0**31, 1e-12, 3e-7, 1e9, 1e290])
@pytest.mark.parametrize("bounded", [False, True], ids=["free", "bounded"])
def test_metrics_in_another_unit_give_the_same_candidates(make_spec, unit: float, bounded: bool) -> None:
    expected = _search(_spec(make_spec, 1.0, bounded=bounded), _front(1.0), 7)
    assert _search(_spec(make_spec, unit, bounded=bounded), _front(unit), 7) == expected


@pytest.mark.parametrize("unit", [2.0**-37, 1e11])
def test_so_does_a_single_objective(make_spec, unit: float) -> None:
    def spec(unit: float) -> ExperimentSpec:
        return make_spec(
            UNIT,
            objectives=[{"metric": "error", "goal": "Minimize"}],
            outcomeConstraints=[f"latency >= {1.5 * unit!r}"],
            search={"initialTrials": 4},
        )

    assert _search(spec(unit), _front(unit), 8) == _search(spec(1.0), _front(1.0), 8)


@pytest.mark.parametrize("unit", [1e-200, 1e9])
def test_so_does_a_log_scale(make_spec, unit: float) -> None:
    expected = _search(_spec(make_spec, 1.0, bounded=True, scale="Log"), _front(1.0, 1.0), 8)
    assert _search(_spec(make_spec, unit, bounded=True, scale="Log"), _front(unit, 1.0), 8) == expected


@pytest.mark.parametrize(("offset", "step"), [(1e6, 1e-3), (-4e9, 1e-2), (1.0, 1e-10)])
def test_small_differences_of_large_numbers_are_learned_from(make_spec, offset: float, step: float) -> None:
    def measure(point: Mapping[str, Any]) -> dict[str, float]:
        return {"loss": offset + step * ((point["a"] - 0.3) ** 2 + (point["b"] - 0.6) ** 2)}

    spec = make_spec(UNIT, objectives=[{"metric": "loss", "goal": "Minimize"}], search={"initialTrials": 5})
    points = _search(spec, measure, 16)
    assert min(math.hypot(p["a"] - 0.3, p["b"] - 0.6) for p in points) < 0.03


@pytest.mark.parametrize("goal", ["Maximize", "Minimize"])
@pytest.mark.parametrize("extreme", [1.7e308, -LARGEST, -SMALLEST, 0.0])
@pytest.mark.parametrize("share", [1, 3], ids=["all", "some"])
def test_results_at_the_end_of_the_doubles_are_results(make_spec, goal: str, extreme: float, share: int) -> None:
    count = 0

    def measure(point: Mapping[str, Any]) -> dict[str, float]:
        nonlocal count
        count += 1
        value = extreme if count % share == 0 else point["a"]
        return {"value": value, "size": point["b"], "cost": -value}

    spec = make_spec(
        UNIT,
        objectives=[{"metric": "value", "goal": goal}, {"metric": "size", "goal": "Minimize"}],
        outcomeConstraints=["cost <= 0.75"],
        search={"initialTrials": 3},
    )
    points = _search(spec, measure, 6)
    assert len({tuple(p.values()) for p in points}) == 6


def test_a_diverged_result_does_not_hide_what_the_others_say(make_spec) -> None:
    """Of two objectives and of a bound; a sixth of the trials ends at some 1e300."""

    def measure(point: Mapping[str, Any]) -> dict[str, float]:
        diverged = point["a"] > 0.85
        loss = 1e-3 * ((point["a"] - 0.3) ** 2 + (point["b"] - 0.6) ** 2)
        return {"loss": 1e300 if diverged else loss, "memory": 1e305 if diverged else point["a"] + point["b"]}

    spec = make_spec(
        UNIT,
        objectives=[{"metric": "loss", "goal": "Minimize"}],
        outcomeConstraints=["memory <= 0.8"],
        search={"initialTrials": 6},
    )
    points = _search(spec, measure, 20)
    kept = [p for p in points if p["a"] + p["b"] <= 0.8]
    assert len(kept) >= 8
    assert min(math.hypot(p["a"] - 0.25, p["b"] - 0.55) for p in kept) < 0.04  # the best point of those allowed


@pytest.mark.parametrize("threshold", [1e30, -1e30, 1e300, LARGEST, -LARGEST])
def test_a_threshold_or_a_bound_may_be_out_of_all_proportion(make_spec, threshold: float) -> None:
    spec = make_spec(
        UNIT,
        objectives=[
            {"metric": "error", "goal": "Minimize", "threshold": threshold},
            {"metric": "gain", "goal": "Maximize", "threshold": 0.1},
        ],
        outcomeConstraints=[f"latency >= {-threshold!r}"],
        search={"initialTrials": 4},
    )
    points = _search(spec, _front(1.0), 10)
    assert len({(round(p["a"], 3), round(p["b"], 3)) for p in points}) > 6, "it looks at one place again and again"


RANGES = [
    {"min": 1e-6, "max": 1e-5, "scale": "Log"},
    {"min": 1e-6, "max": 1e-5},
    {"min": 0.3, "max": 0.3 + 1e-9},
    {"min": -1e-13, "max": 1e-13},
    {"min": 0, "max": 5e-324 * 4000},
    {"min": 1e-320, "max": 1e-310, "scale": "Log"},
    {"min": 1e-300, "max": 1e300, "scale": "Log"},
    {"min": 5e-324, "max": 1.7e308, "scale": "Log"},
    {"min": -8e307, "max": 9e307},
    {"min": -1.7e308, "max": 1e300},
    {"min": 1e12, "max": 1e12 + 1},
    {"min": 7e15, "max": 7e15 + 8},
    {"min": 1.0, "max": 1.0 + 2**-52},
]


@pytest.mark.parametrize("domain", RANGES, ids=str)
def test_every_valid_range_can_be_searched(make_spec, domain: Mapping[str, Any]) -> None:
    """Alone where it can be exhausted, beside another one, and as the parameter of a condition."""

    def measure(point: Mapping[str, Any]) -> dict[str, float]:
        return {"m": point.get("a", domain["max"]) / 2 - point.get("b", 0.0)}

    conditional = [
        {"name": "kind", "choice": {"values": ["x", "y", "z"]}},
        {"name": "a", "float": domain, "activeWhen": [{"parameter": "kind", "values": ["x"]}]},
        UNIT[1],
    ]
    for parameters in (
        [{"name": "a", "float": domain}],
        [{"name": "a", "float": domain}, UNIT[1]],
        conditional,
    ):
        spec = make_spec(parameters, objectives=[{"metric": "m", "goal": "Minimize"}], search={"initialTrials": 3})
        points = _search(spec, measure, 6)
        values = [p["a"] for p in points if "a" in p]
        assert all(domain["min"] <= value <= domain["max"] for value in values)
        assert len(set(values)) > 1
        assert "b" not in points[0] or len(points) == 6


def test_known_results_of_the_same_point_count_each(make_spec, observed) -> None:
    """Brought by the user, or taken over from several experiments."""
    spec = make_spec(UNIT, objectives=[{"metric": "size", "goal": "Minimize"}], search={"initialTrials": 4})
    points = [{"a": 0.25, "b": 0.5}] * 3 + [
        {"a": 0.75, "b": 0.125},
        {"a": 0.25, "b": 0.5},
        {"a": 7.0, "b": -1.0},
    ]
    known = observed([*points, {"a": 1.0, "b": 0.0}])  # the last two are one within the space
    [candidate] = suggest_here(spec, known, 1).candidates
    assert candidate.origin == "BayesianOptimization"
    assert dict(candidate.parameters) not in points


@pytest.mark.parametrize(
    "values",
    [
        [3.0, 3.0, 3.0],
        [0.0, 0.0],
        [0.0, 0.0, 0.0, 1e-300],
        [-LARGEST, LARGEST],
        [1e-300, 2e-300, 5e-300, LARGEST],
        [-LARGEST, 1.0, 2.0, 4.0, 1e100],
        [SMALLEST, 3 * SMALLEST, 8 * SMALLEST],
    ],
)
def test_a_scale_keeps_the_order_and_stays_finite(values: list[float]) -> None:
    scale = MetricScale(values, low_tail=1e6, high_tail=2.0)
    mapped = [scale(value) for value in sorted([*values, -LARGEST, -1.0, 0.0, 1e-9, LARGEST])]
    assert np.isfinite(mapped).all()
    assert np.abs(mapped).max() <= FARTHEST
    assert all(low <= high for low, high in pairwise(mapped))
    assert all((a < b) == (scale(a) < scale(b)) for a, b in pairwise(sorted(values)))


@pytest.mark.parametrize("unit", [2.0**-1000, 2.0**-333, 2.0**40, 2.0**340])
def test_a_hypervolume_is_that_of_its_unit_to_the_last_bit(make_spec, unit: float) -> None:
    front = [{"accuracy": 0.25, "size": 0.5}, {"accuracy": 0.7, "size": 0.8}]

    def of(unit: float) -> float:
        metrics = [{"accuracy": m["accuracy"], "size": m["size"] * unit} for m in front]
        objectives = [{"metric": "accuracy", "goal": "Maximize"}, {"metric": "size", "goal": "Minimize"}]
        spec = make_spec(UNIT, objectives=objectives)
        return hypervolume(spec, metrics, {"accuracy": 0.1, "size": 1.1 * unit})

    assert of(unit) == of(1.0) * unit > 0


@pytest.mark.parametrize("goal", ["Maximize", "Minimize"])
@pytest.mark.parametrize(
    ("scale", "values"),
    [
        ("Linear", [-1.7e308, 1.7e308]),
        ("Linear", [LARGEST, LARGEST]),
        ("Log", [SMALLEST, 3e-310]),
        ("Log", [1e-300, 1e300]),
        ("Log", [LARGEST, 1.0]),
    ],
)
def test_a_reference_point_and_a_volume_are_numbers_whatever_was_observed(make_spec, goal, scale, values) -> None:
    objectives = [
        {"metric": "value", "goal": goal, "scale": scale},
        {"metric": "size", "goal": "Minimize"},
    ]
    spec = make_spec(UNIT, objectives=objectives)
    observed = [{"value": value, "size": size} for value, size in zip(values, (1.0, 1e300), strict=True)]
    reference = reference_point(spec, observed)
    assert all(map(math.isfinite, reference.values()))
    first, worst = spec.objectives[0], reference["value"]
    assert all(first.comparable(value) <= first.comparable(worst) for value in values)
    assert 0.0 <= hypervolume(spec, observed, reference) <= LARGEST
