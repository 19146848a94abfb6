"""Standard output: whether it is a terminal, and a stream for runs that survives a closed pipe or a full disk."""

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

from rich.console import Console


def on_terminal(console: Console) -> bool:
    """Whether the output goes to a terminal that can be redrawn."""
    # not console.is_terminal, which FORCE_COLOR makes true even for a pipe
    return sys.stdout.isatty() and not console.is_dumb_terminal


class SteadyOutput:
    """A text stream that ignores a closed pipe (`paretonas run | head`) and a full disk.

    Nothing is lost: whatever a run prints is stored in the runs folder too.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text as far as possible."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush as far as possible; after a full disk, the rest is written once there is space again."""
        self._try(self._stream.flush)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _try(self, action: Callable[[], object]) -> None:
        with contextlib.suppress(OSError):
            try:
                action()
            except BrokenPipeError:  # the buffer must go somewhere, or it fails again at exit
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
