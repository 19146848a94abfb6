"""Early stopping by the command, with real trials: they are stopped while they run, and a killed run loses nothing."""

import sys
from pathlib import Path
from typing import Any

import pytest
from tests.local.runs import NAME, Search

from paretonas.api import NASTrial

SPEC: dict[str, Any] = {
    "parameters": [
        {"name": "end", "float": {"min": 0.4, "max": 1.0}},
        {"name": "size", "float": {"min": 10.0, "max": 90.0}},
    ],
    "search": {"initialTrials": 20},
    "maxTrials": 20,
    "parallelism": 2,
    "earlyStopping": {"strategy": "OptimisticDominance", "minCurves": 3, "graceSteps": 2, "auditFraction": 0},
    "trial": {
        "command": [sys.executable, "-S", str(Path(__file__).with_name("learning_trial.py"))],
        "args": ["${parameters.end}", "${parameters.size}", "0.15", "${trial.logDir}"],
    },
}


def costs(trial: NASTrial) -> tuple[float, float]:
    """What it leads to, if it is not stopped: both are to be small."""
    end, size = trial.spec.parameters["end"], trial.spec.parameters["size"]
    assert isinstance(end, float)
    assert isinstance(size, float)
    return -end, size


def living(search: Search) -> list[str]:
    """The trials' processes that live."""
    words = (folder.joinpath("cmdline") for folder in Path("/proc").glob("[0-9]*"))
    found = [path.read_bytes().decode(errors="replace") for path in words if path.exists()]
    return [line for line in found if "learning_trial.py" in line and str(search.logs) in line]


def check(search: Search) -> None:
    trials = search.trials
    stopped = [t for t in trials if t.status.state == "EarlyStopped"]
    completed = [t for t in trials if t.status.state == "Succeeded"]
    assert len(stopped) + len(completed) == len(trials) == SPEC["maxTrials"]
    assert stopped
    by_name = {t.name: t for t in completed}
    for trial in stopped:
        verdict = trial.status.verdict
        assert verdict is not None
        better = costs(by_name[verdict.dominated_by])
        assert all(a <= b for a, b in zip(better, costs(trial), strict=True)), "it is really dominated"
        assert [a.reason for a in trial.status.attempts] == ["EarlyStopped"]
        assert not trial.status.pareto
        assert trial.status.estimate.keys() == {"accuracy", "size"}
    status = search.experiment.status
    assert status.trials.early_stopped == len(stopped)
    assert status.savings is not None
    assert status.savings.steps == sum(t.status.verdict.steps_saved for t in stopped if t.status.verdict)
    assert 0 < status.savings.share < 1
    assert not living(search)


@pytest.fixture
def search(tmp_path: Path) -> Search:
    return Search.prepare(tmp_path / "search", "paretonas.cli.main", **SPEC)


def test_trials_that_cannot_join_the_pareto_set_are_stopped_while_they_run(search: Search) -> None:
    search.run()
    check(search)
    [line, *_] = [line for line in search.output.splitlines() if "TrialEarlyStopped" in line]
    assert "stopped at step " in line
    assert f"{NAME}-" in line


def test_a_run_that_is_killed_stops_them_after_its_next_start(search: Search) -> None:
    search.kill_and_start_again(seed=1, kills=3)
    check(search)
