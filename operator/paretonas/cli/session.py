"""The loop of a local run: passes until the experiment is finished, or its user ends it."""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Protocol

from paretonas.api import NASTrial
from paretonas.cli.background_search import Asking
from paretonas.cli.interrupts import Interrupts, LeaveAtOnce
from paretonas.cli.live import Display
from paretonas.engine.engine import Snapshot
from paretonas.engine.events import events
from paretonas.engine.ports import Jobs
from paretonas.engine.trouble import Hindrance
from paretonas.jobs.job import Job

LOOK_SECONDS = 0.1
"""Between two looks at the running jobs: what a free slot waits for at most. A look takes some 0.2 ms a job."""

PASS_SECONDS = 1.0
"""A pass is made when a job has changed, and this often for what only the clock tells, such as deadlines."""

RETRY_SECONDS = 5.0
"""Until a store that cannot be written is tried again, or a search that failed is asked again."""

TRIES_IN_VAIN = 3
"""In a row, that end a run in which nothing goes on: whatever hinders it, it is said and not tried for ever."""


class Ending(Enum):
    """Why the loop ended."""

    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    LEFT = "left"
    """Interrupted twice: what ran was killed."""
    GAVE_UP = "gave up"
    """Nothing runs, and what keeps it from going on (`Snapshot.trouble`) has not changed for some tries."""


class Passes(Protocol):
    """The engine, as the loop needs it."""

    def run_pass(self, *, draining: bool = False, ask: bool = True) -> Snapshot:
        """Make one pass."""

    def ask(self) -> None:
        """Ask the search for the candidates that are missing."""


class KillableJobs(Jobs, Protocol):
    """Jobs that can be ended without their having a say."""

    def kill(self, trial: str, attempt: int) -> None:
        """End an attempt's processes at once."""


class Session:
    """Brings one experiment forward until it is finished or interrupted."""

    def __init__(
        self,
        engine: Passes,
        jobs: KillableJobs,
        trials: Callable[[], Sequence[NASTrial]],
        display: Display,
        interrupts: Interrupts,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine, self._jobs, self._trials = engine, jobs, trials
        self._display, self._interrupts, self._pause = display, interrupts, pause
        self._asking = Asking(engine.ask)
        self._ask_after = 0.0
        self._count_after = 0.0
        self._in_vain = 0
        self._write_trouble = ""

    def run(self, snapshot: Snapshot) -> tuple[Ending, Snapshot]:
        """Make passes, from what is stored on.

        Returns:
            How it ended, and what is stored then.
        """
        self._snapshot = snapshot
        try:
            ending = self._loop()
        except LeaveAtOnce:
            ending = Ending.LEFT
            for trial in self._open():
                self._jobs.kill(trial.name, trial.last_attempt)
        return ending, self._snapshot

    def _loop(self) -> Ending:
        seen: Mapping[str, Job] | None = None
        next_pass = 0.0
        draining = False
        while True:
            if self._interrupts.requested and not draining:
                draining, seen = True, None
                self._display.say("stopping the trials … (once more: leave at once)")
            try:
                answered = self._asking.answered()
                look = self._look()
                if answered or look != seen or time.monotonic() >= next_pass:
                    # the look comes first: what changes during the pass is a change for the next look
                    seen = look
                    self._pass(draining=draining, answered=answered)
                    next_pass = time.monotonic() + PASS_SECONDS
            except OSError as error:
                self._cannot_write(error)
                if draining:
                    return self._abandon()
                next_pass = self._ask_after = time.monotonic() + RETRY_SECONDS
            if ending := self._ending(draining=draining):
                return ending
            self._pause(LOOK_SECONDS)

    def _pass(self, *, draining: bool, answered: bool) -> None:
        before = self._snapshot
        self._snapshot = after = self._engine.run_pass(draining=draining, ask=False)
        if self._write_trouble:
            self._write_trouble = ""
            self._display.say("the folder can be written again; going on")
        self._count_trouble(after, answered=answered)
        if after.missing and not draining and self._may_ask():
            self._asking.begin()
        self._display.show(after, events(before, after))

    def _may_ask(self) -> bool:
        return not self._asking.open and not self._hopeless and time.monotonic() >= self._ask_after

    @property
    def _hopeless(self) -> bool:
        return self._in_vain >= TRIES_IN_VAIN

    def _count_trouble(self, snapshot: Snapshot, *, answered: bool) -> None:
        """Count what was tried in vain: a pass tries to submit, an answer tells of the search."""
        trouble, now = snapshot.trouble, time.monotonic()
        if trouble is None:
            self._in_vain, self._ask_after = 0, 0.0
        elif answered or trouble.reason is Hindrance.SUBMIT_FAILED:
            if answered:
                self._ask_after = now + RETRY_SECONDS
            if any(not job.over for job in self._look().values()):
                self._in_vain = 0  # its end may change what hinders
            elif now >= self._count_after:
                self._in_vain, self._count_after = self._in_vain + 1, now + RETRY_SECONDS

    def _ending(self, *, draining: bool) -> Ending | None:
        if self._write_trouble:
            return None
        if not self._snapshot.running:
            if self._snapshot.status.finished:
                return Ending.FINISHED
            if draining:
                return Ending.INTERRUPTED
        return Ending.GAVE_UP if self._hopeless and not draining else None

    def _look(self) -> Mapping[str, Job]:
        """The jobs of open attempts as they are now."""
        return self._jobs.observe((t.name, t.last_attempt) for t in self._open())

    def _open(self) -> list[NASTrial]:
        return [t for t in self._trials() if t.attempt is not None]

    def _cannot_write(self, error: OSError) -> None:
        where = error.filename or "the runs folder"
        trouble = (
            f"cannot use {where}: {error.strerror or error}; free space or make it writable, then it goes on by itself "
            f"(trying every {RETRY_SECONDS:.0f} s)"
        )
        if trouble != self._write_trouble:
            self._display.say(trouble)
        self._write_trouble = trouble

    def _abandon(self) -> Ending:
        """Stop what runs without writing why: the next run sees attempts that ended, and takes them up again."""
        while any(not job.over for job in self._look().values()):
            for trial in self._open():
                with contextlib.suppress(OSError):  # of one that has not begun: the next run begins it
                    self._jobs.cancel(trial.name, trial.last_attempt)
            self._pause(LOOK_SECONDS)
        return Ending.INTERRUPTED
