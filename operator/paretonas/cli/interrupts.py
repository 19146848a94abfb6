"""Ctrl-C and SIGTERM as something to look at: the first asks for an orderly end, the second ends at once."""

import signal
from types import FrameType
from typing import Final, Self

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class LeaveAtOnce(BaseException):  # as KeyboardInterrupt, which it stands for
    """The user asked a second time; raised in the main thread, wherever that is."""


class Interrupts:
    """While it is entered, the two signals do not end the process. Only for the main thread."""

    def __init__(self) -> None:
        self.requested = False
        """Whether the user wants the run to end."""
        self._leaving = False
        self._kept: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        self._kept = {signum: signal.signal(signum, self._handle) for signum in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._kept.items():
            signal.signal(signum, handler)

    def _handle(self, _signum: int, _frame: FrameType | None) -> None:
        # nothing is printed here: the program may be inside a write to the same stream
        if self._leaving:
            return
        self._leaving, self.requested = self.requested, True
        if self._leaving:
            raise LeaveAtOnce
