import json
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
import pytest
from click.testing import CliRunner, Result
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState
from tests.builders import spec
from tests.unit.python.stored import START, store

from paretonas import extras
from paretonas.api import Parameter, import_experiment, load_documents
from paretonas.cli.main import main
from paretonas.exchange.optuna_export import distribution, violations

optuna.logging.set_verbosity(optuna.logging.ERROR)

SPACE: list[dict[str, Any]] = [
    {"name": "width", "int": {"min": 16, "max": 512, "scale": "Log"}},
    {"name": "lr", "float": {"min": 1e-4, "max": 1e-1, "scale": "Log"}},
    {"name": "opt", "choice": {"values": ["adam", "sgd"]}},
    {"name": "bn", "bool": {}},
]


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in arguments])


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    store(tmp_path / "runs")
    done = call("export", "nas", "--runs-dir", tmp_path / "runs", "-o", "optuna", "--to", f"sqlite:///{tmp_path}/s.db")
    assert done.exit_code == 0, done.output
    assert "6 trials written" in done.stdout
    return optuna.load_study(study_name="nas", storage=f"sqlite:///{tmp_path}/s.db")


def test_a_study_has_the_states_values_points_and_times(study: optuna.Study):
    assert study.metric_names == ["accuracy", "size"]
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE", "COMPLETE", "COMPLETE", "COMPLETE", "FAIL", "RUNNING"]
    second = study.trials[1]
    assert second.values == [0.95, 60.0]
    assert second.params == {"optimizer": "sgd", "depth": 3, "nesterov": True, "restarts": 2}
    assert second.user_attrs["trial"] == "nas-1"
    began = (START + timedelta(minutes=1)).astimezone().replace(tzinfo=None)
    assert (second.datetime_start, second.duration) == (began, timedelta(seconds=30))
    assert second.intermediate_values == pytest.approx({1: 0.5, 2: 0.75, 3: 0.95})
    assert "nesterov" not in study.trials[0].params, "it is not active there"
    assert study.trials[5].datetime_complete is None


def test_thresholds_and_constraints_are_in_the_form_that_the_dashboard_reads(study: optuna.Study):
    found = {
        t.user_attrs["trial"]: t.system_attrs["constraints"] for t in study.trials if t.state == TrialState.COMPLETE
    }
    assert found["nas-1"] == pytest.approx([-0.45, -40.0])
    assert found["nas-3"] == pytest.approx([-0.49, 40.0]), "above 0: ruled out"
    assert {t.user_attrs["trial"] for t in study.best_trials} == {"nas-0", "nas-1"}, "our Pareto set"


def test_an_outcome_constraint_is_broken_by_what_is_above_0():
    constrained = spec(outcomeConstraints=["latency <= 5", "recall >= 0.5"])
    metrics = {"accuracy": 0.5, "size": 120.0, "latency": 7.0, "recall": 0.75}
    assert violations(constrained, metrics) == [-0.5, 20.0, 2.0, -0.25]


def test_a_file_that_is_there_is_not_touched(tmp_path: Path, study: optuna.Study):
    before = (tmp_path / "s.db").read_bytes()
    again = call("export", "nas", "--runs-dir", tmp_path / "runs", "-o", "optuna", "--to", f"sqlite:///{tmp_path}/s.db")
    assert again.exit_code == 2
    assert again.stderr == f"{tmp_path}/s.db exists already; delete it, or choose another file\n"
    assert (tmp_path / "s.db").read_bytes() == before
    assert study.study_name == "nas"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "optuna"], "-o optuna and --to URL belong together"),
        (["-o", "csv", "--to", "sqlite:///s.db"], "-o optuna and --to URL belong together"),
        (["-o", "optuna", "--to", "study.db"], "'study.db' is not a storage; write it as sqlite:///study.db"),
        (["-o", "optuna", "--to", "sqlite:////no/such/folder/s.db"], "cannot write sqlite:////no/such/folder/s.db"),
        (["-o", "optuna", "--to", "nosuch://host/db"], "cannot write nosuch://host/db"),
    ],
)
def test_a_storage_that_cannot_be_written_is_one_line(tmp_path: Path, arguments, message):
    store(tmp_path)
    done = call("export", "nas", "--runs-dir", tmp_path, *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output
    assert not list(tmp_path.glob("*.db"))


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ({"int": {"min": 1, "max": 8}}, IntDistribution(1, 8)),
        ({"int": {"min": 1, "max": 8, "step": 3}}, IntDistribution(1, 7, step=3)),
        ({"int": {"min": 16, "max": 512, "scale": "Log"}}, IntDistribution(16, 512, log=True)),
        ({"float": {"min": 0.0, "max": 0.5, "step": 0.15}}, FloatDistribution(0.0, 0.45, step=0.15)),
        ({"float": {"min": 0.001, "max": 0.5, "scale": "Log", "step": 0.1}}, FloatDistribution(0.001, 0.401, step=0.1)),
        ({"bool": {}}, CategoricalDistribution([False, True])),
        ({"fixed": {"value": 3}}, CategoricalDistribution([3])),
        ({"intChoice": {"values": [32, 64]}}, CategoricalDistribution([32, 64])),
    ],
)
def test_each_domain_is_the_distribution_with_its_values(parameter, expected):
    assert distribution(Parameter.model_validate({"name": "x", **parameter}).domain) == expected


