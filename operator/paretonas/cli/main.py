"""`paretonas`: the commands on this machine. Each reads its arguments and delegates.

Modules that take long to import and that only one command needs (the engine, TorchX, Ax, Plotly) are imported in the
body of that command, so that `validate` and `get` answer in a fraction of a second.
"""

import shlex
import shutil
import sys
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from paretonas.cli import show, tables
from paretonas.cli.commands import (
    CONTEXT,
    Command,
    CommandGroup,
    experiment_argument,
    follow_option,
    infeasible_option,
    output_option,
    report_options,
    tail_option,
    to_option,
    trial_argument,
    watch_option,
)
from paretonas.cli.exit_codes import help_text
from paretonas.cli.files import load, summary
from paretonas.cli.init import OWN_SCRIPT, create, templates
from paretonas.cli.output import SteadyOutput
from paretonas.cli.result import complain
from paretonas.cli.show import save_report
from paretonas.cli.source import DEFAULT_RUNS, REPORT_FILE, RunsFolder
from paretonas.cli.versions import version_option

_WIDEST = 100
"""Columns that a paragraph takes at most: longer lines are hard to read."""


@click.group(cls=CommandGroup, epilog=help_text(), context_settings=CONTEXT)
@version_option
def main() -> None:
    """Multi-objective neural architecture search from one file."""


def kubectl_main() -> None:
    """Run `kubectl nas`."""
    from paretonas.cli.kubectl import nas  # noqa: PLC0415 # `paretonas` does not need these commands

    nas(prog_name="kubectl nas")


def kubectl_completion() -> None:
    """Print the completions of `kubectl nas`, for kubectl's own shell completion."""
    from paretonas.cli.completion import complete_for_kubectl  # noqa: PLC0415 # as above
    from paretonas.cli.kubectl import nas  # noqa: PLC0415 # as above

    click.echo(complete_for_kubectl(nas, sys.argv[1:]), nl=False)


def _file_argument(command: Command) -> Command:
    return click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))(command)


def _runs_option(command: Command) -> Command:
    kind = click.Path(file_okay=False, path_type=Path)
    text = "Folder that holds one folder per experiment."
    return click.option("--runs-dir", "runs", type=kind, default=DEFAULT_RUNS, show_default=True, help=text)(command)


@main.command()
@_file_argument
@click.option("--parallelism", type=click.IntRange(min=1), help="Trials to run at a time; replaces the file's value.")
@click.option("--max-trials", type=click.IntRange(min=1), help="Trials to run in total; replaces the file's value.")
@click.option("--try-one", "only_one", is_flag=True, help="Run the first trial alone, show its output, and report.")
@_runs_option
def run(file: Path, parallelism: int | None, max_trials: int | None, only_one: bool, runs: Path) -> None:
    """Run the experiment in FILE on this machine.

    Press Ctrl-C to stop the trials, and Ctrl-C again to exit immediately. The state is kept either way, and
    the same command continues the run.

    With --try-one, the first trial runs alone: its output is shown while it runs, and then its metrics, what
    its logs hold, and how long the whole search will take. The next run continues after it.
    """
    from paretonas.cli import run as runner  # noqa: PLC0415 # see the module's docstring

    search = load(file, parallelism=parallelism, maxTrials=max_trials)
    console = show.console_for(SteadyOutput(sys.stdout))
    if not only_one:
        sys.exit(runner.run(search, file, runs, console))
    folder = None if runs == DEFAULT_RUNS else runs
    given = {"--parallelism": parallelism, "--max-trials": max_trials, "--runs-dir": folder}
    options = [str(word) for option in given.items() if option[1] is not None for word in option]
    command = shlex.join(["paretonas", "run", str(file), *options])
    sys.exit(runner.try_one(search, file, runs, console, command))


@main.command()
@experiment_argument()
@infeasible_option
@_runs_option
def retry(name: str, infeasible: bool, runs: Path) -> None:
    """Retry the failed trials of the experiment NAME, and continue it.

    Use it once the cause of the failures is fixed. Each trial gets a new set of attempts; the earlier ones
    stay on record. An experiment that had ended continues, and its deadline starts again. The experiment runs
    with the settings of its last run: after changing its file, first run `paretonas run FILE`.
    """
    from paretonas.cli.run import retry as retry_experiment  # noqa: PLC0415 # see the module's docstring

    _source(runs).folder(name)
    console = show.console_for(SteadyOutput(sys.stdout))
    sys.exit(retry_experiment(name, runs, console, infeasible=infeasible))


@main.command()
@experiment_argument()
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@_runs_option
def delete(name: str, yes: bool, runs: Path) -> None:
    """Delete the experiment NAME from this machine: its folder with all trials, logs and the report."""
    from paretonas.cli.delete import delete as delete_experiment  # noqa: PLC0415 # see the module's docstring

    _source(runs).folder(name)
    sys.exit(delete_experiment(runs, name, ask=not yes))


@main.command()
@_file_argument
def validate(file: Path) -> None:
    """Check FILE, and report every mistake in it."""
    from paretonas.cli.preflight import warnings  # noqa: PLC0415 # see the module's docstring

    search = load(file)
    click.echo(summary(search))
    for warning in warnings(search.experiment, file):
        complain(f"warning: {warning}")


