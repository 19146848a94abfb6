"""Waiting for what another process does."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 90.0
"""Only a broken test waits so long; a loaded machine may need a part of it."""


def eventually(look: Callable[[], T], what: str, seconds: float = PATIENCE_SECONDS, *, pause: float = 0.01) -> T:
    """The first truthy value that the look brings; fails with ``what``, and what was seen last, when none comes."""
    deadline = time.monotonic() + seconds
    while not (value := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain for: {what}; last seen: {value!r}")
        time.sleep(pause)
    return value
