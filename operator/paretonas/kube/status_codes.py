"""The HTTP status codes of an API server that mean something in particular to us."""

from typing import Final

NO_ANSWER: Final = 0
"""No answer at all; the client uses this code for errors of TLS."""

BAD_REQUEST: Final = 400
"""The request cannot be served. For a pod's log: its container has not started yet."""

UNAUTHORIZED: Final = 401
"""The credentials are not accepted."""

FORBIDDEN: Final = 403
"""The account may not do this. Also the answer for a namespace that does not exist."""

NOT_FOUND: Final = 404
"""The resource does not exist, or not any more. For a listing: its CRD is not installed."""

CONFLICT: Final = 409
"""When creating: a resource of this name exists. When replacing: there is a newer version than the one that was read.
When deleting: the resource of this name has another uid than the one that was meant."""

EXPIRED: Final = 410
"""The API server no longer remembers the version from which a watch should start; list again."""


def has_status(error: BaseException | None, *codes: int) -> bool:
    """Whether an error is an API server's answer with one of these codes."""
    return getattr(error, "status", None) in codes
