"""The commands that only read: what they print and how they exit."""

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result
from tests.builders import MINIMAL
from tests.unit.cli.conftest import Project
from tests.unit.cli.random_search import RandomSearch

from paretonas.api import load_experiment
from paretonas.backends.local.store import read_experiment, read_trials
from paretonas.cli.exit_codes import MEANINGS, ExitCode
from paretonas.cli.main import main
from paretonas.engine import pareto_front
from paretonas.search import SearchError

Finished = tuple[Project, Result]

EXAMPLE = Path(__file__).parents[3] / "examples" / "mnist-nas.yaml"

HEAVY = ("ax", "botorch", "kubernetes", "kopf", "moocore", "numpy", "plotly", "torch", "torchx")
"""What takes long to import."""


def only_line(text: str) -> str:
    [line] = text.splitlines()
    return line


def test_the_help_has_every_exit_code() -> None:
    text = CliRunner().invoke(main, ["--help"]).output
    for code in ExitCode:
        assert f"{code.value}  {MEANINGS[code]}" in text


@pytest.mark.parametrize("command", [["validate", str(EXAMPLE)], ["get"], ["--help"]])
def test_quick_commands_import_nothing_heavy(command: list[str]) -> None:
    script = (
        "import sys\nfrom paretonas.cli.main import main\n"
        f"main({command!r}, standalone_mode=False)\n"
        f"print('imported', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "imported []"


# --- validate


def test_a_valid_file_is_described_in_a_line(project: Project) -> None:
    file = project.write(maxTrials=1200 - 200, parallelism=4)
    result = project.call("validate", str(file))
    assert result.exit_code == 0
    assert result.stdout == "nas is valid: 1 parameter, 2 objectives, 1,000 trials, 4 at a time\n"


def test_a_discrete_space_is_counted(project: Project) -> None:
    choices = [
        {"name": "width", "int": {"min": 1, "max": 100}},
        {"name": "kind", "choice": {"values": ["a", "b", "c"]}},
        {"name": "bias", "bool": {}},
        {"name": "seed", "fixed": {"value": 7}},
    ]
    trial = {"command": ["true"]}
    result = project.call("validate", str(project.write(parameters=choices, trial=trial)))
    assert "4 parameters, 600 points, 2 objectives" in result.stdout
    constrained = project.write(
        parameters=[*choices, {"name": "depth", "int": {"min": 1, "max": 2}}],
        parameterConstraints=["depth <= width"],
        trial=trial,
    )
    assert "at most 1,200 points" in project.call("validate", str(constrained)).stdout


def test_an_invalid_file_exits_with_2_and_a_line_a_problem(project: Project) -> None:
    file = project.write(maxTrials=3, parallelism=9, maxTrails=3)
    for command in ("validate", "plan", "run"):
        result = project.call(command, str(file))
        assert result.exit_code == 2, f"{command} accepts it"
        assert result.stderr.splitlines() == [
            "spec.maxTrails: 3: is not a known field; did you mean 'maxTrials'?",
            "spec.parallelism: 9: is more than maxTrials (3); lower it, or raise maxTrials",
        ]
    assert not project.runs.exists(), "something was created"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"{", "is not YAML"),
        (b"\xff\xfe", "document: is not UTF-8: invalid start byte at byte 0; save it as UTF-8"),
        (b"- 1", "document: is not a mapping"),
        (b"", "document: holds 0 documents"),
    ],
)
def test_a_file_that_is_no_document_is_said_to_be_none(project: Project, content: bytes, line: str) -> None:
    (file := project.folder / "nas.yaml").write_bytes(content)
    result = project.call("validate", str(file))
    assert result.exit_code == 2
    assert line in only_line(result.stderr)


def test_a_file_that_does_not_exist_is_bad_input(project: Project) -> None:
    result = project.call("validate", "nope.yaml")
    assert result.exit_code == 2
    assert "'nope.yaml' does not exist" in result.stderr


# --- run: what is refused before anything starts


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--parallelism", "9"], "spec.parallelism: 9: is more than maxTrials (8)"),
        (["--max-trials", "1"], "spec.parallelism: 2: is more than maxTrials (1)"),
        (["--max-trials", "100000"], "spec.maxTrials: 100000: is more than 1000"),
    ],
)
def test_a_budget_from_the_command_line_is_validated_with_the_file(
    project: Project, options: list[str], line: str
) -> None:
    project.write()
    result = project.run(*options)
    assert result.exit_code == 2
    assert line in only_line(result.stderr)
    assert not project.runs.exists()


def test_what_needs_a_cluster_is_not_run_here(project: Project) -> None:
    project.write(trial={"command": ["true"], "replicas": 4}, suspend=True)
    result = project.run()
    assert result.exit_code == 2
    replicas, suspend = result.stderr.splitlines()
    assert replicas.startswith("spec.trial.replicas: 4: needs a cluster")
    assert suspend.startswith("spec.suspend: true: leaves a local run with nothing to do")
    assert not project.runs.exists()