class _TemplateName(click.ParamType[str]):
    """The name of a template. The folder is read only when it is asked for, not whenever the command starts."""

    name = "template"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        return click.Choice(templates()).get_metavar(param, ctx)

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return click.Choice(templates()).convert(value, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return click.Choice(templates()).shell_complete(ctx, param, incomplete)


@main.command()
@click.argument("name")
@click.option("--template", type=_TemplateName(), default=OWN_SCRIPT, show_default=True)
def init(name: str, template: str) -> None:
    """Create NAME.yaml in the current folder, and a training script beside it that runs at once.

    Every other template is one of the project's examples, without a script.
    """
    for path in create(name, template, Path()):
        click.echo(f"created {path}")
    click.echo(f"Try it:  paretonas run {name}.yaml --try-one")


@main.command()
@click.argument("field", default="")
def explain(field: str) -> None:
    """Describe FIELD of an experiment's file, such as spec.parameters.int, and the fields below it.

    Without FIELD, the fields at the top. `nastrial.spec` describes a field of a trial.
    """
    from paretonas.api.field_reference import UnknownField, find_field  # noqa: PLC0415 # see the module's docstring
    from paretonas.cli.explain import explain_field  # noqa: PLC0415 # see the module's docstring

    try:
        found = find_field(field)
    except UnknownField as error:
        raise click.BadParameter(str(error), param_hint="FIELD") from error
    click.echo(explain_field(found, min(shutil.get_terminal_size().columns, _WIDEST)))


@main.command()
@_file_argument
@click.option("-n", "--number", type=click.IntRange(1, 1000), default=8, show_default=True)
@output_option("table", "json", "yaml", "csv")
def plan(file: Path, number: int, kind: str) -> None:
    """Print the first candidates of FILE without running or creating anything."""
    from paretonas.cli.plan import candidates  # noqa: PLC0415 # see the module's docstring

    search = load(file)
    records = candidates(search, number)
    show.show(kind, records, lambda: tables.candidate_columns(search.experiment.spec, records))


@main.command()
@experiment_argument(required=False)
@_runs_option
@watch_option
@output_option(show.TABLE, show.WIDE, show.NAME, "yaml", "json", default=None)
def get(name: str | None, runs: Path, watch: bool, kind: str | None) -> None:
    """List the experiments, or describe the one called NAME."""
    show.show_experiments(_source(runs), name, kind, watch=watch)


@main.command()
@experiment_argument()
@_runs_option
@watch_option
@output_option(show.TABLE, show.WIDE, show.NAME, "json", "csv", "yaml")
def trials(name: str, runs: Path, watch: bool, kind: str) -> None:
    """List the trials of the experiment NAME; in JSON, CSV and YAML, everything known about them."""
    show.show_trials(_source(runs), name, kind, watch=watch)


@main.command()
@trial_argument
@tail_option
@follow_option
@_runs_option
def logs(trial: str, tail: int, follow: bool, runs: Path) -> None:
    """Print the last lines that the last attempt of TRIAL has printed."""
    show.print_lines(_source(runs).log(trial, tail, follow=follow))


@main.command()
@experiment_argument()
@_runs_option
@watch_option
@output_option(show.TABLE, show.WIDE, show.NAME, "json", "csv", "yaml")
def pareto(name: str, runs: Path, watch: bool, kind: str) -> None:
    """Print the Pareto set of the experiment NAME; in JSON, the complete status.paretoSet."""
    show.show_pareto(_source(runs), name, kind, watch=watch)


@main.command()
@experiment_argument()
@_runs_option
@output_option("csv", "json", "yaml", "optuna")
@to_option
def export(name: str, runs: Path, kind: str, storage: str | None) -> None:
    """Print all trials of the experiment NAME: parameters, metrics, state, attempts, times.

    In YAML, the output is a file for `paretonas run` or `kubectl apply` that continues the search elsewhere.
    With -o optuna --to sqlite:///study.db, they are written as a study, which optuna-dashboard opens.
    """
    show.show_export(_source(runs), name, kind, storage)


@main.command("import")
@_file_argument
@click.option("--from", "source", required=True, metavar="SOURCE", help="CSV file, or Optuna storage: study.db, a URL.")
@click.option("--study", help="The name of the Optuna study, if the storage has several.")
@output_option("yaml", "json")
def import_results(file: Path, source: str, study: str | None, kind: str) -> None:
    """Print the experiment in FILE with results from elsewhere as known trials.

    The output is a file for `paretonas run` or `kubectl apply`: the search begins with these results, which do
    not count as trials of its own. Columns of a CSV file are called as the parameters and metrics, as `paretonas
    export` writes them, or as Optuna's trials_dataframe does. What does not fit is left out, and listed.
    Thousands of results need -o json, into a file called .json.
    """
    from paretonas.cli.import_results import with_known_results  # noqa: PLC0415 # see the module's docstring

    show.show(kind, with_known_results(load(file), source, study, as_yaml=kind == "yaml"), list)


@main.command()
@experiment_argument()
@_runs_option
@report_options
def report(name: str, runs: Path, model: bool | None, page: Path | None, show: bool) -> None:
    """Write a report on the experiment NAME as one HTML page."""
    page = page or runs / name / REPORT_FILE
    save_report(_source(runs), name, page, model=model, show=show)


def _source(runs: Path) -> RunsFolder:
    return RunsFolder(runs, complain)


if __name__ == "__main__":
    main()
