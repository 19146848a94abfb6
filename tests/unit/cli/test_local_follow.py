"""Following a run on this machine: its tables with `-w`, and what a trial prints with `logs -f`."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from click.testing import Result
from tests.builders import attempt, experiment, trial
from tests.unit.cli.conftest import ARGS, Interruptible, Project
from tests.waiting import eventually

from paretonas.backends.local.store import FolderStore, exclusive
from paretonas.cli.local_changes import changes
from paretonas.jobs.attempt_records import record
from paretonas.jobs.supervisor import OUTPUT, record_exit

Finished = tuple[Project, Result]


def start(project: Project, *arguments: str) -> Interruptible:
    command = [sys.executable, "-m", "paretonas.cli.main", *arguments, "--runs-dir", str(project.runs)]
    return Interruptible(command, dict(os.environ))


def lines(process: Interruptible, count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().rstrip("\n") for _ in range(count)]


def end(process: Interruptible) -> None:
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_trials_are_followed(project: Project) -> None:
    store = FolderStore.open(project.runs, experiment())
    store.create_trial(trial(0))
    with start(project, "trials", "nas", "-w") as process:
        assert [line.split()[:2] for line in lines(process, 2)] == [["NAME", "STATE"], ["nas-0", "Pending"]]
        store.create_trial(trial(1, "Succeeded"))
        assert lines(process, 1)[0].split()[:2] == ["nas-1", "Succeeded"]
        end(process)


def test_experiments_are_followed(project: Project) -> None:
    store = FolderStore.open(project.runs, experiment())
    with start(project, "get", "-w") as process:
        assert [line.split()[0] for line in lines(process, 2)] == ["NAME", "nas"]
        FolderStore.open(project.runs, experiment("other"))
        assert lines(process, 1)[0].split()[0] == "other"
        store.save_status(store.experiment().replace(status=store.experiment().status.replace(pareto_set_size=3)))
        assert lines(process, 1)[0].split()[5] == "3"
        end(process)


@pytest.mark.parametrize("command", [["get", "other", "-w"], ["trials", "other", "-w"], ["pareto", "other", "-w"]])
def test_what_does_not_exist_is_not_followed(finished: Finished, command: list[str]) -> None:
    result = finished[0].call(*command)
    assert result.exit_code == 3
    assert "no experiment 'other'" in result.stderr


def test_only_a_change_is_passed_on() -> None:
    looks = iter([1, 1, 1, 2, 2, 1])
    seen = changes(lambda: next(looks), pause=lambda _: None)
    assert [next(seen) for _ in range(3)] == [1, 2, 1]


class Printing:
    """A trial that somebody runs: its record, and what it prints."""

    def __init__(self, runs: Path) -> None:
        self.store = FolderStore.open(runs, experiment())
        self.store.create_trial(trial(attempts=(attempt(),)))
        self.runs = runs
        self.begin(1)

    def begin(self, number: int) -> None:
        self.kept = record(self.runs, "nas", "nas-0", number)
        self.kept.folder.mkdir(parents=True)

    def print(self, text: str) -> None:
        with (self.kept.folder / OUTPUT).open("a") as file:
            file.write(text)

    def exit(self, code: int) -> None:
        record_exit(str(self.kept.folder), code)


@contextmanager
def followed(project: Project, *options: str) -> Iterator[tuple[Printing, Interruptible]]:
    """A trial in a run, and `logs -f` on it."""
    with exclusive(project.runs / "nas"):
        printing = Printing(project.runs)
        printing.print("one\ntwo\nthree\n")
        with start(project, "logs", "nas-0", "-f", *options) as process:
            yield printing, process


def test_output_is_followed_until_the_trial_ends(project: Project) -> None:
    with followed(project, "--tail", "2") as (printing, process):
        assert lines(process, 2) == ["two", "three"]
        printing.print("fo")
        printing.print("ur\nfive")
        assert lines(process, 1) == ["four"]
        printing.exit(0)
        assert lines(process, 1) == ["five"]
        printing.store.save_trial(trial(0, "Succeeded", attempts=(attempt(reason="Completed"),)))
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (0, "", "")


def test_a_further_attempt_is_followed_too(project: Project) -> None:
    with followed(project) as (printing, process):
        assert lines(process, 3) == ["one", "two", "three"]
        printing.exit(1)
        printing.begin(2)
        printing.print("again\n")
        printing.exit(0)
        printing.store.save_trial(trial(0, "Succeeded", attempts=(attempt(), attempt(number=2))))
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (0, "again\n")
    assert errors == "attempt 1 has ended; this is attempt 2:\n"


def test_a_run_that_stops_ends_what_follows_it(project: Project) -> None:
    printing = Printing(project.runs)
    printing.print("one\n")
    with ExitStack() as run:
        run.enter_context(exclusive(project.runs / "nas"))
        with start(project, "logs", "nas-0", "-f") as process:
            assert lines(process, 1) == ["one"]
            printing.exit(-15)
            run.close()
            output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (0, "")
    assert errors == "nas-0 is Pending, and its experiment is not being run\n"


def test_a_trial_that_has_ended_is_only_printed(finished: Finished) -> None:
    followed, printed = (finished[0].call("logs", "nas-3", *options) for options in (["-f"], []))
    assert (followed.exit_code, followed.stdout) == (0, printed.stdout)


def test_a_silent_trial_can_be_left_by_ctrl_c(project: Project) -> None:
    with followed(project) as (_, process):
        lines(process, 3)
        end(process)


def test_a_real_trial_is_followed_to_its_end(project: Project) -> None:
    go_on = project.folder / "go on"
    script = (
        f"import os, time\nprint('waiting')\nwhile not os.path.exists({str(go_on)!r}): time.sleep(0.02)\nprint('done')"
    )
    (project.folder / "own.py").write_text(script)
    command = {"command": [sys.executable, "-S", str(project.folder / "own.py")], "args": ARGS}
    project.write(maxTrials=1, parallelism=1, trial=command)
    run = project.start()
    output = project.runs / "nas" / "jobs" / "nas-0-a1" / OUTPUT
    eventually(lambda: output.exists() and output.read_text(), "the trial's first line")
    with start(project, "logs", "nas-0", "-f") as process:
        assert lines(process, 1) == ["waiting"]
        go_on.touch()
        assert lines(process, 1) == ["done"]
        process.communicate(timeout=60)
    run.communicate(timeout=60)
    assert process.returncode == 0
