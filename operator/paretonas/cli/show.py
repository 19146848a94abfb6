"""The commands that show experiments; their output is the same on this machine and on a cluster."""

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from paretonas.api import NASExperiment, ParetoPoint, export_experiment, plain
from paretonas.backends.local.store import StoreError
from paretonas.cli import tables
from paretonas.cli.output_formats import as_csv, as_json, as_yaml, pareto_records, trial_records
from paretonas.cli.result import complain, write_report
from paretonas.cli.source import Source, with_output_paths
from paretonas.engine.wording import count

Shown = TypeVar("Shown")

OPTUNA = "optuna"
"""The format of `export` that is a study in a storage, not a text."""

TABLE, WIDE, NAME = "table", "wide", "name"
"""The formats for people: the columns that fit, all columns, and the names alone."""

_PIPE_WIDTH = 10_000
"""The width in characters when the output is not a terminal: nothing is wrapped or cut."""


def show_experiments(
    source: Source, name: str | None, kind: str | None, *, namespaces: bool = False, watch: bool = False
) -> None:
    """List all experiments, or describe the one with this name; with ``watch``, follow their changes in a table.

    Raises:
        UsageError: Changes are to be followed in another format than a table.
    """
    if watch:
        _check_watchable(kind)
        _watch_experiments(source, name, namespaces=namespaces)
    elif name:
        _show_experiment(source, name, kind)
    else:
        _list_experiments(source, kind or TABLE, namespaces=namespaces)


def show_trials(source: Source, name: str, kind: str, *, watch: bool = False) -> None:
    """Print an experiment's trials, or follow them as `show_experiments` does."""
    if watch:
        _check_watchable(kind)
        _watch_trials(source, name)
    else:
        _list_trials(source, name, kind)


def show_pareto(source: Source, name: str, kind: str, *, watch: bool = False) -> None:
    """Print an experiment's Pareto set, or follow it as `show_experiments` does."""
    if watch:
        _check_watchable(kind)
        _watch_pareto(source, name)
    else:
        _list_pareto(source, name, kind)


def _list_experiments(source: Source, kind: str, *, namespaces: bool) -> None:
    found = source.experiments()
    if not found:
        complain(f"no experiment in {source.place}")
    items = [experiment.to_dict() for experiment in found]
    show(kind, {"apiVersion": "v1", "kind": "List", "items": items}, _experiment_table(found, kind, namespaces))


def _show_experiment(source: Source, name: str, kind: str | None) -> None:
    """Print one experiment with its status; without a format, in words."""
    experiment = source.experiment(name)
    if kind is not None:
        show(kind, experiment.to_dict(), _experiment_table([experiment], kind))
        return
    from paretonas.cli.describe import describe  # noqa: PLC0415 # only this command needs it

    console, points = console_for(), pareto_points(source, experiment)
    text = describe(experiment, points, source.files(name), datetime.now(UTC), console.width)
    console.print(text, soft_wrap=True)


def _experiment_table(
    experiments: Sequence[NASExperiment], kind: str, namespaces: bool = False
) -> Callable[[], Sequence[tables.TableColumn]]:
    wide = kind == WIDE
    return lambda: tables.experiment_columns(experiments, datetime.now(UTC), namespaces=namespaces, wide=wide)


def _list_trials(source: Source, name: str, kind: str) -> None:
    spec, found = source.experiment(name).spec, source.trials(name)
    now, wide = datetime.now(UTC), kind == WIDE
    show(kind, trial_records(found), lambda: tables.trial_columns(spec, found, now, wide=wide))


def _watch_experiments(source: Source, name: str | None, *, namespaces: bool) -> None:
    """Print the experiments, or the one with this name, and what changes, until the user interrupts."""
    _watch(
        source.follow_experiments(name), lambda found, now: tables.experiment_columns(found, now, namespaces=namespaces)
    )


def _watch_trials(source: Source, name: str) -> None:
    """Print an experiment's trials and what changes, until the user interrupts."""
    spec = source.experiment(name).spec
    _watch(source.follow_trials(name), lambda found, now: tables.trial_columns(spec, found, now))


def _watch_pareto(source: Source, name: str) -> None:
    """Print an experiment's Pareto set and what changes, until the user interrupts."""
    spec = source.experiment(name).spec
    _watch(
        source.follow_experiments(name),
        lambda found, _: tables.pareto_columns(spec, [p for e in found for p in pareto_points(source, e)]),
    )


