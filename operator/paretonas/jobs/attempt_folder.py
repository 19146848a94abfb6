"""An attempt's folder, on a laptop as on a cluster: ``<experiment>/<trial>/a<attempt>`` below the root of all logs."""

from collections.abc import Callable
from pathlib import Path, PurePath
from typing import TypeVar

from paretonas.jobs.job import SubmitError

AnyPath = TypeVar("AnyPath", bound=PurePath)

MOST_ATTEMPTS = 1000
"""Existing folders that are skipped to find a free attempt number: far more than a trial can have attempts."""


def folder_name(attempt: int) -> str:
    """The name of an attempt's folder within its trial's."""
    return f"a{attempt}"


def attempt_folder(root: AnyPath, experiment: str, trial: str, attempt: int) -> AnyPath:
    """The folder of an attempt; no two attempts share one."""
    return root / experiment / trial / folder_name(attempt)


def free_attempt(is_taken: Callable[[int], bool], folder: Path, number: int) -> int:
    """The first attempt number, counting up from ``number``, that has no logs yet.

    A deleted experiment leaves its logs behind, and a new one of the same name must not add to them.

    Args:
        is_taken: whether an attempt with this number has logs; may raise OSError.
        folder: the folder of the logs, for the error message.
        number: the number to start from.

    Raises:
        SubmitError: too many numbers are taken, or the folder cannot be read.
    """
    try:
        for candidate in range(number, number + MOST_ATTEMPTS):
            if not is_taken(candidate):
                return candidate
    except OSError as error:
        why = error.strerror or str(error)
        raise SubmitError(
            f"{folder} may have logs of earlier attempts: {why}; make it readable, or remove it"
        ) from error
    raise SubmitError(
        f"{folder} has {MOST_ATTEMPTS:,} folders of earlier attempts ({folder_name(number)}, …); remove them"
    )
