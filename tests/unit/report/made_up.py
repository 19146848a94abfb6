"""Made-up searches that look like real ones; `python -m tests.unit.report.made_up FOLDER` writes pages to look at."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import exp, log, log10
from pathlib import Path
from typing import Any

import numpy as np
from tests.builders import experiment

from paretonas import report
from paretonas.api import (
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
    parse_experiment,
)
from paretonas.report import LoggedCurves
from paretonas.search import pareto

Point = Mapping[str, Scalar]
Metrics = dict[str, float]

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
INITIAL = 9
EVIL = '"\'><img src=x onerror=alert(1)><script>alert(2)</script>%{x}&amp;</script><a href="http://evil.example">x</a>'


@dataclass(frozen=True)
class Search:
    experiment: NASExperiment
    trials: list[NASTrial]
    curves: dict[str, LoggedCurves]

    def document(self, **more: Any) -> dict[str, Any]:
        return report.experiment_document(self.experiment, self.trials, self.curves, **more)

    def page(self) -> str:
        return report.page(self.document())


def objective(metric: str, goal: str = "Minimize", **more: Any) -> dict[str, Any]:
    return {"metric": metric, "goal": goal, **more}


def mnist(**changes: Any) -> NASExperiment:
    """The MNIST example, with some fields of its spec changed."""
    document = load_experiment(Path("examples/mnist-nas.yaml").read_text()).to_dict()
    return parse_experiment({**document, "spec": {**document["spec"], **changes}})


def mnist_metrics(point: Mapping[str, Any], epochs: float | None = None) -> Metrics:
    """Roughly what the tutorial's network reaches on MNIST."""
    h1, h2, epochs = point["hidden_size_1"], point["hidden_size_2"], epochs or point["epochs"]
    speed = epochs * 10 ** -abs(log10(point["learning_rate"]) + 2.5) * (64 / point["batch_size"]) ** 0.3
    size = 0.35 / h1**0.85 + 0.04 / h2**0.6
    accuracy = 0.989 - size - 0.03 * point["dropout"] - 0.09 * exp(-2.2 * speed) - 0.006 / epochs
    return {
        "val_acc": accuracy,
        "num_params": float(785 * h1 + (h1 + 1) * h2 + 10 * (h2 + 1)),
        "energy_j": 10 ** (-4 + 0.02 * h1 + 0.01 * h2),
        "latency_ms": 0.5 + 0.002 * h1 + 0.004 * h2,
        "train_loss": 3.5 * (1 - accuracy) + 0.02,
    }


def mnist_curves(point: Mapping[str, Any]) -> LoggedCurves:
    logged = [(epoch, mnist_metrics(point, epoch)) for epoch in range(1, point["epochs"] + 1)]
    steps = 60_000 // point["batch_size"]
    curves = {tag: [(epoch * steps, found[tag]) for epoch, found in logged] for tag in ("val_acc", "train_loss")}
    return {**curves, "num_params": [(0, logged[0][1]["num_params"])]}


def conditional() -> NASExperiment:
    """Every kind of parameter, one of them conditional, and texts that would like to be HTML."""
    when = {"parameter": "optimizer", "values": ["sgd"]}
    return experiment(
        "conditional",
        objectives=[objective("E", "Maximize"), objective("cost", scale="Log")],
        parameters=[
            {"name": "optimizer", "choice": {"values": ["adam", EVIL, "sgd"]}},
            {"name": "momentum", "float": {"min": 0.5, "max": 0.99}, "activeWhen": [when]},
            {"name": "lambda", "float": {"min": 1e-6, "max": 1.0, "scale": "Log"}},
            {"name": "depth", "int": {"min": 1, "max": 6}},
            {"name": "width", "intChoice": {"values": [16, 32, 64], "ordered": True}},
            {"name": "bias", "bool": {}},
            {"name": "classes", "fixed": {"value": 10}},
        ],
        maxTrials=30,
        trial={"command": ["python", EVIL]},
    )


def conditional_metrics(point: Mapping[str, Any]) -> Metrics:
    gain = point["depth"] + log10(point["lambda"]) * (point["optimizer"] == "adam")
    return {"E": gain + point["bias"], "cost": 10 ** (point["width"] / 20 + point.get("momentum", 0))}


def conditional_curves(point: Mapping[str, Any]) -> LoggedCurves:
    return {EVIL: [(step, 1 - exp(-step / point["width"])) for step in range(60)]}


def search(
    of: NASExperiment,
    metrics: Callable[[Point], Metrics] = mnist_metrics,
    curves: Callable[[Point], LoggedCurves] = mnist_curves,
    count: int | None = None,
    initial: int = INITIAL,
) -> Search:
    """A search that gets better after its initial trials; every now and then a trial fails."""
    rng = np.random.default_rng(0)
    trials = []
    logged = {}
    for index in range(of.spec.max_trials if count is None else count):
        points = [_draw_point(of, rng) for _ in range(60 if index >= initial else 1)]
        point = min(points, key=_loss(of, metrics, rng))
        trial = _trial(of, index, point, metrics(point), rng)
        trials.append(trial)
        if trial.status.metrics:
            logged[trial.name] = curves(point)
    return Search(with_status(of, trials), trials, logged)


