"""Made-up searches that look like real ones, to be drawn; `python tests/unit/report/conftest.py FOLDER` writes pages."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import exp, log, log10
from pathlib import Path

import numpy as np
import pytest

from paretonas.api import (
    ENDED,
    Attempt,
    Condition,
    ExperimentStatus,
    Fixed,
    FloatRange,
    IntRange,
    NASExperiment,
    NASTrial,
    Parameter,
    Scalar,
    TrialMetadata,
    TrialSpec,
    TrialStatus,
    load_experiment,
)
from paretonas.report import Curves
from paretonas.search import pareto

EXAMPLE = Path(__file__).parents[3] / "examples" / "mnist-nas.yaml"
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
INITIAL = 9
Point = Mapping[str, Scalar]
Metrics = dict[str, float]


@dataclass(frozen=True)
class Search:
    """An experiment with its trials and what they have logged."""

    experiment: NASExperiment
    trials: list[NASTrial]
    curves: dict[str, Curves]


def draw(parameter: Parameter, rng: np.random.Generator) -> Scalar:
    domain = parameter.domain
    if isinstance(domain, Fixed):
        return domain.value
    if not isinstance(domain, (IntRange, FloatRange)):
        return domain.values[rng.integers(len(domain.values))]
    if domain.scale == "Log":
        value = exp(rng.uniform(log(domain.min), log(domain.max)))
    else:
        value = rng.uniform(domain.min, domain.max)
    return round(value) if isinstance(domain, IntRange) else value


def draw_point(experiment: NASExperiment, rng: np.random.Generator) -> dict[str, Scalar]:
    while True:
        values = {p.name: draw(p, rng) for p in experiment.spec.parameters}
        point = {
            p.name: values[p.name]
            for p in experiment.spec.parameters
            if all(values[when.parameter] in when.values for when in p.active_when)
        }
        if all(constraint.satisfied(point) for constraint in experiment.spec.linear_constraints):
            return point


def mnist_metrics(point: Point, epochs: float | None = None) -> Metrics:
    """Roughly what the tutorial's network reaches on MNIST."""
    h1, h2 = float(point["hidden_size_1"]), float(point["hidden_size_2"])
    rate, dropout = float(point["learning_rate"]), float(point["dropout"])
    epochs = float(point["epochs"]) if epochs is None else epochs
    speed = epochs * 10 ** -abs(log10(rate) + 2.5) * (64 / float(point["batch_size"])) ** 0.3
    accuracy = 0.989 - 0.35 / h1**0.85 - 0.04 / h2**0.6 - 0.03 * dropout - 0.09 * exp(-2.2 * speed) - 0.006 / epochs
    return {
        "val_acc": round(accuracy, 4),
        "num_params": float(785 * h1 + (h1 + 1) * h2 + 10 * (h2 + 1)),
        "latency_ms": 0.5 + 0.002 * h1 + 0.004 * h2,
        "energy_j": 10 ** (-4 + 0.02 * h1 + 0.01 * h2),
        "train_loss": 3.5 * (1 - accuracy) + 0.02,
    }


def mnist_curves(point: Point) -> dict[str, list[tuple[int, float]]]:
    logged = [(epoch, mnist_metrics(point, epoch)) for epoch in range(1, int(point["epochs"]) + 1)]
    batches = 60_000 // int(point["batch_size"])
    curves = {tag: [(e * batches, m[tag]) for e, m in logged] for tag in ("val_acc", "train_loss")}
    return {**curves, "num_params": [(0, logged[0][1]["num_params"])]}


def search(
    experiment: NASExperiment,
    *,
    metrics: Callable[[Point], Metrics] = mnist_metrics,
    curves: Callable[[Point], dict[str, list[tuple[int, float]]]] = mnist_curves,
    count: int | None = None,
    seed: int = 0,
) -> Search:
    """A search that gets better after its initial trials; some trials fail, two at a time run."""
    rng = np.random.default_rng(seed)
    spec = experiment.spec
    trials, logged = [], {}
    for index in range(spec.max_trials if count is None else count):
        by_model = index >= INITIAL
        weights = rng.dirichlet(np.ones(len(spec.objectives)))

        def loss(point: Point, weights: np.ndarray = weights) -> float:
            found = metrics(point)
            ruled_out = 1e3 * (not pareto.feasible(spec, found))
            return ruled_out + sum(
                w * o.comparable(found[o.metric]) / (0.03 if o.metric == "val_acc" else abs(o.comparable(o.threshold or 1.0) or 1.0))
                for w, o in zip(weights, spec.objectives, strict=True)
            )

        point = min((draw_point(experiment, rng) for _ in range(60 if by_model else 1)), key=loss)
        name = f"{experiment.name}-{index}"
        noisy = {**metrics(point)}
        if "val_acc" in noisy:
            noisy["val_acc"] = round(noisy["val_acc"] + rng.normal(0, 8e-4), 4)
        start = START + timedelta(seconds=4.0 * index + rng.uniform(0, 2))
        attempt = Attempt(job=f"{name}-a1", reason="Completed", exit_code=0, start_time=start, end_time=start + timedelta(seconds=rng.uniform(4, 9)))
        status = TrialStatus(state="Succeeded", attempts=(attempt,), metrics=noisy)
        if index % 17 == 7:
            message = "ended with exit code 1\nTraceback (most recent call last):\n  File \"train.py\", line 12\nRuntimeError: out of luck"
            status = TrialStatus(state="Failed", attempts=(attempt.replace(reason="Crashed", exit_code=1),), message=message)
        elif index % 23 == 20:
            status = TrialStatus(state="Infeasible", attempts=(attempt.replace(reason="NotFinite"),), message="val_acc is nan")
        if status.state == "Succeeded":
            logged[name] = curves(point)
        trials.append(
            NASTrial(
                metadata=TrialMetadata(name=name),
                spec=TrialSpec(experiment=experiment.name, index=index, parameters=point, origin="BayesianOptimization" if by_model else "Sobol"),
                status=status,
            )
        )
    return Search(with_status(experiment, trials), trials, logged)


def with_status(experiment: NASExperiment, trials: list[NASTrial]) -> NASExperiment:
    ended = all(trial.ended for trial in trials) and len(trials) == experiment.spec.max_trials
    end = max((a.end_time for t in trials for a in t.status.attempts if a.end_time), default=START)
    observed = [t.status.metrics for t in trials[:INITIAL] if t.status.state == "Succeeded"]
    done = sum(t.status.state in ENDED for t in trials)
    condition = Condition(
        type="Succeeded",
        status="True" if ended else "Unknown",
        reason="MaxTrialsReached" if ended else "Running",
        message=f"{done} of {experiment.spec.max_trials} trials ended",
        last_transition_time=end,
    )
    status = ExperimentStatus(
        conditions=(condition,),
        reference_point=pareto.reference_point(experiment.spec, observed) if observed else {},
        start_time=START,
        completion_time=end if ended else None,
    )
    return experiment.replace(status=status)


def example(**changes: object) -> NASExperiment:
    """The MNIST example, with some fields of its spec changed."""
    experiment = load_experiment(EXAMPLE.read_text())
    document = experiment.to_dict()
    document["spec"].update(changes)
    from paretonas.api import parse_experiment

    return parse_experiment(document)


@pytest.fixture
def mnist() -> Search:
    return search(example())
