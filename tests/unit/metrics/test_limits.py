"""However much a trial logs, what is read of it is bounded, and said."""

import os
import time
from pathlib import Path

import pytest
from tests.local.quick_trial import write_scalars

from paretonas.metrics import LogReader, Wanted, count_logged, limits, read
from paretonas.metrics.limits import Budget

ACCURACY = [Wanted("acc", "acc")]


def test_values_of_other_tags_are_not_kept_but_their_names_are(tmp_path: Path) -> None:
    write_scalars(tmp_path, {"acc": 0.5, "loss": 1.0})
    found = LogReader(tmp_path, {"acc"})
    found.poll()
    assert set(found.curves()) == {"acc"}
    [problem] = read(tmp_path, [Wanted("x", "missing")]).problems
    assert "tags found: 'acc', 'loss'" in problem


def test_more_values_than_fit_are_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_VALUES", 3)
    write_scalars(tmp_path, *({"acc": 0.5} for _ in range(5)))
    reading = read(tmp_path, ACCURACY)
    assert reading.values == {}
    assert reading.problems == ("metric 'acc': tag 'acc' has too many values; log it less often",)


def problems(folder: Path) -> str:
    """Why the two metrics, of which one is there, have no value: one reason for both."""
    found = read(folder, [*ACCURACY, Wanted("x", "missing")])
    assert found.values == {}
    reasons = {problem.partition(": ")[2] for problem in found.problems}
    assert len(found.problems) == 2
    [reason] = reasons
    return reason


def test_reading_stops_at_the_limit_of_tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_TAGS", 7)
    write_scalars(tmp_path, {"acc": 0.5}, *({f"tag {number}": 1.0} for number in range(7)))
    assert problems(tmp_path) == "the logs are not read to their end: there are more than 7 tags; log fewer"
    monkeypatch.setattr(limits, "MOST_TAGS", 8)
    assert read(tmp_path, ACCURACY).values == {"acc": 0.5}


def test_the_names_of_a_million_tags_are_not_all_kept() -> None:
    budget = Budget({"acc"})
    for number in range(limits.MOST_TAGS + 5):
        budget.take(f"tag {number}", 1)
    assert len(budget.tags) == limits.MOST_TAGS
    assert budget.stopped


@pytest.mark.parametrize(
    ("limit", "most", "words"),
    [
        ("MOST_FILES", 2, "more than 2 event files"),
        ("MOST_BYTES", 200, "larger than"),
        ("MOST_ENTRIES", 4, "more than 4 files"),
        ("MOST_DEPTH", 0, "more than 0 folders"),
        ("MOST_SECONDS", -1.0, "takes more than -1 s"),
    ],
)
def test_logs_beyond_a_limit_have_no_value_since_a_part_of_them_would_tell_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: float, words: str
) -> None:
    for number in range(3):
        (tmp_path / f"version_{number}").mkdir()
        write_scalars(tmp_path / f"version_{number}", {"acc": 0.5})
    assert read(tmp_path, ACCURACY).values == {"acc": 0.5}
    monkeypatch.setattr(limits, limit, most)
    assert words in problems(tmp_path)


def test_a_file_that_grows_while_it_is_read_is_not_read_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_scalars(tmp_path, {"acc": 0.5})
    [file] = tmp_path.iterdir()
    whole, more = file.read_bytes(), os.pread
    monkeypatch.setattr(limits, "MOST_BYTES", 50 * len(whole))

    def grows(descriptor: int, size: int, offset: int) -> bytes:
        with file.open("ab") as log:
            log.write(whole)
        return more(descriptor, size, offset)

    monkeypatch.setattr(os, "pread", grows)
    assert "larger than" in problems(tmp_path)


def test_what_was_stopped_is_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_TAGS", 1)
    write_scalars(tmp_path, {"acc": 0.5, "loss": 1.0})
    found = LogReader(tmp_path)
    found.poll()
    monkeypatch.setattr(os, "pread", lambda *_: pytest.fail("it was read again"))
    found.poll()
    assert "more than 1 tags" in found.reading(ACCURACY).problems[0]


def test_the_time_that_others_take_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator may be frozen with its node, or have its processor taken by others."""
    write_scalars(tmp_path, {"acc": 0.5})
    times = iter(range(0, 10**9, 10**6))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(times)))
    monkeypatch.setattr(time, "time", lambda: float(next(times)))
    assert read(tmp_path, ACCURACY).values == {"acc": 0.5}


def test_a_sparse_file_of_a_terabyte_is_refused_at_once(tmp_path: Path) -> None:
    huge = tmp_path / "events.out.tfevents.1"
    with huge.open("wb") as file:
        file.truncate(1 << 40)
    assert problems(tmp_path).endswith("the event files are larger than 4 GiB; log less")


def test_a_sparse_file_within_the_limit_ends_where_its_hole_begins(tmp_path: Path) -> None:
    write_scalars(tmp_path, {"acc": 0.5})
    [file] = tmp_path.iterdir()
    end = file.stat().st_size
    os.truncate(file, 3 << 30)
    found = read(tmp_path, ACCURACY)
    assert found.values == {"acc": 0.5}
    assert found.notes == (
        f"{file.name!r}: stopped before a record with a wrong checksum of the length, at byte {end}",
    )


def test_the_size_of_logs_is_that_of_their_event_files(tmp_path: Path) -> None:
    assert count_logged(tmp_path) == 0
    assert count_logged(tmp_path / "nowhere") == 0
    write_scalars(tmp_path, {"acc": 0.5})
    [file] = tmp_path.iterdir()
    (tmp_path / "model.pt").write_bytes(b"x" * 1000)
    (tmp_path / "events.out.tfevents.link").symlink_to(file)
    assert count_logged(tmp_path) == file.stat().st_size


def test_logs_that_are_read_on_for_weeks_do_not_use_up_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now, used = [0.0], [0.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(limits.time, "thread_time", lambda: used[0])
    budget = Budget()

    def look(seconds: float, wait: float) -> bool:
        with budget.timed():
            used[0] += seconds
            now[0] += max(seconds, wait)
            return budget.go_on(0)

    assert look(50, 0)
    assert all(look(0.04, 5) for _ in range(100_000)), "five days at less than a hundredth of a processor"
    assert all(look(0.06, 5) for _ in range(1000)), "and an hour at a little more, for what came back meanwhile"
    assert not all(look(0.06, 5) for _ in range(10_000)), "but not for ever"
