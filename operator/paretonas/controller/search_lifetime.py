"""When the search process runs: while an experiment searches, and for a while after that (docs/adr/0019).

It holds 0.75 GB, which is torch and Ax, and starts in seconds.
"""

import logging
import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

from paretonas.api import NASExperiment
from paretonas.controller.dispatch import Dispatcher
from paretonas.engine.ports import Search

_log = logging.getLogger(__name__)

_PROCESS = "search process"
"""The only key of the dispatcher."""


class SearchProcess(Search, Protocol):
    """The search, in a process that can be ended, and that every question starts again."""

    def warm_up(self) -> None:
        """Start the process, if none runs, and return without waiting for it."""

    def end_if_idle(self) -> bool:
        """End the process unless it computes an answer; return whether none runs now."""

    @property
    def running(self) -> bool:
        """Whether the process runs."""


@dataclass(frozen=True, slots=True)
class Demand:
    """The experiments that search, and since when there is none."""

    experiments: frozenset[Hashable] = frozenset()
    none_since: float = 0.0
    """Seconds of the clock; of use only while no experiment searches."""

    def after(self, key: Hashable, now: float, *, searches: bool) -> "Demand":
        """The demand once it is known whether an experiment searches."""
        experiments = self.experiments | {key} if searches else self.experiments - {key}
        return Demand(experiments, now if self.experiments and not experiments else self.none_since)


def searches(experiment: NASExperiment) -> bool:
    """Whether the search may be asked for a candidate of a valid experiment.

    One that is suspended or being stopped is unfinished, but asks for nothing, perhaps for weeks.
    """
    return not (experiment.status.finished or experiment.spec.suspend or experiment.spec.stop)


def seconds_left(demand: Demand, now: float, idle_seconds: float) -> float | None:
    """Seconds that the search process is kept; None while it is needed, and is to be started if none runs."""
    return None if demand.experiments else max(0.0, demand.none_since + idle_seconds - now)


class SearchLifetime:
    """Starts and ends the search process. Nothing is lost if it is ended too early: a question starts it again."""

    def __init__(self, process: SearchProcess, idle_seconds: float) -> None:
        """Nothing happens before `start`.

        Args:
            process: the search.
            idle_seconds: how long the process is kept once no experiment searches.
        """
        self._process, self._idle_seconds = process, idle_seconds
        self._lock = threading.Lock()
        self._demand = Demand(none_since=time.monotonic())
        self._looks = Dispatcher[str](self._look, name="search", workers=1)

    def start(self) -> None:
        """Start watching the process."""
        self._looks.start()

    def stop(self, timeout: float) -> None:
        """Stop watching it; the process ends with this one."""
        self._looks.stop(timeout)

    def note(self, key: Hashable, *, searches: bool) -> None:
        """Take in whether an experiment searches. To be called after every pass over it."""
        with self._lock:
            self._demand = self._demand.after(key, time.monotonic(), searches=searches)
        self._looks.mark(_PROCESS)

    def _look(self, _: str) -> None:
        """Start or end the process, if it is time."""
        left = seconds_left(self._demand, time.monotonic(), self._idle_seconds)
        if left is None:
            self._process.warm_up()
        elif left > 0:
            self._looks.mark(_PROCESS, left)
        else:
            if self._process.running:
                _log.info("no experiment has searched for %g s: the search process ends", self._idle_seconds)
            if not self._process.end_if_idle():
                self._looks.mark(_PROCESS, self._idle_seconds)
