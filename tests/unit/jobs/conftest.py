"""Local jobs below a temporary folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.builders import experiment, trial
from tests.waiting import eventually

from paretonas.jobs.job import Job, Launch
from paretonas.jobs.local import LocalJobs


class Attempts:
    """The first attempts of the trials of one experiment, run as real processes."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self.jobs = LocalJobs(runs, "nas")
        self._begun: set[int] = set()

    def launch(self, *command: str, index: int = 0, **template: Any) -> Launch:
        of = experiment(trial={"command": list(command), "args": [], **template})
        return Launch(of, trial(index), 1)

    def submit(self, *command: str, index: int = 0, **template: Any) -> None:
        self._begun.add(index)
        self.jobs.submit(self.launch(*command, index=index, **template))

    def see(self, index: int = 0) -> Job | None:
        return self.jobs.observe([(f"nas-{index}", 1)]).get(f"nas-{index}-a1")

    def until(self, condition: Callable[[Job], bool], what: str, index: int = 0) -> Job:
        """The job, as soon as the condition holds of it."""

        def look() -> Job | None:
            job = self.see(index)
            return job if job is not None and condition(job) else None

        job = eventually(look, what)
        assert job is not None
        return job

    def over(self, index: int = 0) -> Job:
        return self.until(lambda job: job.over, f"the end of trial {index}", index)

    @property
    def waits(self) -> str:
        """Shell words with which a trial waits until the test lets it go on."""
        return f"while [ ! -e {self.runs}/gate ]; do sleep 0.02; done"

    def let_go(self) -> None:
        (self.runs / "gate").write_text("")

    def folder(self, index: int = 0) -> Path:
        return self.runs / "nas" / f"nas-{index}" / "a1"

    def kept(self, index: int = 0) -> Path:
        """The folder of its records."""
        return self.runs / "nas" / "jobs" / f"nas-{index}-a1"

    def end(self) -> None:
        for index in self._begun:
            self.jobs.kill(f"nas-{index}", 1)


@pytest.fixture
def attempts(tmp_path: Path) -> Iterator[Attempts]:
    started = Attempts(tmp_path / "runs")
    yield started
    started.end()
