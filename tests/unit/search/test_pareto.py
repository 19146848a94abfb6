"""The Pareto set against a direct reading of its definition, the hypervolume against BoTorch's."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from botorch.utils.multi_objective.hypervolume import Hypervolume
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import spec

from paretonas.api import ExperimentSpec, Objective
from paretonas.search.pareto import (
    feasible,
    hypervolume,
    hypervolume_growth,
    hypervolume_trace,
    pareto_set,
    reference_point,
)

Metrics = dict[str, float]

COARSE = [0.5, 1.0, 2.0, 4.0, 8.0, 10.0]
"""Few values, so that ties and duplicates are common; all positive, so that a Log scale can have them."""


@st.composite
def experiments(draw: st.DrawFn) -> tuple[ExperimentSpec, list[Metrics]]:
    """A spec of one to four objectives of any goal, scale and threshold, with trials that it has observed."""
    count = draw(st.integers(1, 4))
    objectives = [
        {
            "metric": f"m{i}",
            "goal": draw(st.sampled_from(["Maximize", "Minimize"])),
            "scale": draw(st.sampled_from(["Linear", "Log"])),
            **({"threshold": draw(st.sampled_from(COARSE))} if draw(st.booleans()) else {}),
        }
        for i in range(count)
    ]
    constraints = draw(st.sampled_from([[], ["extra <= 4"], ["extra >= 2", "more <= 8"]]))
    value = st.one_of(st.sampled_from(COARSE), st.floats(0.1, 12.0))
    row = st.fixed_dictionaries(dict.fromkeys([*(f"m{i}" for i in range(count)), "extra", "more"], value))
    return spec(objectives=objectives, outcomeConstraints=constraints), draw(st.lists(row, max_size=14))


def sign(objective: Objective) -> int:
    return 1 if objective.goal == "Minimize" else -1


def costs(of: ExperimentSpec, metrics: Metrics) -> list[float]:
    """The objectives, smaller is better, unscaled: a logarithm changes no order."""
    return [sign(o) * metrics[o.metric] for o in of.objectives]


def allowed(of: ExperimentSpec, metrics: Metrics) -> bool:
    """Constraints and thresholds, from the text of the spec."""
    for text in of.outcome_constraints:
        name, relation, bound = text.split()
        if not (metrics[name] <= float(bound) if relation == "<=" else metrics[name] >= float(bound)):
            return False
    return all(o.threshold is None or sign(o) * metrics[o.metric] <= sign(o) * o.threshold for o in of.objectives)


def dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True)) and tuple(a) != tuple(b)


@given(experiments())
def test_the_pareto_set_is_what_no_allowed_trial_dominates(
    case: tuple[ExperimentSpec, list[Metrics]],
) -> None:
    of, observed = case
    rows = {i: costs(of, metrics) for i, metrics in enumerate(observed) if allowed(of, metrics)}
    expected = [i for i, row in rows.items() if not any(dominates(other, row) for other in rows.values())]
    assert pareto_set(of, observed) == expected
    assert [feasible(of, metrics) for metrics in observed] == [i in rows for i in range(len(observed))]


@given(experiments())
def test_the_hypervolume_is_that_of_botorch(case: tuple[ExperimentSpec, list[Metrics]]) -> None:
    of, observed = case
    if not observed and any(o.threshold is None for o in of.objectives):
        return  # nothing to fix the reference point with
    reference = reference_point(of, observed)

    def row(metrics: Metrics) -> list[float]:
        scaled = [math.log10(metrics[o.metric]) if o.scale == "Log" else metrics[o.metric] for o in of.objectives]
        return [-sign(o) * value for o, value in zip(of.objectives, scaled, strict=True)]

    points = [row(metrics) for metrics in observed if allowed(of, metrics)]
    inside = [p for p in points if all(a > b for a, b in zip(p, row(reference), strict=True))]
    tensor = torch.tensor(inside, dtype=torch.float64)
    expected = Hypervolume(torch.tensor(row(reference), dtype=torch.float64)).compute(tensor) if inside else 0.0
    assert hypervolume(of, observed, reference) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(experiments(), st.randoms(use_true_random=False))
def test_the_order_of_trials_and_dominated_ones_change_no_hypervolume(
    case: tuple[ExperimentSpec, list[Metrics]], random: Any
) -> None:
    of, observed = case
    if not observed:
        return
    reference = reference_point(of, observed)
    whole = hypervolume(of, observed, reference)
    front = [observed[i] for i in pareto_set(of, observed)]
    shuffled = random.sample(observed, len(observed))
    assert hypervolume(of, front, reference) == pytest.approx(whole, rel=1e-9, abs=1e-12)
    assert hypervolume(of, shuffled, reference) == pytest.approx(whole, rel=1e-9, abs=1e-12)


@given(experiments())
def test_the_hypervolume_never_shrinks_as_trials_come_in(case: tuple[ExperimentSpec, list[Metrics]]) -> None:
    of, observed = case
    if not observed:
        return
    trace = hypervolume_trace(of, observed, reference_point(of, observed))
    assert len(trace) == len(observed)
    assert all(later >= earlier - 1e-9 for earlier, later in itertools.pairwise(trace))


def objective(**fields: Any) -> dict[str, Any]:
    return {"metric": "a", "goal": "Minimize", **fields}


def test_the_reference_point_is_the_thresholds_whatever_was_observed() -> None:
    of = spec(objectives=[objective(threshold=3.0), objective(metric="b", goal="Maximize", threshold=0.9)])
    assert reference_point(of, []) == {"a": 3.0, "b": 0.9}
    assert reference_point(of, [{"a": 100.0, "b": 0.0}]) == {"a": 3.0, "b": 0.9}


@pytest.mark.parametrize(
    ("fields", "values", "expected"),
    [
        ({"goal": "Minimize"}, [1.0, 2.0, 3.0], 3.2),  # a tenth of the range beyond the worst
        ({"goal": "Maximize"}, [1.0, 2.0, 3.0], 0.8),
        ({"goal": "Minimize"}, [5.0, 5.0], 5.5),  # no range: a tenth of the value
        ({"goal": "Maximize"}, [0.0], -0.1),  # nor a value
        ({"goal": "Minimize", "scale": "Log"}, [1.0, 100.0], 10**2.2),  # a tenth of two decades
        ({"goal": "Maximize", "scale": "Log"}, [1.0, 100.0], 10**-0.2),
    ],
)
def test_without_a_threshold_the_reference_point_lies_just_beyond_the_worst(
    fields: dict[str, str], values: list[float], expected: float
) -> None:
    point = reference_point(spec(objectives=[objective(**fields)]), [{"a": value} for value in values])
    assert point == pytest.approx({"a": expected})


def test_of_one_objective_the_set_is_the_best_trial_and_its_equals() -> None:
    of = spec(objectives=[objective(goal="Maximize")])
    assert pareto_set(of, [{"a": 1.0}, {"a": 3.0}, {"a": 2.0}, {"a": 3.0}]) == [1, 3]
    assert hypervolume(of, [{"a": 1.0}, {"a": 3.0}], {"a": 0.5}) == pytest.approx(2.5)


def test_trials_that_nothing_allows_make_an_empty_set() -> None:
    of = spec(objectives=[objective(threshold=1.0)])
    assert pareto_set(of, [{"a": 2.0}]) == []
    assert hypervolume(of, [{"a": 2.0}], {"a": 1.0}) == 0.0
    assert pareto_set(of, []) == []


def test_a_trial_on_the_threshold_is_of_interest_and_adds_no_volume() -> None:
    of = spec(objectives=[objective(threshold=1.0)])
    assert pareto_set(of, [{"a": 1.0}]) == [0]
    assert hypervolume(of, [{"a": 1.0}], {"a": 1.0}) == 0.0


@given(experiments(), st.data())
def test_the_growth_is_the_share_of_the_hypervolume_that_was_not_there_before(
    case: tuple[ExperimentSpec, list[Metrics]], data: st.DataObject
) -> None:
    of, observed = case
    if not observed:
        return
    before = observed[: data.draw(st.integers(0, len(observed)))]
    corner = reference_point(of, observed)
    old, new = hypervolume(of, before, corner), hypervolume(of, observed, corner)
    growth = hypervolume_growth(of, before, observed, corner)
    if new == 0:
        assert growth is None
    else:
        assert growth == pytest.approx((new - old) / new, abs=1e-9)
        assert 0 <= (growth or 0) <= 1


@given(experiments())
def test_what_adds_nothing_to_the_front_does_not_change_the_growth_by_a_single_digit(
    case: tuple[ExperimentSpec, list[Metrics]],
) -> None:
    of, observed = case
    if observed:
        corner = reference_point(of, observed)
        assert hypervolume_growth(of, observed, [*observed[::-1], *observed], corner) in {0.0, None}


@pytest.mark.parametrize("unit", [1e-300, 1e-170, 1.0, 1e100, 1e300])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_growth_is_the_same_in_whatever_unit_though_no_double_has_the_volume(unit: float, count: int) -> None:
    of = spec(objectives=[{"metric": f"m{i}", "goal": "Minimize", "threshold": 4 * unit} for i in range(count)])
    far, near = ({f"m{i}": value * unit for i in range(count)} for value in (3.0, 2.0))
    corner = reference_point(of, [])
    assert hypervolume_growth(of, [far], [far, near], corner) == pytest.approx(1 - 0.5**count)
