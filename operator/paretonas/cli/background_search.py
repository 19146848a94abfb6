"""The search, asked beside the passes: a suggestion may take seconds, in which trials end and users press Ctrl-C."""

import threading
from collections.abc import Callable


class Asking:
    """At most one question at a time."""

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    @property
    def open(self) -> bool:
        """Whether a question was begun whose answer has not been taken."""
        return self._thread is not None

    def begin(self) -> None:
        """Ask, in a thread that does not keep the process alive."""
        self._thread = threading.Thread(target=self._run, name="ask", daemon=True)
        self._thread.start()

    def answered(self) -> bool:
        """Whether an answer has come; said once. Raises what the question raised."""
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
