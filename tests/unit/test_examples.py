"""Every file of examples/ is right, and its trials are what the trainer takes; tests/cluster runs those for CPUs."""

import json
from itertools import takewhile
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from paretonas.api import (
    NASExperiment,
    NASTrial,
    TrialMetadata,
    TrialSpec,
    load_experiment,
    trial_arguments,
    trial_name,
)
from paretonas.cli import plan
from paretonas.cli.main import main
from paretonas.engine.early_stopping import CompletedTrial, CompletedTrials, TrialCurves, judge
from paretonas.jobs.appdef import amount
from paretonas.jobs.job import Launch
from paretonas.search import suggest_here
from paretonas_trainer.arguments import Trial, parse
from paretonas_trainer.cnn.arguments import CnnTrial

FILES = sorted(Path("examples").glob("*.yaml"), key=lambda path: path.name)


class SearchHere:
    """The search in this process: five processes would each import Ax."""

    suggest = staticmethod(suggest_here)

    def close(self) -> None:
        """Nothing was opened."""


def taken(experiment: NASExperiment, index: int, parameters: dict[str, int | float | str | bool]) -> Trial | CnnTrial:
    """What the trainer makes of the arguments of a trial."""
    spec = TrialSpec(experiment=experiment.name, index=index, parameters=parameters)
    trial = NASTrial(metadata=TrialMetadata(name=trial_name(experiment.name, index)), spec=spec)
    values = Launch(experiment, trial, 1).values("/logs/here", "/logs/kept")
    _python, _m, _trainer, *words = experiment.spec.trial.command
    asked = parse([*words, *trial_arguments(experiment.spec.trial, values)])
    assert isinstance(asked, Trial | CnnTrial)
    return asked


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_is_valid_and_its_first_candidates_are_what_its_trials_take(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "SearchWorker", SearchHere)
    checked = CliRunner().invoke(main, ["validate", str(path)])
    assert checked.exit_code == 0, checked.output
    planned = CliRunner().invoke(main, ["plan", str(path), "-n", "8", "-o", "json"])
    assert planned.exit_code == 0, planned.output
    experiment = load_experiment(path.read_text())
    candidates = json.loads(planned.stdout)
    assert len(candidates) == 8
    for candidate in candidates:
        asked = taken(experiment, candidate["index"], candidate["parameters"])
        for name, value in candidate["parameters"].items():
            assert asked.hyperparameters[name] == value
        assert str(asked.log_dir) == "/logs/here"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_is_named_after_its_file_and_says_in_three_lines_what_it_shows(path: Path) -> None:
    assert load_experiment(path.read_text()).name == path.stem
    *_, modeline = comment = list(takewhile(lambda line: line.startswith("#"), path.read_text().splitlines()))
    assert len(comment) == 3 + 1
    assert modeline.startswith("# yaml-language-server:")


STOPPING = [path for path in FILES if load_experiment(path.read_text()).spec.early_stopping]


@pytest.mark.parametrize("path", STOPPING, ids=lambda path: path.stem)
def test_what_the_trials_of_an_example_log_before_their_end_is_enough_to_stop_them(path: Path) -> None:
    spec = load_experiment(path.read_text()).spec
    assert spec.early_stopping is not None

    def logged(worse: float, epochs: int, of: int = 6) -> dict[str, list[tuple[int, float]]]:
        """What tests/unit/trainer/test_cnn_training.py says that a trial logs in so many of its epochs."""
        ends = [0, of] if epochs == of else [0]
        return {
            "val_acc": [(epoch, 0.98 - worse / 100 - 0.02 / epoch) for epoch in range(1, epochs + 1)],
            "latency_ms": [(step, 0.4 * worse + 0.01 * step) for step in ends],
            **{tag: [(0, value * worse)] for tag, value in (("macs", 2e5), ("num_params", 5e3))},
        }

    def complete(index: int) -> CompletedTrial:
        curves = logged(1 + index / 100, 6)
        return CompletedTrial(f"t-{index}", {tag: values[-1][1] for tag, values in curves.items()}, curves)

    completed = CompletedTrials(spec, map(complete, range(10)))
    stopped = judge(spec, spec.early_stopping, TrialCurves("slow", logged(2, 3)), completed)
    assert stopped is not None
    assert (stopped.step, stopped.steps_saved) == (3, 3)
    assert judge(spec, spec.early_stopping, TrialCurves("good", logged(0.9, 3)), completed) is None


SYSTEM_MILLICORES = 950
"""What the pods of kind's control plane ask for, by kubeadm's manifests."""


ON_CPUS = [path for path in FILES if "gpu" not in path.stem]


@pytest.mark.parametrize("path", ON_CPUS, ids=lambda path: path.stem)
def test_an_example_fits_beside_system_and_operator_on_a_node_of_two_cores(path: Path) -> None:
    experiment = load_experiment(path.read_text())
    overlay = experiment.spec.trial.pod_overlay
    [container] = overlay["spec"]["containers"]
    [operator] = yaml.safe_load(Path("deploy/base/deployment.yaml").read_text())["spec"]["template"]["spec"][
        "containers"
    ]
    asked = [container["resources"]["requests"]["cpu"]] * experiment.spec.parallelism * experiment.spec.trial.replicas
    total = sum(1000 * amount(text) for text in [*asked, operator["resources"]["requests"]["cpu"]])
    assert total + SYSTEM_MILLICORES <= 2000