def test_without_optuna_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store(tmp_path)
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "optuna" else name)
    done = call("export", "nas", "--runs-dir", tmp_path, "-o", "optuna", "--to", f"sqlite:///{tmp_path}/s.db")
    assert done.exit_code == 2
    assert done.stderr.startswith("this needs paretonas[optuna] (optuna is not installed); to install it: ")


def experiment_file(folder: Path, **spec: Any) -> Path:
    """An experiment over `SPACE`."""
    file = folder / "mine.yaml"
    document = {
        "apiVersion": "paretonas.io/v1alpha1",
        "kind": "NASExperiment",
        "metadata": {"name": "mine"},
        "spec": {
            "objectives": [{"metric": "acc", "goal": "Maximize"}, {"metric": "params", "goal": "Minimize"}],
            "parameters": SPACE,
            "maxTrials": 8,
            "trial": {"command": ["true"]},
            **spec,
        },
    }
    file.write_text(json.dumps(document))
    return file


def imported(done: Result) -> list[dict[str, Any]]:
    """The points and results that were printed, after they were read as `paretonas run` reads them."""
    assert done.exit_code == 0, done.output
    loaded = import_experiment(load_documents(done.stdout))
    found = []
    for trial in loaded.trials:
        assert trial.spec.observation is not None
        found.append({**trial.spec.parameters, **trial.spec.observation.metrics, "state": trial.spec.observation.state})
    return found


def test_a_study_is_imported_as_known_results(tmp_path: Path):
    study = optuna.create_study(
        storage=f"sqlite:///{tmp_path}/s.db", study_name="old", directions=["maximize", "minimize"]
    )

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        width = trial.suggest_int("width", 16, 1024, log=True)
        trial.suggest_float("lr", 1e-4, 1e-1, log=True)
        trial.suggest_categorical("opt", ["adam", "sgd"])
        trial.suggest_categorical("bn", [True, False])
        if trial.number == 1:
            raise RuntimeError
        return 1 / width, width

    study.enqueue_trial({"width": 64, "lr": 0.01, "opt": "sgd", "bn": True})
    study.enqueue_trial({"width": 32, "lr": 0.01, "opt": "adam", "bn": False})
    study.enqueue_trial({"width": 1000, "lr": 0.01, "opt": "adam", "bn": False})
    study.optimize(objective, n_trials=3, catch=RuntimeError)
    study.ask()
    done = call("import", experiment_file(tmp_path), "--from", tmp_path / "s.db")
    assert imported(done) == [
        {"width": 64, "lr": 0.01, "opt": "sgd", "bn": True, "acc": 1 / 64, "params": 64.0, "state": "Succeeded"},
        {"width": 32, "lr": 0.01, "opt": "adam", "bn": False, "state": "Failed"},
    ]
    assert "2 results of 4 left out:" in done.stderr
    assert "trial 2: spec.parameters.width: 1000: is outside the search space" in done.stderr
    assert "trial 3: it has no final result" in done.stderr


@pytest.mark.usefixtures("study")
def test_an_exported_study_comes_back_whole(tmp_path: Path):
    whole = call("export", "nas", "--runs-dir", tmp_path / "runs", "-o", "yaml")
    documents = [d for d in load_documents(whole.stdout)[0]["items"] if d["kind"] == "NASExperiment"]
    (tmp_path / "nas.json").write_text(json.dumps(documents[0]))
    found = imported(call("import", tmp_path / "nas.json", "--from", f"sqlite:///{tmp_path}/s.db", "--study", "nas"))
    assert [row["state"] for row in found] == ["Succeeded"] * 4 + ["Failed"]
    assert found[1] == {
        "optimizer": "sgd",
        "depth": 3,
        "nesterov": True,
        "restarts": 2,
        "accuracy": 0.95,
        "size": 60.0,
        "state": "Succeeded",
    }


