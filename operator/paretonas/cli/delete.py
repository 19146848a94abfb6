"""`paretonas delete`: removes an experiment's folder, and nothing else."""

import os
import shutil
from pathlib import Path

import click

from paretonas.api import list_names
from paretonas.backends.local.store import TRIALS, StoreError, exclusive, read_trials, take_away
from paretonas.cli.exit_codes import ExitCode
from paretonas.cli.result import complain
from paretonas.engine.wording import count, size


def delete(runs: Path, name: str, *, ask: bool) -> ExitCode:
    """Remove an experiment's folder; with ``ask``, only if the user confirms.

    Raises:
        StoreError: The folder is in use, a trial is still running, or the folder cannot be removed.
    """
    folder = runs / name
    if folder.is_symlink():
        raise StoreError(f"{folder} is a symbolic link to {folder.resolve()}; remove both by hand")
    with exclusive(folder):
        _check_ended(runs, name)
        what = f"{folder} and everything in it: {_content(folder)}"
        if ask and not _confirm(f"Delete {what}?"):
            complain("nothing was deleted")
            return ExitCode.INTERRUPTED
        try:
            shutil.rmtree(take_away(folder))
        except OSError as error:
            raise StoreError(f"cannot delete {error.filename or folder}: {error.strerror}") from error
    click.echo(f"deleted {what}")
    return ExitCode.FINE


def _check_ended(runs: Path, name: str) -> None:
    """Raise StoreError while a trial's processes are alive; a run that was killed leaves them behind."""
    try:
        trials = read_trials(runs / name)
    except StoreError as error:  # a damaged experiment may be deleted
        complain(str(error))
        return
    attempts = {trial.attempt.job: (trial.name, trial.last_attempt) for trial in trials if trial.attempt}
    if not attempts:
        return
    from paretonas.jobs.local import LocalJobs  # noqa: PLC0415 # TorchX takes seconds

    jobs = LocalJobs(runs, name).observe(attempts.values())
    alive = [attempts[job][0] for job, seen in jobs.items() if not seen.over]
    if alive:
        raise StoreError(
            f"{list_names(alive)} {'is' if len(alive) == 1 else 'are'} still running; wait until they end, "
            f"or start the run again and press Ctrl-C, which stops them"
        )


def _confirm(question: str) -> bool:
    """Ask the user; without an answer it is a no."""
    try:
        return click.confirm(question)
    except click.Abort:  # Ctrl-C, or no input to read an answer from
        complain("no answer; use --yes to delete without confirmation")
        return False


def _content(folder: Path) -> str:
    """The size of a folder, as in ``12 trials, 96 files, 3.4 MiB``."""
    files = [Path(top, file) for top, _, names in os.walk(folder) for file in names]
    trials = sum(file.parent == folder / TRIALS for file in files)
    total = sum(file.lstat().st_size for file in files)
    return f"{count(trials, 'trial')}, {count(len(files), 'file')}, {size(total)}"
