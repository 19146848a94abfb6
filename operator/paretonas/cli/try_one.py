"""`paretonas run --try-one`: what is said about the first trial of an experiment, run alone."""

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from paretonas.api import ExperimentSpec, NASTrial, visible
from paretonas.api.reasons import AttemptReason
from paretonas.cli.advice import NextCommands
from paretonas.cli.exit_codes import ExitCode
from paretonas.cli.tables import TableColumn, page
from paretonas.engine.engine import wanted_metrics
from paretonas.engine.wording import count, duration, number
from paretonas.jobs.attempt_folder import attempt_folder, output_folder
from paretonas.metrics import LogReader, Reading, Series

_SERIES_SHOWN = 20
"""Tags that are listed; a training that logs every layer has hundreds."""

_INDENT = "  "


def attempted(trials: Sequence[NASTrial]) -> list[NASTrial]:
    """The trials that have been run, at least in part."""
    return [trial for trial in trials if trial.status.attempts]


def why_not(name: str, trials: Sequence[NASTrial], command: str) -> str:
    """Why the first trial cannot be tried alone any more; "" if it can."""
    run = len(attempted(trials))
    if run <= 1:
        return ""
    return (
        f"{name} has begun already: {count(run, 'trial')} were run, and --try-one runs only the first; "
        f"to continue: {command}"
    )


def report_try(
    trial: NASTrial, spec: ExperimentSpec, runs: Path, commands: NextCommands, at_once: int, left: int, console: Console
) -> ExitCode:
    """Print what a try has shown: how it ended, its metrics, what its logs hold, and what comes next.

    Args:
        trial: The trial that was tried, as it is stored.
        spec: The spec of its experiment.
        runs: The folder that holds the experiment's folder.
        commands: The commands to type next; `resume` runs the whole experiment.
        at_once: The number of trials that will run at a time.
        left: The number of trials that are still to be run.
        console: Where to print.

    Returns:
        The exit code: whether the trial has succeeded.
    """

    def say(text: str, indent: str = "") -> None:
        hanging = f"{indent}{_INDENT}"
        wrapper = textwrap.TextWrapper(console.width, indent, hanging, break_long_words=False, break_on_hyphens=False)
        console.print(wrapper.fill(text), soft_wrap=True)  # a path or a command may be longer than a line

    folder = attempt_folder(runs, trial.spec.experiment, trial.name, trial.last_attempt)
    reader = LogReader(folder)
    reader.poll()
    wanted = wanted_metrics(spec)
    reading, series = reader.reading(wanted), reader.series()
    say(_how_it_ended(trial, reading))
    for line in _metrics(trial, spec, reader, reading):
        say(visible(line), _INDENT)
    if series:
        say(f"Its logs in {folder} hold:")
        console.print(page(_columns(series[:_SERIES_SHOWN]), console.width))
        if len(series) > _SERIES_SHOWN:
            say(f"and {len(series) - _SERIES_SHOWN:,} more tags")
    kept = output_folder(runs, trial.spec.experiment, trial.name, trial.first_attempt)
    if kept.exists():
        say(f"It keeps its output in {kept}")
    console.print()
    succeeded = trial.status.state == "Succeeded"
    if succeeded:
        took = _duration(trial)
        say(forecast(took, left, at_once) if took is not None and left else "There is no further trial to run.")
        say(f"This trial counts as the first one. To go on:  {commands.resume}")
    else:
        say(_what_to_mend(trial, nothing_logged=not series))
        for command in _next_commands(trial, commands):
            say(command, _INDENT)
    return ExitCode.FINE if succeeded else ExitCode.FAILED


def forecast(took: timedelta, left: int, at_once: int) -> str:
    """How long the rest of the search will take, with what is assumed.

    Args:
        took: How long the first trial took.
        left: The number of trials that are still to be run; at least 1.
        at_once: The number of trials that run at a time.
    """
    at_once = min(at_once, left)
    rounds = math.ceil(left / at_once)
    if left == 1:
        return f"The other trial will take about {duration(took)}, if it takes as long as this one."
    how = "one after the other" if at_once == 1 else f"{at_once:,} at a time"
    alone = "" if at_once == 1 else ", and if they do not slow each other down"
    total = duration(rounds * took) + (f" ({rounds:,} times {duration(took)})" if rounds > 1 else "")
    return f"The other {left:,} trials, {how}, will take about {total}, if each takes as long as this one{alone}."


