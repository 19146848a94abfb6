"""A long curve is thinned so that early stopping concludes no more from it: compared with the rule itself."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from tests import builders

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
