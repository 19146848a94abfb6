"""What an API server, or whoever stands before it, says when it refuses a request."""

import json
from contextlib import suppress


def said(error: Exception) -> str:
    """The API server's own words, on one line; what else was answered, where it sent none (a proxy, say)."""
    text = getattr(error, "body", None) or getattr(error, "reason", None) or str(error)
    text = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    with suppress(ValueError, KeyError, TypeError):
        text = json.loads(text)["message"]
    return " ".join(str(text).split())
