"""The search in its own process, which may be killed at any time, since it can compute everything again.

This module has both ends of the pipe (`paretonas.piped`). Importing it imports neither torch nor Ax.
"""

import contextlib
import ctypes
import gc
import importlib
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection

from paretonas.api import ExperimentSpec
from paretonas.extras import Extra, require
from paretonas.piped import READY, LostError, PipedProcess, pipe_of
from paretonas.search.runtime import quiet
from paretonas.search.types import KnownTrial, SearchError, Suggestion

Request = tuple[ExperimentSpec, tuple[KnownTrial, ...], int]
SearchAnswer = Suggestion | str
"""A suggestion, or the reason why there is none."""

SEARCH_ATTEMPTS = 3
"""The number of workers that may die over one request before it is given up. The next one would compute the same, and
die as well."""
SEARCH_STARTUP_SECONDS = 300.0
"""The time that a worker may take to import torch. It takes 1.5 s on an idle machine, and took ten on one that was busy
with a build."""
SUGGESTION_SECONDS = 300.0
"""The time after which a suggestion counts as hung. The largest experiments need 2, but the first one of the model may
wait for the import of Ax, which took over a minute on a busy machine."""
IDLE_SECONDS = 1.0
"""The worker imports Ax once it has had no request for so long. The first request comes as soon as the worker can
answer it, and its candidates do not need Ax."""

_MODEL = "paretonas.search.model"
"""The module that imports Ax."""

_log = logging.getLogger(__name__)


class SearchWorker:
    """Suggests candidates in a worker process, which is replaced when it dies or hangs."""

    def __init__(self, timeout: float = SUGGESTION_SECONDS) -> None:
        """Create the object. The first request starts the process.

        Args:
            timeout: The time in seconds after which a suggestion counts as hung.

        Raises:
            MissingExtra: The search is not installed.
        """
        require(Extra.LOCAL)
        self._timeout = timeout
        self._lock = threading.Lock()
        self._process: PipedProcess | None = None

    def suggest(self, spec: ExperimentSpec, known: Sequence[KnownTrial], count: int) -> Suggestion:
        """Suggest ``count`` points that are not known yet. May be called from any thread.

        Raises:
            SearchError: The request has no answer, or the worker died or hung over it `SEARCH_ATTEMPTS` times.
        """
        request = (spec, tuple(known), count)
        with self._lock:
            reason = ""
            for _ in range(SEARCH_ATTEMPTS):
                process = self._ensure_running()
                try:
                    answer: SearchAnswer = process.ask(request, self._timeout)
                except LostError as lost:
                    reason = str(lost)
                    _log.info("the search process was lost: %s", reason)
                    self._stop()
                except BaseException:
                    self._stop()  # its answer must not be mistaken for the answer to the next request
                    raise
                else:
                    if isinstance(answer, str):
                        raise SearchError(answer)
                    return answer
            raise SearchError(f"the search's worker was lost {SEARCH_ATTEMPTS} times, the last time because {reason}")

    def warm_up(self) -> None:
        """Let the worker start and import what it needs, and return without waiting for it."""
        if self._lock.acquire(blocking=False):  # if it is held, a suggestion is being computed, so a worker runs
            try:
                self._ensure_running()
            finally:
                self._lock.release()

    def end_if_idle(self) -> bool:
        """End the worker, unless it computes a suggestion. A later suggestion starts another one.

        Returns:
            Whether no worker runs now.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._stop()
        finally:
            self._lock.release()
        return True

    def close(self) -> None:
        """End the worker, after the suggestion that it may be computing. A later suggestion starts another one."""
        with self._lock:
            self._stop()

    @property
    def running(self) -> bool:
        """Whether there is a worker, and it is alive."""
        process = self._process
        return process is not None and process.alive

    @property
    def pid(self) -> int | None:
        """The worker's process id; None if none runs."""
        return self._process.pid if self._process else None

    def _ensure_running(self) -> PipedProcess:
        """The process, which is started if none runs."""
        if self._process is None:
            self._process = PipedProcess(__name__, SEARCH_STARTUP_SECONDS)
            _log.info("the search process has started, with the process id %d", self._process.pid)
        return self._process

    def _stop(self) -> None:
        if self._process is not None:
            self._process.end()
            _log.info("the search process has ended")
            self._process = None


def serve(pipe: Connection) -> None:
    """Run the worker: answer requests until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches this process too; its parent decides
    requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
    # a thread of its own notices that the parent has ended even during a suggestion
    threading.Thread(target=_listen, args=(pipe, requests), daemon=True).start()
    with _importing():
        from paretonas.search.suggest import suggest_here  # noqa: PLC0415 # torch, in this process only

    pipe.send(READY)
    while True:
        request = _next(requests)
        answer: SearchAnswer
        try:
            answer = suggest_here(*request)
        except SearchError as error:
            answer = str(error)
        except Exception as error:  # noqa: BLE001 # an error of Ax is an answer, and the worker continues
            answer = f"Ax raised {type(error).__name__}: {error}"
        pipe.send(answer)
        _release_memory()


def _next(requests: "queue.SimpleQueue[Request]") -> Request:
    """The next request; meanwhile the worker imports Ax, if it has time."""
    if _MODEL not in sys.modules:
        with contextlib.suppress(queue.Empty):
            return requests.get(timeout=IDLE_SECONDS)
        with _importing():
            importlib.import_module(_MODEL)
    return requests.get()


@contextlib.contextmanager
def _importing() -> Iterator[None]:
    """Import quietly, and without garbage collection: of objects that all stay, it takes a fifth of the time."""
    gc.disable()
    try:
        with quiet():
            yield
    finally:
        gc.freeze()  # later collections pass them over
        gc.enable()


def _release_memory() -> None:
    """Return free memory to the system. After a suggestion at a thousand trials, glibc would keep 100 MB and more."""
    with contextlib.suppress(AttributeError, OSError):  # other C libraries have no such function
        ctypes.CDLL(None).malloc_trim(0)


def _listen(pipe: Connection, requests: "queue.SimpleQueue[Request]") -> None:
    """Queue the requests, and exit the process when the parent closes the pipe."""
    try:
        while True:
            requests.put(pipe.recv())
    except (EOFError, OSError):
        os._exit(0)


if __name__ == "__main__":
    serve(pipe_of(sys.argv[1]))
