from typing import Any

import pytest
from tests.builders import experiment, trial
from tests.unit.report.made_up import objective

from paretonas.report import choice
from paretonas.report.results import Results


def results(objectives: list[dict[str, Any]], *values: tuple[float, ...], **spec: Any) -> Results:
    """Trials that succeeded one after the other with these values of the objectives."""
    names = [each["metric"] for each in objectives]
    trials = [trial(i, "Succeeded", metrics=dict(zip(names, point, strict=True))) for i, point in enumerate(values)]
    return Results(experiment(objectives=objectives, **spec), tuple(trials))


def name(found: object) -> str | None:
    return getattr(found, "name", None)


BOTH = [objective("a"), objective("b")]


def test_the_balanced_trial_is_the_knee_of_the_front():
    assert name(choice.balanced(results(BOTH, (0.0, 10.0), (1.0, 2.0), (10.0, 0.0)))) == "nas-1"


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12, 1e300])
def test_no_unit_counts_for_the_balanced_trial(unit: float):
    points = [(0.0, 10.0 * unit), (1.0, 2.0 * unit), (4.0, 1.0 * unit), (10.0, 0.0)]
    assert name(choice.balanced(results(BOTH, *points))) == "nas-1"


def test_the_range_of_the_largest_doubles_has_a_middle():
    assert name(choice.balanced(results(BOTH, (-1.7e308, 1.0), (0.0, 0.1), (1.7e308, 0.0)))) == "nas-1"


def test_a_log_objective_is_balanced_in_decades():
    log = [objective("a", scale="Log"), objective("b")]
    assert name(choice.balanced(results(log, (1.0, 4.0), (100.0, 1.0), (10_000.0, 0.0)))) == "nas-1"


def test_three_objectives_have_a_balanced_trial_too():
    three = [objective("a", "Maximize"), objective("b"), objective("c")]
    assert name(
        choice.balanced(results(three, (9.0, 9.0, 9.0), (1.0, 0.0, 9.0), (1.0, 9.0, 0.0), (8.0, 1.0, 1.0)))
    ) == ("nas-3")


@pytest.mark.parametrize("points", [[], [(1.0, 1.0)], [(1.0, 2.0), (2.0, 1.0)], [(1.0, 2.0), (1.0, 2.0), (2.0, 1.0)]])
def test_fewer_than_three_different_points_have_no_middle(points: list[tuple[float, float]]):
    assert choice.balanced(results(BOTH, *points)) is None


def test_each_objective_has_its_best():
    found = choice.best_of_each(results([objective("a", "Maximize"), objective("b")], (1.0, 1.0), (3.0, 5.0)))
    assert {metric: of.name for metric, of in found.items()} == {"a": "nas-1", "b": "nas-0"}


def test_a_step_along_the_front_is_told_in_the_units_of_the_metrics():
    found = results([objective("accuracy", "Maximize"), objective("size")], (0.9, 100.0), (0.95, 400.0))
    [step] = choice.steps(found)
    assert step == {"accuracy": pytest.approx(-0.05), "size": -300.0}


def test_slack_is_positive_within_a_limit_and_negative_beyond_it():
    limits = [objective("a", "Maximize", threshold=0.5), objective("b", threshold=10.0)]
    of = experiment(objectives=limits, outcomeConstraints=["c <= 0.9", "d >= 1"])
    metrics = [{"a": 0.7, "b": 4.0, "c": 0.7, "d": 4.0}, {"a": 0.4, "b": 14.0, "c": 1.0, "d": 0.0}]
    found = Results(of, tuple(trial(i, "Succeeded", metrics=each) for i, each in enumerate(metrics)))
    inside, outside = (choice.slacks(found, each) for each in found.trials)
    assert [(s.limit, pytest.approx(s.slack)) for s in inside] == [
        ("a >= 0.5", 0.2), ("b <= 10", 6.0), ("c <= 0.9", 0.2), ("d >= 1", 3.0)
    ]  # fmt: skip
    assert [pytest.approx(s.slack) for s in outside] == [-0.1, -4.0, -0.1, -1.0]
