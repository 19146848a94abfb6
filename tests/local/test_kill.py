"""`kill -9` of `paretonas run` at any moment, and started again: nothing is lost, nothing is done twice."""

import os
import signal
from pathlib import Path

import pytest
from tests.local.runs import REAL, SEEDED, Search
from tests.waiting import eventually

from paretonas.cli.exit_codes import ExitCode

KILLS = int(os.environ.get("PARETONAS_KILLS", "2"))
"""Kills of a search by Ax, which takes seconds to import at every start; 20 of them, of 40 trials, take minutes."""


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m tests.local.seeded` is found from here."""
    monkeypatch.chdir(Path(__file__).parents[2])


def test_killed_twenty_times_a_search_of_forty_trials_loses_and_repeats_nothing(tmp_path: Path) -> None:
    search = Search.prepare(tmp_path / "killed", SEEDED, maxTrials=40, parallelism=3)
    search.kill_and_start_again(seed=0, kills=20)
    search.check_that_nothing_was_lost()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("module", "kills", "trials"), [(SEEDED, 4, 16), (REAL, KILLS, max(8, 2 * KILLS))], ids=["seeded", "Ax"]
)
def test_killed_a_search_asks_for_the_same_candidates_as_undisturbed(
    tmp_path: Path, module: str, kills: int, trials: int
) -> None:
    """One at a time, trials end in the same order, so the candidates are the same to the bit."""
    spec = {"maxTrials": trials, "parallelism": 1, "search": {"initialTrials": 4}}
    killed = Search.prepare(tmp_path / "killed", module, seconds="0.1", **spec)
    undisturbed = Search.prepare(tmp_path / "undisturbed", module, seconds="0.1", **spec)
    beside = undisturbed.start()
    killed.kill_and_start_again(seed=1, kills=kills)
    assert beside.wait() == 0, undisturbed.output
    killed.check_that_nothing_was_lost()
    assert killed.candidates == undisturbed.candidates
    assert killed.experiment.status.pareto_set == undisturbed.experiment.status.pareto_set
    assert killed.experiment.status.hypervolume == undisturbed.experiment.status.hypervolume
    if module == REAL:
        assert {t.spec.origin for t in killed.trials} == {"Sobol", "BayesianOptimization"}


def test_a_second_run_of_an_experiment_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    search = Search.prepare(tmp_path / "search", SEEDED, seconds="60", maxTrials=2, parallelism=2)
    first = search.start()
    search.wait_for_trials(2, first)
    assert search.start().wait() == ExitCode.UNUSABLE
    assert f"in use by process {first.pid}" in search.output
    first.send_signal(signal.SIGINT)
    assert first.wait() == ExitCode.INTERRUPTED
    assert not search.living()


def test_trials_that_a_killed_run_left_end_with_the_next_run(tmp_path: Path) -> None:
    search = Search.prepare(tmp_path / "search", SEEDED, seconds="60", maxTrials=2, parallelism=2)
    first = search.start()
    left = eventually(lambda: len(both := search.living()) == 2 and both, "two trials")
    first.kill()
    first.wait()
    second = search.start()
    eventually(lambda: _catches(second.pid, signal.SIGTERM), "the second run to be ready for its end")
    assert search.living() == left, "they live on, and none was started beside them"
    second.send_signal(signal.SIGTERM)
    assert second.wait() == ExitCode.INTERRUPTED, search.output
    assert not search.living()
    assert [[a.reason for a in t.status.attempts] for t in search.trials] == [["Stopped"], ["Stopped"]]


def _catches(pid: int, signum: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    [mask] = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")]
    return bool(int(mask, 16) >> signum - 1 & 1)
