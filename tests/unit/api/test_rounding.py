"""Numbers as a person writes them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import builders

from paretonas.api import ExperimentStatus, TrialStatus
from paretonas.api.rounding import rounded, rounded_pairs


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1354.9835602211986, "1354.98"),
        (0.965499997138977, "0.9655"),
        (0.1 + 0.2, "0.3"),
        (-1 / 3, "-0.333333"),
        (49085.0, "49085"),
        (12345678, "12345678"),
        (12345678.9, "12345679"),
        (99999.97, "100000"),
        (999999.7, "1000000"),
        (-123456.4, "-123456"),
        (0, "0"),
        (-0.0, "0"),
        (1e-12, "1e-12"),
        (1.23456789e-12, "1.23457e-12"),
        (5e-324, "4.94066e-324"),
        (1e15, "1e+15"),
        (1e300, "1e+300"),
        (-1.23456789e300, "-1.23457e+300"),
    ],
)
def test_a_number_is_written_as_a_person_does(value: float, said: str) -> None:
    assert rounded(value) == said


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_six_digits_are_right_and_the_column_is_narrow(value: float) -> None:
    said = rounded(value)
    assert len(said) <= 16
    assert math.isclose(float(said), value, rel_tol=1e-5, abs_tol=1e-320)


def test_metrics_are_written_like_labels_in_whatever_order_they_come() -> None:
    assert rounded_pairs({"val_acc": 0.965499997138977, "num_params": 49085.0}) == "num_params=49085,val_acc=0.9655"
    assert rounded_pairs({}) == ""


def test_a_trials_rounded_metrics_follow_from_its_metrics_which_stay_exact() -> None:
    trial = builders.trial().with_status(metrics={"accuracy": 0.965499997138977})
    assert trial.status.rounded_metrics == "accuracy=0.9655"
    assert trial.status.metrics == {"accuracy": 0.965499997138977}
    assert trial.with_status(metrics={}).status.rounded_metrics == "", "a retry begins anew"
    assert trial.with_status(state="Pending").status.rounded_metrics == "accuracy=0.9655"


def test_a_status_of_an_older_version_is_read_as_it_is() -> None:
    assert TrialStatus.model_validate({"state": "Succeeded", "metrics": {"accuracy": 0.5}}).rounded_metrics == ""
    older = ExperimentStatus.model_validate({"hypervolume": 1354.9835602211986})
    assert (older.hypervolume, older.rounded_hypervolume) == (1354.9835602211986, None)
    assert "roundedHypervolume" not in older.to_dict()
