"""Metrics with a formula: exact for the search, and bounds on them that no candidate breaks."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from paretonas.api import ExperimentSpec
from paretonas.api.reasons import EndReason
from paretonas.search import KnownTrial, SearchError, suggest_here
from paretonas.search.sampling import Sampler
from paretonas.search.space import Space

ACCURACY = {"metric": "accuracy", "goal": "Maximize", "threshold": 0.5}


def whole(name: str, low: int, high: int, **more: Any) -> dict[str, Any]:
    return {"name": name, "int": {"min": low, "max": high, **more}}


def real(name: str, low: float, high: float, **more: Any) -> dict[str, Any]:
    return {"name": name, "float": {"min": low, "max": high, **more}}


def choice(name: str, *values: str) -> dict[str, Any]:
    return {"name": name, "choice": {"values": list(values)}}


CELLS = ("none", "skip", "conv1", "conv3", "pool")
COSTS = {"t": {"none": 0, "skip": 1, "conv1": 4, "conv3": 9, "pool": 2}}
THIN: dict[str, dict[str, Any]] = {
    "a product of whole numbers": {
        "parameters": [whole("a", 1, 1024), whole("b", 1, 1024), real("x", 0, 1)],
        "metrics": [{"name": "m", "formula": "a*b"}],
        "outcomeConstraints": ["m <= 4096"],
    },
    "a product of real numbers": {
        "parameters": [real("a", 1, 1e6), real("b", 1, 1e6)],
        "metrics": [{"name": "m", "formula": "a*b"}],
        "outcomeConstraints": ["m <= 4096"],
    },
    "a shell": {
        "parameters": [real(name, -1, 1) for name in "abc"],
        "metrics": [{"name": "m", "formula": "a*a + b**2 + c*c"}],
        "outcomeConstraints": ["m <= 0.25", "m >= 0.249"],
    },
    "steps": {
        "parameters": [real("a", 0, 10, step=0.1), real("b", 0, 1, step=1e-5), whole("c", 1, 500)],
        "metrics": [{"name": "m", "formula": "a*b*c"}],
        "outcomeConstraints": ["m <= 0.3", "m >= 0.1"],
    },
    "an order and a product": {
        "parameters": [whole(name, 1, 1000) for name in "abc"],
        "metrics": [{"name": "m", "formula": "a*b*c"}],
        "outcomeConstraints": ["m <= 20000"],
        "parameterConstraints": ["b <= a", "c <= b"],
    },
    "a sum and a product": {
        "parameters": [real(name, 0, 1) for name in "abc"],
        "metrics": [{"name": "m", "formula": "a*b*c"}],
        "outcomeConstraints": ["m <= 0.001"],
        "parameterConstraints": ["a + b + c == 1"],
    },
    "choices": {
        "parameters": [choice(f"e{i}", *CELLS) for i in range(8)],
        "metrics": [{"name": "m", "formula": "+".join(f"t[e{i}]" for i in range(8)), "tables": COSTS}],
        "outcomeConstraints": ["m <= 4"],
    },
    "a conditional factor": {
        "parameters": [
            choice("kind", "small", "big"),
            {**whole("depth", 1, 1000), "activeWhen": [{"parameter": "kind", "values": ["big"]}]},
            whole("a", 1, 1000),
        ],
        "metrics": [{"name": "m", "formula": "a*depth", "whenInactive": {"depth": 1}}],
        "outcomeConstraints": ["m <= 50"],
    },
}


@pytest.mark.parametrize("kind", THIN)
def test_every_point_keeps_bounds_that_few_points_keep_and_points_are_not_alike(kind: str, make_spec) -> None:
    spec: ExperimentSpec = make_spec(**THIN[kind])
    sampler = Sampler(Space(spec))
    space, scattered = sampler.space, sampler.scatter(7)
    moved = sampler.mutate(scattered, np.random.default_rng(0), 0.1)
    for codes in (sampler.sequence(64), scattered, moved[space.feasible(moved)]):
        for point in map(space.decode, codes):
            [value] = spec.known_metrics(point).values()
            assert all(bound.is_satisfied_by({"m": value}) for bound in spec.outcomes), point
            assert all(constraint.is_satisfied_by(point) for constraint in spec.linear_constraints), point
    assert len(scattered) > 500
    assert len(set(space.identities(scattered))) > 150
    assert space.feasible(moved).mean() > 0.5


@pytest.mark.parametrize("kind", THIN)
def test_the_values_of_codes_are_those_of_their_points_to_the_last_bit(kind: str, make_spec) -> None:
    spec: ExperimentSpec = make_spec(**{**THIN[kind], "outcomeConstraints": [], "parameterConstraints": []})
    space = Space(spec)
    codes = space.spread(np.random.default_rng(1).random((200, len(space.columns))))
    values = space.known.values("m", codes)
    for code, value in zip(codes, values.tolist(), strict=True):
        assert value == pytest.approx(spec.known_metrics(space.decode(code))["m"], rel=0 if kind != "steps" else 1e-12)


def test_a_product_of_two_ranges_is_sampled_about_uniformly(make_spec) -> None:
    sampler = Sampler(Space(make_spec(**THIN["a product of real numbers"])))
    points = [sampler.space.decode(code) for code in sampler.scatter(3)]
    # the density of a is 1 from 1 to 4096: the integral of 4096/a is 4096 ln(4096), and half of it is below 64
    below = np.mean([float(point["a"]) < 64 for point in points])
    assert 0.42 < below < 0.58


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e9])
def test_a_bound_is_exact_in_every_unit(unit: float, make_spec) -> None:
    spec = make_spec(
        [whole("a", 1, 64), whole("b", 1, 64)],
        metrics=[{"name": "m", "formula": f"a*b*{unit!r}"}],
        outcomeConstraints=[f"m <= {64 * unit!r}"],
    )
    space = Space(spec)
    points = [{"a": a, "b": b} for a, b in itertools.product(range(1, 65), repeat=2)]
    kept = space.feasible(space.encode(points))
    assert kept.tolist() == [p["a"] * p["b"] * unit <= 64 * unit for p in points]
    assert kept.sum() == sum(p["a"] * p["b"] <= 64 for p in points)


SIZED = {
    "parameters": [whole("a", 1, 128, scale="Log"), whole("b", 1, 128, scale="Log"), real("x", 0, 1)],
    "metrics": [{"name": "size", "formula": "a*b + b"}],
    "search": {"seed": 1, "initialTrials": 4},
}


def outcome(point: Mapping[str, Any]) -> dict[str, float]:
    return {"accuracy": 1 - 1 / (2 + point["a"] ** 0.5) - 0.1 * (point["x"] - 0.4) ** 2}


def searched(spec: ExperimentSpec, count: int) -> list[KnownTrial]:
    known: list[KnownTrial] = []
    for index in range(count):
        [candidate] = suggest_here(spec, known, 1).candidates
        metrics = {**outcome(candidate.parameters), **spec.known_metrics(candidate.parameters)}
        known.append(KnownTrial(index, candidate.parameters, "Observed", metrics))
    return known


@pytest.mark.parametrize("threshold", [3000, 300, 12])
def test_no_candidate_is_beyond_the_threshold_of_a_formula(threshold: int, make_spec) -> None:
    objectives = [ACCURACY, {"metric": "size", "goal": "Minimize", "threshold": threshold}]
    found = searched(make_spec(objectives=objectives, **SIZED), 9)
    assert max(trial.metrics["size"] for trial in found) <= threshold
    assert len({tuple(trial.parameters.values()) for trial in found}) == 9


def test_the_same_candidates_come_in_every_unit_of_a_formula(make_spec) -> None:
    def points(factor: float) -> list[Any]:
        objectives = [ACCURACY, {"metric": "size", "goal": "Minimize", "threshold": 3000 * factor}]
        metrics = [{"name": "size", "formula": f"(a*b + b)*{factor!r}"}]
        found = searched(make_spec(objectives=objectives, **{**SIZED, "metrics": metrics}), 7)
        return [trial.parameters for trial in found]

    assert points(1.0) == points(2.0**40) == points(2.0**-300)


def test_the_search_knows_a_formula_where_a_model_would_guess(make_spec) -> None:
    # the size has a spike that no model could foresee from results beside it
    spec = make_spec(
        objectives=[{"metric": "size", "goal": "Minimize"}, {"metric": "accuracy", "goal": "Maximize"}],
        parameters=[whole("a", 0, 1000), real("x", 0, 1)],
        metrics=[{"name": "size", "formula": "1000 + a - 900*max(0, 1 - abs(a - 777)/20)"}],
        search={"initialTrials": 4},
    )
    known: list[KnownTrial] = []
    for index in range(8):
        [candidate] = suggest_here(spec, known, 1).candidates
        values = {"accuracy": 0.5, **spec.known_metrics(candidate.parameters)}
        known.append(KnownTrial(index, candidate.parameters, "Observed", values))
    by_model = known[4:]
    assert min(trial.metrics["size"] for trial in by_model) < 1000, (
        "it goes to where the formula alone says that it is small"
    )


def test_points_without_a_value_are_not_asked(make_spec) -> None:
    spec = make_spec(
        [whole("a", 0, 40), whole("b", 0, 40)],
        objectives=[{"metric": "accuracy", "goal": "Maximize"}],
        metrics=[{"name": "m", "formula": "1/max(0, a - b)"}],
        search={"initialTrials": 6},
    )
    for candidate in suggest_here(spec, [], 12).candidates:
        assert candidate.parameters["a"] > candidate.parameters["b"]


def test_a_small_space_is_exhausted_when_every_point_within_the_bounds_was_tried(make_spec) -> None:
    spec = make_spec(
        [whole("a", 1, 5000), whole("b", 1, 5000)],
        objectives=[{"metric": "accuracy", "goal": "Maximize"}],
        metrics=[{"name": "m", "formula": "a*b"}],
        outcomeConstraints=["m <= 3"],
        search={"initialTrials": 10},
    )
    suggestion = suggest_here(spec, [], 10)
    points = {tuple(candidate.parameters.values()) for candidate in suggestion.candidates}
    assert points == {(1, 1), (1, 2), (1, 3), (2, 1), (3, 1)}
    assert suggestion.no_more is EndReason.SEARCH_SPACE_EXHAUSTED


@pytest.mark.parametrize(
    ("parameters", "formula", "message"),
    [
        (
            [whole("a", 2, 50), whole("b", 2, 50)],
            "a*b + 0.5",
            "no point of the search space keeps 'm <= 23.6', 'm >= 23.4'",
        ),
        ([real("a", 0, 1), real("b", 0, 1)], "40*abs(a - a) + b", "cannot find a point that keeps"),
    ],
)
def test_bounds_that_no_point_keeps_are_told(parameters: Any, formula: str, message: str, make_spec) -> None:
    spec = make_spec(
        parameters,
        objectives=[{"metric": "accuracy", "goal": "Maximize"}],
        metrics=[{"name": "m", "formula": formula}],
        outcomeConstraints=["m <= 23.6", "m >= 23.4"],
    )
    with pytest.raises(SearchError) as refused:
        suggest_here(spec, [], 1)
    assert message in str(refused.value)


def test_a_users_own_results_may_be_beyond_a_bound(make_spec) -> None:
    objectives = [ACCURACY, {"metric": "size", "goal": "Minimize", "threshold": 300}]
    spec = make_spec(objectives=objectives, **SIZED)
    points = [{"a": 2**i, "b": 64, "x": 0.5} for i in range(7)]
    known = [KnownTrial(i, p, "Observed", {**outcome(p), **spec.known_metrics(p)}) for i, p in enumerate(points)]
    assert max(trial.metrics["size"] for trial in known) > 300
    for candidate in suggest_here(spec, known, 3).candidates:
        assert spec.known_metrics(candidate.parameters)["size"] <= 300
