"""However much a trial logs, what is read of it is bounded, and said."""

from pathlib import Path

import pytest
from tests.local.quick_trial import write_scalars

from paretonas.metrics import LogReader, Wanted, limits, logged, read, reader
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


def test_the_names_of_a_million_tags_are_not_all_kept() -> None:
    budget = Budget({"acc"})
    for number in range(limits.MOST_TAGS + 5):
        budget.take(f"tag {number}", 1)
    assert len(budget.tags) == limits.MOST_TAGS
    assert budget.take("acc", 1), "what is wanted is kept all the same"


@pytest.mark.parametrize(("limit", "most"), [("MOST_FILES", 1), ("MOST_BYTES", 100)])
def test_files_beyond_the_limit_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(reader, limit, most)
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        write_scalars(tmp_path / str(number), {"acc": 0.5})
    reading = read(tmp_path, ACCURACY)
    assert any("the others are not read" in note for note in reading.notes)


def test_a_folder_of_a_great_many_files_is_not_searched_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MOST_ENTRIES", 10)
    for number in range(20):
        (tmp_path / f"{number}.txt").touch()
    assert any("not all are looked at" in note for note in read(tmp_path, ACCURACY).notes)


def test_a_sparse_file_of_a_terabyte_is_refused_at_once(tmp_path: Path) -> None:
    huge = tmp_path / "events.out.tfevents.1"
    with huge.open("wb") as file:
        file.truncate(1 << 40)
    [problem] = read(tmp_path, ACCURACY).problems
    assert "more than 1,000 event files or 4 GiB" in problem


def test_the_size_of_logs_is_that_of_their_event_files(tmp_path: Path) -> None:
    assert logged(tmp_path) == 0
    assert logged(tmp_path / "nowhere") == 0
    write_scalars(tmp_path, {"acc": 0.5})
    [file] = tmp_path.iterdir()
    (tmp_path / "model.pt").write_bytes(b"x" * 1000)
    (tmp_path / "events.out.tfevents.link").symlink_to(file)
    assert logged(tmp_path) == file.stat().st_size