def test_metrics_are_matched_by_their_names_and_goals_must_agree(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/s.db"
    named = optuna.create_study(storage=url, study_name="named", directions=["minimize", "maximize"])
    named.set_metric_names(["params", "acc"])
    distributions = {"width": IntDistribution(16, 512), "lr": FloatDistribution(1e-4, 0.1)}
    distributions |= {"opt": CategoricalDistribution(["adam"]), "bn": CategoricalDistribution([True])}  # type: ignore[dict-item]
    point = {"width": 99, "lr": 0.01, "opt": "adam", "bn": True}
    named.add_trial(optuna.trial.create_trial(values=[5.0, 0.5], params=point, distributions=distributions))  # type: ignore[arg-type]
    optuna.create_study(storage=url, study_name="other", directions=["minimize", "maximize"])
    file = experiment_file(tmp_path)
    [row] = imported(call("import", file, "--from", url, "--study", "named"))
    assert (row["acc"], row["params"]) == (0.5, 5.0)
    several = call("import", file, "--from", url)
    assert several.stderr == f"{url} has 2 studies: named, other; choose one with --study\n"
    wrong = call("import", file, "--from", url, "--study", "other")
    assert "has other objectives (minimize, maximize) than 'mine' (maximize acc, minimize params)" in wrong.stderr
    assert call("import", file, "--from", url, "--study", "x").stderr.endswith(
        "has no study 'x'; available: named, other\n"
    )


CSV = """width,params_lr,opt,bn,metrics.acc,params,note
64.0,0.01,adam,true,0.9,1000,first
128,1e-3,'sgd,False,0.95,2000,
1024,0.01,adam,true,0.9,1000,
32,0.01,adam,true,,500,
32,fast,adam,true,0.8,500,
"""


def test_a_table_is_imported_as_known_results(tmp_path: Path):
    (tmp_path / "old.csv").write_text(CSV)
    done = call("import", experiment_file(tmp_path), "--from", tmp_path / "old.csv")
    assert imported(done) == [
        {"width": 64, "lr": 0.01, "opt": "adam", "bn": True, "acc": 0.9, "params": 1000.0, "state": "Succeeded"},
        {"width": 128, "lr": 0.001, "opt": "sgd", "bn": False, "acc": 0.95, "params": 2000.0, "state": "Succeeded"},
    ]
    assert "columns that are not used: note" in done.stderr
    assert "line 4: spec.parameters.width: 1024: is outside the search space" in done.stderr
    assert "line 5: spec.observation.metrics.acc: is required" in done.stderr
    assert 'line 6: spec.parameters.lr: "fast": is outside the search space' in done.stderr


def test_our_own_csv_is_read_back(tmp_path: Path):
    store(tmp_path / "runs", adam="=adam()")
    (tmp_path / "nas.csv").write_text(call("export", "nas", "--runs-dir", tmp_path / "runs").stdout)
    whole = load_documents(call("export", "nas", "--runs-dir", tmp_path / "runs", "-o", "yaml").stdout)[0]["items"]
    (tmp_path / "nas.json").write_text(json.dumps(whole[-1]))
    found = imported(call("import", tmp_path / "nas.json", "--from", tmp_path / "nas.csv"))
    assert [row["optimizer"] for row in found] == ["=adam()", "sgd", "=adam()", "=adam()", "=adam()"]
    assert [row["state"] for row in found] == [*["Succeeded"] * 4, "Failed"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; its first line must name the columns"),
        ("a,b\n1,2\n", "has no column for any parameter of 'mine' (width, lr, opt, bn); its columns: a, b"),
        ("width\n1\n", "has no column for any metric of 'mine' (acc, params); its columns: width"),
        ("width,width,acc\n1,2,3\n", "has several columns for the parameter 'width': width, width; leave one"),
        ("width,lr,opt,bn,acc,params\n9,1,a,b,1,1\n", "none of the 1 results fits 'mine', as line 2: "),
        ("width,acc,params\n" + "x" * 200_000 + ",1,2\n", "cannot read"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_used_is_one_line(tmp_path: Path, text, message):
    (tmp_path / "old.csv").write_text(text)
    done = call("import", experiment_file(tmp_path), "--from", tmp_path / "old.csv")
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("no.csv", "cannot read no.csv"),
        ("no.db", "no.db does not exist"),
        ("mine.yaml", "cannot read mine.yaml as a storage of Optuna"),
        ("other.db", "other.db has 0 studies"),
        ("nosuch://host/db", "cannot read nosuch://host/db as a storage of Optuna"),
    ],
)
def test_a_source_that_is_none_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source, message):
    monkeypatch.chdir(tmp_path)
    sqlite3.connect("other.db").close()
    Path("other.db").touch()
    done = call("import", experiment_file(tmp_path), "--from", source)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output


def table(folder: Path, rows: int) -> Path:
    lines = [f"{16 + i % 400},{1e-3 + i * 1e-6},adam,true,{i / rows},{i}" for i in range(rows)]
    (folder / "old.csv").write_text("\n".join(["width,lr,opt,bn,acc,params", *lines]))
    return folder / "old.csv"


def test_five_thousand_results_are_imported_as_json(tmp_path: Path):
    done = call("import", experiment_file(tmp_path), "--from", table(tmp_path, 5000), "-o", "json")
    assert len(import_experiment(load_documents(done.stdout, json=True)).trials) == 5000


def test_more_results_than_are_read_from_yaml_are_refused_in_one_line(tmp_path: Path):
    done = call("import", experiment_file(tmp_path), "--from", table(tmp_path, 5000))
    assert (done.exit_code, done.stdout) == (2, "")
    assert (
        "5,000 results are more than a YAML file may have (100,000 values); write JSON: -o json > mine.json"
        in done.stderr
    )


def test_times_are_those_of_the_machine(study: optuna.Study):
    assert all(isinstance(t.datetime_start, datetime) for t in study.trials)
