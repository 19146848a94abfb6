"""Texts that strangers wrote, as others see them: in a terminal, in a status, in a file. Pure."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator

MAX_MESSAGE: Final = 32_768
"""Characters of a message: what the schema takes, as metav1.Condition has it."""

_CUT: Final = " … (cut)"

_BIDI: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""What turns the order of the letters around (Unicode's Bidi_Control): a text could pass for another one."""

_OBEYED: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours and cursor movements (ECMA-48, 5.4)
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # window titles, links, clipboards
    rf"|[^\S\n\t ]|[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff{_BIDI}]"
)

HIDDEN: Final = re.compile(rf"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_BIDI}]")
"""What no single line that is printed may hold."""


def plain(text: str) -> str:
    """Several lines without what a terminal would obey: what a trial prints is shown in somebody else's."""
    return _OBEYED.sub("", text)


def visible(text: str) -> str:
    r"""A text on one line, with ``\x1b`` or ``\u202e`` in the place of what a terminal would obey.

    Nothing is left out: two values that differ are seen to.
    """
    return HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def message(text: str) -> str:
    """A text as a message of a status: plain, and cut to what the API server takes."""
    text = plain(text)
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - len(_CUT)] + _CUT


Message = Annotated[str, AfterValidator(message)]
"""A message of a status."""
