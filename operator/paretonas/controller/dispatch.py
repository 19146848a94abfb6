"""Work by key: simultaneous changes cause one run, and no key is worked on by two threads at once."""

import logging
import random
import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_log = logging.getLogger(__name__)

FIRST_DELAY, LONGEST_DELAY = 0.5, 60.0
"""Seconds before a failed key is retried: doubled each time, with up to 25 % jitter."""


class Dispatcher(Generic[K]):
    """Runs ``work(key)`` in a few threads for every marked key."""

    def __init__(self, work: Callable[[K], None], *, name: str, workers: int) -> None:
        self._work = work
        self._changed = threading.Condition()
        self._due: dict[K, float] = {}
        self._running: dict[K, float] = {}
        self._failures: dict[K, int] = {}
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True) for number in range(workers)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> None:
        """Start no further work, and wait at most ``timeout`` seconds for the current work."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def mark(self, key: K, delay: float = 0.0) -> None:
        """Schedule work on the key, after ``delay`` seconds; the earliest of several marks counts."""
        due = time.monotonic() + delay
        with self._changed:
            if due < self._due.get(key, float("inf")):
                self._due[key] = due
                self._changed.notify()

    def forget(self, key: K) -> None:
        """Drop a key's marks."""
        with self._changed:
            self._due.pop(key, None)
            self._failures.pop(key, None)

    def failures(self, key: K) -> int:
        """How many times in a row the work on a key has failed."""
        with self._changed:
            return self._failures.get(key, 0)

    def lateness(self) -> float:
        """The longest time in seconds that any work is overdue or has been running."""
        now = time.monotonic()
        with self._changed:
            times = [*self._running.values(), *(d for k, d in self._due.items() if k not in self._running)]
        return max((now - t for t in times), default=0.0)

    def _run(self) -> None:
        while (key := self._next()) is not None:
            try:
                self._work(key)
            except Exception:  # noqa: BLE001 # the other keys go on, and this one is retried
                delay = self._delay(key)
                _log.exception("work on %s failed; again in %.1f s", key, delay)
                self.mark(key, delay)
            else:
                with self._changed:
                    self._failures.pop(key, None)
            finally:
                with self._changed:
                    del self._running[key]
                    self._changed.notify()

    def _next(self) -> K | None:
        with self._changed:
            while not self._stopping:
                now = time.monotonic()
                waiting = [(due, key) for key, due in self._due.items() if key not in self._running]
                due, key = min(waiting, key=lambda item: item[0], default=(float("inf"), None))
                if key is not None and due <= now:
                    del self._due[key]
                    self._running[key] = now
                    return key
                self._changed.wait(None if key is None else due - now)
        return None

    def _delay(self, key: K) -> float:
        with self._changed:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** (failures - 1))
        return delay * random.uniform(1.0, 1.25)  # noqa: S311 # jitter is not a secret
