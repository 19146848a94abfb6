"""Logs that are still written to: what is told of them at every moment is what a new reader would find."""

import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from torch.utils.tensorboard import SummaryWriter

from paretonas.metrics import LiveCurves, LogFolder, Points, Wanted, limits, live_curves

NAME = "events.out.tfevents.1700000000.host"
ACC = [Wanted("accuracy", "acc")]


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., dict[str, list[tuple[int, float]]]]:
    """Looks at the logs below tmp_path, and finds what a reader finds that knows nothing yet."""
    live = LiveCurves()

    def look(*wanted: Wanted) -> dict[str, list[tuple[int, float]]]:
        folder = LogFolder(tmp_path)
        found = live.look(folder, wanted or ACC)
        assert repr(LiveCurves().look(folder, wanted or ACC)) == repr(found)  # a NaN equals itself that way
        return {metric: list(points) for metric, points in found.items()}

    return look


@pytest.fixture
def read_bytes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of bytes that are read from files."""
    really_read, counts = os.pread, list[int]()

    def spied(*args: int) -> bytes:
        found = really_read(*args)
        counts.append(len(found))
        return found

    monkeypatch.setattr(os, "pread", spied)
    return counts


def test_a_log_is_read_on_while_tensorboards_writer_writes_it(look, tmp_path):
    assert look() == {}
    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(5):
            writer.add_scalar("acc", step / 4, 10 * step)
            writer.add_scalar("loss", math.nan if step == 2 else -step, step)
            writer.flush()
            assert look() == {"accuracy": [(10 * s, s / 4) for s in range(step + 1)]}
            both = look(*ACC, Wanted("loss", "loss", "Min"), Wanted("size", "size"))
            assert both.keys() == {"accuracy", "loss"}
            assert [repr(value) for _, value in both["loss"]] == ["0.0", "-1.0", "nan", "-3.0", "-4.0"][: step + 1]


def test_only_what_is_new_is_read(read_bytes, tmp_path):
    live = LiveCurves()
    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(50):
            writer.add_scalar("acc", step, step)
            writer.flush()
            curves = live.look(LogFolder(tmp_path), ACC)
            assert live.look(LogFolder(tmp_path), ACC) is curves, "nothing is new"
    [file] = tmp_path.iterdir()
    assert sum(read_bytes) == file.stat().st_size


def test_a_record_is_told_once_it_is_complete(logs, write, look):
    content = logs.frame(logs.plain(1, acc=0.25), logs.plain(2, acc=0.5))
    for length in range(len(logs.frame(logs.plain(1, acc=0.25))), len(content)):
        write(content[:length])
        assert look() == {"accuracy": [(1, 0.25)]}
    write(content)
    assert look() == {"accuracy": [(1, 0.25), (2, 0.5)]}


def test_a_replaced_file_is_read_anew_however_often(logs, write, look, monkeypatch):
    monkeypatch.setattr(limits, "MOST_VALUES", 5)
    monkeypatch.setattr(limits, "MOST_BYTES", 1000)
    path = write([logs.plain(1, acc=9)])
    for number in range(20):
        write([logs.plain(1, acc=number), logs.plain(2, acc=1)], "new").replace(path)
        assert look() == {"accuracy": [(1, number), (2, 1.0)]}


def test_files_with_several_names_give_back_what_they_took_once(logs, write, tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "MOST_VALUES", 5)
    live = LiveCurves()
    path = write([logs.plain(step, acc=1) for step in range(3)])
    for number in range(9):
        os.link(path, f"{path}.{number}")
    assert len(live.look(LogFolder(tmp_path), ACC)["accuracy"]) == 3
    for file in tmp_path.iterdir():
        file.unlink()
    assert live.look(LogFolder(tmp_path), ACC) == {}
    write([logs.plain(step, acc=1) for step in range(6)])
    assert live.look(LogFolder(tmp_path), ACC) == {}, "too many values"


def test_a_later_run_takes_the_place_of_an_earlier_one(logs, write, look):
    write([logs.plain(step, acc=1) for step in range(5)], f"version_0/{NAME}")
    assert len(look()["accuracy"]) == 5
    write([logs.plain(0, acc=0.5)], "version_1/events.out.tfevents.1700000100.host")
    assert look() == {"accuracy": [(0, 0.5)]}


def test_a_metric_of_which_several_folders_could_be_meant_is_left_out(logs, write, look):
    write([logs.plain(0, acc=0.5)], f"train/{NAME}")
    assert look(*ACC, Wanted("val", "acc", run="validation")) == {"accuracy": [(0, 0.5)]}
    write([logs.plain(0, acc=0.25)], f"validation/{NAME}")
    assert look(*ACC, Wanted("val", "acc", run="validation")) == {"val": [(0, 0.25)]}


def test_steps_are_told_in_the_order_that_counts_even_where_they_repeat(logs, write, look):
    write([logs.plain(step, acc=value) for step, value in [(1, 9), (2, 8), (1, 7), (2, 6)]])
    assert look() == {"accuracy": [(1, 9.0), (2, 8.0), (1, 7.0), (2, 6.0)]}


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("at", [0, 40, -3], ids=["no record can be found", "data", "the last record"])
def test_of_a_damaged_log_nothing_is_told(at, logs, write, look):
    path = write([logs.plain(step, acc=step, loss=1) for step in range(9)])
    flip(path, at)
    assert look(*ACC, Wanted("loss", "loss")) == {}
    write([logs.plain(3, acc=3)])
    assert look() == {"accuracy": [(3, 3.0)]}, "it is mended"


def test_a_record_too_large_for_scalars_is_no_damage(logs, write, look):
    write([logs.plain(0, acc=1), b"\0" * (17 << 20), logs.plain(1, acc=2)])
    assert look() == {"accuracy": [(0, 1.0), (1, 2.0)]}


def test_of_logs_of_which_a_part_cannot_be_read_nothing_is_told_until_it_can(logs, write, look, monkeypatch):
    write([logs.plain(0, acc=1)])
    write([logs.plain(1, acc=2)], "events.out.tfevents.1700000100.host")
    assert len(look()["accuracy"]) == 2
    really_open = os.open

    def refuse(path, *args, **kwargs):
        if path == NAME:
            raise PermissionError(13, "Permission denied")
        return really_open(path, *args, **kwargs)

    with monkeypatch.context() as broken:
        broken.setattr(os, "open", refuse)
        assert look() == {}
    assert len(look()["accuracy"]) == 2, "although nothing is new"


def test_a_log_folder_that_is_gone_or_a_link_or_no_folder_tells_nothing(logs, write, tmp_path):
    live, folder = LiveCurves(), LogFolder(tmp_path, ("trial", "a1"))
    write([logs.plain(0, acc=1)], f"trial/a1/{NAME}")
    there, elsewhere = tmp_path / "trial" / "a1", tmp_path / "elsewhere"
    assert live.look(folder, ACC).keys() == {"accuracy"}
    there.rename(elsewhere)
    assert live.look(folder, ACC) == {}
    there.symlink_to(elsewhere)
    assert live.look(folder, ACC) == {}
    there.unlink()
    there.write_text("")
    assert live.look(folder, ACC) == {}
    there.unlink()
    elsewhere.rename(there)
    assert live.look(folder, ACC).keys() == {"accuracy"}


def test_a_link_out_of_the_folder_is_not_followed_and_hides_nothing(logs, write, tmp_path):
    write([logs.plain(0, acc=1)], f"elsewhere/{NAME}")
    write([logs.plain(0, acc=0.5)], f"log/{NAME}")
    (tmp_path / "log" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "log" / f"{NAME}.2").symlink_to(tmp_path / "elsewhere" / NAME)
    assert LiveCurves().look(LogFolder(tmp_path, ("log",)), ACC) == {"accuracy": ((0, 0.5),)}


@pytest.mark.parametrize(
    ("limit", "most"),
    [("MOST_VALUES", 8), ("MOST_BYTES", 300), ("MOST_FILES", 0), ("MOST_TAGS", 0), ("MOST_SECONDS", 0.0)],
)
def test_of_logs_that_are_too_large_nothing_is_told(limit, most, logs, write, look, monkeypatch):
    monkeypatch.setattr(limits, limit, most)
    write([logs.plain(step, acc=step) for step in range(9)])
    assert look() == {}


# What is kept


def points(live: LiveCurves, root: Path, *names: str) -> list[Points]:
    return [live.look(LogFolder(root, (name,)), ACC)["accuracy"] for name in names]


@pytest.mark.parametrize("limit", ["MOST_KEPT", "MOST_LOGS"])
def test_what_was_asked_for_the_longest_ago_is_forgotten_and_read_again(
    limit, logs, write, tmp_path, read_bytes, monkeypatch
):
    monkeypatch.setattr(live_curves, limit, {"MOST_KEPT": 25, "MOST_LOGS": 2}[limit])  # ten in each log
    sizes = {
        name: write([logs.plain(step, acc=ord(name)) for step in range(10)], f"{name}/{NAME}").stat().st_size
        for name in "abc"
    }
    live = LiveCurves()
    first = points(live, tmp_path, "a", "b", "a", "c")
    assert sum(read_bytes) == sum(sizes.values())
    assert points(live, tmp_path, "a", "c") == [first[0], first[3]]
    assert sum(read_bytes) == sum(sizes.values()), "these two are kept"
    assert points(live, tmp_path, "b") == [first[1]]
    assert sum(read_bytes) == sum(sizes.values()) + sizes["b"]
    assert live.clear()
    assert not live.clear()
    assert points(live, tmp_path, "a") == [first[0]]


def test_the_log_that_was_asked_for_last_is_kept_whatever_its_size(logs, write, tmp_path, read_bytes, monkeypatch):
    monkeypatch.setattr(live_curves, "MOST_KEPT", 5)
    size = write([logs.plain(step, acc=step) for step in range(10)], f"a/{NAME}").stat().st_size
    live = LiveCurves()
    points(live, tmp_path, *"aaa")
    assert sum(read_bytes) == size


# What is told of long curves (how they are thinned is in test_thinning)


@pytest.mark.parametrize(("values", "told"), [(1000, 1000), (1001, 900), (30_000, 900)])
def test_at_most_a_thousand_points_are_told_of_a_curve(values, told, logs, write, look):
    write([logs.plain(step, acc=step % 7) for step in range(values)])
    found = look()["accuracy"]
    assert len(found) == told
    assert found[-1] == (values - 1, (values - 1) % 7)


def test_a_mean_of_more_than_a_thousand_values_is_left_out(logs, write, look):
    mean = Wanted("mean", "acc", "Mean")
    write([logs.plain(step, acc=1) for step in range(1000)])
    assert look(*ACC, mean).keys() == {"accuracy", "mean"}
    write([logs.plain(step, acc=1) for step in range(1001)])
    assert look(*ACC, mean).keys() == {"accuracy"}
