"""A process of our own, asked over a pipe: a pickled question and its answer at a time.

It ends when the pipe does, so it cannot outlive its parent, however that died. Whatever it holds can be made again.
"""

import os
import subprocess
import sys
import tempfile
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any, Final

ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
"""Faster than two for up to 500 trials, and leaves the other cores to the trials."""
READY: Final = "ready"
"""What the process says first, once it has imported what it needs."""
_DIES_SECONDS: Final = 1.0
"""A process that waits for a dead file system does not die at once, and is not waited for."""


class LostError(Exception):
    """The process died or hung; the message says how."""


class HungError(LostError):
    """The process does not answer, though it lives."""


class PipedProcess:
    """One process, seen from its parent."""

    def __init__(self, module: str, startup_seconds: float) -> None:
        """Start ``python -m module DESCRIPTOR``, which has so long to import what it needs."""
        self._startup_seconds = startup_seconds
        self._pipe, theirs = Pipe()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 # lives as long as the process
        package = str(Path(__file__).parents[1])
        paths = filter(None, [package, os.environ.get("PYTHONPATH")])
        environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(paths)}
        self._popen = subprocess.Popen(  # noqa: S603 # our own module, by this interpreter
            # -P: a folder named operator/ or a script next to the user must not shadow a module
            [sys.executable, "-P", "-m", module, str(theirs.fileno())],
            env=environment,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self._errors,
            stderr=self._errors,
        )
        theirs.close()
        self._ready = False
        self.pid = self._popen.pid

    def ask(self, question: Any, timeout: float) -> Any:
        """The answer. Raises LostError."""
        try:
            if not self._ready:
                self._receive(self._startup_seconds, "start")
                self._ready = True
            self._pipe.send(question)
            return self._receive(timeout, "answer")
        except (EOFError, OSError):
            raise LostError(self._death()) from None

    def end(self) -> None:
        """Kill it: it has nothing to save."""
        self._popen.kill()
        self._wait()
        self._pipe.close()
        self._errors.close()

    def _receive(self, timeout: float, what: str) -> Any:
        if not self._pipe.poll(timeout):
            raise HungError(f"it did not {what} within {timeout:g} s")
        return self._pipe.recv()

    def _wait(self) -> int | None:
        try:
            return self._popen.wait(_DIES_SECONDS)
        except subprocess.TimeoutExpired:
            return None

    def _death(self) -> str:
        self._popen.kill()
        code = self._wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        last = f": {lines[-1]}" if lines else ""
        if code is None:
            return f"it does not die{last}"
        return (
            f"it was killed by signal {-code}{last}" if code < 0 else f"it ended with exit code {code}{last}"
        )


def pipe_of(argument: str) -> Connection:
    """The pipe to the parent, in the process itself; ``argument`` is the last of its command line."""
    return Connection(int(argument))
