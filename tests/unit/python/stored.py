"""An experiment as a run leaves it: a folder with trials of every state, and their logs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.builders import experiment
from tests.local.quick_trial import write_scalars

from paretonas.api import Attempt, NASExperiment, NASTrial, TrialState, job_name, new_trial
from paretonas.backends.local.store import FolderStore
from paretonas.engine.summary import summarise

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)

SPEC: dict[str, Any] = {
    "objectives": [
        {"metric": "accuracy", "goal": "Maximize", "threshold": 0.5},
        {"metric": "size", "goal": "Minimize", "threshold": 100.0},
    ],
    "parameters": [
        {"name": "optimizer", "choice": {"values": ["adam", "sgd"]}},
        {"name": "depth", "int": {"min": 1, "max": 9}},
        {"name": "nesterov", "bool": {}, "activeWhen": [{"parameter": "optimizer", "values": ["sgd"]}]},
        {
            "name": "restarts",
            "int": {"min": 0, "max": 5},
            "activeWhen": [{"parameter": "optimizer", "values": ["sgd"]}],
        },
    ],
    "metrics": [{"name": "accuracy", "tag": "val/acc"}],
}

SGD: dict[str, Any] = {"optimizer": "sgd", "depth": 3, "nesterov": True, "restarts": 2}


def trials(of: NASExperiment, adam: str) -> list[NASTrial]:
    """Two of the front, one dominated, one ruled out, one failed, one running."""

    def one(index: int, point: dict[str, Any], state: TrialState, message: str = "", **metrics: float) -> NASTrial:
        begin = START + timedelta(minutes=index)
        over = state != "Running"
        attempt = Attempt(
            job=job_name(f"{of.name}-{index}", 1),
            reason="Completed" if over else None,
            start_time=begin,
            end_time=begin + timedelta(seconds=30) if over else None,
        )
        trial = new_trial(of, index, point, origin="Sobol")
        return trial.with_status(state=state, attempts=(attempt,), metrics=metrics, message=message)

    first = {"optimizer": adam, "depth": 2}
    return [
        one(0, first, "Succeeded", accuracy=0.9, size=40.0).with_status(
            pareto=True, output_dir=f"{of.name}/{of.name}-0/output"
        ),
        one(1, SGD, "Succeeded", accuracy=0.95, size=60.0).with_status(pareto=True),
        one(2, {**first, "depth": 5}, "Succeeded", accuracy=0.8, size=70.0),
        one(3, {**first, "depth": 9}, "Succeeded", accuracy=0.99, size=140.0),
        one(4, {**first, "depth": 1}, "Failed", "ended with exit code 1\nCUDA <b>out</b> of memory"),
        one(5, {**first, "depth": 4}, "Running"),
    ]


def store(runs: Path, name: str = "nas", *, adam: str = "adam", **spec: Any) -> NASExperiment:
    """Write the experiment below ``runs``, with the curves of its first two trials, and ``adam`` as an optimizer."""
    optimizers = {"name": "optimizer", "choice": {"values": [adam, "sgd"]}}
    of = experiment(name, **{**SPEC, "parameters": [optimizers, *SPEC["parameters"][1:]], **spec})
    stored = FolderStore.open(runs, of)
    for trial in trials(of, adam):
        stored.create_trial(trial)
        stored.save_trial(trial)
    stored.save_status(of.replace(status=summarise(of, trials(of, adam), START)))
    for index, last in ((0, 0.9), (1, 0.95)):
        folder = runs / name / f"{name}-{index}" / "a1"
        folder.mkdir(parents=True)
        write_scalars(folder, {"val/acc": 0.5, "size": 40.0}, {"val/acc": 0.75}, {"val/acc": last})
    return stored.experiment()
