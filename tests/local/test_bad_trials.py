"""Trials that crash, hang, write nothing or nonsense, fill the disk or are killed: each is told, the others go on.

Engine, store, jobs, logs and trials are the real ones; the search answers at once.
"""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.builders import experiment
from tests.local import bad_trial, quick_trial
from tests.local.seeded import SeededSearch
from tests.waiting import eventually

from paretonas.api import NASTrial
from paretonas.backends.local.logs import FolderLogs
from paretonas.backends.local.outputs import FolderOutputs
from paretonas.backends.local.store import FolderStore
from paretonas.engine.engine import Engine, Snapshot
from paretonas.jobs import local
from paretonas.jobs.local import LocalJobs


def run(runs: Path, **spec: Any) -> Snapshot:
    """Run the experiment to its end."""
    store = FolderStore.open(runs, experiment(**spec))
    jobs, logs = LocalJobs(runs, "nas"), FolderLogs(runs, "nas")
    engine = Engine(store, jobs, logs, FolderOutputs(runs), SeededSearch(), lambda: datetime.now(UTC))

    def finished() -> Snapshot | None:
        snapshot = engine.run_pass()
        time.sleep(0.02)
        return snapshot if snapshot.status.finished else None

    snapshot = eventually(finished, "the end of the experiment")
    assert snapshot is not None
    return snapshot


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return run(
        tmp_path_factory.mktemp("bad") / "runs",
        maxTrials=len(bad_trial.TRIALS),
        failurePolicy={"retries": 0, "maxFailureRatio": 1.0},
        trial={
            "command": ["python", "-m", bad_trial.__name__],
            "args": [],
            "env": [{"name": "PYTHONPATH", "value": str(Path(__file__).parents[2])}],
        },
    )


@pytest.mark.parametrize(
    ("what", "state", "reason", "words"),
    [
        (bad_trial.writes_nothing, "Failed", "MetricsUnavailable", "no TensorBoard event file"),
        (bad_trial.writes_nothing, "Failed", "MetricsUnavailable", "I forgot to log"),
        (bad_trial.writes_another_tag, "Failed", "MetricsUnavailable", "tags found: 'Accuracy', 'size'"),
        (bad_trial.writes_two_folders, "Failed", "MetricsAmbiguous", "in several folders: 'test', 'train'"),
        (bad_trial.writes_nan, "Infeasible", "NotFinite", "tag 'accuracy' is nan at step 1"),
        (bad_trial.crashes, "Failed", "Crashed", "ValueError: hidden size is 0"),
        (bad_trial.is_killed, "Failed", "Killed", "about to use all memory"),
        (bad_trial.fills_the_disk, "Failed", "Crashed", "File too large"),
        (bad_trial.cannot_write_at_all, "Failed", "Crashed", "ended with exit code 1"),
        (bad_trial.leaves_by_itself, "Failed", "Crashed", "bad argument: --hidden-size 0"),
    ],
)
def test_its_reason_and_its_last_words_are_in_its_record(
    bad: Snapshot, what: Callable[[], None], state: str, reason: str, words: str
) -> None:
    one = bad.trials[bad_trial.TRIALS.index(what)]
    assert (one.status.state, [a.reason for a in one.status.attempts]) == (state, [reason])
    assert words in one.status.message, one.status.message


def test_the_others_go_on_and_make_the_result(bad: Snapshot) -> None:
    good = [t for t, what in zip(bad.trials, bad_trial.TRIALS, strict=True) if what is bad_trial.good]
    assert [t.status.state for t in good] == ["Succeeded", "Succeeded"]
    assert [t.status.metrics for t in good] == [{"accuracy": 0.75, "size": 40.0}] * 2
    assert [p.trial for p in bad.status.pareto_set] == [t.name for t in good]
    assert bad.status.trials.to_dict() | {"total": 11, "succeeded": 2, "failed": 8, "infeasible": 1} == (
        bad.status.trials.to_dict()
    )


def test_a_trial_that_hangs_is_ended_at_its_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It heeds no signal either; its slot is free again afterwards."""
    monkeypatch.setattr(local, "GRACE_SECONDS", 0.5)
    hang = (
        "import os, runpy, signal, sys, time\n"
        "if os.environ['PARETONAS_TRIAL'] == 'nas-0':\n"
        "    print('waits for a lock', flush=True)\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    time.sleep(1000)\n"
        f"sys.argv = ['', '0.5', '0.0', os.environ['PARETONAS_LOG_DIR']]\n"
        f"runpy.run_path({quick_trial.__file__!r}, run_name='__main__')\n"
    )
    snapshot = run(
        tmp_path / "runs",
        maxTrials=3,
        parallelism=1,
        trial={"command": [sys.executable, "-c", hang], "args": [], "activeDeadlineSeconds": 6},  # the others end in it
    )
    hung, *others = snapshot.trials
    assert (hung.status.state, reasons(hung)) == ("Failed", ["DeadlineExceeded"])
    assert hung.status.message == "ran longer than 6 s\nwaits for a lock"
    assert [t.status.state for t in others] == ["Succeeded", "Succeeded"]


def test_a_trial_that_crashes_is_tried_again_in_a_folder_of_its_own(tmp_path: Path) -> None:
    crash_once = (
        "import os, runpy, sys\n"
        "folder = os.environ['PARETONAS_LOG_DIR']\n"
        "assert not os.path.exists(folder + '/life.log')\n"
        f"sys.argv = ['', '0.5', '0.0', folder]\n"
        f"runpy.run_path({quick_trial.__file__!r}, run_name='__main__')\n"
        "sys.exit(0 if folder.endswith('a2') else 1)\n"
    )
    snapshot = run(
        tmp_path / "runs",
        maxTrials=2,
        failurePolicy={"retries": 1},
        trial={"command": [sys.executable, "-c", crash_once], "args": []},
    )
    assert [reasons(t) for t in snapshot.trials] == [["Crashed", "Completed"]] * 2
    assert snapshot.status.trials.succeeded == 2


def reasons(one: NASTrial) -> list[str | None]:
    return [a.reason for a in one.status.attempts]
