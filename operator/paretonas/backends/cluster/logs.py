"""The TensorBoard logs on the shared claims."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from paretonas.backends.cluster.log_queue import LogQueue
from paretonas.jobs.attempt_folder import folder_name, free_attempt, has_folders
from paretonas.metrics import LogFolder, Points, Reading, Unread, Wanted
from paretonas.metrics.reader_process import Curves, Question, Read, ReaderAnswer, Size

SOON: Final = 0.1
"""Seconds that a pass waits for an answer if nothing else is being read; most logs are read in less."""
LOOKS: Final = 5.0
"""Seconds between two requests for the size or the curves of an attempt's logs."""
FRESH: Final = 2.0
"""Seconds for which such a size counts as current."""


@dataclass(slots=True)
class _Look:
    """One request for the size or the curves of an attempt's logs."""

    answer: Future[ReaderAnswer] | None
    """None once it was reported."""
    started: float


class ClusterLogs:
    """Reads the logs of one experiment's attempts.

    Trials decide how much they log, and so how long reading takes; it is therefore done in the background.
    """

    def __init__(
        self, root: Callable[[], Path], experiment: str, queue: LogQueue, wake: Callable[[], None] = lambda: None
    ) -> None:
        """``wake`` is called when an answer arrives that a caller did not wait for."""
        self._root, self._experiment, self._queue, self._wake = root, experiment, queue, wake
        self._readings: dict[tuple[str, int], Future[ReaderAnswer]] = {}
        self._sizes: dict[tuple[str, int], _Look] = {}
        self._curves: dict[tuple[str, int], _Look] = {}
        self._lost: set[tuple[str, int]] = set()
        """The attempts over whose curves processes were lost; they are not read again."""

    def read(self, trial: str, attempt: int, wanted: Sequence[Wanted]) -> Reading | Unread:
        """The metrics of an attempt that has ended; read once, however often they are requested."""
        key = trial, attempt
        if key not in self._readings:
            self._readings[key] = self._ask(Read(self._folder(trial, attempt), tuple(wanted)))
        if not self._readings[key].done():
            return Unread()
        if error := self._readings[key].exception():
            del self._readings[key]
            return Unread(f"its logs cannot be read: {error}; the next pass retries")
        answer = self._readings[key].result()
        return answer if isinstance(answer, Reading) else Unread()

    def curves(self, trial: str, attempt: int, wanted: Sequence[Wanted]) -> Mapping[str, Points] | None:
        """What an attempt has logged so far; None while that is being read, or was told less than `LOOKS` ago.

        None is waited for: after a restart they may be hundreds. The logs of an ended trial take turns with them.
        """
        key, now = (trial, attempt), time.monotonic()
        if key in self._lost:
            return {}
        look = self._curves.get(key)
        if look is None or (look.answer is None and now - look.started >= LOOKS):
            answer = self._queue.ask((self, Curves), Curves(self._folder(trial, attempt), tuple(wanted)))
            answer.add_done_callback(lambda _: self._wake())
            look = self._curves[key] = _Look(answer, now)
        if look.answer is None or not look.answer.done():
            return None
        answer, look.answer = look.answer, None
        if answer.exception():  # the file system hangs
            return None
        curves = answer.result()
        if isinstance(curves, Mapping):
            return curves
        self._lost.add(key)
        return {}

    def size(self, trial: str, attempt: int) -> int | None:
        """Bytes that an attempt has logged so far; None if there is no current answer."""
        key, now = (trial, attempt), time.monotonic()
        look = self._sizes.get(key)
        if look is None or ((look.answer is None or look.answer.done()) and now - look.started >= LOOKS):
            look = self._sizes[key] = _Look(self._ask(Size(self._folder(trial, attempt))), now)
        if (
            look.answer is None
            or not look.answer.done()
            or look.answer.exception()
            or time.monotonic() - look.started >= FRESH
        ):
            return None
        size = look.answer.result()
        look.answer = None
        return size if isinstance(size, int) else None

    def free_attempt(self, trial: str, number: int) -> int:
        """The first attempt number, from ``number`` on, that has no folders yet. Raises SubmitError."""
        folder = LogFolder(self._root(), (self._experiment, trial))
        return free_attempt(lambda attempt: has_folders(folder.has, attempt), folder.path, number)

    def _folder(self, trial: str, attempt: int) -> LogFolder:
        return LogFolder(self._root(), (self._experiment, trial, folder_name(attempt)))

    def _ask(self, question: Question) -> Future[ReaderAnswer]:
        """A future for the answer, which is often done already if nothing else is being read."""
        at_once = self._queue.idle
        answer = self._queue.ask(self, question)
        if at_once:
            wait([answer], SOON)
        if not answer.done():
            answer.add_done_callback(lambda _: self._wake())
        return answer
