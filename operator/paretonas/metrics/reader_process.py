"""Logs read in a process of their own, which may be killed at any time: a trial's author decides what stands in them.

This module is both sides of the pipe (`piped`).
"""

import os
import resource
import signal
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final

from paretonas.metrics.limits import MOST_SECONDS
from paretonas.metrics.log_folder import LogFolder
from paretonas.metrics.reader import LogReader, count_logged
from paretonas.metrics.reduction import Reading, Wanted, unread
from paretonas.piped import READY, HungError, LostError, PipedProcess, pipe_of

HUNG_SECONDS: Final = 300.0
"""After which an answer is not waited for any more: five times the processor time that reading may take, for a slow
file system."""
READER_ATTEMPTS: Final = 2
"""Processes that may die over one question: a third would as well."""
READER_STARTUP_SECONDS: Final = 60.0
"""For importing numpy: 0.2 s on an idle machine."""
MOST_MEMORY: Final = 512 << 20
"""Bytes, twice what a reading within the limits takes; two of them and the search fit into the operator's 2 GiB."""
READER_GRACE_SECONDS: Final = 30
"""Of processor time beyond the limit of a reading, before its process is killed: a record of 16 MiB can take ten."""
NICENESS: Final = 10
"""So that passes go first, whatever is read."""

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
        """Reads the logs, and what is still missing once more."""
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
        """Looks at the files."""
        return count_logged(self.folder)

    def unanswered(self, _: str) -> None:
        """The answer when there is none."""


Question = Read | Size
ReaderAnswer = Reading | int | None


class LogProcess:
    """Answers one question after the other in a process, which is replaced when it dies or hangs.

    Not safe for use by several threads at once.
    """

    def __init__(self, hung_seconds: float = HUNG_SECONDS) -> None:
        """Nothing is started yet."""
        self._hung_seconds = hung_seconds
        self._process: PipedProcess | None = None

    def ask(self, question: Question) -> ReaderAnswer:
        """Returns the answer, also when the process dies over it.

        Raises:
            HungError: It does not answer, though it may take no more processor time: the file system does not.
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
        """Ends the process. A later question starts another one."""
        if self._process is not None:
            self._process.end()
            self._process = None

    @property
    def pid(self) -> int | None:
        """The process id, while there is one."""
        return self._process.pid if self._process else None


def serve(pipe: Connection) -> None:
    """The process itself: answer questions until the pipe ends."""
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
        answer: ReaderAnswer
        try:
            answer = question.answer()
        except MemoryError:
            answer = question.unanswered(f"they take more than {MOST_MEMORY >> 20} MiB of memory; log less")
        pipe.send(answer)


if __name__ == "__main__":
    serve(pipe_of(sys.argv[1]))