def _how_it_ended(trial: NASTrial, reading: Reading) -> str:
    took = _duration(trial)
    after = f" after {duration(took)}" if took is not None else ""
    last = trial.status.attempts[-1]
    if trial.status.state == "Succeeded":
        return f"{trial.name} succeeded{after}"
    if last.cause is AttemptReason.STOPPED:
        return f"{trial.name} was stopped{after}"
    # the lines below the first are the output, which was shown while the trial ran
    first = trial.status.message.partition("\n")[0]
    why = "" if first == "; ".join(reading.problems) else f": {first}"  # each metric's problem gets a line
    return (
        f"{trial.name} {'is infeasible' if trial.status.state == 'Infeasible' else 'failed'}{after}: {last.reason}{why}"
    )


def _duration(trial: NASTrial) -> timedelta | None:
    last = trial.status.attempts[-1]
    return last.end_time - last.start_time if last.start_time and last.end_time else None


def _metrics(trial: NASTrial, spec: ExperimentSpec, reader: LogReader, reading: Reading) -> Iterator[str]:
    """A line for each metric with its value and where that comes from, or why it has none."""
    for name, formula in spec.formulas.items():
        if name in trial.status.metrics:
            yield f"{name} {number(trial.status.metrics[name])}: from its formula, {formula.text}"
    if trial.status.state == "Succeeded" and trial.status.message:
        yield trial.status.message  # a formula that the logs contradict
    if not reader.series():
        if trial.status.attempts[-1].cause is AttemptReason.METRICS_UNAVAILABLE:
            yield from {problem.partition(": ")[2]: None for problem in reading.problems}  # the same for each metric
        return
    for metric in wanted_metrics(spec):
        if metric.name in reading.values and metric.name not in spec.formulas:
            yield f"{metric.name} {number(reading.values[metric.name])}: {reader.explain(metric)}"
    yield from reading.problems
    yield from reading.notes


def _columns(series: Sequence[Series]) -> list[TableColumn]:
    def steps(low: int, high: int) -> str:
        return f"{low:,}" if low == high else f"{low:,} to {high:,}"

    return [
        TableColumn("TAG", [s.tag for s in series]),
        TableColumn("RUN", [s.run for s in series]),
        TableColumn("LAST", [number(s.last) for s in series], numeric=True),
        TableColumn("VALUES", [f"{s.values:,}" for s in series], numeric=True),
        TableColumn("STEPS", [steps(*s.steps) for s in series]),
    ]


def _what_to_mend(trial: NASTrial, *, nothing_logged: bool) -> str:
    reason = trial.status.attempts[-1].cause
    if reason is AttemptReason.METRICS_UNAVAILABLE and nothing_logged:
        return (
            "Let the program write TensorBoard scalars to its log folder, which it gets as ${trial.logDir} "
            "(--log-dir without args) and as PARETONAS_LOG_DIR."
        )
    return _MENDS.get(reason, "The program itself may be all right.")


_MENDS: Mapping[AttemptReason, str] = {
    AttemptReason.CRASHED: "Its output above says why it ended; correct the program or its arguments.",
    AttemptReason.KILLED: "If it was killed for want of memory, let the program use less.",
    AttemptReason.METRICS_UNAVAILABLE: "Log each metric under its tag, or name the tag that is logged in spec.metrics.",
    AttemptReason.METRICS_AMBIGUOUS: "Say in spec.metrics which run counts.",
    AttemptReason.NOT_FINITE: "The search avoids such points. If it is a mistake of the program, correct that.",
    AttemptReason.DEADLINE_EXCEEDED: "Raise trial.activeDeadlineSeconds, or let the program do less.",
    AttemptReason.NO_PROGRESS: "Raise trial.progressDeadlineSeconds, or log more often.",
    AttemptReason.STOPPED: "If the program hangs, correct it; trial.activeDeadlineSeconds would end such a trial.",
}
"""What to do after an attempt that ended for this reason."""


def _next_commands(trial: NASTrial, commands: NextCommands) -> Iterator[str]:
    """The commands to choose from after a try that did not succeed."""
    yield f"the same trial again:  {commands.resume} --try-one"
    if trial.ended:
        infeasible = " --infeasible" if trial.status.state == "Infeasible" else ""
        yield f"the same trial, then the others:  {commands.retry}{infeasible}"
        yield f"the others without it:  {commands.resume}"
    else:
        yield f"the same trial, then the others:  {commands.resume}"
