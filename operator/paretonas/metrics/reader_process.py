"""Reading logs in a separate process, which may be killed at any time, since the content of logs is untrusted.

This module contains both sides of the pipe (`piped`).
"""

import os
import resource
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final

from paretonas.metrics.curve import Points
from paretonas.metrics.limits import MOST_SECONDS
from paretonas.metrics.live_curves import KEPT
from paretonas.metrics.log_folder import LogFolder
from paretonas.metrics.reader import LogReader, count_logged
from paretonas.metrics.reduction import Reading, Wanted, unread
from paretonas.piped import READY, HungError, LostError, PipedProcess, pipe_of

HUNG_SECONDS: Final = 300.0
"""How long to wait for an answer: five times the processor time that reading may take, to allow for a slow file
system."""
READER_ATTEMPTS: Final = 2
"""The number of processes that may die while answering one question; a third would die as well."""
READER_STARTUP_SECONDS: Final = 60.0
"""The time allowed for importing numpy, which takes 0.2 s on an idle machine."""
MOST_MEMORY: Final = 512 << 20
"""Bytes, twice what a reading within the limits takes; two of them and the search fit into the operator's 2 GiB."""
READER_GRACE_SECONDS: Final = 30
"""Of processor time beyond the limit of a reading, before its process is killed: a record of 16 MiB can take ten."""
NICENESS: Final = 10
"""Lowers the priority of reading below that of passes."""

LATE_TRIES: Final = 3
LATE_SECONDS: Final = 0.5
"""A network file system may show another node's last bytes late (NFS caches attributes for some seconds), so that
missing metrics are looked for again, behind what has been read, before a trial is failed for them."""


@dataclass(frozen=True, slots=True)
class Read:
    """What do the logs say about these metrics?"""

    folder: LogFolder
    wanted: tuple[Wanted, ...]

    def answer(self) -> Reading:
        """Read the logs, and again if a metric is still missing."""
        reader = LogReader(self.folder, {metric.tag for metric in self.wanted})
        for again in range(LATE_TRIES):
            if again:
                time.sleep(LATE_SECONDS)
            reader.poll()
            reading = reader.reading(self.wanted)
            if len(reading.values) + len(reading.not_finite) + len(reading.ambiguous) >= len(self.wanted):
                break
        return reading

    def unanswered(self, why: str) -> Reading:
        """The answer when there is none."""
        return unread(self.wanted, f"the logs could not be read: {why}")


@dataclass(frozen=True, slots=True)
class Size:
    """How many bytes have been logged?"""

    folder: LogFolder

    def answer(self) -> int:
        """Look at the files."""
        return count_logged(self.folder)

    def unanswered(self, _: str) -> None:
        """The answer when there is none."""


@dataclass(frozen=True, slots=True)
class Curves:
    """What has been logged of these metrics so far?"""

    folder: LogFolder
    wanted: tuple[Wanted, ...]

    def answer(self) -> Mapping[str, Points]:
        """Read what is new."""
        return KEPT.look(self.folder, self.wanted)

    def unanswered(self, _: str) -> None:
        """The answer when there is none."""


Question = Read | Size | Curves
ReaderAnswer = Reading | int | Mapping[str, Points] | None


class LogProcess:
    """Answers questions, one at a time, in a process that is replaced if it dies or hangs.

    Not safe for use by several threads at once.
    """

    def __init__(self, hung_seconds: float = HUNG_SECONDS) -> None:
        """Prepare to start the process with the first question."""
        self._hung_seconds = hung_seconds
        self._process: PipedProcess | None = None

    def ask(self, question: Question) -> ReaderAnswer:
        """Return the answer, even if the process dies while answering.

        Raises:
            HungError: The process does not answer, although its processor time is limited: the file system hangs.
        """
        why = ""
        for _ in range(READER_ATTEMPTS):
            try:
                if self._process is None:
                    self._process = PipedProcess(__name__, READER_STARTUP_SECONDS)
                answer: ReaderAnswer = self._process.ask(question, self._hung_seconds)
            except HungError:
                self.close()
                raise
            except LostError as lost:
                why = f"the process that reads them was lost, since {lost}"
                self.close()
            else:
                return answer
        return question.unanswered(why)

    def close(self) -> None:
        """End the process. A later question starts another one."""
        if self._process is not None:
            self._process.end()
            self._process = None

    @property
    def pid(self) -> int | None:
        """The process id, while there is one."""
        return self._process.pid if self._process else None


def serve(pipe: Connection) -> None:
    """Run the process: answer questions until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches us too; our parent decides
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    pipe.send(READY)
    while True:
        try:
            question: Question = pipe.recv()
        except (EOFError, OSError):
            return
        used = resource.getrusage(resource.RUSAGE_SELF)
        most = int(used.ru_utime + used.ru_stime + MOST_SECONDS) + READER_GRACE_SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))
        pipe.send(_answer(question))


def _answer(question: Question) -> ReaderAnswer:
    try:
        return question.answer()
    except MemoryError:
        if KEPT.clear():  # which must not cost anybody a reading
            return _answer(question)
        return question.unanswered(f"they take more than {MOST_MEMORY >> 20} MiB of memory; log less")


if __name__ == "__main__":
    serve(pipe_of(sys.argv[1]))
