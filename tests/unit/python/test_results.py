import ast
import math
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from tests.builders import experiment
from tests.unit.python.stored import SPEC, store

import paretonas as pn
from paretonas import extras
from paretonas.backends.local.store import FolderStore, StoreError
from paretonas.cli.source import UnknownName
from paretonas.extras import MissingExtra


@pytest.fixture
def run(tmp_path: Path) -> pn.Run:
    store(tmp_path)
    return pn.load("nas", tmp_path)


def test_the_import_brings_neither_torch_nor_pandas_nor_plotly_nor_pydantic():
    heavy = {"torch", "pandas", "plotly", "matplotlib", "ax", "kubernetes", "numpy", "pydantic", "click"}
    code = f"import sys, paretonas as pn; dir(pn); print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_reading_trials_brings_no_torch(tmp_path: Path):
    store(tmp_path)
    code = f"import sys, paretonas as pn; pn.load('nas', {str(tmp_path)!r}).trials; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_every_public_name_exists_and_no_other_does():
    assert all(getattr(pn, name) is not None for name in pn.__all__)
    assert set(pn.__all__) <= set(dir(pn))
    with pytest.raises(AttributeError, match="module 'paretonas' has no attribute 'lod'"):
        _ = pn.lod  # type: ignore[attr-defined]


def test_a_type_checker_sees_the_same_names():
    package = Path(pn.__file__ or "")
    imports = [node for node in ast.walk(ast.parse(package.read_text())) if isinstance(node, ast.ImportFrom)]
    [imported] = [node for node in imports if node.module == "paretonas.python"]
    assert [name.name for name in imported.names] == pn.__all__
    assert package.with_name("py.typed").exists(), "without it, mypy reads no types from an installed package"


def test_a_row_has_the_point_the_result_and_what_is_known_about_a_trial(run: pn.Run):
    row = run.trials.loc["nas-1"].to_dict()
    assert pd.isna(row.pop("output"))
    assert row == {
        "optimizer": "sgd", "depth": 3, "nesterov": True, "restarts": 2, "accuracy": 0.95, "size": 60.0,
        "state": "Succeeded", "origin": "Sobol", "seconds": 30.0, "pareto": True, "message": "",
    }  # fmt: skip


def test_what_a_trial_lacks_is_missing_and_whole_numbers_stay_whole(run: pn.Run):
    table = run.trials
    assert table["restarts"].isna().tolist() == [True, False, True, True, True, True]
    assert table["restarts"].dtype == "Int64"
    assert table["depth"].dtype == "int64"
    assert pd.isna(table.loc["nas-4", "accuracy"])
    assert pd.isna(table.loc["nas-5", "seconds"])
    assert table.loc["nas-4", "message"].startswith("ended with exit code 1")
    assert table.loc["nas-0", "output"].endswith("/nas/nas-0/output")
    assert Path(table.loc["nas-0", "output"]).parents[2] == Path(run._source.place)


def test_the_pareto_set_has_the_best_in_the_first_objective_first(run: pn.Run):
    assert run.pareto.index.tolist() == ["nas-1", "nas-0"]
    assert run.pareto.columns.tolist() == ["optimizer", "depth", "nesterov", "restarts", "accuracy", "size", "output"]


def test_a_front_without_a_middle_has_no_knee(run: pn.Run):
    assert run.knee is None


def test_the_knee_is_the_balanced_row_of_the_pareto_set(tmp_path: Path):
    store(tmp_path, objectives=[{"metric": "accuracy", "goal": "Maximize"}, {"metric": "size", "goal": "Minimize"}])
    run = pn.load("nas", tmp_path)
    assert run.knee is not None
    assert (run.knee.name, run.knee["size"]) == ("nas-1", 60.0)


def test_a_run_in_progress_says_so(run: pn.Run):
    assert run.finished is False
    assert run.succeeded is None
    assert run.hypervolume == pytest.approx(0.4 * 60 + 0.05 * 40)
    assert repr(run).startswith("<Run nas: 5/8 trials, 2 trials in the Pareto set, hypervolume 26; Running: ")


def test_a_name_that_is_there_twice_is_preceded_by_its_kind(tmp_path: Path):
    parameters = [{"name": "seconds", "float": {"min": 0.0, "max": 1.0}}, {"name": "size", "int": {"min": 1, "max": 3}}]
    of = experiment(parameters=parameters)
    FolderStore.open(tmp_path, of)
    columns = pn.load("nas", tmp_path).trials.columns.tolist()
    assert columns[:4] == ["parameters.seconds", "parameters.size", "accuracy", "metrics.size"]
    assert "seconds" in columns


def test_an_experiment_without_trials_has_empty_tables(tmp_path: Path):
    FolderStore.open(tmp_path, experiment(**SPEC))
    run = pn.load("nas", tmp_path)
    assert (len(run.trials), len(run.pareto), run.hypervolume, run.message) == (0, 0, None, "it has not started")
    assert run.figure("pareto").to_plotly_json()["data"] == []
    run.figure("pareto", paper=True)._repr_png_()


def test_curves_are_found_by_the_metric_and_by_the_tag(run: pn.Run):
    curves = run.curves("accuracy")
    assert curves.name == "accuracy"
    assert curves.loc["nas-1"].to_dict() == pytest.approx({1: 0.5, 2: 0.75, 3: 0.95}, rel=1e-6)
    assert run.curves("val/acc").tolist() == curves.tolist()
    assert curves.unstack("trial").shape == (3, 2)


