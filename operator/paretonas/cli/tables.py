"""The tables: values in, something to print out. The same words as the columns of the custom resources. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from paretonas.api import ExperimentSpec, NASExperiment, NASTrial, ParetoPoint, Scalar, visible
from paretonas.engine.wording import age, gist, number, shorten, value

NOTHING = "-"
"""What stands where there is no value (yet)."""

_MESSAGE = 80
"""Characters of why a trial has failed or waits: `logs` has the rest."""

_LOST = "not kept"
"""What stands where a Pareto set was too large for its status, and the trial is gone."""

GAP = 2
"""Blanks between columns."""

_STYLES = {"Succeeded": "green", "Failed": "red", "Infeasible": "yellow", "Running": "cyan"}
"""Colours of a trial's states; the others have none."""


@dataclass(frozen=True)  # no slots: a cached property needs a place
class TableColumn:
    """A column with its cells, before it is known what fits."""

    title: str
    cells: Sequence[str]
    numeric: bool = False

    def __post_init__(self) -> None:
        """Whatever a cell shows: nothing in it is obeyed by a terminal."""
        object.__setattr__(self, "cells", [visible(cell) for cell in self.cells])

    @cached_property
    def width(self) -> int:
        """Characters of the widest cell."""
        return max(map(cell_len, [self.title, *self.cells]))


def table(columns: Sequence[TableColumn]) -> Text:
    """Columns without lines between them, as kubectl prints them.

    Not Rich's own table: it measures and wraps what is known to fit, which costs 50 ms a screenful.
    """
    lines = list(map(Text(" " * GAP).join, zip(*map(_aligned, columns), strict=True)))
    for line in lines:
        line.rstrip()
    return Text("\n", no_wrap=True, overflow="ignore").join(lines)


def _aligned(column: TableColumn) -> list[Text]:
    """Title and cells, all as wide as the widest."""
    texts = [Text(column.title, "bold"), *(Text(cell, _STYLES.get(cell, "")) for cell in column.cells)]
    for text in texts:
        padding = column.width - text.cell_len
        text.pad_left(padding) if column.numeric else text.pad_right(padding)
    return texts


def fitting(columns: Sequence[TableColumn], width: int) -> list[TableColumn]:
    """The first columns that fit side by side: half a column says nothing, one that is missing is seen to be."""
    kept, used = list[TableColumn](), 0
    for column in columns:
        used += column.width + GAP
        if kept and used - GAP > width:
            break
        kept.append(column)
    return kept


def page(columns: Sequence[TableColumn], width: int) -> RenderableType:
    """The columns that fit, and the names of those that do not."""
    kept = fitting(columns, width)
    left_out = ", ".join(column.title for column in columns[len(kept) :])
    if not left_out:
        return table(kept)
    return Group(table(kept), Text(f"too wide for this terminal: {left_out}", style="dim"))


def experiment_columns(
    experiments: Sequence[NASExperiment], now: datetime, *, namespaces: bool = False
) -> list[TableColumn]:
    """One line an experiment: the printer columns of NASExperiment, with its namespace where there are several."""

    def column(title: str, cell: Callable[[NASExperiment], str], *, numeric: bool = True) -> TableColumn:
        return TableColumn(title, [cell(e) for e in experiments], numeric)

    return [
        *([column("NAMESPACE", lambda e: e.metadata.namespace or "", numeric=False)] if namespaces else []),
        column("NAME", lambda e: e.name, numeric=False),
        column("STATUS", _status, numeric=False),
        column("TRIALS", lambda e: f"{count_ended(e)}/{count_planned(e)}"),
        column("RUNNING", lambda e: str(e.status.trials.running)),
        column("FAILED", lambda e: str(e.status.trials.failed)),
        column("PARETO", lambda e: str(e.status.pareto_set_size)),
        column("HYPERVOLUME", lambda e: _optional(e.status.hypervolume)),
        column("AGE", lambda e: _age(e.status.start_time, now)),
    ]


