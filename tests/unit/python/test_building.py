import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import paretonas as pn
from paretonas.api import (
    InvalidDocument,
    NASExperiment,
    Objective,
    Parameter,
    TrialTemplate,
    load_experiment,
    load_yaml,
)
from paretonas.cli.files import load
from paretonas.python.building import runs_function

VALID = sorted(Path("tests/data/valid").glob("*.yaml")) + sorted(Path("examples").glob("*.yaml"))


def mine(**fields: Any) -> pn.Experiment:
    given = {
        "objectives": [pn.maximize("acc", threshold=0.9), pn.minimize("params")],
        "parameters": [pn.Int("width", 16, 512, log=True)],
        "trial": pn.Trial(command=["python", "train.py"]),
    }
    return pn.Experiment("mine", **{**given, **fields})


def named(name: str) -> pn.Experiment:
    return pn.Experiment(name, objectives=[pn.maximize("acc")], parameters=[pn.Int("width", 1, 9)])


def problems(caught: pytest.ExceptionInfo[InvalidDocument]) -> list[str]:
    return [str(problem) for problem in caught.value.problems]


def test_the_constructors_return_the_values_of_the_api():
    assert pn.Int("width", 16, 512, log=True) == Parameter.model_validate(
        {"name": "width", "int": {"min": 16, "max": 512, "scale": "Log"}}
    )
    assert pn.Float("dropout", 0, 0.5, step=0.1) == Parameter.model_validate(
        {"name": "dropout", "float": {"min": 0.0, "max": 0.5, "step": 0.1}}
    )
    assert pn.maximize("acc", threshold=0.9, target=0.99) == Objective(
        metric="acc", goal="Maximize", threshold=0.9, target=0.99
    )
    assert pn.minimize("energy", log=True) == Objective(metric="energy", goal="Minimize", scale="Log")
    assert isinstance(pn.Trial(["python", "train.py"]), TrialTemplate)
    assert isinstance(mine(), NASExperiment)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["adam", "sgd"], "choice"),
        ([32, 64], "intChoice"),
        ([0.1, 1], "floatChoice"),
        ([False, True], "bool"),
        ([True, False], "bool"),
        ([True], "fixed"),
        (range(1, 4), "intChoice"),
        (("a", "b"), "choice"),
        (np.array([0.5, 0.25]), "floatChoice"),
        ([np.int64(3), np.int64(5)], "intChoice"),
        ([np.bool_(True), np.bool_(False)], "bool"),
    ],
)
def test_the_kind_of_a_choice_follows_from_its_values(values, kind):
    assert pn.Choice("x", values).kind == kind


def test_numbers_of_numpy_are_numbers():
    assert pn.Int("width", np.int64(16), np.int32(512)) == pn.Int("width", 16, 512)  # type: ignore[arg-type] # as people do
    assert pn.maximize("acc", threshold=np.float32(0.5)) == pn.maximize("acc", threshold=0.5)  # type: ignore[arg-type] # as above


