"""Asking the search in a background thread.

A suggestion may take seconds. Meanwhile trials end and users press Ctrl-C, so passes must not wait for it.
"""

import threading
from collections.abc import Callable


class BackgroundSearch:
    """A background thread that asks the search, with at most one question at a time."""

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    @property
    def open(self) -> bool:
        """Whether a question is under way, or its answer was not taken yet."""
        return self._thread is not None

    def begin(self) -> None:
        """Start asking, in a thread that does not keep the process alive."""
        self._thread = threading.Thread(target=self._run, name="ask", daemon=True)
        self._thread.start()

    def take_answer(self) -> bool:
        """Return whether the question was answered since the last call. Raises what the search raised."""
        if self._thread is None or self._thread.is_alive():
            return False
        self._thread, error, self._error = None, self._error, None
        if error is not None:
            raise error
        return True

    def _run(self) -> None:
        try:
            self._ask()
        except Exception as error:  # noqa: BLE001 # raised again in the thread that asks for the answer
            self._error = error
