"""A float without a fraction is an integer wherever one is meant, and stays a float where a number is."""

import json
import math
from typing import Any

import pytest

from paretonas.api import ExperimentStatus, InvalidDocument, NASExperiment, parse_experiment, parse_trial


def _document(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "paretonas.io/v1alpha1",
        "kind": "NASExperiment",
        "metadata": {"name": "whole"},
        "spec": {
            "objectives": [{"metric": "val_acc", "goal": "Maximize"}],
            "parameters": [{"name": "width", "int": {"min": 1, "max": 9}}],
            "maxTrials": 12,
            "trial": {"command": ["train"]},
            **spec,
        },
    }


def _parsed(parameter: dict[str, Any] | None = None, **spec: Any) -> NASExperiment:
    if parameter is not None:
        spec["parameters"] = [{"name": "p", **parameter}]
    return parse_experiment(json.loads(json.dumps(_document(**spec))))


def test_whole_floats_and_integers_are_the_same_experiment() -> None:
    floats = _parsed(
        {"int": {"min": 1e3, "max": 4.096e3, "step": 2.0}},
        maxTrials=1e1,
        parallelism=3.0,
        search={"seed": 5.0},
    )
    integers = _parsed({"int": {"min": 1000, "max": 4096, "step": 2}}, maxTrials=10, parallelism=3, search={"seed": 5})
    assert floats == integers
    assert json.dumps(floats.to_dict()) == json.dumps(integers.to_dict()), "a 10.0 is left"


def test_the_values_of_an_int_choice_are_integers() -> None:
    domain = _parsed({"intChoice": {"values": [2.0, -0.0, 6.4e1, 7]}}).spec.parameters[0].domain
    assert [type(value) for value in domain.values] == [int] * 4
    assert domain.values == (2, 0, 64, 7)


def test_where_a_number_is_meant_a_whole_float_stays_a_float() -> None:
    experiment = _parsed(
        {"floatChoice": {"values": [4.0, 1, 2.5]}},
        objectives=[{"metric": "val_acc", "goal": "Maximize", "threshold": 4}],
        failurePolicy={"maxFailureRatio": 1.0},
    )
    values = experiment.spec.parameters[0].domain.values
    assert [type(value) for value in values] == [float] * 3
    assert type(experiment.spec.objectives[0].threshold) is float
    assert type(_parsed({"float": {"min": 0, "max": 2}}).spec.parameters[0].domain.max) is float


@pytest.mark.parametrize("value", [0.5, 1e-300, math.nextafter(12.0, 13.0), True, "12.0", [12.0], math.nan, math.inf])
@pytest.mark.parametrize("place", ["maxTrials", "int", "intChoice"])
def test_what_is_not_whole_is_told_so(place: str, value: Any) -> None:
    spec: dict[str, Any] = {"maxTrials": value} if place == "maxTrials" else {}
    domain = {"int": {"min": value, "max": 99}, "intChoice": {"values": [3, value]}}
    if place in domain:
        spec["parameters"] = [{"name": "p", place: domain[place]}]
    with pytest.raises(InvalidDocument, match="is not a whole number; write a whole number"):
        parse_experiment(_document(**spec))


@pytest.mark.parametrize("value", [1e16, -1e300, 1.7976931348623157e308])
def test_a_whole_float_that_is_too_large_is_told_so_in_one_line(value: float) -> None:
    with pytest.raises(InvalidDocument, match=r"is (more|less) than -?9007199254740992; write") as caught:
        parse_experiment(_document(parameters=[{"name": "p", "intChoice": {"values": [3, value]}}]))
    [problem] = caught.value.problems
    assert len(str(problem)) < 250


def test_twice_the_same_is_found_however_it_is_written() -> None:
    with pytest.raises(InvalidDocument, match="is listed twice"):
        _parsed({"intChoice": {"values": [8, 1.6e1, 8.0]}})


@pytest.mark.parametrize(
    ("written", "read"), [(2.0, "2"), (1e3, "1000"), (4, "4"), ("2.5", "2.5"), (2e9, "2000000000")]
)
def test_so_is_an_amount_of_a_resource(written: Any, read: str) -> None:
    assert _parsed(trial={"command": ["train"], "resources": {"cpu": written}}).spec.trial.resources == {"cpu": read}


def test_what_the_api_server_brings_back_may_be_written_so() -> None:
    trial = parse_trial(
        {
            "apiVersion": "paretonas.io/v1alpha1",
            "kind": "NASTrial",
            "metadata": {"name": "whole-3"},
            "spec": {"experiment": "whole", "index": 3.0, "parameters": {"width": 4.0}},
            "status": {"attempts": [{"job": "whole-3-a1", "exitCode": 137.0}]},
        }
    )
    assert (trial.spec.index, trial.status.attempts[0].exit_code) == (3, 137)
    assert _parsed().spec.cast(trial.spec.parameters) == {"width": 4}
    status = ExperimentStatus.model_validate({"observedGeneration": 2.0, "trials": {"total": 4.0}})
    assert (status.observed_generation, status.trials.total) == (2, 4)
