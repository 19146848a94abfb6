"""The TensorBoard logs on the shared claim, as the operator sees them."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from paretonas.backends.cluster.log_queue import Turns
from paretonas.jobs.attempt_folder import folder_name, free_attempt
from paretonas.metrics import LogFolder, Reading, Unread, Wanted
from paretonas.metrics.reader_process import Question, Read, ReaderAnswer, Size

SOON: Final = 0.1
"""Seconds for which a pass waits for what most logs are read in, if nothing else is being read."""
LOOKS: Final = 5.0
"""Seconds between two looks at how much an attempt has logged."""
FRESH: Final = 2.0
"""Seconds for which such a look tells what is now."""


@dataclass(slots=True)
class _Look:
    """One look at how much an attempt has logged."""

    answer: Future[ReaderAnswer]
    begun: float
    told: bool = False


class ClusterLogs:
    """Reads what the attempts of one experiment have logged.

    Trials write the logs, and decide how long it takes to read them: so that is done beside the passes.
    """

    def __init__(
        self, root: Callable[[], Path], experiment: str, turns: Turns, wake: Callable[[], None] = lambda: None
    ) -> None:
        """``wake`` is called once there is an answer that a caller could not wait for."""
        self._root, self._experiment, self._turns, self._wake = root, experiment, turns, wake
        self._readings: dict[tuple[str, int], Future[ReaderAnswer]] = {}
        self._looks: dict[tuple[str, int], _Look] = {}

    def read(self, trial: str, attempt: int, wanted: Sequence[Wanted]) -> Reading | Unread:
        """The metrics of an attempt that has ended. They are read once, however often they are asked for."""
        key = trial, attempt
        if key not in self._readings:
            self._readings[key] = self._asked(Read(self._folder(trial, attempt), tuple(wanted)))
        if not self._readings[key].done():
            return Unread()
        if error := self._readings[key].exception():
            del self._readings[key]
            return Unread(f"its logs cannot be read: {error}; it is tried again")
        answer = self._readings[key].result()
        return answer if isinstance(answer, Reading) else Unread()

    def size(self, trial: str, attempt: int) -> int | None:
        """Bytes that an attempt has logged so far; None when nobody has looked just now."""
        key, now = (trial, attempt), time.monotonic()
        look = self._looks.get(key)
        if look is None or (look.answer.done() and now - look.begun >= LOOKS):
            look = self._looks[key] = _Look(self._asked(Size(self._folder(trial, attempt))), now)
        if (
            look.told
            or not look.answer.done()
            or look.answer.exception()
            or time.monotonic() - look.begun >= FRESH
        ):
            return None
        look.told = True
        size = look.answer.result()
        return size if isinstance(size, int) else None

    def free_attempt(self, trial: str, number: int) -> int:
        """The first number from this one on whose folder does not exist yet. Raises SubmitError."""
        folder = LogFolder(self._root(), (self._experiment, trial))
        return free_attempt(lambda attempt: folder.has(folder_name(attempt)), folder.path, number)

    def _folder(self, trial: str, attempt: int) -> LogFolder:
        return LogFolder(self._root(), (self._experiment, trial, folder_name(attempt)))

    def _asked(self, question: Question) -> Future[ReaderAnswer]:
        """The answer to come, which is there already if nothing else is read and there is little to read."""
        at_once = self._turns.idle
        answer = self._turns.ask(self, question)
        if at_once:
            wait([answer], SOON)
        if not answer.done():
            answer.add_done_callback(lambda _: self._wake())
        return answer
