"""The search in a process of its own, which may be killed at any time: all it holds can be computed again.

The parent and the worker talk over one pipe, a pickled request and its answer at a time. The worker ends when
the pipe does, so it cannot outlive its parent, however that died. This module is both sides, and imports
neither torch nor Ax.
"""

import contextlib
import ctypes
import logging
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO

from paretonas.api import ExperimentSpec
from paretonas.search.types import KnownTrial, SearchError, Suggestion

Request = tuple[ExperimentSpec, tuple[KnownTrial, ...], int]
Answer = Suggestion | str
"""A suggestion, or why there is none."""

ATTEMPTS = 3
"""Workers that may die over one request before it is given up: the answer would be the same, so more would die
as well."""
STARTUP_SECONDS = 300.0
"""For importing torch and Ax: 4 s on an idle machine, over a minute was seen on one that builds at the same
time."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
"""Faster than two for up to 500 trials, and leaves the other cores to the trials."""
READY = "ready"


class SearchWorker:
    """Suggests candidates in a worker process, which is replaced when it dies or hangs."""

    def __init__(self, timeout: float = 120.0) -> None:
        """Nothing is started yet.

        Args:
            timeout: Seconds after which a suggestion counts as hung. The largest experiments need 2.
        """
        self._timeout = timeout
        self._lock = threading.Lock()
        self._process: _Process | None = None

    def suggest(self, spec: ExperimentSpec, known: Sequence[KnownTrial], count: int) -> Suggestion:
        """Suggest ``count`` points that are not known yet; may be called from any thread.

        Raises:
            SearchError: what is asked has no answer, or the worker died or hung over it several times.
        """
        request = (spec, tuple(known), count)
        with self._lock:
            reason = ""
            for _ in range(ATTEMPTS):
                process = self._running()
                try:
                    answer = process.ask(request, self._timeout)
                except _LostError as lost:
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
                f"the search's worker was lost {ATTEMPTS} times, the last time because {reason}"
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

    def _running(self) -> "_Process":
        if self._process is None:
            self._process = _Process()
        return self._process

    def _stop(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None


class _LostError(Exception):
    """The worker died or hung; the message says how."""


class _Process:
    """One worker process, seen from the parent."""

    def __init__(self) -> None:
        self._pipe, theirs = Pipe()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 # lives as long as the process
        package = str(Path(__file__).parents[2])
        paths = filter(None, [package, os.environ.get("PYTHONPATH")])
        environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(paths)}
        self._popen = subprocess.Popen(  # noqa: S603 # our own module, by this interpreter
            # -P: a folder named operator/ or a script next to the user must not shadow a module
            [sys.executable, "-P", "-m", __name__, str(theirs.fileno())],
            env=environment,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self._errors,
            stderr=self._errors,
        )
        theirs.close()
        self._ready = False
        self.pid = self._popen.pid

    def ask(self, request: Request, timeout: float) -> Answer:
        """Raises _LostError."""
        try:
            if not self._ready:
                self._receive(STARTUP_SECONDS, "start")
                self._ready = True
            self._pipe.send(request)
            return self._receive(timeout, "answer")
        except (EOFError, OSError):
            raise _LostError(self._death()) from None

    def _receive(self, timeout: float, what: str) -> Answer:
        if not self._pipe.poll(timeout):
            raise _LostError(f"it did not {what} within {timeout:g} s")
        received: Answer = self._pipe.recv()
        return received

    def _death(self) -> str:
        self._popen.kill()
        code = self._popen.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        last = f": {lines[-1]}" if lines else ""
        return (
            f"it was killed by signal {-code}{last}" if code < 0 else f"it ended with exit code {code}{last}"
        )

    def end(self) -> None:
        """Kill it: it has nothing to save."""
        self._popen.kill()
        self._popen.wait()
        self._pipe.close()
        self._errors.close()


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
        answer: Answer
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
    serve(Connection(int(sys.argv[1])))
