"""The loop of a local run: passes until the experiment is finished or the user interrupts it."""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Protocol

from paretonas.api import NASTrial
from paretonas.api.reasons import Hindrance
from paretonas.cli.background_search import BackgroundSearch
from paretonas.cli.interrupts import Interrupts, LeaveAtOnce
from paretonas.cli.live import Display
from paretonas.engine.engine import Snapshot
from paretonas.engine.events import events
from paretonas.engine.ports import Jobs
from paretonas.jobs.job import Job

LOOK_SECONDS = 0.1
"""Time between two looks at the running jobs, so how long a slot may stay free. A look takes about 0.2 ms per job."""

PASS_SECONDS = 1.0
"""Time between two passes if no job has changed, for what depends on the clock alone, such as deadlines."""

RETRY_SECONDS = 5.0
"""Time until a store that could not be written is tried again, or a search that failed is asked again."""

TRIES_IN_VAIN = 3
"""Failed tries in a row that end a run in which nothing else is running, so that it does not retry for ever."""


class Ending(Enum):
    """Why the loop ended."""

    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    LEFT = "left"
    """Interrupted twice: running trials were killed."""
    LIMIT_REACHED = "limit reached"
    """Nothing is running, and the engine's limit lets nothing more begin."""
    GAVE_UP = "gave up"
    """Nothing is running, and several tries in a row failed for the reason in `Snapshot.trouble`."""


class Passes(Protocol):
    """The part of the engine that the loop uses."""

    def run_pass(self, *, draining: bool = False, ask: bool = True) -> Snapshot:
        """Make one pass."""

    def ask(self) -> None:
        """Ask the search for the missing candidates."""


class KillableJobs(Jobs, Protocol):
    """Jobs that can be killed without a grace period."""

    def kill(self, trial: str, attempt: int) -> None:
        """Kill an attempt's processes immediately."""


class Session:
    """The loop that advances one experiment until it is finished or interrupted."""

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
        self._search = BackgroundSearch(engine.ask)
        self._ask_after = 0.0
        self._count_after = 0.0
        self._in_vain = 0
        self._write_trouble = ""

    def run(self, snapshot: Snapshot) -> tuple[Ending, Snapshot]:
        """Make passes until the run ends.

        Args:
            snapshot: The stored state at the start.

        Returns:
            Why the run ended, and the stored state at the end.
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
                self._display.say("stopping the trials … (press Ctrl-C again to exit immediately)")
            try:
                answered = self._search.take_answer()
                look = self._look()
                if answered or look != seen or time.monotonic() >= next_pass:
                    # the look is taken before the pass, so that the next look notices a change during the pass
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
            self._display.say("the folder can be written again; continuing")
        self._count_trouble(after, answered=answered)
        if after.missing and not draining and self._may_ask():
            self._search.begin()
        self._display.show(after, events(before, after))

    def _may_ask(self) -> bool:
        return not self._search.open and not self._hopeless and time.monotonic() >= self._ask_after

    @property
    def _hopeless(self) -> bool:
        return self._in_vain >= TRIES_IN_VAIN

    def _count_trouble(self, snapshot: Snapshot, *, answered: bool) -> None:
        """Count failed tries: a pass tries to submit jobs, an answer shows whether the search failed."""
        trouble, now = snapshot.trouble, time.monotonic()
        if snapshot.search_trouble is None:
            self._ask_after = 0.0
        elif answered:
            self._ask_after = now + RETRY_SECONDS
        if trouble is None:
            self._in_vain = 0
        elif answered or trouble.reason is Hindrance.SUBMIT_FAILED:
            if any(not job.over for job in self._look().values()):
                self._in_vain = 0  # a job that ends may remove the cause
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
            if self._snapshot.limit_reached:
                return Ending.LIMIT_REACHED
        return Ending.GAVE_UP if self._hopeless and not draining else None

    def _look(self) -> Mapping[str, Job]:
        """The jobs of open attempts in their current state."""
        return self._jobs.observe((t.name, t.last_attempt) for t in self._open())

    def _open(self) -> list[NASTrial]:
        return [t for t in self._trials() if t.attempt is not None]

    def _cannot_write(self, error: OSError) -> None:
        where = error.filename or "the runs folder"
        trouble = (
            f"cannot use {where}: {error.strerror or error}; free some space or make it writable, and the run "
            f"continues (trying every {RETRY_SECONDS:.0f} s)"
        )
        if trouble != self._write_trouble:
            self._display.say(trouble)
        self._write_trouble = trouble

    def _abandon(self) -> Ending:
        """Stop the running jobs without writing anything: the next run finds that they ended, and retries them."""
        while any(not job.over for job in self._look().values()):
            for trial in self._open():
                with contextlib.suppress(OSError):  # a job that was not started yet: the next run starts it
                    self._jobs.cancel(trial.name, trial.last_attempt)
            self._pause(LOOK_SECONDS)
        return Ending.INTERRUPTED
