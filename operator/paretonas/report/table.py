"""The table of all trials: the text of each cell, and the key by which its column is sorted."""

from dataclasses import dataclass

from paretonas.api import NASTrial, Scalar
from paretonas.engine.wording import duration, value
from paretonas.report.results import Results, trial_time


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: What is read.
        order: What its column is sorted by; empty cells come last.
        remark: What stands below it in small letters.
        more: What is shown below that on demand: the end of a log.
        numeric: Whether it stands to the right.
    """

    text: str = ""
    order: Scalar = ""
    remark: str = ""
    more: str = ""
    numeric: bool = False


@dataclass(frozen=True)
class Row:
    """One trial."""

    cells: tuple[Cell, ...]
    state: str
    pareto: bool


@dataclass(frozen=True)
class Table:
    """All trials: those of the Pareto set first, then by their index."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def trial_table(results: Results) -> Table:
    """Create the table: one row per trial, with metrics, parameters, why the trial failed, and what it kept."""
    spec = results.experiment.spec
    objectives = [objective.metric for objective in results.objectives]
    metrics = [*objectives, *sorted(spec.needed_metrics.difference(objectives))]
    parameters = [parameter.name for parameter in spec.parameters]
    kept = any(trial.status.output_dir or trial.status.output_removed for trial in results.trials)
    rest = [trial for trial in results.trials if trial.name not in results.front_names]
    rows = [
        Row(
            cells=(
                Cell(trial.name, trial.spec.index),
                _state(trial),
                *(_value(trial.status.metrics.get(name)) for name in metrics),
                *(_value(trial.spec.parameters.get(name)) for name in parameters),
                Cell(trial.spec.origin, trial.spec.origin),
                _duration(trial),
                *([_output(trial)] if kept else []),
            ),
            state=trial.status.state,
            pareto=trial.name in results.front_names,
        )
        for trial in (*results.front, *rest)
    ]
    columns = ("trial", "state", *metrics, *parameters, "origin", "duration", *(["output"] if kept else []))
    return Table(columns, tuple(rows))


def _value(scalar: Scalar | None) -> Cell:
    if scalar is None:
        return Cell()
    numeric = isinstance(scalar, (int, float)) and not isinstance(scalar, bool)
    return Cell(value(scalar), scalar if numeric else value(scalar), numeric=numeric)


def _duration(trial: NASTrial) -> Cell:
    time = trial_time(trial)
    return Cell() if time is None else Cell(duration(time), time.total_seconds(), numeric=True)


def _output(trial: NASTrial) -> Cell:
    """The folder of what the trial has kept, below the claim or the runs folder."""
    text = "removed" if trial.status.output_removed else trial.status.output_dir or ""
    return Cell(text, text)


def _state(trial: NASTrial) -> Cell:
    """The state, and why a trial has no result: the last attempt's reason, the message, the end of the log."""
    state = trial.status.state
    if state in {"Succeeded", "Pending", "Running"}:
        return Cell(state, state)
    attempts = trial.status.attempts
    reason = attempts[-1].reason if attempts else None
    message, _, log = trial.status.message.partition("\n")
    why = ": ".join(part for part in (reason, message) if part)
    if len(attempts) > 1:
        why += f" ({len(attempts)} attempts)"
    return Cell(state, state, remark=why, more=log)
