"""Where an attempt's logs are, and how a folder that is there already is left alone."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.local.quick_trial import write_scalars

from paretonas.backends.cluster.logs import ClusterLogs
from paretonas.backends.local.logs import FolderLogs
from paretonas.engine.ports import Logs
from paretonas.metrics import Wanted

ACCURACY = [Wanted("accuracy", "accuracy", "Last")]

Open = Callable[[Path], Logs]


@pytest.fixture(params=["local", "cluster"])
def open_logs(request: pytest.FixtureRequest) -> Open:
    """Opens the logs of the experiment ``nas`` below a folder."""
    if request.param == "local":
        return lambda root: FolderLogs(root, "nas")
    return lambda root: ClusterLogs(lambda: root, "nas")


def logged(
    root: Path, attempt: int, accuracy: float, *, experiment: str = "nas", trial: str = "nas-0"
) -> Path:
    folder = root / experiment / trial / f"a{attempt}"
    folder.mkdir(parents=True)
    write_scalars(folder, {"accuracy": accuracy})
    return folder


def test_the_number_that_is_asked_for_is_free_in_a_folder_without_logs(
    open_logs: Open, tmp_path: Path
) -> None:
    found = open_logs(tmp_path / "not there yet")
    assert [found.free_attempt("nas-0", number) for number in (1, 2, 7)] == [1, 2, 7]
    assert not list(tmp_path.iterdir()), "looking makes no folder"


def test_a_deleted_experiments_folders_are_left_alone(open_logs: Open, tmp_path: Path) -> None:
    for number in (1, 2, 4):
        logged(tmp_path, number, 0.1)
    found = open_logs(tmp_path)
    assert [found.free_attempt("nas-0", number) for number in (1, 2, 3, 4, 5)] == [3, 3, 3, 5, 5]


def test_folders_of_other_trials_and_experiments_take_no_number(open_logs: Open, tmp_path: Path) -> None:
    logged(tmp_path, 1, 0.1, trial="nas-1")
    logged(tmp_path, 1, 0.1, trial="nas-00")
    logged(tmp_path, 1, 0.1, experiment="other")
    assert open_logs(tmp_path).free_attempt("nas-0", 1) == 1


def test_a_file_in_the_place_of_a_folder_takes_its_number_too(open_logs: Open, tmp_path: Path) -> None:
    (tmp_path / "nas" / "nas-0").mkdir(parents=True)
    (tmp_path / "nas" / "nas-0" / "a1").write_text("")
    assert open_logs(tmp_path).free_attempt("nas-0", 1) == 2


def test_what_is_read_is_the_attempt_of_that_number(open_logs: Open, tmp_path: Path) -> None:
    logged(tmp_path, 1, 0.25)
    logged(tmp_path, 3, 0.75)
    found = open_logs(tmp_path)
    assert [found.read("nas-0", number, ACCURACY).values for number in (1, 3)] == [
        {"accuracy": 0.25},
        {"accuracy": 0.75},
    ]


def test_metrics_that_a_network_file_system_shows_late_are_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: logged(tmp_path, 1, 0.5))
    assert ClusterLogs(lambda: tmp_path, "nas").read("nas-0", 1, ACCURACY).values == {"accuracy": 0.5}


def test_metrics_that_never_come_are_waited_for_a_few_times_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    reading = ClusterLogs(lambda: tmp_path, "nas").read("nas-0", 1, ACCURACY)
    assert (reading.values, len(reading.problems)) == ({}, 1)
    assert 0 < sum(pauses) <= 2, "an experiment's other trials wait meanwhile"


@pytest.mark.parametrize("place", ["nas", "nas/nas-0", "nas/nas-0/a1"])
def test_a_link_on_the_way_to_an_attempts_logs_is_not_followed(tmp_path: Path, place: str) -> None:
    """Every trial can write to the whole claim; the operator sees more than the claim."""
    secret, root = tmp_path / "secret", tmp_path / "claim"
    logged(secret, 1, 0.5)
    link = root / place
    link.parent.mkdir(parents=True)
    link.symlink_to(secret / place)
    found = ClusterLogs(lambda: root, "nas")
    reading = found.read("nas-0", 1, ACCURACY)
    assert reading.values == {}
    assert reading.problems == (
        f"{link} is a symbolic link, which is not followed: it may lead out of the claim",
    )
    assert found.size("nas-0", 1) == 0


def test_a_claim_that_is_itself_mounted_behind_a_link_is_read(tmp_path: Path) -> None:
    logged(tmp_path / "real", 1, 0.5)
    (tmp_path / "logs").symlink_to(tmp_path / "real")
    assert ClusterLogs(lambda: tmp_path / "logs", "nas").read("nas-0", 1, ACCURACY).values == {
        "accuracy": 0.5
    }


def test_logs_that_grow_are_seen_to_grow(open_logs: Open, tmp_path: Path) -> None:
    found = open_logs(tmp_path)
    assert found.size("nas-0", 1) == 0
    folder = logged(tmp_path, 1, 0.5)
    before = found.size("nas-0", 1)
    (folder / "version_0").mkdir()
    write_scalars(folder / "version_0", {"accuracy": 0.6})
    assert 0 < before < found.size("nas-0", 1)
