"""A trial's folders, on a laptop as on a cluster, below the root of all logs.

::

    <experiment>/<trial>/a<attempt>/    the logs of an attempt
    <experiment>/<trial>/output/        what the trial keeps, such as checkpoints and the trained network

A deleted experiment of the same name may have left folders of these names. Attempts whose numbers are taken are then
skipped, so the first attempt of a trial may be its third, and its output folder is ``output-a3``.
"""

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


def output_name(first_attempt: int) -> str:
    """The name of an output folder within its trial's, given the number of the trial's first attempt."""
    return "output" if first_attempt == 1 else f"output-{folder_name(first_attempt)}"


def output_folder(root: AnyPath, experiment: str, trial: str, first_attempt: int) -> AnyPath:
    """The output folder of a trial, which all of its attempts share."""
    return root / experiment / trial / output_name(first_attempt)


def has_folders(has: Callable[[str], bool], attempt: int) -> bool:
    """Whether there are logs of an attempt, or the output of a trial that began with it.

    Args:
        has: whether the trial's folder contains anything with this name; may raise OSError.
        attempt: the attempt's number.
    """
    return has(folder_name(attempt)) or has(output_name(attempt))


def free_attempt(is_taken: Callable[[int], bool], folder: Path, number: int) -> int:
    """The first attempt number, counting up from ``number``, that has neither logs nor an output folder yet.

    A deleted experiment leaves its folders behind; a new one of the same name must not add to its logs, nor resume from
    its checkpoints.

    Args:
        is_taken: whether there is a folder of this number (`has_folders`); may raise OSError.
        folder: the trial's folder, for the error message.
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