def test_a_metric_that_was_not_logged_is_refused_with_those_that_were(run: pn.Run):
    with pytest.raises(UnknownName, match=r"no trial has logged 'loss'; logged: size, val/acc"):
        run.curves("loss")


@pytest.mark.parametrize("kind", ["pareto", "hypervolume", "curves"])
def test_each_figure_is_one_of_plotly_and_one_of_matplotlib(run: pn.Run, kind: str, tmp_path: Path):
    assert run.figure(kind).to_plotly_json()["data"]
    printed = run.figure(kind, paper=True)
    assert printed._repr_png_().startswith(b"\x89PNG")
    printed.savefig(tmp_path / "figure.pdf")
    assert b"/Type3" not in (tmp_path / "figure.pdf").read_bytes(), "publishers refuse it"


def test_the_front_the_dominated_and_the_ruled_out_are_told_apart(run: pn.Run):
    traces = {trace["name"]: trace for trace in run.figure().to_plotly_json()["data"]}
    counts = {name: len(trace["x"]) for name, trace in traces.items() if name != "front"}
    assert counts == {"Pareto set": 2, "dominated": 1, "outside a threshold or constraint": 1}
    assert [*zip(traces["front"]["x"], traces["front"]["y"], strict=True)] == [
        (40.0, 0.5), (40.0, 0.9), (60.0, 0.9), (60.0, 0.95), (100.0, 0.95),
    ]  # fmt: skip


def test_axes_are_chosen_by_the_names_of_objectives(run: pn.Run):
    layout = run.figure(x="accuracy").to_plotly_json()["layout"]
    assert layout["xaxis"]["title"]["text"] == "accuracy (maximize)"
    assert layout["yaxis"]["title"]["text"] == "size (minimize)"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"kind": "front"}, "no figure 'front'; available: pareto, hypervolume, curves, parallel"),
        ({"x": "loss"}, "no objective 'loss'; available: accuracy, size"),
        ({"kind": "parallel", "paper": True}, "no figure 'parallel' for paper; leave out paper=True"),
    ],
)
def test_a_figure_that_does_not_exist_is_refused_in_one_line(run: pn.Run, asked, message):
    with pytest.raises(UnknownName) as caught:
        run.figure(**asked)
    assert str(caught.value) == message


def test_one_objective_is_drawn_over_the_trials(tmp_path: Path):
    store(tmp_path, objectives=[{"metric": "accuracy", "goal": "Maximize"}])
    [trace] = pn.load("nas", tmp_path).figure().to_plotly_json()["data"]
    assert list(trace["y"]) == [0.9, 0.95, 0.95, 0.99, 0.99]


def test_a_condition_without_value_is_an_own_mark_of_parallel_coordinates(run: pn.Run):
    [trace] = run.figure("parallel").to_plotly_json()["data"]
    axes = {axis["label"]: axis for axis in trace["dimensions"]}
    assert list(axes["restarts"]["ticktext"]) == ["2", "not set"]
    assert list(axes["depth"]["values"]) == [2, 3, 5, 9]


def test_markup_in_a_name_is_shown_as_it_is(tmp_path: Path):
    evil = "<b>adam</b>$x^2$"
    store(tmp_path, adam=evil)
    run = pn.load("nas", tmp_path)
    assert evil in run.trials["optimizer"].tolist()
    for kind in ("pareto", "parallel"):
        assert "<b>adam" not in str(run.figure(kind).to_json()).replace("\\u003c", "<")


def test_an_experiment_is_found_by_the_path_of_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store(tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    assert pn.load("nas").name == pn.load("runs/nas").name == pn.load(Path("runs/nas/")).name == "nas"


def test_an_unknown_name_lists_the_known_ones_in_the_words_of_python(tmp_path: Path):
    with pytest.raises(UnknownName, match=r"^no experiment 'mnist' in .*; none is available; give another runs=$"):
        pn.load("mnist", tmp_path)
    store(tmp_path)
    with pytest.raises(UnknownName, match=r"^no experiment 'mnist' in .*; available: nas$"):
        pn.load("mnist", tmp_path)


def test_a_store_of_a_newer_version_is_one_sentence(tmp_path: Path):
    store(tmp_path)
    file = tmp_path / "nas" / "experiment.json"
    file.write_text(file.read_text().replace("v1alpha1", "v2"))
    with pytest.raises(StoreError, match="is damaged or of another version"):
        pn.load("nas", tmp_path)


def test_a_folder_that_vanishes_is_an_unknown_name(run: pn.Run, tmp_path: Path):
    (tmp_path / "nas").rename(tmp_path / "away")
    (tmp_path / "away" / "experiment.json").unlink()
    for look in (lambda: run.trials, lambda: run.pareto, run.figure, lambda: run.curves("accuracy")):
        with pytest.raises(UnknownName, match="no experiment 'nas'"):
            look()


def test_without_pandas_one_line_says_what_to_install(run: pn.Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "paretonas.python.tables", raising=False)
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "pandas" else name)
    with pytest.raises(
        MissingExtra, match=r"^this needs paretonas\[notebook\] \(pandas is not installed\); to install"
    ) as caught:
        _ = run.trials
    assert "\n" not in str(caught.value)


def test_without_matplotlib_one_line_says_what_to_install(run: pn.Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "matplotlib" else name)
    with pytest.raises(MissingExtra, match=r"paretonas\[notebook\] \(matplotlib is not installed\)"):
        run.figure(paper=True)


def test_nan_is_missing_not_zero(run: pn.Run):
    assert math.isnan(run.trials["accuracy"].loc["nas-4"])
