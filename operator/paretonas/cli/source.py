"""Where commands read experiments from: the runs folder for `paretonas`, a cluster for `kubectl nas`."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from paretonas.api import NASExperiment, NASTrial, ParetoPoint, list_names
from paretonas.backends.local.last_run import read_last_run
from paretonas.backends.local.store import StoreError, experiments, read_experiment, read_trials
from paretonas.cli.describe import Place
from paretonas.cli.local_changes import changes, follow_output
from paretonas.jobs.attempt_folder import attempt_folder, output_name
from paretonas.jobs.attempt_records import record
from paretonas.jobs.supervisor import OUTPUT

if TYPE_CHECKING:
    from paretonas.report.curves import LoggedCurves


DEFAULT_RUNS = Path("runs")
"""The folder that holds one folder per experiment, unless --runs-dir is given."""

REPORT_FILE = "report.html"
"""In an experiment's folder."""


class UnknownName(LookupError):  # noqa: N818 # named for the name, as InvalidDocument is for the document
    """No experiment or trial has this name; the message lists the available names."""


class Source(Protocol):
    """A place that holds experiments and their trials, as they were last written."""

    @property
    def place(self) -> str:
        """The place in words, as in ``no experiment in …``."""

    def experiments(self) -> Sequence[NASExperiment]:
        """All experiments, by name."""

    def experiment(self, name: str) -> NASExperiment:
        """The experiment with this name. Raises UnknownName."""

    def trials(self, name: str) -> Sequence[NASTrial]:
        """An experiment's trials, in index order. Raises UnknownName."""

    def curves(self, name: str) -> "Mapping[str, LoggedCurves]":
        """The learning curves of an experiment's trials, by trial. Raises UnknownName."""

    def output_path(self, folder: str) -> str:
        """Where a user finds the output folder of a trial, given as in its status."""

    def log_command(self, trial: str) -> str:
        """The command that prints what a trial's last attempt has printed."""

    def log(self, trial: str, tail: int, *, follow: bool = False) -> Iterable[str]:
        """The last lines printed by a trial's last attempt; with ``follow``, also those to come. Raises UnknownName."""

    def files(self, name: str) -> Sequence[Place]:
        """Where what belongs to an experiment is."""

    def follow_experiments(self, name: str | None) -> Iterator[Sequence[NASExperiment]]:
        """The experiments, or the one with this name, now and after each change. Raises UnknownName."""

    def follow_trials(self, name: str) -> Iterator[Sequence[NASTrial]]:
        """An experiment's trials now and after each change. Raises UnknownName."""


class RunsFolder:
    """The experiments below a runs folder. Nothing is locked: they may be running."""

    def __init__(self, runs: Path, warn: Callable[[str], None]) -> None:
        """Read below ``runs``; ``warn`` is told of experiments that cannot be read and are left out of the list."""
        self._runs, self._warn = runs, warn
        self.place = str(runs)

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
        """The experiment with this name. Raises UnknownName and StoreError."""
        return read_experiment(self.folder(name))

    def trials(self, name: str) -> list[NASTrial]:
        """An experiment's trials, in index order. Raises UnknownName and StoreError."""
        return read_trials(self.folder(name))

    def curves(self, name: str) -> "dict[str, LoggedCurves]":
        """The learning curves of each trial's last attempt. Raises UnknownName and StoreError."""
        return curves_below(self._runs, name, self.trials(name))

    def output_path(self, folder: str) -> str:
        """The path of the output folder of a trial."""
        return str(self._runs / folder)

    def log_command(self, trial: str) -> str:
        """The command that prints what a trial's last attempt has printed."""
        folder = "" if self._runs == DEFAULT_RUNS else f" --runs-dir {shlex.quote(str(self._runs))}"
        return f"paretonas logs {shlex.quote(trial)}{folder}"

    def log(self, trial: str, tail: int, *, follow: bool = False) -> Iterable[str]:
        """The last lines printed by a trial's last attempt; with ``follow``, also those to come, until the trial ends.

        Raises UnknownName and StoreError.
        """
        found = self._trial(trial)
        name = found.spec.experiment
        path = record(self._runs, name, trial, found.last_attempt).folder / OUTPUT
        if follow:
            return follow_output(self._runs, found, lambda: self._trial(trial), tail, self._warn)
        try:
            return path.read_text(errors="replace").splitlines()[-tail:]
        except FileNotFoundError:
            raise UnknownName(f"{trial} has printed nothing yet: {path} does not exist") from None

    def files(self, name: str) -> list[Place]:
        """Where what belongs to an experiment is. Raises UnknownName."""
        folder = self.folder(name)
        run, report = read_last_run(folder), folder / REPORT_FILE
        return [
            *([Place("File", str(run.file))] if run is not None and run.file.exists() else []),
            Place("Folder", str(folder)),
            Place("Logs", str(folder / f"{name}-<index>" / "a<attempt>")),
            Place("Outputs", str(folder / f"{name}-<index>" / output_name(1))),
            *([Place("Report", str(report))] if report.exists() else []),
        ]

    def follow_experiments(self, name: str | None) -> Iterator[list[NASExperiment]]:
        """The experiments, or the one with this name, now and after each change. Raises UnknownName and StoreError."""
        if name is not None:
            self.experiment(name)
        yield from changes(lambda: [e for e in self.experiments() if name in {None, e.name}])

    def follow_trials(self, name: str) -> Iterator[list[NASTrial]]:
        """An experiment's trials now and after each change. Raises UnknownName and StoreError."""
        self.trials(name)
        yield from changes(lambda: read_trials(self._runs / name))

    def _trial(self, trial: str) -> NASTrial:
        name = experiment_of(trial)
        trials = {t.name: t for t in self.trials(name)}
        if trial not in trials:
            raise UnknownName(f"no trial {trial!r} in {self._runs / name}; available: {list_names(list(trials))}")
        return trials[trial]

    def folder(self, name: str) -> Path:
        """The experiment's folder, whether or not its content is valid. Raises UnknownName."""
        folder = self._runs / name
        if name not in {path.name for path in experiments(self._runs)}:
            names = [path.name for path in experiments(self._runs)]
            available = f"available: {list_names(names)}" if names else "none is available; give another --runs-dir"
            raise UnknownName(f"no experiment {name!r} in {self._runs}; {available}")
        return folder


def with_output_paths(source: Source, points: Iterable[ParetoPoint]) -> list[ParetoPoint]:
    """The points of a Pareto set with their output folders as a user finds them."""
    return [p.replace(output_dir=source.output_path(p.output_dir)) if p.output_dir else p for p in points]


def curves_below(root: Path, experiment: str, trials: Sequence[NASTrial]) -> "dict[str, LoggedCurves]":
    """The learning curves of each trial's last attempt, from the logs below ``root``."""
    from paretonas.metrics import LogReader  # noqa: PLC0415 # numpy takes 0.1 s; only a report needs it

    curves: dict[str, LoggedCurves] = {}
    for trial in trials:
        if trial.status.attempts:
            reader = LogReader(attempt_folder(root, experiment, trial.name, trial.last_attempt))
            reader.poll()
            curves[trial.name] = reader.curves()
    return curves


def experiment_of(trial: str) -> str:
    """The experiment's name within a trial's name. Raises UnknownName."""
    name, _, index = trial.rpartition("-")
    if not name or not index.isdigit():
        raise UnknownName(f"no trial {trial!r}: a trial's name is <experiment>-<index>, as in mnist-nas-12")
    return name
