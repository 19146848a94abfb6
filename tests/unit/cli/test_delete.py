"""`paretonas delete`: an experiment's folder goes, and nothing beside it."""

import json
import os
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.unit.cli.conftest import Project
from tests.waiting import eventually

from paretonas.backends.local import store
from paretonas.backends.local.store import exclusive
from paretonas.cli import delete
from paretonas.cli.main import main


@pytest.fixture
def ended(project: Project) -> Project:
    """Two experiments that have ended."""
    for name in ("nas", "other"):
        assert project.call("run", str(project.write(name=name, maxTrials=2))).exit_code == 0
    return project


def answer(project: Project, text: str) -> Result:
    return CliRunner().invoke(main, ["delete", "nas", "--runs-dir", str(project.runs)], input=text)


def left(project: Project) -> set[str]:
    return {path.name for path in project.runs.iterdir()}


def test_an_experiment_is_deleted_after_a_question_that_says_what_goes(ended: Project) -> None:
    outside = {path: path.read_bytes() for path in ended.folder.rglob("*") if path.is_file()}
    outside = {path: text for path, text in outside.items() if ended.runs / "nas" not in path.parents}
    files = sum(path.is_file() for path in (ended.runs / "nas").rglob("*"))
    result = answer(ended, "y\n")
    assert result.exit_code == 0
    assert f"Delete {ended.runs}/nas and everything in it: 2 trials, {files} files, " in result.stdout
    assert f"deleted {ended.runs}/nas and everything in it" in result.stdout
    assert left(ended) == {"other"}
    assert {path: path.read_bytes() for path in outside} == outside


@pytest.mark.parametrize("text", ["n\n", "\n", ""])
def test_without_a_yes_nothing_is_deleted(ended: Project, text: str) -> None:
    result = answer(ended, text)
    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1] == "nothing was deleted"
    assert ("--yes" in result.stderr) == (not text), "nobody was there to answer"
    assert ended.call("get", "nas").exit_code == 0


@pytest.mark.parametrize("option", ["--yes", "-y"])
def test_no_question_is_asked_when_it_was_answered_before(ended: Project, option: str) -> None:
    result = ended.call("delete", "nas", option)
    assert result.exit_code == 0
    assert "?" not in result.stdout
    assert left(ended) == {"other"}


def test_a_name_can_be_used_again_after_its_deletion(ended: Project) -> None:
    ended.call("delete", "nas", "--yes")
    ended.write(maxTrials=3, search={"seed": 7})
    assert ended.run().exit_code == 0
    [*_, row] = [line for line in ended.call("get").stdout.splitlines() if line.startswith("nas")]
    assert row.split()[2] == "3/3"


def test_one_that_is_in_use_is_not_deleted(ended: Project) -> None:
    with exclusive(ended.runs / "nas"):
        result = ended.call("delete", "nas", "--yes")
    assert result.exit_code == 3
    assert "is in use by process" in result.stderr
    assert left(ended) == {"nas", "other"}


def test_one_whose_killed_run_has_left_trials_that_go_on_is_not_deleted(project: Project) -> None:
    project.write(options=("--sleep", "600"), maxTrials=4)
    process = project.start()
    states = project.runs / "nas" / "trials"

    def running() -> bool:
        found = [json.loads(path.read_text())["status"]["state"] for path in states.glob("nas-*.json")]
        return found.count("Running") == 2

    eventually(running, "two trials that run")
    process.kill()
    process.communicate()
    try:
        result = project.call("delete", "nas", "--yes")
        assert result.exit_code == 3
        assert result.stderr.startswith("nas-0, nas-1 are still running; wait until they end, or start the run again")
        assert (project.runs / "nas" / "experiment.json").exists()
    finally:
        for record in project.runs.glob("nas/jobs/*/job.json"):
            os.killpg(json.loads(record.read_text())["pid"], signal.SIGKILL)


def test_a_folder_that_is_a_link_is_left_to_its_owner(ended: Project) -> None:
    elsewhere = ended.folder / "elsewhere"
    (ended.runs / "nas").rename(elsewhere)
    (ended.runs / "nas").symlink_to(elsewhere)
    result = ended.call("delete", "nas", "--yes")
    assert result.exit_code == 3
    assert f"{ended.runs}/nas is a symbolic link to {elsewhere}" in result.stderr
    assert (elsewhere / "experiment.json").exists()


def test_what_a_link_in_the_folder_leads_to_stays(ended: Project) -> None:
    data = ended.folder / "data"
    data.mkdir()
    (data / "train.csv").write_text("1,2")
    (ended.runs / "nas" / "data").symlink_to(data)
    assert ended.call("delete", "nas", "--yes").exit_code == 0
    assert (data / "train.csv").read_text() == "1,2"


@pytest.mark.parametrize("name", ["../other", "other/../nas", ".", "", "/tmp", "nas/trials"])  # noqa: S108 # a name
def test_only_a_name_of_an_experiment_is_one(ended: Project, name: str) -> None:
    result = ended.call("delete", name, "--yes")
    assert result.exit_code == 3
    assert "available: nas, other" in result.stderr
    assert left(ended) == {"nas", "other"}


@pytest.mark.parametrize("file", ["experiment.json", "trials/nas-0.json"])
def test_one_that_is_damaged_can_be_deleted(ended: Project, file: str) -> None:
    (ended.runs / "nas" / file).write_text("{")
    assert ended.call("delete", "nas", "--yes").exit_code == 0
    assert left(ended) == {"other"}


def test_a_deletion_that_breaks_off_leaves_nothing_that_passes_for_an_experiment(
    ended: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(_: Path) -> None:
        raise PermissionError(13, "Permission denied", "nas-0")

    monkeypatch.setattr(delete.shutil, "rmtree", break_off)
    result = ended.call("delete", "nas", "--yes")
    assert result.exit_code == 3
    assert result.stderr == "cannot delete nas-0: Permission denied\n"
    assert [path.name for path in store.experiments(ended.runs)] == ["other"]
