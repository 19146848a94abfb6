"""The search in a process of its own, which may be killed at any time: all it holds can be computed again.

This module is both sides of the pipe (`piped`), and imports neither torch nor Ax.
"""

import contextlib
import ctypes
import logging
import os
import queue
import signal
import sys
import threading
import warnings
from collections.abc import Sequence
from multiprocessing.connection import Connection

from paretonas.api import ExperimentSpec
from paretonas.piped import READY, LostError, PipedProcess, pipe_of
from paretonas.search.types import KnownTrial, SearchError, Suggestion

Request = tuple[ExperimentSpec, tuple[KnownTrial, ...], int]
SearchAnswer = Suggestion | str
"""A suggestion, or why there is none."""

SEARCH_ATTEMPTS = 3
"""Workers that may die over one request before it is given up: the answer would be the same, so more would die
as well."""
SEARCH_STARTUP_SECONDS = 300.0
"""For importing torch and Ax: 4 s on an idle machine, over a minute was seen on one that builds at the same
time."""


class SearchWorker:
    """Suggests candidates in a worker process, which is replaced when it dies or hangs."""

    def __init__(self, timeout: float = 120.0) -> None:
        """Nothing is started yet.

        Args:
            timeout: Seconds after which a suggestion counts as hung. The largest experiments need 2.
        """
        self._timeout = timeout
        self._lock = threading.Lock()
        self._process: PipedProcess | None = None

    def suggest(self, spec: ExperimentSpec, known: Sequence[KnownTrial], count: int) -> Suggestion:
        """Suggest ``count`` points that are not known yet; may be called from any thread.

        Raises:
            SearchError: what is asked has no answer, or the worker died or hung over it several times.
        """
        request = (spec, tuple(known), count)
        with self._lock:
            reason = ""
            for _ in range(SEARCH_ATTEMPTS):
                process = self._running()
                try:
                    answer: SearchAnswer = process.ask(request, self._timeout)
                except LostError as lost:
                    reason = str(lost)
                    self._stop()
                except BaseException:
                    self._stop()  # interrupted: its answer must not meet the next request
                    raise
                else:
                    if isinstance(answer, str):
                        raise SearchError(answer)
                    return answer
            raise SearchError(
                f"the search's worker was lost {SEARCH_ATTEMPTS} times, the last time because {reason}"
            )

    def warm_up(self) -> None:
        """Let the worker start and import what it needs; returns at once."""
        if self._lock.acquire(blocking=False):  # else a suggestion is under way, and so the worker is
            try:
                self._running()
            finally:
                self._lock.release()

    def close(self) -> None:
        """End the worker. A later suggestion starts another one."""
        with self._lock:
            self._stop()

    @property
    def pid(self) -> int | None:
        """The worker's process id, while there is one."""
        return self._process.pid if self._process else None

    def _running(self) -> PipedProcess:
        if self._process is None:
            self._process = PipedProcess(__name__, SEARCH_STARTUP_SECONDS)
        return self._process

    def _stop(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None


def serve(pipe: Connection) -> None:
    """The worker: answer requests until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches us too; our parent decides
    requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
    # its own thread: our parent's end must be noticed in the middle of a suggestion
    threading.Thread(target=_listen, args=(pipe, requests), daemon=True).start()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)  # Ax tells about every step, and about settings that are deliberate
    from paretonas.search.suggest import suggest_here  # noqa: PLC0415 # torch and Ax, in this process only

    pipe.send(READY)
    while True:
        request = requests.get()
        answer: SearchAnswer
        try:
            answer = suggest_here(*request)
        except SearchError as error:
            answer = str(error)
        except Exception as error:  # noqa: BLE001 # whatever Ax raises is an answer, and the worker goes on
            answer = f"Ax raised {type(error).__name__}: {error}"
        pipe.send(answer)
        _give_back()


def _give_back() -> None:
    """Free memory goes back to the system: of a suggestion at a thousand trials, glibc would keep 100 MB and more."""
    with contextlib.suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def _listen(pipe: Connection, requests: "queue.SimpleQueue[Request]") -> None:
    try:
        while True:
            requests.put(pipe.recv())
    except (EOFError, OSError):
        os._exit(0)


if __name__ == "__main__":
    serve(pipe_of(sys.argv[1]))