def trial_columns(spec: ExperimentSpec, trials: Sequence[NASTrial], now: datetime) -> list[TableColumn]:
    """One line a trial: the printer columns of NASTrial, and its metrics."""

    def column(title: str, cell: Callable[[NASTrial], str], *, numeric: bool = False) -> TableColumn:
        return TableColumn(title, [cell(t) for t in trials], numeric)

    return [
        column("NAME", lambda t: t.name),
        column("STATE", lambda t: t.status.state),
        column("REASON", _reason),
        column("ORIGIN", lambda t: t.spec.origin),
        column("ATTEMPTS", lambda t: str(len(t.status.attempts)), numeric=True),
        column("PARETO", lambda t: "*" if t.status.pareto else ""),
        *_metrics(spec, [t.status.metrics for t in trials]),
        column("AGE", lambda t: _age(start_time_of(t), now), numeric=True),
        *([column("MESSAGE", _message)] if any(map(_message, trials)) else []),
    ]


def pareto_columns(spec: ExperimentSpec, points: Sequence[ParetoPoint]) -> list[TableColumn]:
    """The Pareto set: trial, objectives and other metrics, parameters."""
    return [
        TableColumn("TRIAL", [p.trial for p in points]),
        *_metrics(spec, [p.metrics for p in points]),
        *_parameters(spec, [p.parameters or None for p in points]),
    ]


def candidate_columns(spec: ExperimentSpec, candidates: Sequence[Mapping[str, Any]]) -> list[TableColumn]:
    """Points that have no result, as records with index, origin and parameters."""
    return [
        TableColumn("INDEX", [str(c["index"]) for c in candidates], numeric=True),
        TableColumn("ORIGIN", [c["origin"] for c in candidates]),
        *_parameters(spec, [c["parameters"] for c in candidates]),
    ]


def count_ended(experiment: NASExperiment) -> int:
    """Trials that have their final state."""
    counts = experiment.status.trials
    return counts.total - counts.pending - counts.running


def count_planned(experiment: NASExperiment) -> int:
    """Trials that there will be."""
    return experiment.spec.planned(experiment.status.trials.total)


def start_time_of(trial: NASTrial) -> datetime | None:
    """When its first attempt started."""
    return next((a.start_time for a in trial.status.attempts if a.start_time), None)


def _metrics(spec: ExperimentSpec, rows: Sequence[Mapping[str, float]]) -> list[TableColumn]:
    """A column for each metric, the objectives first."""
    names = dict.fromkeys([*(o.metric for o in spec.objectives), *(m.name for m in spec.metric_sources)])
    return [TableColumn(name, [_optional(row.get(name)) for row in rows], numeric=True) for name in names]


def _parameters(spec: ExperimentSpec, rows: Sequence[Mapping[str, Scalar] | None]) -> list[TableColumn]:
    """A column for each parameter, of points; None for one of which only the results are kept."""

    def cell(name: str, row: Mapping[str, Scalar] | None) -> str:
        if row is None:
            return _LOST
        return value(row[name]) if name in row else NOTHING

    return [
        TableColumn(p.name, [cell(p.name, row) for row in rows], numeric=p.numeric) for p in spec.parameters
    ]


def _status(experiment: NASExperiment) -> str:
    condition = experiment.status.condition("Succeeded")
    return condition.reason if condition else NOTHING


def _reason(trial: NASTrial) -> str:
    """How it ended, or how its last attempt did if there is to be another."""
    condition = trial.status.condition("Succeeded")
    if condition is not None:
        return condition.reason
    closed = [attempt for attempt in trial.status.attempts[-1:] if not attempt.open]
    return closed[0].reason or NOTHING if closed else NOTHING


def _message(trial: NASTrial) -> str:
    return shorten(gist(trial.status.message), _MESSAGE)


def _optional(amount: float | None) -> str:
    return NOTHING if amount is None else number(amount)


def _age(since: datetime | None, now: datetime) -> str:
    return age(now - since) if since else NOTHING
