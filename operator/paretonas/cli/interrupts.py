"""Ctrl-C and SIGTERM as a flag to check: the first requests an orderly end, the second ends the run immediately."""

import signal
import threading
from types import FrameType
from typing import Final, Self

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class LeaveAtOnce(BaseException):  # like KeyboardInterrupt, which it replaces
    """The user interrupted a second time. Raised in the main thread, wherever it is."""


class Interrupts:
    """A context in which the two signals do not end the process.

    Only the main thread handles signals: in any other one, nothing is changed.
    """

    def __init__(self) -> None:
        self.requested = False
        """Whether the user has asked for the run to end."""
        self._leaving = False
        self._kept: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # no other one gets signals
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
