"""A long curve is thinned so that early stopping concludes no more from it: compared with the rule itself."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from tests import builders

from paretonas.api.early_stopping import EarlyStopping
from paretonas.engine.early_stopping import CompletedTrial, CompletedTrials, TrialCurves, judge
from paretonas.engine.early_stopping.curves import Progress, measure_progress
from paretonas.metrics import Points
from paretonas.metrics.curve import Curve
from paretonas.metrics.thinning import MOST_POINTS, thin

WAYS = [
    (goal, scale, reduce)
    for goal in ("Minimize", "Maximize")
    for scale in ("Linear", "Log")
    for reduce in ("Last", "Min", "Max")
]


def curve(values: Sequence[float], every: int = 1, first: int = 0) -> Curve:
    return Curve(first + every * np.arange(len(values)), np.array(values, float))


def progress(points: Points, goal: str, scale: str, reduce: str) -> Progress | None:
    spec = builders.spec(
        objectives=[{"metric": "loss", "goal": goal, "scale": scale}], metrics=[{"name": "loss", "reduce": reduce}]
    )
    return measure_progress(spec, "loss", points)


def whole(of: Curve) -> Points:
    return list(zip(of.steps.tolist(), of.values.tolist(), strict=True))


@st.composite
def curves(draw: DrawFn) -> Curve:
    """Long curves of pieces that fall, rise, stay, are noisy, and alternate in few values."""
    length = draw(st.integers(MOST_POINTS + 1, 2500))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    edges = sorted({0, length, *draw(st.lists(st.integers(1, length - 1), max_size=5))})
    values, level = [], 100.0
    for start, stop in pairwise(edges):
        count = stop - start
        match draw(st.sampled_from(["falls", "rises", "stays", "noisy", "alternates", "steps", "rarely"])):
            case "falls":
                piece = level * np.exp(-np.arange(count) / draw(st.sampled_from([10, 100, 1000])))
            case "rises":
                piece = level + np.arange(count) / draw(st.sampled_from([1, 100]))
            case "stays":
                piece = np.full(count, level)
            case "noisy":
                piece = level * np.exp(random.normal(size=count) * draw(st.sampled_from([0.01, 1])))
            case "alternates":
                piece = level + np.resize(draw(st.sampled_from([[0, 1], [0, 0, 1], [0, 1, 1, 0], [3, 1, 2]])), count)
            case "steps":
                piece = level - level / 2 * np.arange(count) // 2 / count
            case _:
                piece = (
                    level
                    + (random.random(count) < draw(st.sampled_from([0.01, 0.5])))
                    * draw(st.sampled_from([-1, 1]))
                    * level
                    / 2
                )
        values += piece.tolist()
        level = max(1e-9, values[-1])
    if draw(st.booleans()):
        values[draw(st.integers(0, length - 1))] = draw(st.sampled_from([1e-6, 1e6]))
    if draw(st.booleans()):
        values[-1] = draw(st.sampled_from([1e-7, level, 1e7]))
    shift = draw(st.sampled_from([0, 0, -50]))  # without logarithms
    return curve(np.array(values) + shift, draw(st.sampled_from([1, 7])), draw(st.sampled_from([0, 1, -5])))


@settings(max_examples=200, deadline=None)
@given(curves(), st.sampled_from(WAYS))
@example(curve(np.resize([1, 2], 1001)), WAYS[0])
@example(curve([1] * 700 + [2, 1] * 153), WAYS[0])
def test_no_bound_becomes_tighter(of: Curve, way: tuple[str, str, str]) -> None:
    before, after = progress(whole(of), *way), progress(thin(of), *way)
    if before is None:
        assert after is None
        return
    assert after is not None
    assert len(after.steps) == 900
    assert (after.steps[0], after.steps[-1]) == (before.steps[0], before.steps[-1])
    assert after.best[-1] == before.best[-1]
    assert after.final == before.final
    assert after.late_change >= before.late_change * (1 - 1e-12)
    for step in range(before.steps[0], before.steps[-1] + 1, 3):
        assert max(0, after.gain(step)) >= max(0, before.gain(step))


@pytest.mark.parametrize("length", [1001, 1234, 40_000])
@pytest.mark.parametrize("scale", ["Linear", "Log"])
def test_what_is_left_of_a_noisy_curve_says_what_the_whole_one_says(length: int, scale: str) -> None:
    random = np.random.default_rng(length)
    of = curve(np.exp(-np.arange(length) / length * 3 + random.normal(size=length) / 50))
    before, after = progress(whole(of), "Minimize", scale, "Last"), progress(thin(of), "Minimize", scale, "Last")
    assert before is not None
    assert after is not None
    assert after.late_change == pytest.approx(before.late_change, rel=0.2)
    span = before.best[0] - before.best[-1]
    for step in range(0, length - 157, 37):  # on the last steps, the best value is that of before
        assert after.gain(step) == pytest.approx(before.gain(step), abs=0.05 * span)


@pytest.mark.parametrize("at", [0, 1, 500, 1100, 1298, 1299])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 0.0, -1.0, "the step before", "an earlier step"])
def test_a_curve_that_cannot_be_used_still_cannot(at: int, bad: float | str) -> None:
    of = curve([2.0] * 1300)
    if isinstance(bad, float):
        of.values[at] = bad
    else:
        of.steps[max(at, 1)] = max(at, 1) - (1 if bad == "the step before" else 2)
    assert progress(whole(of), "Minimize", "Log", "Last") is None
    assert progress(thin(of), "Minimize", "Log", "Last") is None
    assert len(thin(of)) <= MOST_POINTS


@pytest.mark.parametrize("length", [0, 1, 2, 999, 1000])
def test_a_curve_of_up_to_a_thousand_values_is_left_as_it_is(length: int) -> None:
    of = curve(np.random.default_rng(0).random(length))
    assert list(thin(of)) == whole(of)


@pytest.mark.parametrize("values", [[1e308, -1e308], [5e-324, 1.7e308], [-1.7e308], [0.0], [5e-324]])
def test_numbers_at_their_extremes_are_thinned_as_others_are(values: list[float]) -> None:
    of = curve(np.resize(values, 1500), every=2**52, first=-(2**62))
    before, after = progress(whole(of), *WAYS[0]), progress(thin(of), *WAYS[0])
    assert before is not None
    assert after is not None
    assert after.late_change >= before.late_change
    assert (after.steps[0], after.steps[-1], after.best[-1]) == (before.steps[0], before.steps[-1], before.best[-1])


@settings(max_examples=30, deadline=None)
@given(st.lists(curves(), min_size=4, max_size=4), st.sampled_from(WAYS), st.floats(0.1, 1))
def test_a_trial_that_is_stopped_by_thinned_curves_is_stopped_by_whole_ones(
    several: list[Curve], way: tuple[str, str, str], share: float
) -> None:
    goal, scale, reduce = way
    spec = builders.spec(
        objectives=[{"metric": "loss", "goal": goal, "scale": scale}], metrics=[{"name": "loss", "reduce": reduce}]
    )
    early_stopping = EarlyStopping(strategy="OptimisticDominance", min_curves=1)
    *ended, runs = several
    cut = max(2, int(share * len(runs.steps)))
    runs = Curve(runs.steps[:cut], runs.values[:cut])
    reduction = {"Last": lambda values: values[-1], "Min": np.min, "Max": np.max}[reduce]

    def is_stopped(told: Callable[[Curve], Points]) -> bool:
        completed = [
            CompletedTrial(f"nas-{number}", {"loss": float(reduction(of.values))}, {"loss": told(of)})
            for number, of in enumerate(ended)
        ]
        running = TrialCurves("nas-9", {"loss": told(runs)})
        return judge(spec, early_stopping, running, CompletedTrials(spec, completed)) is not None

    assert is_stopped(thin) <= is_stopped(whole)
