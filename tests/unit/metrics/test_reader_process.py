"""Logs are read in a process of its own, which is another one when it was lost."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.local.quick_trial import write_scalars
from tests.unit.metrics.questions import WANTED, Dies, Hangs, TakesMemory, TakesWhatIsLeft, TellsAboutItself
from tests.waiting import eventually

from paretonas.metrics import LogFolder, Reading, Wanted, read, reader_process
from paretonas.metrics.reader_process import NICENESS, Curves, LogProcess, Read, Size
from paretonas.piped import HungError


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[LogProcess]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))  # the questions of these tests are there
    logs = LogProcess()
    yield logs
    logs.close()


def test_it_answers_as_reading_here_does(logs: LogProcess, tmp_path: Path) -> None:
    (tmp_path / "nas").mkdir()
    write_scalars(tmp_path / "nas", {"acc": 0.5, "loss": float("nan")})
    folder = LogFolder(tmp_path, ("nas",))
    wanted = Wanted("acc", "acc"), Wanted("loss", "loss")
    assert logs.ask(Read(folder, wanted)) == read(folder, wanted)
    assert logs.ask(Size(folder)) == sum(file.stat().st_size for file in (tmp_path / "nas").iterdir())


def test_it_goes_on_in_one_process_and_starts_another_when_that_was_killed(logs: LogProcess, tmp_path: Path) -> None:
    assert logs.ask(Size(LogFolder(tmp_path))) == 0
    first = logs.pid
    assert first is not None
    assert logs.ask(Size(LogFolder(tmp_path))) == 0
    assert logs.pid == first
    os.kill(first, 9)
    assert logs.ask(Size(LogFolder(tmp_path))) == 0
    assert logs.pid != first


def test_logs_over_which_the_process_dies_each_time_have_no_value(logs: LogProcess, tmp_path: Path) -> None:
    answer = logs.ask(Dies())  # type: ignore[arg-type] # a stand-in for a question
    assert isinstance(answer, Reading)
    assert answer.problems == ("metric 'acc': the process that reads them was lost, since it was killed by signal 11",)
    assert logs.ask(Size(LogFolder(tmp_path))) == 0, "and others are read all the same"


def test_logs_that_take_more_memory_than_there_is_have_no_value(logs: LogProcess) -> None:
    answer = logs.ask(TakesMemory())  # type: ignore[arg-type] # as above
    assert isinstance(answer, Reading)
    assert answer.problems == ("metric 'acc': they take more than 512 MiB of memory; log less",)


def test_a_process_that_hangs_is_replaced_and_nothing_is_concluded(logs: LogProcess, tmp_path: Path) -> None:
    logs.ask(Size(LogFolder(tmp_path)))
    hung, logs._hung_seconds = logs.pid, 0.2
    with pytest.raises(HungError, match=r"it did not answer within 0.2 s"):
        logs.ask(Hangs())  # type: ignore[arg-type] # as above
    logs._hung_seconds = 60.0
    assert logs.ask(Size(LogFolder(tmp_path))) == 0
    assert logs.pid != hung


def test_curves_are_told_as_they_grow_by_whichever_process_is_asked(logs: LogProcess, tmp_path: Path) -> None:
    question = Curves(LogFolder(tmp_path), (Wanted("acc", "acc"),))
    for number in range(1, 5):
        for file in tmp_path.iterdir():
            file.unlink()
        write_scalars(tmp_path, *({"acc": 0.5} for _ in range(number)))
        assert logs.ask(question) == {"acc": tuple((step, 0.5) for step in range(1, number + 1))}
        if number == 3:
            assert logs.pid is not None
            os.kill(logs.pid, 9)


def test_what_is_kept_of_curves_gives_way_to_other_questions(logs: LogProcess, tmp_path: Path) -> None:
    write_scalars(tmp_path, {"acc": 0.5})
    question = Curves(LogFolder(tmp_path), (Wanted("acc", "acc"),))
    answer = logs.ask(question)
    process = logs.pid
    assert logs.ask(TakesWhatIsLeft()) == 1  # type: ignore[arg-type] # as above
    assert logs.ask(question) == answer
    assert logs.pid == process


def test_passes_go_first(logs: LogProcess) -> None:
    assert logs.ask(TellsAboutItself()) == min(19, os.nice(0) + NICENESS)  # type: ignore[arg-type] # as above


def test_it_ends_with_its_parent(logs: LogProcess, tmp_path: Path) -> None:
    logs.ask(Size(LogFolder(tmp_path)))
    assert logs._process is not None
    logs._process._pipe.close()
    eventually(lambda: logs._process and logs._process._popen.poll() is not None, "the process has ended")


# What a network file system shows late


def test_metrics_that_come_late_are_looked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_process.time, "sleep", lambda _: write_scalars(tmp_path, {"acc": 0.5}))
    assert Read(LogFolder(tmp_path), WANTED).answer().values == {"acc": 0.5}


@pytest.mark.parametrize("value", [0.5, float("nan")])
def test_metrics_that_are_there_are_not_looked_for_again(
    value: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_process.time, "sleep", lambda _: pytest.fail("it is there"))
    write_scalars(tmp_path, {"acc": value})
    assert Read(LogFolder(tmp_path), WANTED).answer().not_finite in ((), ("acc",))


def test_looking_again_reads_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(reader_process.time, "sleep", pauses.append)
    write_scalars(tmp_path, {"loss": 0.5})
    really_read, seen = os.pread, list[bytes]()

    def spied(*args: int) -> bytes:
        seen.append(really_read(*args))
        return seen[-1]

    monkeypatch.setattr(os, "pread", spied)
    assert "tags found: 'loss'" in Read(LogFolder(tmp_path), WANTED).answer().problems[0]
    assert sum(map(len, seen)) == sum(file.stat().st_size for file in tmp_path.iterdir())
    assert 0 < sum(pauses) <= 2, "other logs wait meanwhile"
