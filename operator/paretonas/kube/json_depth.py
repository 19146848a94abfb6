"""How deeply nested a document from an API server may be."""

import sys
from typing import Final

MAX_DEPTH: Final = 10_000
"""Levels that an API server accepts (sigs.k8s.io/json)."""


def allow_any_depth() -> None:
    """Let this process read every document that can be stored: json.loads raises RecursionError at 1,000 levels.

    A single such object would prevent all others from being listed. The parser's C stack needs 3 MB of the 8 MB of a
    thread.
    """
    sys.setrecursionlimit(max(sys.getrecursionlimit(), MAX_DEPTH + 2_000))
