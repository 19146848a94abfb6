"""What is printed for people."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console, RenderableType
from tests.builders import attempt, experiment, trial

from paretonas.api import (
    Condition,
    ExperimentStatus,
    NASExperiment,
    ParetoPoint,
    Scalar,
    TrialCounts,
)
from paretonas.cli.live import HINT, Dashboard, dashboard
from paretonas.cli.tables import (
    TableColumn,
    candidate_columns,
    experiment_columns,
    fitting,
    page,
    pareto_columns,
    table,
    trial_columns,
)
from paretonas.engine.engine import Snapshot
from paretonas.engine.events import Event

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)

PARAMETERS = [{"name": f"hidden_size_{i}", "int": {"min": 1, "max": 9999}} for i in range(20)]


def printed(what: RenderableType, width: int = 200) -> list[str]:
    file = StringIO()
    Console(file=file, width=width).print(what)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def reached(**status: object) -> NASExperiment:
    condition = Condition(type="Succeeded", status="Unknown", reason="Running", last_transition_time=NOW)
    return experiment().replace(status=ExperimentStatus(conditions=(condition,), **status))  # type: ignore[arg-type] # whatever the test says


def test_experiments_have_the_columns_of_the_custom_resource() -> None:
    counts = TrialCounts(total=7, pending=1, running=2, succeeded=2, failed=1, infeasible=1)
    point = ParetoPoint(trial="nas-0", index=0, parameters={}, metrics={})
    started = NOW - timedelta(minutes=5)
    shown = reached(trials=counts, pareto_set=(point,), pareto_set_size=1, hypervolume=1857.2, start_time=started)
    lines = printed(table(experiment_columns([shown, experiment("new")], NOW)))
    assert [line.split() for line in lines] == [
        ["NAME", "STATUS", "TRIALS", "RUNNING", "FAILED", "PARETO", "HYPERVOLUME", "AGE"],
        ["nas", "Running", "4/8", "2", "1", "1", "1,857", "5m"],
        ["new", "-", "0/8", "0", "0", "0", "-", "-"],
    ]


def test_trials_have_the_columns_of_the_custom_resource() -> None:
    ended = attempt(start_time=NOW - timedelta(hours=3), end_time=NOW, reason="Completed")
    best = trial(0, "Succeeded", attempts=(ended,), metrics={"accuracy": 0.97184, "size": 46.0})
    lines = printed(table(trial_columns(experiment().spec, [best.with_status(pareto=True), trial(1)], NOW)))
    assert [line.split() for line in lines] == [
        ["NAME", "STATE", "REASON", "ORIGIN", "ATTEMPTS", "PARETO", "accuracy", "size", "AGE"],
        ["nas-0", "Succeeded", "Completed", "Sobol", "1", "*", "0.9718", "46", "3h"],
        ["nas-1", "Pending", "-", "Sobol", "0", "-", "-", "-"],
    ]


def test_an_inactive_parameter_is_shown_as_absent() -> None:
    conditional = experiment(
        parameters=[
            {"name": "bias", "bool": {}},
            {
                "name": "scale",
                "float": {"min": 0, "max": 1},
                "activeWhen": [{"parameter": "bias", "values": [True]}],
            },
        ]
    )
    records = [
        {"index": 0, "origin": "Sobol", "parameters": {"bias": True, "scale": 0.25}},
        {"index": 1, "origin": "Sobol", "parameters": {"bias": False}},
    ]
    lines = printed(table(candidate_columns(conditional.spec, records)))
    assert [line.split() for line in lines] == [
        ["INDEX", "ORIGIN", "bias", "scale"],
        ["0", "Sobol", "true", "0.25"],
        ["1", "Sobol", "false", "-"],
    ]


def test_the_columns_that_fit_are_the_first_ones() -> None:
    columns = [TableColumn("A", ["1234567890"]), TableColumn("BB", ["1"]), TableColumn("CCC", ["1"])]
    assert [c.title for c in fitting(columns, 14)] == ["A", "BB"]
    assert [c.title for c in fitting(columns, 19)] == ["A", "BB", "CCC"]
    assert [c.title for c in fitting(columns, 3)] == ["A"], "one column is better than none"


def test_columns_that_do_not_fit_are_named() -> None:
    columns = [TableColumn("A", ["1234567890"]), TableColumn("BB", ["1"]), TableColumn("CCC", ["1"])]
    assert printed(page(columns, 14), 80)[2:] == ["too wide for this terminal: CCC"]
    assert len(printed(page(columns, 19), 80)) == 2


def test_markup_in_a_value_is_printed_as_it_is() -> None:
    assert printed(table([TableColumn("NAME", ["[red]x[/red]"])])) == ["NAME", "[red]x[/red]"]


def busy(points: int, running: int) -> Snapshot:
    parameters: dict[str, Scalar] = {str(p["name"]): 1234 for p in PARAMETERS}
    front = tuple(
        ParetoPoint(trial=f"nas-{i}", index=i, parameters=parameters, metrics={"accuracy": 0.5, "size": 9.0})
        for i in range(points)
    )
    counts = TrialCounts(total=points + running, succeeded=points, running=running)
    open_attempt = attempt(start_time=NOW - timedelta(seconds=12.3))
    trials = tuple(
        trial(points + i, "Running", attempts=(open_attempt,)).replace(spec=trial().spec.replace(parameters=parameters))
        for i in range(running)
    )
    of = experiment(maxTrials=500, parallelism=100, parameters=PARAMETERS)
    status = ExperimentStatus(trials=counts, pareto_set=front, pareto_set_size=points, hypervolume=0.25)
    return Snapshot(of.replace(status=status), trials, missing=3)


@pytest.mark.parametrize("note", [HINT, "cannot use runs/nas: " + "no space left on the device " * 8])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60), (80, 16)])
@pytest.mark.parametrize(("points", "running"), [(0, 0), (3, 2), (300, 1), (2, 100), (300, 100)])
def test_the_live_table_fits_on_the_screen(width: int, height: int, points: int, running: int, note: str) -> None:
    lines = printed(dashboard(busy(points, running), NOW, timedelta(seconds=83), width, height, note), width)
    assert len(lines) < height, "\n".join(["the last line is where the cursor stands:", *lines])
    assert max(map(len, lines)) <= width
    assert lines[0].split()[-4:] == ["1", "min", "23", "s"]
    assert " ".join(lines[-4:]).replace("  ", " ").endswith(note[-20:].strip()), "the note is shown whole"


def test_the_live_table_tells_what_it_leaves_out() -> None:
    text = "\n".join(printed(dashboard(busy(300, 100), NOW, timedelta(), 80, 24, HINT), 80))
    assert "Pareto set: 300 trials, the first 10 shown" in text
    assert "Running: 100 trials, the first 4 shown · 3 more being chosen" in text
    assert "100 running · 300 succeeded · 0 failed · hypervolume 0.25" in text
    assert "12.3 s  hidden_size_0 1,234" in text


def test_the_live_table_keeps_warnings_above_and_leaves_nothing_behind() -> None:
    file = StringIO()
    console = Console(file=file, width=80, height=24, force_terminal=True, color_system=None)
    with Dashboard(console, busy(1, 1)) as shown:
        events = [
            Event("TrialFailed", "nas-7", "Crashed", warning=True),
            Event("TrialSubmitted", "nas-8", "…"),
        ]
        shown.show(busy(2, 1), events)
        shown.say("stopping the trials …")
    text = file.getvalue()
    assert "Pareto set: 2 trials" in text
    assert "stopping the trials …" in text
    assert text.count("TrialFailed nas-7 Crashed") == 1, "printed once, and not redrawn with the table"
    assert "TrialSubmitted" not in text
    cleared = text[text.rindex("stopping the trials …") :]
    assert cleared.count("\x1b[1A\x1b[2K") >= 10, "the table is wiped away when the result is printed"


def test_a_run_that_only_begins_says_what_it_waits_for() -> None:
    text = "\n".join(printed(dashboard(busy(0, 0), NOW, timedelta(), 80, 24, HINT), 80))
    assert "Pareto set: none" in text
    assert "Running: none · 3 more being chosen: Ax takes a few seconds to start" in text


def test_the_pareto_set_shows_objectives_before_parameters() -> None:
    point = ParetoPoint(trial="nas-3", index=3, parameters={"x": 0.5}, metrics={"accuracy": 0.97184, "size": 46.0})
    assert [(c.title, list(c.cells)) for c in pareto_columns(experiment().spec, [point])] == [
        ("TRIAL", ["nas-3"]),
        ("accuracy", ["0.9718"]),
        ("size", ["46"]),
        ("x", ["0.5"]),
    ]
