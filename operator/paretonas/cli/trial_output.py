"""What a trial prints, shown while it runs: the display of a try."""

import shlex
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from paretonas.api import NASTrial, plain
from paretonas.api.reasons import EventReason
from paretonas.cli.growing_file import GrowingFile
from paretonas.engine.engine import Snapshot
from paretonas.engine.events import Event
from paretonas.engine.wording import duration, pairs
from paretonas.jobs.attempt_folder import output_folder
from paretonas.jobs.attempt_records import record
from paretonas.jobs.job import Launch
from paretonas.jobs.supervisor import OUTPUT

_QUIET_SECONDS = 10.0
"""Time without output after which the user is told that the trial still runs; then after twice as long, and so on."""


class TrialOutput:
    """A display of one trial: its command line, and then what it prints."""

    def __init__(
        self,
        console: Console,
        runs: Path,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console, self._runs, self._sleep, self._clock = console, runs.resolve(), pause, clock
        self._trial = self._job = ""
        self._file: GrowingFile | None = None
        self._line_ended = True
        self._last_output, self._quiet_seconds = 0.0, _QUIET_SECONDS

    def show(self, snapshot: Snapshot, happened: Sequence[Event]) -> None:
        """Show the attempt that has begun, and warnings about anything but the trial itself."""
        for trial in snapshot.trials:
            if trial.attempt is not None and trial.attempt.job != self._job:
                self._begin(snapshot, trial)
        for event in happened:
            if event.warning and event.reason not in _REPORTED:
                self.say(f"{event.reason} {event.about} {event.message}")

    def say(self, line: str) -> None:
        """Show a message on a line of its own."""
        if not self._line_ended:
            self._console.print()
        self._line_ended = True
        self._console.print(line, soft_wrap=True)

    def pause(self, seconds: float) -> None:
        """Wait, and show what the trial has printed."""
        self._sleep(seconds)
        if self._file is None:
            return
        if self._copy():
            self._last_output = self._clock()
        elif self._clock() - self._last_output >= self._quiet_seconds:
            quiet = duration(timedelta(seconds=self._quiet_seconds))
            self.say(f"({self._trial} is still running, and has printed nothing for {quiet}; Ctrl-C stops it)")
            self._last_output, self._quiet_seconds = self._clock(), 2 * self._quiet_seconds

    def finish(self, cancelled: Callable[[], bool]) -> None:
        """Show the rest of the output, unless the user does not want to wait for it."""
        while self._copy():
            if cancelled():
                self.say("(the rest of the output is left out)")
                break
        self.say("")

    def _begin(self, snapshot: Snapshot, trial: NASTrial) -> None:
        experiment = snapshot.experiment
        kept = record(self._runs, experiment.name, trial.name, trial.last_attempt)
        self._trial, self._job = trial.name, kept.folder.name
        self.say(f"{trial.name}: {pairs(trial.spec.parameters)}")
        launch = Launch(experiment, trial, trial.last_attempt)
        output = output_folder(self._runs, experiment.name, trial.name, launch.first_attempt)
        command = launch.command(str(kept.logs), str(output))
        self.say(f"$ {shlex.join(command)}")
        self._file = GrowingFile(kept.folder / OUTPUT)
        self._last_output, self._quiet_seconds = self._clock(), _QUIET_SECONDS

    def _copy(self) -> bool:
        """Show what is new. False if nothing is."""
        text = self._file.read() if self._file is not None else ""
        if text:
            self._console.file.write(_for_terminal(text) if sys.stdout.isatty() else text)
            self._console.file.flush()
            self._line_ended = text.endswith("\n")
        return bool(text)


_REPORTED = frozenset({EventReason.TRIAL_FAILED, EventReason.TRIAL_RETRIED, EventReason.FAILED})
"""Events that the report at the end describes."""


def _for_terminal(text: str) -> str:
    """The text without what a terminal would obey, except for carriage returns: progress bars redraw their line."""
    return "\r".join(map(plain, text.split("\r")))
