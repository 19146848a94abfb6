"""What an API server, or a proxy in front of it, says when it refuses a request."""

import json
from contextlib import suppress


def refusal_message(error: Exception) -> str:
    """The API server's own message on one line, or the raw answer if it did not send one (as a proxy may not)."""
    text = getattr(error, "body", None) or getattr(error, "reason", None) or str(error)
    text = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    with suppress(ValueError, KeyError, TypeError):
        text = json.loads(text)["message"]
    return " ".join(str(text).split())