def _watch(states: Iterable[Shown], columns: Callable[[Shown, datetime], Sequence[tables.TableColumn]]) -> None:
    from paretonas.cli.follow import watch  # noqa: PLC0415 # Rich's live display, which only a watch needs

    watch(states, columns, console_for())


def _check_watchable(kind: str | None) -> None:
    """Refuse to follow changes in another format than a table. Raises UsageError."""
    if kind not in {None, TABLE}:
        raise click.UsageError(f"--watch always shows a table; leave out -o {kind}")


def _list_pareto(source: Source, name: str, kind: str) -> None:
    experiment = source.experiment(name)
    points = with_output_paths(source, pareto_points(source, experiment))
    if not points:
        condition = experiment.status.condition("Succeeded")
        complain(
            f"no trial is in the Pareto set: {condition.message if condition else 'the experiment has not started'}"
        )
    show(kind, pareto_records(points), lambda: tables.pareto_columns(experiment.spec, points))


def pareto_points(source: Source, experiment: NASExperiment) -> Sequence[ParetoPoint]:
    """An experiment's complete Pareto set, from its status or, if the status has no room for it, from its trials.

    The user is told if part of it is lost because the trials were removed.
    """
    from paretonas.engine.pareto_front import lacking, whole  # noqa: PLC0415 # numpy takes 0.1 s; `get` does without

    status, points = experiment.status, experiment.status.pareto_set
    if not lacking(status, points):
        return points
    points = whole(experiment, source.trials(experiment.name))
    if lost := lacking(status, points):
        complain(
            f"of the {status.pareto_set_size:,} trials in the Pareto set of {experiment.name}, {lost} are not shown: "
            f"they do not fit into its status, and the trials were removed"
        )
    return points


def show_export(source: Source, name: str, kind: str, storage: str | None = None) -> None:
    """Print everything known about an experiment's trials; in YAML, the file to continue the search elsewhere.

    Raises:
        UsageError: A storage is given, but no study is to be written to it, or the other way round.
    """
    if (kind == OPTUNA) != (storage is not None):
        raise click.UsageError("-o optuna and --to URL belong together, as in -o optuna --to sqlite:///study.db")
    if storage is not None:
        _export_study(source, name, storage)
    elif kind == "yaml":
        show(kind, export_experiment(source.experiment(name), source.trials(name)), list)
    else:
        show(kind, trial_records(source.trials(name)), list)


def _export_study(source: Source, name: str, storage: str) -> None:
    from paretonas.exchange.optuna_export import export_study  # noqa: PLC0415 # Optuna takes half a second
    from paretonas.metrics.objective_curve import objective_curves  # noqa: PLC0415 # numpy takes 0.1 s

    experiment, trials = source.experiment(name), source.trials(name)
    curves = objective_curves(experiment.spec, source.curves(name))
    amount = export_study(experiment, trials, curves, storage)
    click.echo(f"{name}: {count(amount, 'trial')} written to {storage}. To look at them: optuna-dashboard {storage}")


def save_report(source: Source, name: str, page: Path, *, model: bool | None, show: bool) -> None:
    """Write an experiment's report, and print its path. Raises StoreError."""
    try:
        write_report(page, source.experiment(name), source, model=model)
    except OSError as error:
        raise StoreError(f"cannot write {page}: {error.strerror}; choose another file with --output") from error
    click.echo(page)
    if show:
        click.launch(str(page))


def show(kind: str, document: Any, columns: Callable[[], Sequence[tables.TableColumn]]) -> None:
    """Print a table, all of it however wide, only its names, or the document in one of the formats for scripts."""
    console = console_for()
    if kind == TABLE:
        console.print(tables.page(columns(), console.width))
    elif kind == WIDE:
        console.print(tables.table(columns()), soft_wrap=True)
    elif kind == NAME:
        print_lines(next(column.cells for column in columns() if column.names))
    else:
        formats: dict[str, Callable[[Any], str]] = {"json": as_json, "yaml": as_yaml, "csv": as_csv}
        print_lines(formats[kind](document).removesuffix("\n").split("\n"))


def print_lines(lines: Iterable[str]) -> None:
    """Print untrusted text: unchanged to a file or a program, without control characters to a terminal."""
    on_screen = sys.stdout.isatty()
    for line in lines:
        click.echo(plain(line) if on_screen else line)


def console_for(file: Any = None) -> Console:
    """Create a console that prints values unchanged: a name may contain what Rich takes for markup."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(file=file, width=width, markup=False, highlight=False, force_jupyter=False)
