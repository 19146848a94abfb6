"""Builders that the search's tests share."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest

from paretonas.api import ExperimentSpec
from paretonas.search import KnownTrial

TWO_OBJECTIVES = (
    {"metric": "accuracy", "goal": "Maximize", "threshold": 0.5},
    {"metric": "size", "goal": "Minimize", "threshold": 200_000},
)
MIXED = (
    {"name": "width", "int": {"min": 16, "max": 128, "scale": "Log"}},
    {"name": "rate", "float": {"min": 1e-4, "max": 1e-2, "scale": "Log"}},
    {"name": "batch", "intChoice": {"values": [32, 64, 128, 256], "ordered": True}},
    {"name": "optimizer", "choice": {"values": ["adam", "sgd", "rmsprop"]}},
    {"name": "dropout", "float": {"min": 0, "max": 0.5}},
)


def make_spec(parameters: Sequence[Mapping[str, Any]] = MIXED, **fields: Any) -> ExperimentSpec:
    document = {
        "objectives": list(TWO_OBJECTIVES),
        "maxTrials": 48,
        "parallelism": 4,
        "trial": {"image": "image", "command": ["train"]},
        "parameters": list(parameters),
        **fields,
    }
    return ExperimentSpec.model_validate_json(json.dumps(document))


def measure(parameters: Mapping[str, Any]) -> dict[str, float]:
    """A smooth function of whatever parameters there are: accuracy up with size, with an optimum in the others."""
    numbers = [float(v) if not isinstance(v, str) else len(v) / 8 for v in parameters.values()]
    size = sum(abs(number) for number in numbers)
    bend = sum((number / (1 + abs(number)) - 0.4) ** 2 for number in numbers)
    return {"accuracy": 1 - 1 / (2 + size) - 0.1 * bend, "size": 100 * size, "latency": bend}


def observed(points: Iterable[Mapping[str, Any]], start: int = 0) -> list[KnownTrial]:
    return [KnownTrial(i, p, "Observed", measure(p)) for i, p in enumerate(points, start)]


@pytest.fixture
def spec() -> ExperimentSpec:
    """A mixed space, two objectives, few initial trials."""
    return make_spec(search={"seed": 3, "initialTrials": 4})


@pytest.fixture(name="make_spec")
def make_spec_fixture() -> Callable[..., ExperimentSpec]:
    return make_spec


@pytest.fixture(name="measure")
def measure_fixture() -> Callable[[Mapping[str, Any]], dict[str, float]]:
    return measure


@pytest.fixture(name="observed")
def observed_fixture() -> Callable[..., list[KnownTrial]]:
    return observed
