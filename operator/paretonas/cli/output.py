"""Standard output of a run, which must not end because nobody can read what it says."""

import contextlib
import os
from collections.abc import Callable
from typing import Any, TextIO


class SteadyOutput:
    """A text stream that goes on when its reader has gone (`paretonas run | head`) or its disk is full.

    What cannot be written is not lost: it is in the runs folder too.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write as far as possible."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush as far as possible; a full disk gets the rest when there is space again."""
        self._try(self._stream.flush)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _try(self, action: Callable[[], object]) -> None:
        with contextlib.suppress(OSError):
            try:
                action()
            except BrokenPipeError:  # what is buffered must go somewhere, or it fails again at the exit
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
