"""A child process that answers questions over a pipe, one pickled question and answer at a time.

The process exits when the pipe is closed, so it cannot outlive its parent, however the parent died. It keeps no state
that cannot be recreated.
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
"""One thread is faster than two for up to 500 trials, and it leaves the other cores to the trials."""
READY: Final = "ready"
"""The first message of the process, sent once its imports are done."""
_DIES_SECONDS: Final = 1.0
"""How long to wait for a killed process: one that is blocked by a dead file system does not exit at once."""


class LostError(Exception):
    """The process died or hung; the message tells which."""


class HungError(LostError):
    """The process is alive, but did not answer in time."""


class PipedProcess:
    """The parent's end of one child process."""

    def __init__(self, module: str, startup_seconds: float) -> None:
        """Start ``python -m module DESCRIPTOR``.

        Args:
            module: The module to run; it opens its end of the pipe with `pipe_of`.
            startup_seconds: How long the process may take to import its modules.
        """
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
        """Send a question and return the answer.

        Args:
            question: Anything that can be pickled.
            timeout: How long to wait for the answer, in seconds.

        Raises:
            LostError: The process died or hung.
        """
        try:
            if not self._ready:
                self._receive(self._startup_seconds, "start")
                self._ready = True
            self._pipe.send(question)
            return self._receive(timeout, "answer")
        except (EOFError, OSError):
            raise LostError(self._death()) from None

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._popen.poll() is None

    def end(self) -> None:
        """Kill the process: it has nothing to save."""
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
            return f"it cannot be killed{last}"
        return f"it was killed by signal {-code}{last}" if code < 0 else f"it ended with exit code {code}{last}"


def pipe_of(argument: str) -> Connection:
    """Open the pipe to the parent, from within the process; ``argument`` is the last one on its command line."""
    return Connection(int(argument))
