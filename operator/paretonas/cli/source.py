"""Where the commands that only look read from: a runs folder here, a cluster for `kubectl nas`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from paretonas.api import NASExperiment, NASTrial
from paretonas.backends.local.store import (
    StoreError,
    experiments,
    read_experiment,
    read_trials,
)
from paretonas.jobs.job import attempt_folder
from paretonas.jobs.supervise import OUTPUT

Curves = Mapping[str, Sequence[tuple[int, float]]]
"""A trial's learning curves: tag → (step, value), ascending by step."""


class UnknownName(LookupError):  # noqa: N818 # it is said of a name, as InvalidDocument of a document
    """There is nothing of this name; the message has the names that there are."""


class Source(Protocol):
    """Experiments and their trials, as they were last written."""

    def experiments(self) -> Sequence[NASExperiment]:
        """All experiments, by name."""

    def experiment(self, name: str) -> NASExperiment:
        """The experiment of this name. Raises UnknownName."""

    def trials(self, name: str) -> Sequence[NASTrial]:
        """An experiment's trials, in index order. Raises UnknownName."""

    def curves(self, name: str) -> Mapping[str, Curves]:
        """The learning curves of an experiment's trials, by trial. Raises UnknownName."""

    def log(self, trial: str) -> str:
        """What the last attempt of a trial printed. Raises UnknownName."""


class RunsFolder:
    """The experiments below a runs folder. Nothing is locked: they may be running."""

    def __init__(self, runs: Path, warn: Callable[[str], None]) -> None:
        """Read below ``runs``; ``warn`` is told of experiments that cannot be read and are left out of the list."""
        self._runs, self._warn = runs, warn

    def experiments(self) -> list[NASExperiment]:
        """All experiments that can be read, by name."""
        found = []
        for folder in experiments(self._runs):
            try:
                found.append(read_experiment(folder))
            except StoreError as error:
                self._warn(str(error))
        return found

    def experiment(self, name: str) -> NASExperiment:
        """The experiment of this name. Raises UnknownName and StoreError."""
        return read_experiment(self._folder(name))

    def trials(self, name: str) -> list[NASTrial]:
        """An experiment's trials, in index order. Raises UnknownName and StoreError."""
        return read_trials(self._folder(name))

    def curves(self, name: str) -> dict[str, Curves]:
        """The learning curves of each trial's last attempt. Raises UnknownName and StoreError."""
        from paretonas.metrics import LogReader  # noqa: PLC0415 # numpy takes 0.1 s that only a report needs

        curves: dict[str, Curves] = {}
        for trial in self.trials(name):
            if trial.status.attempts:
                reader = LogReader(self._attempt(name, trial))
                reader.poll()
                curves[trial.name] = reader.curves()
        return curves

    def log(self, trial: str) -> str:
        """What the last attempt of a trial printed. Raises UnknownName and StoreError."""
        name, _, index = trial.rpartition("-")
        if not name or not index.isdigit():
            raise UnknownName(
                f"no trial {trial!r}: a trial's name is <experiment>-<index>, as in mnist-nas-12"
            )
        trials = {t.name: t for t in self.trials(name)}
        if trial not in trials:
            raise UnknownName(f"no trial {trial!r} in {self._runs / name}; there is: {_listed(list(trials))}")
        path = self._attempt(name, trials[trial]) / OUTPUT
        try:
            return path.read_text(errors="replace")
        except FileNotFoundError:
            raise UnknownName(f"{trial} has printed nothing yet: {path} does not exist") from None

    def _attempt(self, name: str, trial: NASTrial) -> Path:
        return attempt_folder(self._runs, name, trial.name, len(trial.status.attempts))

    def _folder(self, name: str) -> Path:
        folder = self._runs / name
        if name not in {path.name for path in experiments(self._runs)}:
            names = [path.name for path in experiments(self._runs)]
            known = f"there is: {_listed(names)}" if names else "there is none; give another --runs-dir"
            raise UnknownName(f"no experiment {name!r} in {self._runs}; {known}")
        return folder


_LISTED = 12
"""Names that a message lists."""


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return (", ".join(names[:_LISTED]) or "none") + more
