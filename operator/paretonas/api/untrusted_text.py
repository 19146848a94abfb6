"""Making untrusted text safe to show in a terminal, a status or a file. Pure."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator

MAX_MESSAGE: Final = 32_768
"""The longest message, in characters: the limit of the schema and of metav1.Condition."""

_CUT: Final = " … (cut)"

_BRIEF: Final = 500
"""Characters of a brief text: a few lines of a terminal, and most of what a Kubernetes event may have (1,024)."""

_BIDI: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Characters that change the direction of text (Unicode's Bidi_Control), which could make it look like another text."""

_OBEYED: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours and cursor movements (ECMA-48, 5.4)
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # window titles, links, clipboards
    rf"|[^\S\n\t ]|[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff{_BIDI}]"
)

HIDDEN: Final = re.compile(rf"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_BIDI}]")
"""Characters that a single printed line must not contain."""


def plain(text: str) -> str:
    """Remove the control characters and escape sequences that a terminal would obey; line breaks and tabs stay."""
    return _OBEYED.sub("", text)


def visible(text: str) -> str:
    r"""Put a text on one line, with escapes such as ``\x1b`` and ``\u202e`` for what a terminal would obey.

    Nothing is removed, so that different values look different.
    """
    return HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def message(text: str) -> str:
    """Prepare a text as the message of a status: plain, and cut to the length that the API server accepts."""
    return _cut(plain(text), MAX_MESSAGE)


def brief(text: str) -> str:
    """Put a text on one line of at most 500 characters, without what a terminal would obey."""
    return _cut(" ".join(plain(text).split()), _BRIEF)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - len(_CUT)] + _CUT


Message = Annotated[str, AfterValidator(message)]
"""A message of a status."""
