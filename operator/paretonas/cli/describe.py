"""One experiment in words: what it looks for, how far it is, its best trials, and where its files are. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import TextWrapper
from typing import Any

import yaml
from rich.console import Group, RenderableType

from paretonas.api import Condition, ExperimentSpec, NASExperiment, Objective, Parameter, ParetoPoint, visible
from paretonas.api.early_stopping import Audits, Savings
from paretonas.cli.tables import TableColumn, count_ended, count_planned, page, pareto_columns
from paretonas.engine.wording import age, count, number

_POINTS = 10
"""Trials of the Pareto set that are shown; `pareto` shows all."""

_KEY = 13
"""Columns for what stands before each line."""


@dataclass(frozen=True, slots=True)
class Place:
    """Something that belongs to an experiment, and where it is."""

    what: str
    where: str


def describe(
    experiment: NASExperiment, points: Sequence[ParetoPoint], places: Sequence[Place], now: datetime, width: int
) -> RenderableType:
    """An experiment as `get NAME` prints it, in lines of ``width`` characters where its names allow it."""
    status, parts = experiment.status, list[RenderableType]()
    parts += [_block(key, lines, width) for key, lines in _facts(experiment, now)]
    if status.conditions:
        parts += ["", page(_conditions(status.conditions, now), width)]
    shown = min(len(points), _POINTS)
    more = f", the first {shown} of them" if shown < status.pareto_set_size else ""
    size = f"{count(status.pareto_set_size, 'trial')}{more}"
    parts += ["", _block("Pareto set", [size], width)]
    if points:
        parts.append(page(pareto_columns(experiment.spec, points[:_POINTS]), width))
    if places:
        parts.append("")
    parts += [_block(place.what, [place.where], width) for place in places]
    return Group(*parts)


def _facts(experiment: NASExperiment, now: datetime) -> Iterator[tuple[str, list[str]]]:
    """What is known, as a key and the lines beside it."""
    spec, status = experiment.spec, experiment.status
    yield "Name", [experiment.name]
    if experiment.metadata.namespace:
        yield "Namespace", [experiment.metadata.namespace]
    succeeded = status.condition("Succeeded")
    yield "Status", [f"{succeeded.reason}: {succeeded.message}" if succeeded else "not started"]
    yield "Objectives", [_objective(objective) for objective in spec.objectives]
    yield "Parameters", [_parameter(parameter) for parameter in spec.parameters]
    if constraints := [*spec.parameter_constraints, *spec.outcome_constraints]:
        yield "Constraints", list(constraints)
    yield "Budget", _budget(experiment)
    if status.start_time is not None:
        yield "Started", [f"{_clock(status.start_time)} ({age(now - status.start_time)} ago)"]
    if status.completion_time is not None:
        yield "Ended", [f"{_clock(status.completion_time)} ({age(now - status.completion_time)} ago)"]
    if status.savings is not None and status.savings.steps:
        yield "Saved", _savings(status.savings, status.audits)
    if status.hypervolume is not None:
        reference = ", ".join(f"{name} {number(value)}" for name, value in status.reference_point.items())
        yield "Hypervolume", [f"{number(status.hypervolume)}, from the reference point {reference}"]


def _savings(savings: Savings, audits: Audits | None) -> list[str]:
    """What early stopping has saved, and how often it was checked."""
    saved = f"{count(savings.steps, 'step')} by early stopping, {savings.share:.0%} of all"
    if audits is None or not audits.trials:
        return [saved]
    return [saved, f"{count(audits.false_stops, 'false stop')} among {count(audits.trials, 'audited trial')}"]


def _objective(objective: Objective) -> str:
    threshold = "" if objective.threshold is None else f", threshold {number(objective.threshold)}"
    target = "" if objective.target is None else f", target {number(objective.target)}"
    scale = "" if objective.scale == "Linear" else f", scale {objective.scale}"
    return f"{objective.goal} {objective.metric}{threshold}{target}{scale}"


def _parameter(parameter: Parameter) -> str:
    """A parameter as in the file, without what is the default."""
    document = parameter.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    domain, when = _flow(document[parameter.kind]), document.get("activeWhen")
    return f"{parameter.name}: {parameter.kind} {domain}{f', activeWhen {_flow(when)}' if when else ''}"


def _flow(document: Any) -> str:
    text = yaml.safe_dump(document, default_flow_style=True, sort_keys=False, width=float("inf"), allow_unicode=True)
    return text.removesuffix("\n")


def _budget(experiment: NASExperiment) -> list[str]:
    spec, counts = experiment.spec, experiment.status.trials
    states = {
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "infeasible": counts.infeasible,
        "stopped early": counts.early_stopped,
        "running": counts.running,
        "waiting": counts.pending,
    }
    by_state = ", ".join(f"{amount:,} {state}" for state, amount in states.items() if amount)
    planned = f"{count(count_planned(experiment), 'trial')}, {spec.parallelism:,} at a time"
    known = [f"{count(counts.known, 'known result')} beside them"] if counts.known else []
    return [planned, f"{count_ended(experiment):,} ended{f': {by_state}' if by_state else ''}", *known, *_limits(spec)]


def _limits(spec: ExperimentSpec) -> list[str]:
    seconds, stalls = spec.active_deadline_seconds, spec.stop_when.hypervolume_stalls
    limits = [] if seconds is None else [f"ends after {seconds:,} s"]
    if stalls is not None:
        results = "the last result has" if stalls.trials == 1 else f"the last {stalls.trials:,} results have"
        limits.append(f"ends when {results} added at most {number(stalls.within)} of the hypervolume")
    return limits


def _conditions(conditions: Sequence[Condition], now: datetime) -> list[TableColumn]:
    return [
        TableColumn("CONDITION", [c.type for c in conditions]),
        TableColumn("STATUS", [c.status for c in conditions]),
        TableColumn("REASON", [c.reason for c in conditions]),
        TableColumn("SINCE", [age(now - c.last_transition_time) for c in conditions], numeric=True),
    ]


def _block(key: str, lines: Sequence[str], width: int) -> str:
    """A key and the lines beside it; on a narrow terminal, below it."""
    beside = width >= 4 * _KEY
    rest = " " * (_KEY if beside else 2)
    indents = [f"{key}:".ljust(_KEY) if beside else rest, *[rest] * (len(lines) - 1)]
    wrappers = [TextWrapper(width, indent, rest, break_long_words=False, break_on_hyphens=False) for indent in indents]
    texts = [wrapper.fill(visible(line)) for wrapper, line in zip(wrappers, lines, strict=True)]
    return "\n".join(texts if beside else [f"{key}:", *texts])


def _clock(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
