"""Numbers and durations as a person reads them."""

import math
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretonas.api import Scalar, plain
from paretonas.engine.wording import age, count, duration, number, pairs, shortest


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.97184, "0.9718"),
        (46880, "46,880"),
        (46880.0, "46,880"),
        (1857.26, "1,857"),
        (999.96, "1000"),
        (12.3, "12.3"),
        (0.00012345678, "0.0001235"),
        (0.0000012, "1.2e-06"),
        (0.0, "0"),
        (-0.5, "-0.5"),
        (-46880.4, "-46,880"),
        (1e15, "1e+15"),
    ],
)
def test_a_number_shows_four_digits_or_its_thousands(value: float, words: str) -> None:
    assert number(value) == words


FLOAT32_NOISE = [
    (0.9750000238418579, "0.975"),
    (0.965499997138977, "0.9655"),
    (-0.10000000149011612, "-0.1"),
    (0.3333333432674408, "0.33333334"),
    (1.0000001192092896, "1.0000001"),
    (1234.56005859375, "1234.56"),
    (1.401298464324817e-45, "1e-45"),  # the least that is not 0
    (3.4028234663852886e38, "3.4028235e+38"),  # the greatest
    (9.999999747378752e-05, "0.0001"),
    (0.5, "0.5"),
]


@pytest.mark.parametrize(("value", "words"), FLOAT32_NOISE)
def test_a_float32_is_shown_in_the_fewest_digits_that_are_the_same_float32(value: float, words: str) -> None:
    assert str(shortest(value)) == words
    assert np.float32(shortest(value)) == value


@pytest.mark.parametrize(
    ("value", "words"),
    [(56760.0, "56760"), (-3.0, "-3"), (16777217.0, "16777217"), (0.0, "0"), (1e15, "1000000000000000")],
)
def test_a_whole_number_is_shown_as_one(value: float, words: str) -> None:
    assert str(shortest(value)) == words


@pytest.mark.parametrize("value", [0.1, 0.975, math.pi, 1e300, 5e-324, 1e20 + 2**20, 0.30000000000000004])
def test_what_is_no_float32_is_shown_as_it_is(value: float) -> None:
    assert repr(shortest(value)) == repr(value)


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_every_float32_is_shown_as_numpy_shows_it(value: float) -> None:
    assert shortest(value) == float(str(np.float32(value))) or shortest(value) == value.is_integer() * value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_shown_is_the_number_or_the_same_float32(value: float) -> None:
    assert shortest(value) == value or np.float32(shortest(value)) == value


def test_pairs_are_values_as_a_trial_gets_them() -> None:
    values: dict[str, Scalar] = {"optimizer": "sgd", "bias": True, "width": 1024, "rate": 0.001}
    assert pairs(values) == "optimizer sgd, bias true, width 1,024, rate 0.001"


def test_one_trial_is_no_trials() -> None:
    assert (count(1, "trial"), count(0, "trial"), count(1200, "trial")) == (
        "1 trial",
        "0 trials",
        "1,200 trials",
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (12.34, "12.3 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (83, "1 min 23 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (-1, "0.0 s"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, words: str) -> None:
    assert duration(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(45, "45s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172800, "2d"), (-5, "0s")],
)
def test_an_age_has_one_unit_as_in_kubectl(seconds: float, words: str) -> None:
    assert age(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("epoch 1\n\tloss 0.5", "epoch 1\n\tloss 0.5"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]52;c;cm0gLXJm\x1b\\text", "text"),
        ("10%\r20%\r", "10%20%"),
        ("\x08\x08\x7f\x9b2J\x00", "2J"),
        ("übergröße 精度", "übergröße 精度"),
    ],
)
def test_nothing_that_a_terminal_would_obey_is_shown(printed: str, shown: str) -> None:
    assert plain(printed) == shown
