"""Experiments and trials for tests, in as few words as the test needs."""

from typing import Any

from paretonas.api import (
    Attempt,
    ExperimentSpec,
    NASExperiment,
    NASTrial,
    TrialMetadata,
    TrialSpec,
    TrialState,
    TrialStatus,
    job_name,
    parse_experiment,
    trial_name,
)

MINIMAL: dict[str, Any] = {
    "objectives": [
        {"metric": "accuracy", "goal": "Maximize", "threshold": 0.0},
        {"metric": "size", "goal": "Minimize", "threshold": 100.0},
    ],
    "parameters": [{"name": "x", "float": {"min": 0.0, "max": 1.0}}],
    "maxTrials": 8,
    "parallelism": 2,
    "trial": {"command": ["python", "trial.py"]},
}


ON_CLUSTER: dict[str, Any] = {
    "logs": {"persistentVolumeClaim": {"claimName": "nas-logs"}},
    "trial": {**MINIMAL["trial"], "image": "trainer:1"},
}
"""The fields that an experiment needs there."""


def experiment(name: str = "nas", **spec: Any) -> NASExperiment:
    """A valid experiment: the minimal one with some fields (camelCase) of its spec changed."""
    return parse_experiment(
        {
            "apiVersion": "paretonas.io/v1alpha1",
            "kind": "NASExperiment",
            "metadata": {"name": name},
            "spec": {**MINIMAL, **spec},
        }
    )


def spec(**fields: Any) -> ExperimentSpec:
    """The spec of such an experiment."""
    return experiment(**fields).spec


def trial(
    index: int = 0,
    state: TrialState = "Pending",
    *,
    attempts: tuple[Attempt, ...] = (),
    metrics: dict[str, float] | None = None,
    x: float = 0.5,
) -> NASTrial:
    """A trial of the experiment ``nas``; one that has succeeded has metrics."""
    if state == "Succeeded" and metrics is None:
        metrics = {"accuracy": 0.5, "size": 50.0}
    of = NASTrial(
        metadata=TrialMetadata(name=trial_name("nas", index)),
        spec=TrialSpec(experiment="nas", index=index, parameters={"x": x}, origin="Sobol"),
        status=TrialStatus(state=state, attempts=attempts),
    )
    return of.with_status(metrics=metrics or {})


def attempt(index: int = 0, number: int = 1, **fields: Any) -> Attempt:
    """An attempt of such a trial."""
    return Attempt(job=job_name(trial_name("nas", index), number), **fields)
