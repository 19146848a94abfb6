"""A folder as the store of one experiment: ``experiment.json``, and one JSON file a trial.

::

    runs/<experiment>/experiment.json        the NASExperiment with its status
    runs/<experiment>/trials/<trial>.json    a NASTrial
    runs/<experiment>/<trial>/a<attempt>/    the logs of an attempt
    runs/<experiment>/jobs/<attempt>/        how it is run and how it ended (`jobs/attempt_records.py`)
    runs/<experiment>/origin.json            where it was last run from (`last_run.py`)
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paretonas.api import (
    ExperimentSpec,
    ExperimentStatus,
    InvalidDocument,
    Model,
    NASExperiment,
    NASTrial,
    Retry,
    parse_experiment,
    parse_trial,
)
from paretonas.backends.local import files
from paretonas.jobs.attempt_records import is_locked

EXPERIMENT_FILE, TRIALS, LOCK = "experiment.json", "trials", ".lock"

CHANGEABLE = frozenset(
    {
        "max_trials",
        "stop_when",
        "early_stopping",
        "parallelism",
        "failure_policy",
        "suspend",
        "stop",
        "retry",
        "managed_by",
        "active_deadline_seconds",
        "ttl_seconds_after_finished",
        "logs",
        "trial",
    }
)
"""Fields of a spec that may change while trials exist: they affect neither the meaning of the stored results nor the
candidates of the search. So may the targets of the objectives."""

MEANING = frozenset({"objectives", "outcome_constraints", "metrics"})
"""Fields of a spec that may change as well while no trial has a result, which would lose its meaning."""


class StoreError(Exception):
    """The folder cannot be used; the message says why and what to do."""


class FolderStore:
    """The trials of one experiment in memory and on disk. Written by one process at a time (see `exclusive`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._experiment = read_experiment(folder)
        self._trials = {t.name: t for t in read_trials(folder)}

    @classmethod
    def open(cls, runs: Path, experiment: NASExperiment) -> "FolderStore":
        """Open the experiment's folder, or create it.

        Raises:
            StoreError: the folder holds another experiment of this name, or cannot be written.
        """
        folder = runs / experiment.name
        try:
            (folder / TRIALS).mkdir(parents=True, exist_ok=True)
            new = files.create(folder / EXPERIMENT_FILE, _text(experiment.replace(status=ExperimentStatus())))
            store = cls(folder)
            if not new:
                store._adopt(experiment)
        except OSError as error:
            raise _unwritable(folder, error) from error
        return store

    def _adopt(self, experiment: NASExperiment) -> None:
        """Take over the fields of the spec that may change between runs."""
        old, new = self._experiment.spec, experiment.spec
        fields = type(new).model_fields
        before, after = old.without_targets(), new.without_targets()
        changed = [n for n in fields if n not in CHANGEABLE and getattr(before, n) != getattr(after, n)]
        without_result = all(t.status.state in {"Pending", "Running", "Failed"} for t in self._trials.values())
        fixed = [n for n in changed if not (without_result and n in MEANING)]
        if fixed and self._trials:
            names = ", ".join(fields[n].alias or n for n in fixed)
            raise StoreError(
                f"{self._folder} holds {experiment.name!r} with other {names}: its results would lose their meaning; "
                f"rename the experiment, delete the stored one, or give another --runs-dir"
            )
        status = ExperimentStatus() if changed else self._experiment.status  # it was the status of another search
        self._change(adopt_spec(old, new), status)

    def retry(self, retry: Retry) -> None:
        """Request a retry of trials; it survives the end of this process. Raises StoreError."""
        try:
            self._change(self._experiment.spec.replace(retry=retry), self._experiment.status)
        except OSError as error:
            raise _unwritable(self._folder, error) from error

    def _change(self, spec: ExperimentSpec, status: ExperimentStatus) -> None:
        if spec != self._experiment.spec:
            experiment = self._experiment.replace(spec=spec, status=status)
            files.write(self._folder / EXPERIMENT_FILE, _text(experiment))
            self._experiment = experiment

    def experiment(self) -> NASExperiment:
        """The experiment."""
        return self._experiment

    def trials(self) -> Sequence[NASTrial]:
        """All trials, in index order."""
        return sorted(self._trials.values(), key=lambda t: t.spec.index)

    def create_trial(self, trial: NASTrial) -> None:
        """Store a new trial; an existing one is left as it is."""
        path = self._path(trial)
        if not files.create(path, _text(trial)):
            trial = _read_trial(path)
        self._trials[trial.name] = trial

    def strangers(self) -> Mapping[str, str]:
        """None: each experiment has its own folder."""
        return {}

    def save_trial(self, trial: NASTrial) -> NASTrial:
        """Store a trial's status. Returns the trial."""
        files.write(self._path(trial), _text(trial))
        self._trials[trial.name] = trial
        return trial

    def save_status(self, experiment: NASExperiment) -> None:
        """Store the experiment's status."""
        experiment = self._experiment.replace(status=experiment.status)
        files.write(self._folder / EXPERIMENT_FILE, _text(experiment))
        self._experiment = experiment

    def read_finished(self, name: str) -> Sequence[NASTrial] | None:
        """The ended trials of another experiment, in index order; None if it does not exist. Raises StoreError."""
        folder = self._folder.parent / name
        if not (folder / EXPERIMENT_FILE).exists():
            return None
        return [trial for trial in read_trials(folder) if trial.ended]

    def _path(self, trial: NASTrial) -> Path:
        return self._folder / TRIALS / f"{trial.name}.json"


def adopt_spec(stored: ExperimentSpec, given: ExperimentSpec) -> ExperimentSpec:
    """The spec of a file for a stored experiment; retries that were requested since are kept."""
    newer = given.retry.generation > stored.retry.generation
    return given if newer else given.replace(retry=stored.retry)


def read_experiment(folder: Path) -> NASExperiment:
    """The experiment of a folder, without locking it. Raises StoreError."""
    path = folder / EXPERIMENT_FILE
    try:
        return parse_experiment(_read(path))
    except InvalidDocument as error:
        raise StoreError(f"{path} is damaged or of another version: {error}") from error


def read_trials(folder: Path) -> list[NASTrial]:
    """The trials of a folder in index order, without locking it. Raises StoreError."""
    return sorted(map(_read_trial, (folder / TRIALS).glob("*.json")), key=lambda t: t.spec.index)


def experiments(runs: Path) -> list[Path]:
    """The folders below ``runs`` that contain an experiment, by name."""
    folders = (path.parent for path in runs.glob(f"*/{EXPERIMENT_FILE}"))
    return sorted(folder for folder in folders if not folder.name.startswith("."))


def take_away(folder: Path) -> Path:
    """Rename an experiment's folder, in one step, so that it no longer counts as an experiment. Returns the new path.

    Raises:
        OSError: it cannot be moved.
    """
    while (away := folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.deleted")).exists():
        pass
    return folder.rename(away)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Lock an experiment's folder, so that no second run of it starts.

    Raises:
        StoreError: another process holds the lock (the message names it), or the folder cannot be written.
    """
    descriptor = _lock(folder)
    try:
        yield
    finally:
        os.close(descriptor)


def in_use(folder: Path) -> bool:
    """Whether a process holds the lock of an experiment's folder."""
    return is_locked(folder / LOCK)


def _lock(folder: Path) -> int:
    """The lock as a file descriptor; it is released when that is closed, however this process ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}".encode(), 0)
    except BlockingIOError:
        owner = os.pread(descriptor, 32, 0).decode() or "another process"
        os.close(descriptor)
        raise StoreError(f"{folder} is in use by {owner}; wait for it, or give another --runs-dir") from None
    except OSError as error:
        os.close(descriptor)
        raise _unwritable(folder, error) from error
    return descriptor


def _unwritable(folder: Path, error: OSError) -> StoreError:
    return StoreError(f"cannot write to {folder}: {error.strerror}; free space, or give another --runs-dir")


def _read_trial(path: Path) -> NASTrial:
    try:
        return parse_trial(_read(path))
    except InvalidDocument as error:
        raise StoreError(f"{path} is damaged or of another version: {error}") from error


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(f"{path} does not exist; is {path.parent} a folder of `paretonas run`?") from None
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from error


def _text(document: Model) -> str:
    return json.dumps(document.to_dict(), indent=1)