def test_a_condition_names_one_value_or_several():
    one = pn.Float("momentum", 0, 1, active_when={"optimizer": "sgd"})
    assert one == pn.Float("momentum", 0, 1, active_when={"optimizer": ["sgd"]})
    assert one.active_when[0].values == ("sgd",)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: pn.Int("width", 512, 16), "width.int.min: 512: is not below max (16); make min smaller than max"),
        (lambda: pn.Int("width", 0.5, 16), "width.int.min: 0.5: is not a whole number"),  # type: ignore[arg-type]
        (lambda: pn.Float("lr", 0, 1, log=True), "lr.float.min: 0.0: cannot be the start of a Log scale"),
        (lambda: pn.Float("lr", 0, float("inf")), "lr.float.max: Infinity: is not a finite number"),
        (lambda: pn.Float("lr", 0, 1, step=3), "lr.float.step: 3.0: is larger than the range"),
        (lambda: pn.Int("2nd", 0, 1), '2nd.name: "2nd": is not a valid name; use letters, digits and _'),
        (lambda: pn.Choice("opt", "adam"), "opt.values: \"adam\": is one text, not a list of values; write ['adam']"),
        (lambda: pn.Choice("opt", []), "opt.choice.values: has 0 items; give at least 1"),
        (lambda: pn.Choice("opt", ["adam", 3]), "opt.choice.values[1]: 3: is not a text"),
        (lambda: pn.Choice("opt", ["a", "a"]), 'opt.choice.values[1]: "a": is listed twice'),
        (lambda: pn.Choice("opt", [True, True]), "opt.choice.values[0]: true: is not a text"),
        (lambda: pn.Choice("opt", [None]), "opt.choice.values[0]: null: is not a text"),  # type: ignore[list-item]
        (lambda: pn.maximize("val/acc"), 'val/acc.metric: "val/acc": is not a valid name'),
        (lambda: pn.minimize("loss", threshold="0.5"), 'loss.threshold: "0.5": is not a number'),  # type: ignore[arg-type]
        (lambda: pn.maximize("acc", threshold=0.9, target=0.5), "acc.target: 0.5: is worse than the threshold (0.9)"),
        (lambda: pn.Trial("python train.py"), "trial.command: \"python train.py\": is one text, not a list of words"),
        (lambda: pn.Trial([]), "trial.command: has 0 items; give at least 1"),
        (lambda: pn.Trial(["python"], comand=1), "trial.comand: 1: is not a known field; did you mean 'command'?"),
        (lambda: pn.Trial(["python"], working_dir=3), "trial.workingDir: 3: is not a text"),
        (lambda: mine(max_trails=3), "spec.maxTrails: 3: is not a known field; did you mean 'maxTrials'?"),
        (lambda: mine(parallelism=0), "spec.parallelism: 0: is less than 1"),
        (lambda: mine(objectives=pn.maximize("acc")), "spec.objectives: is not a list"),
        (lambda: mine(objectives=[]), "spec.objectives: has 0 items; give at least 1"),
        (lambda: mine(parameters=[3]), "spec.parameters[0]: 3: is not a mapping"),
        (lambda: mine(trial="train.py"), 'spec.trial: "train.py": is not a mapping'),
        (lambda: named("Mine!"), 'metadata.name: "Mine!": is not a valid name'),
        (lambda: pn.Experiment.from_yaml("kind: Pod"), "apiVersion: is required"),
    ],
)  # fmt: skip
def test_a_mistake_is_an_invalid_document_that_names_the_field(make, expected):
    with pytest.raises(InvalidDocument) as caught:
        make()
    assert any(problem.startswith(expected) for problem in problems(caught)), problems(caught)


def test_all_mistakes_of_an_experiment_are_reported_at_once():
    with pytest.raises(InvalidDocument) as caught:
        mine(
            parallelism=70,
            parameter_constraints=["width <= depth"],
            parameters=[pn.Int("width", 1, 9), pn.Int("width", 1, 9)],
        )
    paths = [problem.path for problem in caught.value.problems]
    assert {"spec.parallelism", "spec.parameterConstraints[0]", "spec.parameters[1].name"} <= set(paths)


def test_other_fields_are_written_as_in_python_or_as_in_the_file():
    linear = pn.Int("width", 16, 512)
    one = mine(
        parameters=[linear], parameter_constraints=["2*width <= 600"], search={"seed": 3}, failurePolicy={"retries": 0}
    )
    assert one.spec.parameter_constraints == ("2*width <= 600",)
    assert (one.spec.search.seed, one.spec.failure_policy.retries) == (3, 0)


def test_paths_and_numbers_of_the_environment_become_texts():
    trial = pn.Trial([Path("bin/python"), "train.py"], working_dir=Path("code"), env={"OMP_NUM_THREADS": 1})
    assert trial.command == ("bin/python", "train.py")
    assert trial.working_dir == "code"
    assert [(v.name, v.value) for v in trial.env] == [("OMP_NUM_THREADS", "1")]


@pytest.mark.parametrize("file", VALID, ids=lambda file: file.stem)
def test_what_is_written_as_yaml_is_read_as_the_same_experiment(file: Path):
    if "kind: List" in file.read_text() or file.read_text().startswith("---"):
        pytest.skip("an export of several documents")
    parsed = pn.Experiment.from_yaml(file.read_text())
    assert load_experiment(parsed.to_yaml()).spec == parsed.spec
    assert load_experiment(parsed.to_yaml()).metadata == parsed.metadata


def test_the_yaml_is_a_file_for_the_command_line(tmp_path: Path):
    (tmp_path / "mine.yaml").write_text(mine(search={"seed": 3}).to_yaml())
    assert load(tmp_path / "mine.yaml").experiment.spec == mine(search={"seed": 3}).spec
    assert "retries" not in mine().to_yaml(), "defaults are left out"
    assert json.dumps(load_yaml(mine().to_yaml()))


def test_a_valid_experiment_is_summarised_and_its_script_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("parser.add_argument('--width')\nparser.add_argument('--log_dir')\n")
    assert mine().validate() == "mine is valid: 1 parameter, 497 points, 2 objectives, 50 trials, 1 at a time"
    assert "--log-dir, but train.py calls it --log_dir" in capsys.readouterr().err


def test_without_a_command_a_trial_is_a_python_function():
    assert runs_function(mine(trial=None))
    assert runs_function(mine(trial=pn.Trial(active_deadline_seconds=60)))
    assert not runs_function(mine())
