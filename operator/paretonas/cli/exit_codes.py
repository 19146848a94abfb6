"""The exit codes of every command, in one table."""

from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """What a script can tell from the exit."""

    FINE = 0
    FAILED = 1
    BAD_INPUT = 2
    UNUSABLE = 3
    INTERRUPTED = 130
    """128 + SIGINT, as a shell has it."""


MEANINGS: Final = {
    ExitCode.FINE: "fine",
    ExitCode.FAILED: "the experiment failed, or its search did",
    ExitCode.BAD_INPUT: "bad input: a wrong file or option; nothing was started",
    ExitCode.UNUSABLE: "a folder, a cluster, a name or a trial that cannot be used",
    ExitCode.INTERRUPTED: "interrupted; the state is kept, and the same command goes on",
}
"""Every exit code, for the help."""


def help_text() -> str:
    """The table as click prints it."""
    lines = "\n".join(f"  {code.value:>3}  {meaning}" for code, meaning in MEANINGS.items())
    return f"\b\nExit codes:\n{lines}"  # \b keeps click from wrapping the lines into one
