"""What several writers wrote of one tag in one folder: which values count, and in what order."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretonas.metrics.curve import Curve, Written


def written(*points: tuple[int, float], restart: int | None = None) -> Written:
    steps, values = zip(*points, strict=True) if points else ((), ())
    return Written(np.array(steps, np.int64), np.array(values, np.float64), restart)


def joined(*writers: Written) -> list[tuple[int, float]]:
    curve = Curve.of(writers)
    return list(zip(curve.steps.tolist(), curve.values.tolist(), strict=True))


def test_what_a_writer_writes_out_of_order_is_ordered_by_step() -> None:
    assert joined(written((7, 0.7), (2, 0.2), (5, 0.5))) == [(2, 0.2), (5, 0.5), (7, 0.7)]


@pytest.mark.parametrize(
    "points",
    [
        [(0, 0.5), (0, 0.9), (0, 0.7)],  # no step was given
        [(0, 0.1), (1, 0.8), (2, 0.3), (0, 0.4), (1, 0.6)],  # batches of two epochs, the second cut short
        [(3, 0.3), (9, 0.9), (3, 0.5)],  # the best epoch, evaluated once more at the end
    ],
)
def test_steps_that_repeat_order_nothing_and_no_value_is_dropped(points: list[tuple[int, float]]) -> None:
    assert joined(written(*points)) == points


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        ([0, 1, 2, 3], [4, 5], [0, 1, 2, 3, 4, 5]),  # goes on
        ([0, 1, 2, 3, 4], [3, 4, 5], [0, 1, 2, 3, 4, 5]),  # goes on from a checkpoint
        ([0, 1, 2, 3, 4], [0, 1], [0, 1]),  # begins again
        ([5, 6], [], [5, 6]),
        ([], [5, 6], [5, 6]),
    ],
)
def test_a_later_writer_takes_the_place_of_an_earlier_one_from_its_first_step_on(
    earlier: list[int], later: list[int], expected: list[int]
) -> None:
    first, second = written(*((s, 1.0) for s in earlier)), written(*((s, 2.0) for s in later))
    assert joined(first, second) == [(s, 2.0 if s in later else 1.0) for s in expected]


def test_a_restart_drops_what_earlier_writers_wrote_from_its_step_on() -> None:
    earlier = written((0, 0.0), (4, 0.4), (5, 0.5), (9, 0.9))
    assert joined(earlier, written(restart=5)) == [(0, 0.0), (4, 0.4)]
    assert joined(earlier, written((7, 0.7), restart=5)) == [(0, 0.0), (4, 0.4), (7, 0.7)]
    assert joined(earlier, written(restart=0)) == []


def test_of_several_restarts_each_drops_what_was_there_before_it() -> None:
    first = written(*((s, 1.0) for s in range(10)))
    second, third = written((6, 2.0), (7, 2.0), restart=6), written((3, 3.0), restart=2)
    assert joined(first, second, third) == [(0, 1.0), (1, 1.0), (3, 3.0)]


def test_by_step_the_value_written_last_counts() -> None:
    assert Curve.of([written((5, 0.5), (1, 0.1), (5, 0.6))]).by_step() == ((1, 0.1), (5, 0.6))
    assert Curve.of([written()]).by_step() == ()


def test_the_last_written_value_counts_by_step_in_a_long_curve_too() -> None:
    # sorts tend to be stable by accident when they are short
    steps = np.random.default_rng(0).integers(0, 50, 5000)
    curve = Curve.of([Written(steps, np.arange(5000.0))])
    assert curve.by_step() == tuple((step, float(np.flatnonzero(steps == step)[-1])) for step in range(50))


@given(
    st.lists(
        st.tuples(st.lists(st.integers(-3, 12), max_size=8), st.none() | st.integers(-3, 12)),
        min_size=1,
        max_size=4,
    )
)
def test_what_counts_is_what_reading_on_and_dropping_at_each_beginning_leaves(
    writers: Sequence[tuple[list[int], int | None]],
) -> None:
    left: list[tuple[int, float]] = []
    for number, (steps, restart) in enumerate(writers):
        begins = [*steps, *([] if restart is None else [restart])]
        left = [point for point in left if not begins or point[0] < min(begins)]
        left += [(step, float(number)) for step in steps]
    found = joined(*(written(*((s, float(n)) for s in steps), restart=r) for n, (steps, r) in enumerate(writers)))
    assert sorted(found) == sorted(left)
