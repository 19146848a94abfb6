"""Whether a trial that somebody made by hand fits its experiment."""

from typing import Any

import pytest
from tests import builders

from paretonas.api import NASTrial, Observation, Scalar, misfits

SPACE: list[dict[str, Any]] = [
    {"name": "width", "int": {"min": 1, "max": 8}},
    {"name": "half", "int": {"min": 1, "max": 8}},
    {"name": "optimizer", "choice": {"values": ["adam", "sgd"]}},
    {
        "name": "momentum",
        "float": {"min": 0.0, "max": 1.0},
        "activeWhen": [{"parameter": "optimizer", "values": ["sgd"]}],
    },
]
GOOD: dict[str, Scalar] = {"width": 8, "half": 4, "optimizer": "sgd", "momentum": 0.5}
SPEC = builders.spec(parameters=SPACE, parameterConstraints=["half <= 0.5 * width"])


def made(point: dict[str, Scalar] = GOOD, name: str = "nas-3", observation: Observation | None = None) -> NASTrial:
    trial = builders.trial(3)
    spec = trial.spec.replace(parameters=point, origin="User", observation=observation)
    return trial.replace(metadata=trial.metadata.replace(name=name), spec=spec)


def without(name: str) -> dict[str, Scalar]:
    return {key: value for key, value in GOOD.items() if key != name}


@pytest.mark.parametrize(
    "point",
    [GOOD, {**GOOD, "momentum": 1}, {**without("momentum"), "optimizer": "adam"}, {**GOOD, "width": 8.0}],
    ids=["whole", "as JSON writes 1.0", "an inactive one is absent", "as JSON may read 8"],
)
def test_a_point_of_the_space_fits(point: dict[str, Scalar]) -> None:
    assert misfits(SPEC, made(point)) == []


@pytest.mark.parametrize(
    ("trial", "problem"),
    [
        (made(without("width")), "spec.parameters.width: is required; add it"),
        (made({**GOOD, "width": 9}), "spec.parameters.width: 9: is outside the search space"),
        (made({**GOOD, "width": 4.5}), "spec.parameters.width: 4.5: is outside the search space"),
        (made({**GOOD, "width": "8"}), 'spec.parameters.width: "8": is outside the search space'),
        (
            made({**GOOD, "wdth": 3}),
            "spec.parameters.wdth: 3: is not a parameter of the experiment; did you mean 'width'?",
        ),
        (
            made({**GOOD, "optimizer": "adam"}),
            "spec.parameters.momentum: 0.5: has a value though it is not active",
        ),
        (made({**GOOD, "half": 5}), "spec.parameters: breaks 'half <= 0.5 * width'"),
        (made(name="mine"), 'metadata.name: "mine": is not <experiment>-<index>; call it nas-3'),
        (
            made(observation=Observation(metrics={"size": 1.0})),
            "spec.observation.metrics.accuracy: is required",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_field(trial: NASTrial, problem: str) -> None:
    [found] = misfits(SPEC, trial)
    assert str(found).startswith(problem)


def test_a_result_on_a_log_scale_needs_a_logarithm() -> None:
    spec = builders.spec(objectives=[{"metric": "loss", "goal": "Minimize", "scale": "Log", "threshold": 1.0}])
    trial = builders.trial(3)
    observed = trial.replace(spec=trial.spec.replace(observation=Observation(metrics={"loss": 0.0})))
    [found] = misfits(spec, observed)
    assert (found.path, found.value) == ("spec.observation.metrics.loss", 0.0)


def test_a_known_failure_needs_no_metrics() -> None:
    assert misfits(SPEC, made(observation=Observation(state="Failed"))) == []
