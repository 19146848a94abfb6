"""Output folders as files: what is found in them, and how one is removed. No symbolic link is followed."""

import os
import shutil
import stat
from pathlib import Path, PurePosixPath

from paretonas.api import NASTrial
from paretonas.jobs.attempt_folder import output_folder, output_name
from paretonas.metrics import LogFolder


def find_output(root: Path, trial: NASTrial) -> str | None:
    """The folder in which a trial has kept something, below the root of all logs; None if there is none."""
    if not trial.status.attempts:
        return None
    parts = trial.spec.experiment, trial.name, trial.first_attempt
    folder = output_folder(PurePosixPath(), *parts)
    try:
        with LogFolder(root, folder.parts).enter() as opened, os.scandir(opened) as entries:
            found = any(entries)
    except PermissionError:  # of another user; nobody creates a folder to keep nothing there
        found = True
    except OSError:  # it does not exist, is no folder, or is a link
        found = False
    return str(folder) if found else None


def remove_output(root: Path, trial: NASTrial) -> None:
    """Remove a trial's output folder, if it exists. Of a symbolic link, the link is removed.

    Raises:
        OSError: it cannot be removed; the filename says what of it.
    """
    name = output_name(trial.first_attempt)
    try:
        with LogFolder(root, (trial.spec.experiment, trial.name)).enter() as folder:
            if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                shutil.rmtree(name, dir_fd=folder)  # which refuses a link that has just taken its place
            else:
                os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
