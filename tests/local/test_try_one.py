"""`paretonas run --try-one` with the real search."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.local import runs

pytestmark = pytest.mark.timeout(300)  # Ax is imported three times, on a machine that does other things too


def call(search: runs.Search, *arguments: str) -> str:
    command = [sys.executable, "-m", runs.REAL, *arguments]
    return subprocess.run(command, cwd=search.folder, capture_output=True, text=True, check=True).stdout


def test_a_try_does_not_change_the_search(tmp_path: Path) -> None:
    search = runs.Search.prepare(tmp_path / "search", runs.REAL, seconds="0", maxTrials=4, parallelism=2)
    planned = json.loads(call(search, "plan", "experiment.yaml", "-n", "4", "-o", "json"))
    assert "quick-0 succeeded after " in call(search, "run", "experiment.yaml", "--try-one")
    assert len(search.trials) == 1
    call(search, "run", "experiment.yaml")
    search.check_that_nothing_was_lost()
    assert search.candidates == [candidate["parameters"] for candidate in planned]
