"""`paretonas delete`: an experiment's folder, and nothing beside it."""

import os
import shutil
from pathlib import Path

import click

from paretonas.backends.local.store import TRIALS, StoreError, exclusive, read_trials, take_away
from paretonas.cli.exit_codes import ExitCode
from paretonas.cli.result import complain
from paretonas.engine.wording import count, list_names

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024


def delete(runs: Path, name: str, *, ask: bool) -> ExitCode:
    """Remove an experiment's folder, after a question unless it is not to be asked.

    Raises:
        StoreError: somebody uses it, something of it still runs, or it cannot be removed.
    """
    folder = runs / name
    if folder.is_symlink():
        raise StoreError(f"{folder} is a link to {folder.resolve()}; remove both by hand")
    with exclusive(folder):
        _check_ended(runs, name)
        what = f"{folder} with all that is in it: {_content(folder)}"
        if ask and not _agreed(f"Delete {what}?"):
            complain("nothing was deleted")
            return ExitCode.INTERRUPTED
        try:
            shutil.rmtree(take_away(folder))
        except OSError as error:
            raise StoreError(f"cannot delete {error.filename or folder}: {error.strerror}") from error
    click.echo(f"deleted {what}")
    return ExitCode.FINE


def _check_ended(runs: Path, name: str) -> None:
    """Refuse while processes of its trials live: a run that was killed leaves them."""
    try:
        trials = read_trials(runs / name)
    except StoreError as error:  # what is damaged may go
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
            f"{list_names(alive)} still run{'s' if len(alive) == 1 else ''}; wait for the end, "
            f"or go on with the run and press Ctrl-C, which stops what runs"
        )


def _agreed(question: str) -> bool:
    try:
        return click.confirm(question)
    except click.Abort:  # Ctrl-C, or nobody there to answer
        complain("no answer; --yes deletes without a question")
        return False


def _content(folder: Path) -> str:
    """``12 trials, 96 files, 3.4 MiB``."""
    files = [Path(top, file) for top, _, names in os.walk(folder) for file in names]
    trials = sum(file.parent == folder / TRIALS for file in files)
    size = sum(file.lstat().st_size for file in files)
    return f"{count(trials, 'trial')}, {count(len(files), 'file')}, {_size(size)}"


def _size(size: float) -> str:
    for unit in _UNITS:
        if size < _STEP or unit == _UNITS[-1]:
            break
        size /= _STEP
    return f"{size:,.0f} {unit}" if unit == _UNITS[0] else f"{size:,.1f} {unit}"
