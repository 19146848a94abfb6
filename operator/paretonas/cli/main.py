"""The commands: each reads its arguments, delegates and returns.

What only one command needs and takes long to import (the engine, TorchX, Ax, Plotly) is imported in its body:
`validate` and `get` answer in a fraction of a second.
"""

import io
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from paretonas.api import InvalidDocument
from paretonas.backends.local.store import StoreError
from paretonas.cli import tables
from paretonas.cli.exit_codes import ExitCode, help_text
from paretonas.cli.files import load, summary
from paretonas.cli.formats import as_csv, as_json, as_yaml, trial_records
from paretonas.cli.output import SteadyOutput
from paretonas.cli.result import REPORT_FILE, complain, write_report
from paretonas.cli.source import RunsFolder, UnknownName

_PIPE_WIDTH = 10_000
"""Characters of a line that is not for a terminal: nothing is wrapped or cut."""

_LOG_LINES = 50
"""Lines that `logs` prints: a screenful, with the end of a traceback."""

Command = TypeVar("Command", bound=Callable[..., Any])


class _Commands(click.Group):
    """Gives every error its message and its exit code, in one place."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(context)
        except InvalidDocument as error:
            complain(str(error))  # a problem a line
            raise click.exceptions.Exit(ExitCode.BAD_INPUT) from error
        except (StoreError, UnknownName) as error:
            complain(str(error))
            raise click.exceptions.Exit(ExitCode.UNUSABLE) from error
        except KeyboardInterrupt as error:
            raise click.exceptions.Exit(ExitCode.INTERRUPTED) from error


@click.group(
    cls=_Commands,
    epilog=help_text(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="paretonas", prog_name="paretonas")
def main() -> None:
    """Multi-objective neural architecture search from one file."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that has no … must not end a run


def kubectl_main() -> None:
    """Answer to `kubectl nas`, for which there is nothing yet."""
    complain("this version has no cluster commands yet; use paretonas run FILE on this machine")
    sys.exit(ExitCode.BAD_INPUT)


def _file_argument(command: Command) -> Command:
    return click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))(command)


def _runs_option(command: Command) -> Command:
    kind = click.Path(file_okay=False, path_type=Path)
    text = "Folder with a folder for each experiment."
    return click.option("--runs-dir", "runs", type=kind, default="runs", show_default=True, help=text)(
        command
    )


def _output_option(*kinds: str) -> Callable[[Command], Command]:
    choice = click.Choice(kinds)
    return click.option("-o", "--output", "kind", type=choice, default=kinds[0], show_default=True)


@main.command()
@_file_argument
@click.option("--parallelism", type=click.IntRange(min=1), help="Trials at a time, instead of the file's.")
@click.option("--max-trials", type=click.IntRange(min=1), help="Trials in all, instead of the file's.")
@_runs_option
def run(file: Path, parallelism: int | None, max_trials: int | None, runs: Path) -> None:
    """Run the experiment in FILE on this machine.

    Ctrl-C stops the trials and keeps the state, Ctrl-C again leaves at once; the same command goes on from
    there.
    """
    from paretonas.cli.run import run as run_experiment  # noqa: PLC0415 # see the module's docstring

    experiment = load(file, parallelism=parallelism, maxTrials=max_trials)
    sys.exit(run_experiment(experiment, runs, _console(SteadyOutput(sys.stdout))))


@main.command()
@_file_argument
def validate(file: Path) -> None:
    """Check FILE, and say everything that is wrong with it."""
    click.echo(summary(load(file)))


@main.command()
@_file_argument
@click.option("-n", "--number", type=click.IntRange(1, 1000), default=8, show_default=True)
@_output_option("table", "json", "yaml", "csv")
def plan(file: Path, number: int, kind: str) -> None:
    """Print the first candidates of FILE; nothing is run or created."""
    from paretonas.cli.plan import candidates  # noqa: PLC0415 # see the module's docstring

    experiment = load(file)
    records = candidates(experiment, number)
    _print(kind, records, lambda: tables.candidate_columns(experiment.spec, records))


@main.command()
@click.argument("name", required=False)
@_runs_option
@_output_option("table", "yaml", "json")
def get(name: str | None, runs: Path, kind: str) -> None:
    """List the experiments, or print the one called NAME with its status."""
    source = _source(runs)
    found = source.experiments() if name is None else [source.experiment(name)]
    if not found:
        complain(f"no experiment in {runs}")
    items = [experiment.to_dict() for experiment in found]
    document = items[0] if name else {"apiVersion": "v1", "kind": "List", "items": items}
    _print(kind, document, lambda: tables.experiment_columns(found, datetime.now(UTC)))


@main.command()
@click.argument("name")
@_runs_option
def trials(name: str, runs: Path) -> None:
    """List the trials of the experiment NAME."""
    source = _source(runs)
    spec, found = source.experiment(name).spec, source.trials(name)
    _print("table", found, lambda: tables.trial_columns(spec, found, datetime.now(UTC)))


@main.command()
@click.argument("trial")
@click.option("--tail", type=click.IntRange(min=1), default=_LOG_LINES, show_default=True, help="Lines.")
@_runs_option
def logs(trial: str, tail: int, runs: Path) -> None:
    """Print the end of what the last attempt of TRIAL has printed."""
    for line in _source(runs).log(trial).splitlines()[-tail:]:
        click.echo(line)


@main.command()
@click.argument("name")
@_runs_option
@_output_option("table", "json", "csv", "yaml")
def pareto(name: str, runs: Path, kind: str) -> None:
    """Print the Pareto set of the experiment NAME; as JSON it is exactly its status.paretoSet."""
    experiment = _source(runs).experiment(name)
    status = experiment.status
    _print(
        kind, status.to_dict()["paretoSet"], lambda: tables.pareto_columns(experiment.spec, status.pareto_set)
    )


@main.command()
@click.argument("name")
@_runs_option
@_output_option("csv", "json")
def export(name: str, runs: Path, kind: str) -> None:
    """Print all trials of the experiment NAME: parameters, metrics, state, attempts, times."""
    _print(kind, trial_records(_source(runs).trials(name)), list)


@main.command()
@click.argument("name")
@_runs_option
@click.option("--model", is_flag=True, help="Add what Ax's model says: takes half a minute.")
@click.option("--output", "page", type=click.Path(dir_okay=False, path_type=Path), help="The page's file.")
@click.option("--open/--no-open", "show", default=False, show_default=True, help="Show it in the browser.")
def report(name: str, runs: Path, model: bool, page: Path | None, show: bool) -> None:
    """Write the experiment NAME as one HTML page."""
    source = _source(runs)
    page = page or runs / name / REPORT_FILE
    try:
        write_report(page, source.experiment(name), source, model=model)
    except OSError as error:
        raise StoreError(f"cannot write {page}: {error.strerror}; give another --output") from error
    click.echo(page)
    if show:
        click.launch(str(page))


def _source(runs: Path) -> RunsFolder:
    return RunsFolder(runs, complain)


def _console(file: Any = None) -> Console:
    """A console that prints values as they are: a name may hold what Rich takes for markup."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(file=file, width=width, markup=False, highlight=False)


def _print(kind: str, document: Any, columns: Callable[[], Sequence[tables.Column]]) -> None:
    """Print as a table, or in one of the formats for scripts."""
    if kind == "table":
        console = _console()
        console.print(tables.page(columns(), console.width))
    else:
        formats: dict[str, Callable[[Any], str]] = {"json": as_json, "yaml": as_yaml, "csv": as_csv}
        click.echo(formats[kind](document), nl=False)


if __name__ == "__main__":
    main()