# --- plan


def test_a_plan_is_what_a_run_begins_with(project: Project) -> None:
    file = project.write(maxTrials=3)
    planned = json.loads(project.call("plan", str(file), "-n", "3", "-o", "json").stdout)
    assert not project.runs.exists(), "a plan creates nothing"
    assert [record["index"] for record in planned] == [0, 1, 2]
    assert project.run().exit_code == 0
    trials = read_trials(project.runs / "nas")
    assert [record["parameters"] for record in planned] == [dict(t.spec.parameters) for t in trials]
    table = project.call("plan", str(file), "-n", "3").stdout.splitlines()
    assert table[0].split() == ["INDEX", "ORIGIN", "x"]
    assert len(table) == 4


def test_a_plan_without_an_answer_says_why(project: Project) -> None:
    class Stuck(RandomSearch):
        def suggest(self, *_: object) -> None:  # type: ignore[override] # it never answers
            raise SearchError("the worker was lost")

    project.search = Stuck
    result = project.call("plan", str(project.write()))
    assert result.exit_code == 1
    assert only_line(result.stderr) == "Error: the worker was lost"


# --- what reads a runs folder


def test_get_lists_the_experiments(finished: Finished) -> None:
    project, _ = finished
    header, line = project.call("get").stdout.splitlines()
    assert header.split()[:3] == ["NAME", "STATUS", "TRIALS"]
    assert line.split()[:3] == ["nas", "TrialsCompleted", "6/6"]
    listed = json.loads(project.call("get", "-o", "json").stdout)
    assert [item["metadata"]["name"] for item in listed["items"]] == ["nas"]


def test_get_prints_an_experiment_that_reads_back_the_same(finished: Finished) -> None:
    project, _ = finished
    assert load_experiment(project.call("get", "nas", "-o", "yaml").stdout) == read_experiment(project.runs / "nas")


def test_get_in_a_folder_without_experiments_says_so(project: Project) -> None:
    result = project.call("get")
    assert result.exit_code == 0
    assert only_line(result.stderr) == f"no experiment in {project.runs}"


def test_a_damaged_experiment_does_not_hide_the_others(finished: Finished) -> None:
    project, _ = finished
    broken = project.runs / "broken" / "experiment.json"
    broken.parent.mkdir()
    broken.write_text("{")
    try:
        listed, read = project.call("get"), project.call("pareto", "broken")
    finally:
        broken.unlink()
        broken.parent.rmdir()
    assert listed.exit_code == 0
    assert "nas" in listed.stdout
    assert f"{broken} cannot be read" in only_line(listed.stderr)
    assert read.exit_code == 3
    assert f"{broken} cannot be read" in only_line(read.stderr)


def test_the_pareto_set_is_printed_with_metrics_as_short_as_the_float32_that_were_logged(
    finished: Finished,
) -> None:
    project, _ = finished
    stored = json.loads((project.runs / "nas" / "experiment.json").read_text())
    points = [
        point | {"metrics": {name: float(str(np.float32(value))) for name, value in point["metrics"].items()}}
        for point in stored["status"]["paretoSet"]
    ]
    assert points
    assert points != stored["status"]["paretoSet"], "what is stored is exact"
    assert json.loads(project.call("pareto", "nas", "-o", "json").stdout) == points
    assert yaml.safe_load(project.call("pareto", "nas", "-o", "yaml").stdout) == points
    rows = list(csv.DictReader(io.StringIO(project.call("pareto", "nas", "-o", "csv").stdout)))
    assert [float(row["metrics.size"]) for row in rows] == [point["metrics"]["size"] for point in points]
    assert [float(row["parameters.x"]) for row in rows] == [point["parameters"]["x"] for point in points]
    assert len(project.call("pareto", "nas").stdout.splitlines()) == 1 + len(points)


