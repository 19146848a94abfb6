"""The tables that commands print, with the same column names as `kubectl get`. Pure."""

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
"""The cell for a value that does not exist (yet)."""

_MESSAGE = 80
"""Characters shown of the message why a trial failed or waits; `logs` prints the rest."""

_LOST = "not kept"
"""The cell for a parameter of a removed trial, when the Pareto set was too large for the status."""

GAP = 2
"""Spaces between columns."""

_STYLES = {"Succeeded": "green", "Failed": "red", "Infeasible": "yellow", "EarlyStopped": "blue", "Running": "cyan"}
"""The colours of a trial's states; the other states have none."""


@dataclass(frozen=True)  # no slots: a cached property needs a __dict__
class TableColumn:
    """A column with its cells, not yet fitted to a width."""

    title: str
    cells: Sequence[str]
    numeric: bool = False

    def __post_init__(self) -> None:
        """Escape control characters, which a terminal would obey."""
        object.__setattr__(self, "cells", [visible(cell) for cell in self.cells])

    @property
    def names(self) -> bool:
        """Whether its cells are the names of the rows."""
        return self.title in {"NAME", "TRIAL"}

    @cached_property
    def width(self) -> int:
        """The width of the widest cell, in characters."""
        return max(map(cell_len, [self.title, *self.cells]))


def table(columns: Sequence[TableColumn]) -> Text:
    """Columns without lines between them, as kubectl prints them.

    This is not Rich's own table, which measures and wraps even cells that are known to fit (50 ms per screenful).
    """
    lines = list(map(Text(" " * GAP).join, zip(*map(_align, columns), strict=True)))
    for line in lines:
        line.rstrip()
    return Text("\n", no_wrap=True, overflow="ignore").join(lines)


def _align(column: TableColumn) -> list[Text]:
    """The title and the cells, padded to the width of the column."""
    texts = [Text(column.title, "bold"), *(Text(cell, _STYLES.get(cell, "")) for cell in column.cells)]
    for text in texts:
        padding = column.width - text.cell_len
        text.pad_left(padding) if column.numeric else text.pad_right(padding)
    return texts


def fitting(columns: Sequence[TableColumn], width: int) -> list[TableColumn]:
    """The first columns that fit side by side; at least one. Columns are never cut."""
    kept, used = list[TableColumn](), 0
    for column in columns:
        used += column.width + GAP
        if kept and used - GAP > width:
            break
        kept.append(column)
    return kept


def page(columns: Sequence[TableColumn], width: int) -> RenderableType:
    """A table of the columns that fit, with a line that names the others."""
    kept = fitting(columns, width)
    left_out = ", ".join(column.title for column in columns[len(kept) :])
    if not left_out:
        return table(kept)
    return Group(table(kept), Text(f"too wide for this terminal: {left_out}", style="dim"))


def experiment_columns(
    experiments: Sequence[NASExperiment], now: datetime, *, namespaces: bool = False, wide: bool = False
) -> list[TableColumn]:
    """The table of experiments, one per row: NASExperiment's printer columns.

    A wide table also has the objectives, and what keeps an experiment from making progress. With ``namespaces``, the
    first column is the namespace.
    """

    def column(title: str, cell: Callable[[NASExperiment], str], *, numeric: bool = True) -> TableColumn:
        return TableColumn(title, [cell(e) for e in experiments], numeric)

    return [
        *([column("NAMESPACE", lambda e: e.metadata.namespace or "", numeric=False)] if namespaces else []),
        TableColumn("NAME", [e.name for e in experiments]),
        column("STATUS", _status, numeric=False),
        column("TRIALS", lambda e: f"{count_ended(e)}/{count_planned(e)}"),
        column("RUNNING", lambda e: str(e.status.trials.running)),
        column("FAILED", lambda e: str(e.status.trials.failed)),
        column("PARETO", lambda e: str(e.status.pareto_set_size)),
        column("HYPERVOLUME", lambda e: _optional(e.status.hypervolume)),
        *([column("VALID", _valid, numeric=False)] if wide else []),
        column("AGE", lambda e: _age(e.status.start_time, now)),
        *([column("OBJECTIVES", _objectives, numeric=False)] if wide else []),
        *([column("MESSAGE", _hindrance, numeric=False)] if wide else []),
    ]


