"""Running an experiment from Python, through the same engine and into the same folder as ``paretonas run``."""

import sys
from os import PathLike
from pathlib import Path

from paretonas.api import InvalidDocument, Loaded, NASExperiment, Problem, parse_experiment
from paretonas.backends.local.store import StoreError
from paretonas.call_function import FUNCTION_FILE
from paretonas.cli.exit_codes import ExitCode
from paretonas.cli.files import load as load_file
from paretonas.cli.output import SteadyOutput
from paretonas.cli.preflight import check_kind
from paretonas.cli.show import console_for
from paretonas.cli.source import DEFAULT_RUNS, RunsFolder
from paretonas.extras import Extra, require
from paretonas.python.building import file_of, runs_function
from paretonas.python.functions import Function, store_function
from paretonas.python.results import Run
from paretonas.python.words import python_words, warn


def run(
    experiment: NASExperiment | str | PathLike[str],
    function: Function | None = None,
    *,
    runs: str | PathLike[str] = DEFAULT_RUNS,
) -> Run:
    """Run an experiment on this machine to its end, or continue it if it was run before.

    Everything is stored as by ``paretonas run``: after an interruption the same call continues, and every other command
    works on it. Call it in the main thread to stop it with Ctrl-C: running trials are stopped, and the state is kept.

    Args:
        experiment: An experiment, or the path of its YAML file.
        function: Called for each trial, in a process of its own, with the trial's parameters as a dict; returns its
            metrics as a dict, or yields those of one step after the other. It may be defined in a notebook. The
            experiment then has no command.
        runs: The folder that holds one folder per experiment.

    Returns:
        The results. Whether the experiment succeeded is `Run.succeeded`.

    Raises:
        InvalidDocument: Something in the experiment is not valid or not available here; nothing was started.
        StoreError: The folder holds another experiment of this name, is in use, or cannot be written.
        MissingExtra: ``paretonas[local]`` is not installed.
        KeyboardInterrupt: The run was interrupted; its state is kept.
    """
    from paretonas.cli import run as runner  # noqa: PLC0415 # numpy and TorchX take a second

    require(Extra.LOCAL)
    folder = Path(runs)
    with python_words():
        begin, file = _begin(experiment)
        check_kind(begin.experiment)
        _prepare(begin.experiment, function, folder / begin.experiment.name)
        code = runner.run(begin, file, folder, console_for(SteadyOutput(sys.stdout)))
        if code is ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
        return Run(RunsFolder(folder, warn), begin.experiment.name)


def _begin(experiment: NASExperiment | str | PathLike[str]) -> tuple[Loaded, Path]:
    """The experiment as it is read from a file, and the file."""
    if isinstance(experiment, NASExperiment):
        parsed = parse_experiment(experiment.to_dict())
        return Loaded(parsed), file_of(parsed)
    file = Path(experiment)
    try:
        return load_file(file), file
    except OSError as error:
        raise StoreError(
            f"cannot read {file}: {error.strerror}; pass an experiment, or the path of its file"
        ) from error


def _prepare(experiment: NASExperiment, function: Function | None, folder: Path) -> None:
    """Store the function, if the trials are calls of one. Raises InvalidDocument and StoreError."""
    if function is not None and not runs_function(experiment):
        message, remedy = "would not be used, since a function is given", "leave it out, or pass no function"
        raise InvalidDocument([Problem("spec.trial.command", message, remedy)])
    if function is not None:
        store_function(function, experiment, folder)
    elif runs_function(experiment) and not (folder / FUNCTION_FILE).exists():
        remedy = "add trial=pn.Trial(command=[…]), or pass a function: pn.run(experiment, f)"
        raise InvalidDocument([Problem("spec.trial.command", "is required", remedy)])