def with_small_status(project: Project, room: int) -> int:
    """Run an experiment whose Pareto set has no room in its status; the number of its members."""
    project.write(maxTrials=8, objectives=[{"metric": "size", "goal": "Maximize"}, *MINIMAL["objectives"][:1]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pareto_front, "PARETO_SET_BYTES", room)
        assert project.run().exit_code == 0
    status = read_experiment(project.runs / "nas").status
    assert not any(point.parameters for point in status.pareto_set)
    return status.pareto_set_size


@pytest.mark.parametrize("room", [150, 0])
def test_a_pareto_set_too_large_for_the_status_is_printed_in_full(project: Project, room: int) -> None:
    size = with_small_status(project, room)
    result = project.call("pareto", "nas", "-o", "json")
    shown = json.loads(result.stdout)
    trials = {t.name: t for t in read_trials(project.runs / "nas")}
    assert not result.stderr
    assert len(shown) == size
    assert all(point["parameters"] == dict(trials[point["trial"]].spec.parameters) for point in shown)
    rows = list(csv.DictReader(io.StringIO(project.call("pareto", "nas", "-o", "csv").stdout)))
    assert [float(row["parameters.x"]) for row in rows] == [point["parameters"]["x"] for point in shown]
    [_, *lines] = project.call("pareto", "nas").stdout.splitlines()
    assert len(lines) == size
    assert not any("not kept" in line for line in lines)
    assert f"Pareto set: {size} trial" in project.run().stdout


@pytest.mark.parametrize("kind", ["table", "json", "csv"])
def test_what_is_lost_of_a_pareto_set_with_its_trials_is_said(project: Project, kind: str) -> None:
    size = with_small_status(project, 150)
    kept = len(read_experiment(project.runs / "nas").status.pareto_set)
    assert kept
    for path in (project.runs / "nas" / "trials").iterdir():
        path.unlink()
    result = project.call("pareto", "nas", "-o", kind)
    assert result.exit_code == 0
    line = only_line(result.stderr)
    assert line.startswith(f"of the {size} trials in the Pareto set of nas, ")
    assert line.endswith("are not shown: they do not fit into its status, and the trials were removed")
    if kind == "table":
        assert [line.split()[-1] for line in result.stdout.splitlines()[1:]] == ["kept"] * kept


def test_an_empty_pareto_set_says_what_excludes_every_result(project: Project) -> None:
    project.write(maxTrials=4, objectives=[{"metric": "size", "goal": "Maximize", "threshold": 1234}])
    ended = project.run()
    assert ended.exit_code == 0
    why = (
        r"none of 4 results is within the bounds: size >= 1,234 \(threshold\) excludes 4; "
        r"the nearest miss is nas-\d with size \d"
    )
    assert re.search(why, ended.stdout)
    assert "no trial is in the Pareto set" in ended.stdout
    for kind in ("table", "json", "csv", "yaml"):
        result = project.call("pareto", "nas", "-o", kind)
        assert result.exit_code == 0
        assert re.search(f"^no trial is in the Pareto set: 4 trials ended, 4 succeeded; {why}", result.stderr)
    assert json.loads(project.call("pareto", "nas", "-o", "json").stdout) == []
    condition = read_experiment(project.runs / "nas").status.condition("Succeeded")
    assert condition is not None
    assert re.search(why, condition.message)
    page = (project.runs / "nas" / "report.html").read_text()
    assert "excludes 4; the nearest miss is nas-" in page


def test_an_export_has_every_trial_with_every_digit_that_was_logged(finished: Finished) -> None:
    project, _ = finished
    trials = read_trials(project.runs / "nas")
    rows = list(csv.DictReader(io.StringIO(project.call("export", "nas").stdout)))
    assert [row["trial"] for row in rows] == [t.name for t in trials]
    accuracies = [row["metrics.accuracy"] for row in rows]
    assert [np.float32(text) for text in accuracies] == [t.status.metrics["accuracy"] for t in trials]
    assert max(map(len, accuracies)) <= len("0.123456789")
    assert [row["parameters.x"] for row in rows] == [repr(t.spec.parameters["x"]) for t in trials]
    assert {row["attempts"] for row in rows} == {"1"}
    assert {row["pareto"] for row in rows} <= {"true", "false"}
    records = json.loads(project.call("export", "nas", "-o", "json").stdout)
    assert [r["attempts"][0]["job"] for r in records] == [f"nas-{i}-a1" for i in range(6)]
    assert all(r["endTime"] > r["startTime"] for r in records)


def test_an_export_goes_on_in_another_place_with_the_same_candidates(project: Project) -> None:
    project.write(maxTrials=6, parallelism=1)
    assert project.run().exit_code == 0
    whole = read_trials(project.runs / "nas")
    document = yaml.safe_load(project.call("export", "nas", "-o", "yaml").stdout)
    document["items"] = [item for item in document["items"] if item["spec"].get("index", 0) < 3]
    file = project.folder / "half.yaml"
    file.write_text(yaml.safe_dump(document))
    assert "3 trials imported" in project.call("validate", str(file)).stdout
    planned = json.loads(project.call("plan", str(file), "-n", "1", "-o", "json").stdout)
    assert planned[0]["index"] == 3
    assert planned[0]["parameters"] == dict(whole[3].spec.parameters)
    project.runs = project.folder / "elsewhere"
    assert project.call("run", str(file)).exit_code == 0
    brought = read_trials(project.runs / "nas")
    assert [t.spec.parameters for t in brought] == [t.spec.parameters for t in whole]
    assert [t.status.metrics for t in brought] == [t.status.metrics for t in whole]
    assert [len(t.status.attempts) for t in brought] == [0, 0, 0, 1, 1, 1]


def test_a_warm_start_knows_what_another_experiment_here_has_found(project: Project) -> None:
    project.write(maxTrials=3)
    assert project.run().exit_code == 0
    file = project.write(name="second", maxTrials=2, warmStartFrom=[{"name": "nas"}])
    assert project.call("run", str(file)).exit_code == 0
    first, second = (read_trials(project.runs / name) for name in ("nas", "second"))
    assert [t.spec.parameters for t in second[:3]] == [t.spec.parameters for t in first]
    assert [len(t.status.attempts) for t in second] == [0, 0, 0, 1, 1]


def test_trials_are_listed_like_resources(finished: Finished) -> None:
    header, *lines = finished[0].call("trials", "nas").stdout.splitlines()
    titles = ["NAME", "STATE", "REASON", "ORIGIN", "ATTEMPTS", "PARETO", "accuracy", "size", "AGE"]
    assert header.split() == titles
    expected = [[f"nas-{i}", "Succeeded", "Completed", "Sobol", "1"] for i in range(6)]
    assert [line.split()[:5] for line in lines] == expected


def test_logs_are_the_end_of_what_a_trial_printed(finished: Finished) -> None:
    project, _ = finished
    assert project.call("logs", "nas-0").stdout.startswith("training with x 0.")
    output = project.runs / "nas" / "jobs" / "nas-1-a1" / "output.log"
    output.write_text("\n".join(map(str, range(100))))
    assert project.call("logs", "nas-1", "--tail", "2").stdout == "98\n99\n"


def test_a_report_is_written_where_it_is_wanted(finished: Finished) -> None:
    project, _ = finished
    page = project.folder / "page.html"
    result = project.call("report", "nas", "--output", str(page))
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{page}\n"
    assert "nas-0" in page.read_text()
    nowhere = project.call("report", "nas", "--output", str(project.folder / "nowhere" / "page.html"))
    assert nowhere.exit_code == 3
    assert "No such file or directory; choose another file with --output" in only_line(nowhere.stderr)


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (["get", "mnist"], "no experiment 'mnist' in {runs}; available: nas"),
        (["trials", "mnist"], "no experiment 'mnist' in {runs}; available: nas"),
        (["pareto", "mnist"], "no experiment 'mnist' in {runs}; available: nas"),
        (["export", "mnist"], "no experiment 'mnist' in {runs}; available: nas"),
        (["report", "mnist"], "no experiment 'mnist' in {runs}; available: nas"),
        (["report", "../nas"], "no experiment '../nas' in {runs}; available: nas"),
        (["logs", "mnist-1"], "no experiment 'mnist' in {runs}; available: nas"),
        (
            ["logs", "nas-17"],
            "no trial 'nas-17' in {runs}/nas; available: nas-0, nas-1, nas-2, nas-3, nas-4, nas-5",
        ),
        (["logs", "nas"], "no trial 'nas': a trial's name is <experiment>-<index>, as in mnist-nas-12"),
    ],
)
def test_a_name_that_does_not_exist_exits_with_3_and_the_names_that_do(
    finished: Finished, command: list[str], line: str
) -> None:
    project, _ = finished
    result = project.call(*command)
    assert result.exit_code == 3
    assert only_line(result.stderr) == line.format(runs=project.runs)


