"""What a model says of functions whose answers are known."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from tests.builders import experiment

from paretonas.search import KnownTrial, explain

UNIT = {"float": {"min": 0.0, "max": 1.0}}


def explained(
    of: Callable[[Mapping[str, Any]], float], count: int = 40, scale: str = "Linear", **domains: Any
) -> explain.Explanation:
    """The explanation of one metric at random points of some parameters."""
    rng = np.random.default_rng(1)
    spec = experiment(
        objectives=[{"metric": "m", "goal": "Maximize", "scale": scale}],
        parameters=[{"name": name, **domain} for name, domain in domains.items()],
    ).spec
    trials = []
    for i in range(count):
        point = {name: _draw(domain, rng) for name, domain in domains.items()}
        trials.append(KnownTrial(i, point, "Observed", {"m": of(point)}))
    [found] = explain.explain(spec, trials)
    return found


def _draw(domain: Mapping[str, Any], rng: np.random.Generator) -> Any:
    if "choice" in domain:
        return domain["choice"]["values"][rng.integers(len(domain["choice"]["values"]))]
    [(kind, ends)] = domain.items()
    value = rng.uniform(ends["min"], ends["max"])
    return round(value) if kind == "int" else value


def test_shares_are_those_of_the_variances():
    found = explained(lambda p: 3 * p["a"] - 1 * p["b"], a=UNIT, b=UNIT, c=UNIT)
    shares = {each.parameter: each.share for each in found.importance}
    assert shares["a"] == pytest.approx(0.9, abs=0.05)  # the variances are as 9 to 1
    assert shares["b"] == pytest.approx(0.1, abs=0.05)
    assert shares["c"] < 0.01
    assert sum(shares.values()) == pytest.approx(1)
    assert [each.parameter for each in found.importance] == ["a", "b", "c"]


def test_a_direction_is_the_sign_of_the_effect_and_none_for_a_hill():
    found = explained(
        lambda p: 3 * p["up"] - 2 * p["down"] - 12 * (p["hill"] - 0.5) ** 2, up=UNIT, down=UNIT, hill=UNIT
    )
    directions = {each.parameter: each.direction for each in found.importance}
    assert directions["up"] == pytest.approx(1, abs=0.05)
    assert directions["down"] == pytest.approx(-1, abs=0.05)
    assert directions["hill"] == pytest.approx(0, abs=0.2)


def test_an_effect_follows_the_function_in_its_unit():
    found = explained(lambda p: 1e9 * p["a"] ** 2, a={"float": {"min": 2.0, "max": 4.0}}, b=UNIT)
    [effect] = [e for e in found.effects if e.parameter == "a"]
    assert (effect.values[0], effect.values[-1]) == (2.0, pytest.approx(4.0))
    assert effect.predicted == pytest.approx([1e9 * float(v) ** 2 for v in effect.values], rel=0.05)


def test_a_choice_without_an_order_has_values_and_no_direction():
    cost = {"adam": 1.0, "sgd": 2.0, "rmsprop": 9.0}
    found = explained(lambda p: cost[p["optimizer"]], optimizer={"choice": {"values": list(cost)}}, b=UNIT)
    assert found.importance[0].parameter == "optimizer"
    assert found.importance[0].direction is None
    effect = found.effects[0]
    assert dict(zip(effect.values, effect.predicted, strict=True)) == pytest.approx(cost, abs=0.3)
    assert found.surface is None, "it takes two parameters that have an order"


def test_noise_has_a_poor_fit_and_no_surface():
    rng = np.random.default_rng(7)
    found = explained(lambda _: rng.normal(), a=UNIT, b=UNIT)
    assert found.fit is not None
    assert found.fit < explain.GOOD_FIT
    assert found.surface is None


def test_a_good_fit_has_a_surface_of_the_function():
    found = explained(lambda p: 2 * p["a"] + p["n"], a=UNIT, n={"int": {"min": 1, "max": 4}}, c=UNIT)
    assert found.fit is not None
    assert found.fit > 0.95
    surface = found.surface
    assert surface is not None
    assert (surface.x, surface.y) == ("n", "a")
    assert surface.xs == [1, 2, 3, 4]
    for y, row in zip(surface.ys, surface.predicted, strict=True):
        assert row == pytest.approx([2 * float(y) + float(x) for x in surface.xs], abs=0.2)


@pytest.mark.parametrize("value", [0.0, 5.0, -1.7e308])
def test_equal_values_leave_nothing_to_explain(value: float):
    found = explained(lambda _: value, a=UNIT, b=UNIT)
    assert found.fit is None
    assert {each.share for each in found.importance} == {0.0}
    assert found.surface is None


@pytest.mark.parametrize("unit", [1e-300, 1.0, 1e300])
def test_no_unit_changes_what_is_important(unit: float):
    found = explained(lambda p: unit * (p["a"] + 0.1 * p["b"]), a=UNIT, b=UNIT)
    assert found.importance[0].parameter == "a"
    assert found.fit is not None
    assert found.fit > 0.9


def test_a_log_objective_is_explained_in_decades():
    found = explained(lambda p: 10 ** (6 * p["a"] - 3), scale="Log", a=UNIT, b=UNIT)
    assert found.fit is not None
    assert found.fit > 0.95
    [effect] = [e for e in found.effects if e.parameter == "a"]
    assert effect.predicted[0] == pytest.approx(1e-3, rel=0.3)
    assert all(low > 0 for *_, low, _ in found.cross_validation)


def test_of_very_many_results_some_are_taken_from_end_to_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(explain, "MOST_TRIALS", 10)
    found = explained(lambda p: p["a"], a=UNIT)
    indices = [index for index, *_ in found.cross_validation]
    assert len(indices) == 10
    assert (indices[0], indices[-1]) == (0, 39)


def test_the_same_results_give_the_same_explanation():
    def once() -> explain.Explanation:
        return explained(lambda p: p["a"] * p["b"], a=UNIT, b=UNIT)

    assert once() == once()
