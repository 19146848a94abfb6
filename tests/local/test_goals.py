"""An experiment with a goal, run by the command with real trials: it ends, and continues when the goal is removed."""

from pathlib import Path

import pytest
import yaml
from tests.local.runs import NAME, SEEDED, Search

SIZE = {"metric": "size", "goal": "Minimize", "threshold": 100.0}


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m tests.local.seeded` is found from here."""
    monkeypatch.chdir(Path(__file__).parents[2])


def objectives(target: float | None) -> list[dict[str, object]]:
    accuracy = {"metric": "accuracy", "goal": "Maximize", "threshold": 0.0}
    return [accuracy if target is None else {**accuracy, "target": target}, SIZE]


def change(search: Search, **spec: object) -> None:
    """Write some fields of the experiment's file again."""
    file = search.folder / "experiment.yaml"
    document = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({**document, "spec": {**document["spec"], **spec}}))


def reason(search: Search) -> str:
    condition = search.experiment.status.condition("Succeeded")
    assert condition is not None
    return condition.reason


def test_a_run_ends_on_its_target_leaves_nothing_running_and_continues_without_it(tmp_path: Path) -> None:
    search = Search.prepare(
        tmp_path / "search", SEEDED, seconds="0.2", maxTrials=200, parallelism=3, objectives=objectives(0.99)
    )
    search.run()
    assert reason(search) == "TargetReached"
    assert not search.living(), "what ran is stopped"
    first = search.trials
    best = max(t.status.metrics["accuracy"] for t in first if t.status.state == "Succeeded")
    assert best >= 0.99
    assert len(first) < 200
    assert {a.reason for t in first for a in t.status.attempts} <= {"Completed", "Stopped"}
    assert f"{NAME}: set harder targets or remove them to continue" in search.output

    change(search, objectives=objectives(None), maxTrials=len(first) + 3)
    search.run()
    assert reason(search) == "TrialsCompleted"
    assert [t.spec for t in search.trials[: len(first)]] == [t.spec for t in first], "nothing is lost"
    assert [t.status.state for t in search.trials] == ["Succeeded"] * (len(first) + 3), "and what was stopped has run"


def test_a_killed_run_stalls_where_an_undisturbed_one_does(tmp_path: Path) -> None:
    spec = {
        "maxTrials": 60,
        "parallelism": 1,
        "search": {"initialTrials": 3},
        "stopWhen": {"hypervolumeStalls": {"trials": 4, "within": 0.01}},
    }
    whole = Search.prepare(tmp_path / "whole", SEEDED, seconds="0.05", **spec)
    whole.run()
    assert reason(whole) == "HypervolumeStalled"
    assert 7 <= len(whole.trials) < 60

    killed = Search.prepare(tmp_path / "killed", SEEDED, seconds="0.05", **spec)
    for stored in (2, len(whole.trials) - 1):
        process = killed.start()
        killed.wait_for_trials(stored, process)
        process.kill()
        process.wait()
    killed.run()
    assert reason(killed) == "HypervolumeStalled"
    assert killed.candidates == whole.candidates
    assert killed.experiment.status.hypervolume == whole.experiment.status.hypervolume
