"""The last lines of a trial's output, which a failed trial shows in its status."""

import re
from typing import Final

MAX_LINES: Final = 20
MAX_BYTES: Final = 4096
"""Enough for a Python traceback, and little enough for a status."""

_TORCHRUN_GIVES_UP: Final = re.compile(
    r"^.* torch/distributed/elastic/multiprocessing/api\.py:\d+\] failed ", re.MULTILINE
)


def tail(output: str) -> str:
    """The last lines of an output."""
    return "\n".join(output.splitlines()[-MAX_LINES:])[-MAX_BYTES:]


def without_torchrun(output: str) -> str:
    """The trial's own output, without the summary that torchrun adds when one of its processes fails."""
    return _TORCHRUN_GIVES_UP.split(output)[0].rstrip()
