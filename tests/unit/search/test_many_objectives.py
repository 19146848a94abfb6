"""The boxes above a front of one to five objectives, and what is expected of a point in them."""

import math

import moocore
import numpy as np
import pytest
import torch

from paretonas.search.boxes import boxes
from paretonas.search.ehvi import LogExpectedImprovement


def _on_a_sphere(points: int, objectives: int, seed: int = 0) -> np.ndarray:
    """A front that no point of is dominated: more is better, all below 0."""
    draws = np.abs(np.random.default_rng(seed).normal(size=(points, objectives)))
    return -draws / np.linalg.norm(draws, axis=1, keepdims=True)


def _on_a_grid(points: int, objectives: int) -> np.ndarray:
    """Ties everywhere, points that stand twice, dominated ones, and some below the reference."""
    return np.random.default_rng(1).integers(-5, 1, size=(points, objectives)).astype(np.float64)


@pytest.mark.parametrize("objectives", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("front", [_on_a_sphere, _on_a_grid])
@pytest.mark.parametrize("points", [0, 1, 2, 30])
def test_a_place_is_in_one_box_if_no_point_dominates_it_and_else_in_none(objectives, front, points) -> None:
    outcomes, reference = (
        front(points, objectives),
        np.full(objectives, -3.0 if front is _on_a_grid else -0.9),
    )
    lower, upper = boxes(outcomes, reference)
    assert (lower < upper).all(), "an empty box"
    places = np.random.default_rng(2).uniform(-6.0 if front is _on_a_grid else -1.2, 0.7, size=(2000, objectives))
    inside = ((places[:, None] > lower) & (places[:, None] < upper)).all(2).sum(1)
    free = (places > reference).all(1) & ~(places[:, None] < outcomes).all(2).any(1)
    assert (inside == free).all()


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_the_boxes_below_a_corner_have_the_volume_that_the_front_leaves(objectives: int) -> None:
    outcomes, reference = _on_a_sphere(60, objectives), np.full(objectives, -1.25)
    lower, upper = boxes(outcomes, reference)
    volume = np.prod(np.minimum(upper, 0.0) - lower, axis=1).sum()
    expected = 1.25**objectives - moocore.hypervolume(-outcomes, ref=-reference)
    assert volume == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("objectives", "most"), [(2, 151), (3, 301), (4, 2500)])
def test_the_boxes_stay_few(objectives: int, most: int) -> None:
    """Up to three objectives, as few as there can be; unjoined, four would have 10,000."""
    lower, _ = boxes(_on_a_sphere(150, objectives, seed=4), np.full(objectives, -1.1))
    assert len(lower) <= most


@pytest.mark.parametrize("objectives", [1, 2, 4])
def test_each_fantasy_has_the_front_and_the_means_of_its_own(objectives: int) -> None:
    fronts = [torch.tensor(_on_a_sphere(count, objectives, seed=count)) for count in (0, 3, 40)]
    reference = torch.full((objectives,), -1.1, dtype=torch.double)
    generator = torch.Generator().manual_seed(0)
    means = [torch.rand(300, 3, dtype=torch.double, generator=generator) - 1.0 for _ in range(objectives)]
    deviations = [torch.rand(300, dtype=torch.double, generator=generator) + 0.01 for _ in range(objectives)]
    together = LogExpectedImprovement(fronts, reference)(means, deviations)
    for i, front in enumerate(fronts):
        alone = LogExpectedImprovement([front], reference)([mean[:, [i]] for mean in means], deviations)
        torch.testing.assert_close(together[:, [i]], alone, rtol=0, atol=0)


def test_far_below_a_front_of_four_objectives_it_still_ranks() -> None:
    front = torch.tensor(_on_a_sphere(50, 4))
    criterion = LogExpectedImprovement([front], torch.full((4,), -1e3, dtype=torch.double))
    means = [torch.tensor([[-500.0], [-50.0], [-5.0]], dtype=torch.double)] * 4
    far, near, nearest = criterion(means, [torch.full((3,), 0.02, dtype=torch.double)] * 4)[:, 0].tolist()
    assert -math.inf < far < near < nearest