def with_status(of: NASExperiment, trials: list[NASTrial]) -> NASExperiment:
    """The experiment as its trials leave it."""
    ended = sum(trial.ended for trial in trials)
    over = ended == of.spec.max_trials
    times = [attempt.end_time for trial in trials for attempt in trial.status.attempts if attempt.end_time]
    observed = [trial.status.metrics for trial in trials[:INITIAL] if trial.status.state == "Succeeded"]
    condition = Condition(
        type="Succeeded",
        status="True" if over else "Unknown",
        reason="Completed" if over else "Running",
        message=f"{ended} of {of.spec.max_trials} trials ended",
        last_transition_time=max(times, default=START),
    )
    status = ExperimentStatus(
        conditions=(condition,),
        reference_point=pareto.reference_point(of.spec, observed) if observed else {},
        start_time=START,
        completion_time=max(times, default=START) if over else None,
    )
    return of.replace(status=status)


def renamed(made: Search, suffix: str) -> Search:
    """The same search with something behind each trial's name and in each message."""
    trials = [
        trial.replace(metadata=trial.metadata.replace(name=trial.name + suffix)).with_status(
            message=f"{suffix}\n{suffix}" if trial.status.message else ""
        )
        for trial in made.trials
    ]
    return replace(made, trials=trials, curves={name + suffix: of for name, of in made.curves.items()})


def _draw(parameter: Parameter, rng: np.random.Generator) -> Scalar:
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


def _draw_point(of: NASExperiment, rng: np.random.Generator) -> Point:
    while True:
        values = {p.name: _draw(p, rng) for p in of.spec.parameters}
        point = {
            p.name: values[p.name]
            for p in of.spec.parameters
            if all(values[when.parameter] in when.values for when in p.active_when)
        }
        if all(constraint.is_satisfied_by(point) for constraint in of.spec.linear_constraints):
            return point


def _loss(of: NASExperiment, metrics: Callable[[Point], Metrics], rng: np.random.Generator) -> Callable[[Point], float]:
    """A random weighting of the objectives: each draw aims at another part of the front."""
    weights = rng.dirichlet(np.ones(len(of.spec.objectives)))
    typical = {"val_acc": 0.03, "num_params": 80_000}  # spreads, so that every objective weighs something

    def loss(point: Point) -> float:
        found = metrics(point)
        parts = [o.comparable(found[o.metric]) / typical.get(o.metric, 1.0) for o in of.spec.objectives]
        return float(weights @ parts) + 1e3 * (not pareto.feasible(of.spec, found))

    return loss


def _trial(of: NASExperiment, index: int, point: Point, metrics: Metrics, rng: np.random.Generator) -> NASTrial:
    name = f"{of.name}-{index}"
    start = START + timedelta(seconds=4 * index + rng.uniform(0, 2))
    end = start + timedelta(seconds=rng.uniform(4, 9))
    attempt = Attempt(job=f"{name}-a1", reason="Completed", exit_code=0, start_time=start, end_time=end)
    status = TrialStatus(state="Succeeded", attempts=(attempt,), metrics=metrics)
    if index % 17 == 7:
        log = 'Traceback (most recent call last):\n  File "train.py", line 12\nRuntimeError: out of luck'
        crash = attempt.replace(reason="Crashed", exit_code=1)
        status = TrialStatus(state="Failed", attempts=(crash,), message=f"ended with exit code 1\n{log}")
    elif index % 23 == 20:
        status = TrialStatus(
            state="Infeasible", attempts=(attempt.replace(reason="NotFinite"),), message="val_acc is nan"
        )
    origin = "Sobol" if index < INITIAL else "BayesianOptimization"
    return NASTrial(
        metadata=TrialMetadata(name=name),
        spec=TrialSpec(experiment=of.name, index=index, parameters=dict(point), origin=origin),
        status=status,
    )


THREE = [
    objective("val_acc", "Maximize", threshold=0.94),
    objective("num_params", threshold=80_000.0),
    objective("energy_j", scale="Log"),
]
FOUR = [*THREE, objective("latency_ms")]


def large(count: int = 1000) -> Search:
    """As large as a search gets: a thousand trials, four objectives, twenty parameters, twenty long curves."""
    names = [f"parameter_{i}" for i in range(20)]
    of = experiment(
        "large",
        objectives=[objective(f"objective_{i}", "Maximize" if i % 2 else "Minimize") for i in range(4)],
        parameters=[{"name": name, "float": {"min": 0, "max": 1}} for name in names],
        maxTrials=count,
    )
    rng = np.random.default_rng(0)
    curve = [(step, 0.123456789 * step) for step in range(1000)]
    trials, curves = [], {}
    for index in range(count):
        point = rng.random(20)
        metrics = {f"objective_{i}": float(point[i] + 0.1 * point[i + 4] + 0.05 * rng.normal()) for i in range(4)}
        trials.append(_trial(of, index, dict(zip(names, point.tolist(), strict=True)), metrics, rng))
        curves[trials[-1].name] = {f"layer/{i}": curve for i in range(20)}
    return Search(with_status(of, trials), trials, curves)


EXAMPLES: dict[str, Callable[[], Search]] = {
    "one": lambda: search(mnist(objectives=THREE[:1])),
    "two": lambda: search(mnist()),
    "log": lambda: search(mnist(objectives=THREE[::2])),
    "three": lambda: search(mnist(objectives=THREE)),
    "four": lambda: search(mnist(objectives=FOUR, outcomeConstraints=["train_loss <= 0.2"])),
    "conditional": lambda: search(conditional(), conditional_metrics, conditional_curves),
    "evil": lambda: renamed(search(conditional(), conditional_metrics, conditional_curves), EVIL),
    "begun": lambda: search(mnist(), count=3),
    "empty": lambda: search(mnist(), count=0),
}


def main(folder: Path) -> None:
    """Write a page for each example, and a large one."""
    for name, make in EXAMPLES.items():
        made = make()
        report.write(folder / f"{name}.html", made.experiment, made.trials, made.curves)
    made = large()
    report.write(folder / "large.html", made.experiment, made.trials, made.curves)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