def test_a_folder_without_experiments_is_said_to_be_one(project: Project) -> None:
    result = project.call("pareto", "nas")
    assert result.exit_code == 3
    assert (
        only_line(result.stderr) == f"no experiment 'nas' in {project.runs}; none is available; give another --runs-dir"
    )


def test_a_trial_that_has_printed_nothing_says_so(project: Project) -> None:
    project.write(maxTrials=1, parallelism=1)
    assert project.run().exit_code == 0
    (project.runs / "nas" / "jobs" / "nas-0-a1" / "output.log").unlink()
    result = project.call("logs", "nas-0")
    assert result.exit_code == 3
    assert "nas-0 has printed nothing yet" in only_line(result.stderr)


BOOLS = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--use_bn", type=bool)
"""


def test_validate_warns_of_a_boolean_that_would_always_be_true(project: Project) -> None:
    (project.folder / "net.py").write_text(BOOLS)
    template = {"command": ["python", "net.py"], "args": ["--use_bn=${parameters.bn}"], "workingDir": "."}
    file = project.write(parameters=[{"name": "bn", "bool": {}}], trial=template)
    result = project.call("validate", str(file))
    assert result.exit_code == 0
    assert only_line(result.stderr).startswith('warning: spec.trial.args[0]: "--use_bn": is read by net.py with')
    elsewhere = project.write(
        parameters=[{"name": "bn", "bool": {}}], trial={**template, "workingDir": "/no/such/folder"}
    )
    assert project.call("validate", str(elsewhere)).stderr == "", "it may run in an image"