def trial_columns(
    spec: ExperimentSpec, trials: Sequence[NASTrial], now: datetime, *, wide: bool = False
) -> list[TableColumn]:
    """The table of trials, one per row: NASTrial's printer columns and the metrics.

    A wide table also has the parameters, and messages are not cut.
    """

    def message(trial: NASTrial) -> str:
        text = gist(trial.status.message)
        return text if wide else shorten(text, _MESSAGE)

    def column(title: str, cell: Callable[[NASTrial], str], *, numeric: bool = False) -> TableColumn:
        return TableColumn(title, [cell(t) for t in trials], numeric)

    return [
        TableColumn("NAME", [t.name for t in trials]),
        column("STATE", lambda t: t.status.state),
        column("REASON", _reason),
        column("ORIGIN", lambda t: t.spec.origin),
        column("ATTEMPTS", lambda t: str(len(t.status.attempts)), numeric=True),
        column("PARETO", lambda t: "*" if t.status.pareto else ""),
        *_metrics(spec, [t.status.metrics for t in trials]),
        *(_parameters(spec, [t.spec.parameters for t in trials]) if wide else []),
        column("AGE", lambda t: _age(start_time_of(t), now), numeric=True),
        *([column("MESSAGE", message)] if any(map(message, trials)) else []),
    ]


def pareto_columns(spec: ExperimentSpec, points: Sequence[ParetoPoint]) -> list[TableColumn]:
    """The table of a Pareto set: the trial, the objectives and other metrics, the parameters, and what was kept."""
    return [
        TableColumn("TRIAL", [p.trial for p in points]),
        *_metrics(spec, [p.metrics for p in points]),
        *_parameters(spec, [p.parameters or None for p in points]),
        *(
            [TableColumn("OUTPUT", [p.output_dir or NOTHING for p in points])]
            if any(p.output_dir for p in points)
            else []
        ),
    ]


def candidate_columns(spec: ExperimentSpec, candidates: Sequence[Mapping[str, Any]]) -> list[TableColumn]:
    """The table of candidates without a result, given as records with index, origin and parameters."""
    return [
        TableColumn("INDEX", [str(c["index"]) for c in candidates], numeric=True),
        TableColumn("ORIGIN", [c["origin"] for c in candidates]),
        *_parameters(spec, [c["parameters"] for c in candidates]),
    ]


def count_ended(experiment: NASExperiment) -> int:
    """The number of trials in a final state."""
    counts = experiment.status.trials
    return counts.total - counts.pending - counts.running


def count_planned(experiment: NASExperiment) -> int:
    """The number of trials that the experiment will have in the end."""
    return experiment.spec.planned(experiment.status.trials.total)


def start_time_of(trial: NASTrial) -> datetime | None:
    """The time when the trial's first attempt started; None before that."""
    return next((a.start_time for a in trial.status.attempts if a.start_time), None)


def _metrics(spec: ExperimentSpec, rows: Sequence[Mapping[str, float]]) -> list[TableColumn]:
    """One column per metric, the objectives first."""
    names = dict.fromkeys([*(o.metric for o in spec.objectives), *(m.name for m in spec.metric_sources)])
    return [TableColumn(name, [_optional(row.get(name)) for row in rows], numeric=True) for name in names]


def _parameters(spec: ExperimentSpec, rows: Sequence[Mapping[str, Scalar] | None]) -> list[TableColumn]:
    """One column per parameter; a row is None if only the results of a point are kept."""

    def cell(name: str, row: Mapping[str, Scalar] | None) -> str:
        if row is None:
            return _LOST
        return value(row[name]) if name in row else NOTHING

    return [TableColumn(p.name, [cell(p.name, row) for row in rows], numeric=p.numeric) for p in spec.parameters]


def _objectives(experiment: NASExperiment) -> str:
    return ", ".join(f"{objective.goal} {objective.metric}" for objective in experiment.spec.objectives)


def _status(experiment: NASExperiment) -> str:
    condition = experiment.status.condition("Succeeded")
    return condition.reason if condition else NOTHING


def _valid(experiment: NASExperiment) -> str:
    condition = experiment.status.condition("Valid")
    return condition.status if condition else NOTHING


def _hindrance(experiment: NASExperiment) -> str:
    condition = experiment.status.condition("Progressing")
    return condition.message if condition else ""


def _reason(trial: NASTrial) -> str:
    """Why the trial ended, or why its last attempt did if another one follows."""
    condition = trial.status.condition("Succeeded")
    if condition is not None:
        return condition.reason
    closed = [attempt for attempt in trial.status.attempts[-1:] if not attempt.open]
    return closed[0].reason or NOTHING if closed else NOTHING


def _optional(amount: float | None) -> str:
    return NOTHING if amount is None else number(amount)


def _age(since: datetime | None, now: datetime) -> str:
    return age(now - since) if since else NOTHING
