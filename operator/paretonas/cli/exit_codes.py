"""The exit codes of every command, in one table."""

from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """The exit code of a command."""

    FINE = 0
    FAILED = 1
    BAD_INPUT = 2
    UNUSABLE = 3
    INTERRUPTED = 130
    """128 + SIGINT, as shells report it."""


MEANINGS: Final = {
    ExitCode.FINE: "success",
    ExitCode.FAILED: "the experiment or its search failed",
    ExitCode.BAD_INPUT: "invalid file or option, or a missing extra; nothing was started",
    ExitCode.UNUSABLE: "the folder, cluster, experiment or trial cannot be used",
    ExitCode.INTERRUPTED: "interrupted; the state is kept, and the same command continues the run",
}
"""The meaning of every exit code, for the help text."""


def help_text() -> str:
    """The table of exit codes, formatted for click."""
    lines = "\n".join(f"  {code.value:>3}  {meaning}" for code, meaning in MEANINGS.items())
    return f"\b\nExit codes:\n{lines}"  # \b keeps click from joining the lines
