"""Failpoints: the operator exits at a chosen call to a port, as if killed by SIGKILL. For tests; off by default.

``PARETONAS_FAILPOINT="after save_trial 2"`` ends the process right after the second call of that port, once in the
life of its pod: a file in the temporary folder, which outlives a container, records that it happened.
"""

import logging
import os
import re
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

Port = TypeVar("Port")

VARIABLE = "PARETONAS_FAILPOINT"

_KILLED = 137
"""The exit code that a shell reports for SIGKILL."""

_log = logging.getLogger(__name__)


class Failpoint:
    """A failpoint. A port that is passed through `on` has its calls counted; an empty failpoint changes nothing."""

    def __init__(self, text: str = "", folder: Path | None = None) -> None:
        """Read ``before|after <call> <number>``. Raises ValueError."""
        match = re.fullmatch(r"(before|after) (\w+) ([1-9]\d*)", text)
        if text and not match:
            raise ValueError(f"{VARIABLE}: {text!r} is not 'before CALL NUMBER' or 'after CALL NUMBER'")
        self._moment, self._call, number = match.groups() if match else ("", "", "0")
        self._left = int(number)
        self._lock = threading.Lock()
        self._done = (folder or Path(tempfile.gettempdir())) / f"failpoint {text}"

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Failpoint":
        """The failpoint of an environment. Raises ValueError."""
        return cls(environment.get(VARIABLE, ""))

    def on(self, port: Port) -> Port:
        """The port, with its calls counted if this failpoint is for one of them."""
        return cast(Port, _Counted(port, self)) if self._call and hasattr(port, self._call) else port

    def count_call(self, moment: str, call: str) -> None:
        """Count a call, and end the process if it is the chosen one."""
        if (moment, call) != (self._moment, self._call):
            return
        with self._lock:
            self._left -= 1
            if self._left or self._done.exists():
                return
            self._done.touch()
            _log.warning("failpoint: ended %s %s", moment, call)
            os._exit(_KILLED)  # nothing is finished; the first process of a container cannot send itself SIGKILL


class _Counted:
    """A port that reports its calls to a failpoint."""

    def __init__(self, port: Any, failpoint: Failpoint) -> None:
        self._port, self._failpoint = port, failpoint

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if not callable(method):
            return method

        def counted(*args: Any, **kwargs: Any) -> Any:
            self._failpoint.count_call("before", name)
            result = method(*args, **kwargs)
            self._failpoint.count_call("after", name)
            return result

        return counted
