"""Why no result is in the Pareto set: which bound excludes how many, and the nearest miss."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import experiment, trial

from paretonas.api import NASTrial
from paretonas.engine.empty_front import why_none
from paretonas.search.pareto import pareto_set

MAXIMIZE: dict[str, Any] = {"metric": "accuracy", "goal": "Maximize"}
MINIMIZE: dict[str, Any] = {"metric": "size", "goal": "Minimize"}


def why(objectives: list[dict[str, Any]], *results: dict[str, float], **spec: Any) -> str:
    trials = [trial(i, "Succeeded", metrics=metrics) for i, metrics in enumerate(results)]
    return why_none(experiment(objectives=objectives, **spec).spec, [*trials, trial(len(trials), "Failed")])


def test_a_threshold_that_no_result_reaches_is_named_with_the_nearest() -> None:
    found = [{"accuracy": a} for a in (0.91, 0.973, 0.2)]
    assert why([{**MAXIMIZE, "threshold": 0.98}], *found) == (
        "none of 3 results is within the bounds: accuracy >= 0.98 (threshold) excludes 3; "
        "the nearest miss is nas-1 with accuracy 0.973"
    )


def test_a_smaller_objective_misses_from_above() -> None:
    found = [{"size": s} for s in (91_000.0, 80_400.0)]
    assert why([{**MINIMIZE, "threshold": 80_000}], *found) == (
        "none of 2 results is within the bounds: size <= 80,000 (threshold) excludes 2; "
        "the nearest miss is nas-1 with size 80,400"
    )


@pytest.mark.parametrize(
    ("constraint", "values", "nearest"),
    [
        ("latency <= 20", (31.0, 20.5, 27.0), "nas-1 with latency 20.5"),
        ("latency >= 40", (31.0, 20.5, 27.0), "nas-0 with latency 31"),
        ("20  >=  latency", (21.0, 22.0, 20.25), "nas-2 with latency 20.25"),
        ("-latency >= 3", (7.0, 5.0), "nas-1 with latency 5"),
    ],
)
def test_an_outcome_constraint_that_no_result_keeps_is_named_as_it_was_written(
    constraint: str, values: tuple[float, ...], nearest: str
) -> None:
    results = [{"accuracy": 0.5, "latency": v} for v in values]
    words = why([MAXIMIZE], *results, outcomeConstraints=[constraint])
    assert f": {' '.join(constraint.split())} excludes {len(values)}; " in words
    assert words.endswith(f"the nearest miss is {nearest}")


def test_bounds_that_exclude_a_part_each_are_all_named_the_strictest_first() -> None:
    """Each is kept by somebody, and all by nobody: the nearest misses one bound only, and by the smallest share."""
    objectives = [{**MAXIMIZE, "threshold": 0.9}, {**MINIMIZE, "threshold": 50}]
    results = [
        {"accuracy": 0.95, "size": 90.0},
        {"accuracy": 0.96, "size": 51.0},
        {"accuracy": 0.10, "size": 10.0},
        {"accuracy": 0.20, "size": 80.0},
    ]
    assert why(objectives, *results) == (
        "none of 4 results is within the bounds: size <= 50 (threshold) excludes 3, "
        "accuracy >= 0.9 (threshold) excludes 2; the nearest miss is nas-1 with size 51"
    )


def test_one_result_is_not_spoken_of_as_several() -> None:
    assert why([{**MAXIMIZE, "threshold": 0.5}], {"accuracy": 0.4}) == (
        "the only result is not within the bounds: accuracy >= 0.5 (threshold) excludes 1; "
        "the nearest miss is nas-0 with accuracy 0.4"
    )


@pytest.mark.parametrize(
    ("threshold", "value", "shown"),
    [
        (0.99, 0.98999999, "accuracy 0.98999999"),
        (0.9999999, 0.9999998, "accuracy 0.9999998"),
        (1_234_567.4, 1_234_567.2, "accuracy 1234567.2"),
        (1e-9, 9.9e-10, "accuracy 9.9e-10"),
        (1.7e308, -1.7e308, "accuracy -1.7e+308"),
        (0.3, 0.29999999999999998 - 1e-16, "accuracy 0.2999999999999999"),
    ],
)
def test_a_near_miss_has_the_digits_that_tell_it_from_the_bound(threshold: float, value: float, shown: str) -> None:
    words = why([{**MAXIMIZE, "threshold": threshold}], {"accuracy": value})
    assert words.rpartition(" with ")[2].startswith(shown)


def test_a_bound_is_not_rounded() -> None:
    assert "accuracy >= 0.999999 (threshold)" in why([{**MAXIMIZE, "threshold": 0.999999}], {"accuracy": 0.5})


def test_nothing_is_said_while_a_result_is_within_or_there_is_none() -> None:
    bound = [{**MAXIMIZE, "threshold": 0.5}]
    assert not why(bound, {"accuracy": 0.4}, {"accuracy": 0.5}), "a bound includes its own value"
    assert not why(bound)
    assert not why([MAXIMIZE], {"accuracy": 0.4})


def test_a_trial_without_a_result_is_no_result() -> None:
    spec = experiment(objectives=[{**MAXIMIZE, "threshold": 0.5}]).spec
    assert not why_none(spec, [trial(0, "Infeasible", metrics={"accuracy": 0.1}), trial(1, "Running")])


_NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.lists(st.fixed_dictionaries({"accuracy": _NUMBERS, "size": _NUMBERS, "latency": _NUMBERS}), max_size=6),
    _NUMBERS,
    _NUMBERS,
    st.floats(-1e9, 1e9),
)
def test_a_reason_is_given_exactly_when_results_have_no_pareto_set(
    results: list[dict[str, float]], accuracy: float, size: float, latency: float
) -> None:
    of = experiment(
        objectives=[{**MAXIMIZE, "threshold": accuracy}, {**MINIMIZE, "threshold": size}],
        outcomeConstraints=[f"latency <= {latency}"],
    )
    trials: list[NASTrial] = [trial(i, "Succeeded", metrics=metrics) for i, metrics in enumerate(results)]
    words = why_none(of.spec, trials)
    assert bool(words) == (bool(results) and not pareto_set(of.spec, results))
    assert not words or any(f"the nearest miss is {t.name} with " in words for t in trials)
