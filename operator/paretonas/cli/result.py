"""What a run prints at its end: the result, why it stopped, or how to continue."""

import contextlib
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import click
from rich.console import Console

from paretonas.api import NASExperiment, NASTrial, plain
from paretonas.api.reasons import Goal, Hindrance
from paretonas.backends.local.store import EXPERIMENT_FILE
from paretonas.cli.exit_codes import ExitCode
from paretonas.cli.source import DEFAULT_RUNS, REPORT_FILE, RunsFolder, Source, with_output_paths
from paretonas.cli.tables import count_ended, count_planned, page, pareto_columns
from paretonas.engine.trouble import Trouble
from paretonas.engine.wording import count, number

_FAILED_SHOWN, _LINES_SHOWN = 3, 6
"""The number of failed trials shown at the end of a failed run, and the output lines of each."""


def complain(line: str) -> None:
    """Print one line for the user, on standard error."""
    with contextlib.suppress(OSError):  # standard error may be closed
        click.echo(plain(line), err=True)


def conclude(experiment: NASExperiment, runs: Path, console: Console, *, again: bool = False) -> ExitCode:
    """Print the result of a finished experiment, and write its report.

    Args:
        experiment: The experiment with its status.
        runs: The folder that holds the experiment's folder.
        console: Where to print.
        again: Whether the experiment had ended before this command.

    Returns:
        The exit code: whether the experiment succeeded.
    """
    condition = experiment.status.condition("Succeeded")
    succeeded = condition is not None and condition.status == "True"
    words = f"{condition.reason}: {condition.message}" if condition else ""
    trials = RunsFolder(runs, complain).trials(experiment.name)
    advice = _advice(experiment, trials, runs)
    if again:
        console.print("; ".join(filter(None, [f"{experiment.name} is finished", advice])), soft_wrap=True)
    console.print(f"{experiment.name}: {words}", soft_wrap=True)
    if not succeeded:
        for trial in [t for t in trials if t.status.state == "Failed"][:_FAILED_SHOWN]:
            console.print(_failure(trial))
    _print_pareto_set(experiment, trials, runs, console)
    if any(t.status.state == "Succeeded" for t in trials):
        _write_page(experiment, runs, console)
    early = condition is not None and condition.reason in get_args(Goal)
    if advice and not again and (not succeeded or early or any(t.status.state == "Failed" for t in trials)):
        console.print(f"{experiment.name}: {advice}", soft_wrap=True)
    return ExitCode.FINE if succeeded else ExitCode.FAILED


def _describe(reason: Hindrance) -> str:
    """What ended a run, for its last line."""
    match reason:
        case Hindrance.SEARCH_FAILED:
            return "the search failed repeatedly"
        case Hindrance.WARM_START_FAILED:
            return "the warm start failed"
        case Hindrance.SUBMIT_FAILED:
            return "no trial can be started"
        case Hindrance.TRIALS_WAITING:
            return "no trial has started"
        case Hindrance.PASS_FAILED:
            return "the run failed repeatedly"


def give_up(experiment: NASExperiment, trouble: Trouble, console: Console) -> ExitCode:
    """Report why a run cannot continue, and return its exit code."""
    complain(f"stopped: {_describe(trouble.reason)}: {trouble.message}")
    _print_how_to_continue(experiment, console)
    return ExitCode.FAILED


def report_interruption(experiment: NASExperiment, runs: Path, console: Console, *, killed: bool) -> ExitCode:
    """Report that the user interrupted the run, and how to continue it; return the exit code."""
    what = "exited immediately, running trials were killed" if killed else "stopped"
    console.print(f"{what}; the state is kept in {runs / experiment.name}", soft_wrap=True)
    _print_how_to_continue(experiment, console)
    return ExitCode.INTERRUPTED


def write_report(file: Path, experiment: NASExperiment, source: Source, *, model: bool | None = None) -> None:
    """Write an experiment's report, whatever its state. Raises OSError, and MissingExtra if a model must be on it."""
    from paretonas import report  # noqa: PLC0415 # numpy and the search take a second; other commands do without

    trials, curves = source.trials(experiment.name), source.curves(experiment.name)
    finder = report.Finder(source.output_path, source.log_command)
    report.write(file, experiment, trials, curves, model=model, finder=finder)


def retry_command(name: str, runs: Path) -> str:
    """The command that retries the failed trials of an experiment."""
    folder = "" if runs == DEFAULT_RUNS else f" --runs-dir {shlex.quote(str(runs))}"
    return f"paretonas retry {name}{folder}"


def _advice(experiment: NASExperiment, trials: Sequence[NASTrial], runs: Path) -> str:
    from paretonas.cli.advice import NextCommands, advice  # noqa: PLC0415 # numpy takes 0.1 s; `get` does without

    commands = NextCommands(retry_command(experiment.name, runs), more_trials="maxTrials (or --max-trials)")
    return advice(experiment, trials, datetime.now(UTC), commands)


def _failure(trial: NASTrial) -> str:
    """The description of a failed trial, with the last lines of its output."""
    reason = trial.status.attempts[-1].reason if trial.status.attempts else trial.status.state
    first, *output = trial.status.message.splitlines() or [""]
    return "\n".join([f"{trial.name}: {reason}: {first}", *(f"  {line}" for line in output[-_LINES_SHOWN:])])


def _print_pareto_set(experiment: NASExperiment, trials: Sequence[NASTrial], runs: Path, console: Console) -> None:
    from paretonas.engine.pareto_front import whole  # noqa: PLC0415 # as above

    status, points = experiment.status, with_output_paths(RunsFolder(runs, complain), whole(experiment, trials))
    if not points:
        console.print("no trial is in the Pareto set")
        return
    volume = "" if status.hypervolume is None else f", hypervolume {number(status.hypervolume)}"
    console.print(f"\nPareto set: {count(len(points), 'trial')}{volume}")
    console.print(page(pareto_columns(experiment.spec, points), console.width))
    console.print()


def _write_page(experiment: NASExperiment, runs: Path, console: Console) -> None:
    """Write the report of a finished run, unless it is up to date."""
    folder = runs / experiment.name
    file = folder / REPORT_FILE
    try:
        if not file.exists() or file.stat().st_mtime < (folder / EXPERIMENT_FILE).stat().st_mtime:
            write_report(file, experiment, RunsFolder(runs, complain))
        console.print(f"report: {file}", soft_wrap=True)
    except Exception as error:  # noqa: BLE001 # no error in a report may fail a finished run
        complain(
            f"the report could not be written ({type(error).__name__}: {error}); the results are safe, "
            f"to try again: paretonas report {experiment.name} --runs-dir {runs}"
        )


def _print_how_to_continue(experiment: NASExperiment, console: Console) -> None:
    progress = f"{count_ended(experiment)} of {count(count_planned(experiment), 'trial')} ended"
    console.print(f"{progress}; run the same command again to continue")
