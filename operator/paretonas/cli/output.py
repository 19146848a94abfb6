"""Standard output: whether somebody looks at it, and a run's, which must not end because nobody can read it."""

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

from rich.console import Console


def on_terminal(console: Console) -> bool:
    """Whether a person sees what is printed, on a screen that can be redrawn."""
    # not console.is_terminal: FORCE_COLOR makes a pipe one
    return sys.stdout.isatty() and not console.is_dumb_terminal


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
