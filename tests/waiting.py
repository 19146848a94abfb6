"""Waiting for what another process does."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 90.0
"""Only a broken test waits so long; a loaded machine may need a part of it."""


def eventually(look: Callable[[], T], what: str) -> T:
    """The first truthy value that the look brings; fails with ``what`` when none comes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if value := look():
            return value
        time.sleep(0.01)
    raise AssertionError(f"waited {PATIENCE_SECONDS:.0f} s in vain for: {what}")
