"""`get NAME`: one experiment in words."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from click.testing import Result
from rich.console import Console
from tests.builders import experiment
from tests.unit.cli.conftest import Project

from paretonas.api import ExperimentStatus, NASExperiment, ParetoPoint, TrialCounts
from paretonas.api.early_stopping import Audits, Savings
from paretonas.api.reasons import UnfinishedReason
from paretonas.api.status import make_condition
from paretonas.cli.describe import Place, describe

Finished = tuple[Project, Result]
NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


def text(of: NASExperiment, points: list[ParetoPoint] | None = None, width: int = 100) -> str:
    file = StringIO()
    described = describe(of, points or [], [Place("Folder", "runs/nas")], NOW, width)
    Console(file=file, width=width, markup=False).print(described, soft_wrap=True)
    return file.getvalue()


def block(shown: str, key: str) -> list[str]:
    """The lines beside a key."""
    lines = shown.splitlines()
    [start] = [i for i, line in enumerate(lines) if line.startswith(f"{key}:")]
    rest = [line[13:] for line in lines[start:]]
    end = next((i for i, line in enumerate(lines[start + 1 :], 1) if not line.startswith(" ")), len(rest))
    return rest[:end]


def running(**spec: Any) -> NASExperiment:
    condition = make_condition("Succeeded", "Unknown", UnfinishedReason.RUNNING, "3 of 8 trials ended", now=NOW)
    status = ExperimentStatus(
        conditions=(condition,),
        trials=TrialCounts(total=5, running=1, pending=1, succeeded=2, failed=1, known=4),
        start_time=NOW - timedelta(hours=3),
        hypervolume=1234.5,
        reference_point={"accuracy": 0.0, "size": 100.0},
        pareto_set_size=12,
    )
    return experiment(**spec).replace(status=status)


def test_it_says_how_far_the_search_is() -> None:
    shown = text(running(activeDeadlineSeconds=7200))
    assert block(shown, "Status") == ["Running: 3 of 8 trials ended"]
    assert block(shown, "Budget") == [
        "8 trials, 2 at a time",
        "3 ended: 2 succeeded, 1 failed, 1 running, 1 waiting",
        "4 known results beside them",
        "ends after 7,200 s",
    ]
    assert block(shown, "Started") == ["2026-01-02 09:00:00 UTC (3h ago)"]
    assert block(shown, "Hypervolume") == ["1,234, from the reference point accuracy 0, size 100"]


def test_what_early_stopping_has_saved_is_said_with_its_checks() -> None:
    stopping = running(earlyStopping={"strategy": "OptimisticDominance"})
    status = stopping.status.replace(
        trials=TrialCounts(total=9, succeeded=6, early_stopped=3), savings=Savings(steps=1, share=0.184)
    )
    shown = text(stopping.replace(status=status))
    assert block(shown, "Budget")[1] == "9 ended: 6 succeeded, 3 stopped early"
    assert block(shown, "Saved") == ["1 step by early stopping, 18% of all"]
    audited = status.replace(savings=Savings(steps=1200, share=0.5), audits=Audits(trials=2, false_stops=0))
    assert block(text(stopping.replace(status=audited)), "Saved") == [
        "1,200 steps by early stopping, 50% of all",
        "0 false stops among 2 audited trials",
    ]
    assert "Saved:" not in text(running())


@pytest.mark.parametrize(("trials", "words"), [(1, "the last result has"), (4, "the last 4 results have")])
def test_what_ends_the_search_before_its_last_trial_is_said(trials: int, words: str) -> None:
    objective = {"metric": "loss", "goal": "Minimize", "threshold": 0.5, "target": 0.125}
    goal = {"hypervolumeStalls": {"trials": trials, "within": 0.005}}
    shown = text(experiment(objectives=[objective], stopWhen=goal))
    assert block(shown, "Objectives") == ["Minimize loss, threshold 0.5, target 0.125"]
    assert block(shown, "Budget")[-1] == f"ends when {words} added at most 0.005 of the hypervolume"


def test_objectives_parameters_and_constraints_are_those_of_the_file() -> None:
    shown = text(
        experiment(
            objectives=[{"metric": "loss", "goal": "Minimize", "threshold": 0.5, "scale": "Log"}],
            parameters=[
                {"name": "layers", "int": {"min": 1, "max": 9}},
                {"name": "rate", "float": {"min": 1e-4, "max": 0.1, "scale": "Log"}},
                {"name": "optimizer", "choice": {"values": ["sgd", "adam"]}},
                {"name": "norm", "bool": {}, "activeWhen": [{"parameter": "optimizer", "values": ["sgd"]}]},
            ],
            parameterConstraints=["layers <= 8"],
            outcomeConstraints=["latency <= 20"],
        )
    )
    assert block(shown, "Objectives") == ["Minimize loss, threshold 0.5, scale Log"]
    assert block(shown, "Parameters") == [
        "layers: int {min: 1, max: 9}",
        "rate: float {min: 0.0001, max: 0.1, scale: Log}",
        "optimizer: choice {values: [sgd, adam]}",
        "norm: bool {}, activeWhen [{parameter: optimizer, values: [sgd]}]",
    ]
    assert block(shown, "Constraints") == ["layers <= 8", "latency <= 20"]
    assert block(shown, "Status") == ["not started"]


def test_the_best_trials_are_shown_but_not_hundreds() -> None:
    points = [
        ParetoPoint(trial=f"nas-{i}", index=i, parameters={"x": 0.5}, metrics={"accuracy": 0.9, "size": i})
        for i in range(12)
    ]
    shown = text(running(), points)
    assert "\nPareto set:  12 trials, the first 10 of them\n" in shown
    rows = [line.split()[0] for line in shown.splitlines() if line.startswith("nas-")]
    assert rows == [f"nas-{i}" for i in range(10)]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_it_fits_a_narrow_terminal(width: int) -> None:
    objective = {"metric": "a_metric_with_a_long_name", "goal": "Maximize", "threshold": 0.5}
    lines = text(running(objectives=[objective], parameterConstraints=["2*x <= 1"]), width=width).splitlines()
    longest = max(lines, key=len)
    assert len(longest) <= max(width, 2 + len("a_metric_with_a_long_name,")), longest
    words = " ".join(" ".join(lines).split())
    assert "Maximize a_metric_with_a_long_name, threshold 0.5" in words, "nothing is cut"


def test_a_name_that_a_terminal_would_obey_is_escaped() -> None:
    values = {"values": ["\x1b[31mred", "blue"]}
    shown = text(experiment(parameters=[{"name": "x", "choice": values}]))
    assert "\x1b" not in shown


def test_get_with_a_name_describes_a_finished_experiment(finished: Finished) -> None:
    project, _ = finished
    shown = project.call("get", "nas").stdout
    assert block(shown, "Status") == ["TrialsCompleted: 6 trials ended, 6 succeeded"]
    assert block(shown, "Folder") == [str(project.runs / "nas")]
    assert block(shown, "Outputs") == [str(project.runs / "nas" / "nas-<index>" / "output")]
    assert block(shown, "Report") == [str(project.runs / "nas" / "report.html")]
    assert block(shown, "File") == [str(project.folder / "nas.yaml")]
    table = project.call("pareto", "nas").stdout
    assert table in shown


@pytest.mark.parametrize("kind", ["table", "wide"])
def test_get_with_a_name_and_a_format_prints_its_row(finished: Finished, kind: str) -> None:
    header, row = finished[0].call("get", "nas", "-o", kind).stdout.splitlines()
    assert (header.split()[0], row.split()[0]) == ("NAME", "nas")
    assert ("OBJECTIVES" in header, "Maximize accuracy, Minimize size" in row) == (kind == "wide", kind == "wide")
