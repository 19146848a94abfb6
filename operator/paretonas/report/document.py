"""The data document of a page: all that is known about an experiment, as plain JSON. Pure.

It is the only thing that the scripts of the page are given. Times are in seconds from the experiment's start, and
trials are referred to by their position in ``trials``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from paretonas.api import (
    Fixed,
    FloatRange,
    IntRange,
    NASExperiment,
    NASTrial,
    Objective,
    Parameter,
    Scalar,
    dump_yaml,
    format_value,
)
from paretonas.engine.wording import count, duration, number, pairs
from paretonas.report import choice, timeline
from paretonas.report.curves import LoggedCurves, curve_panels
from paretonas.report.results import Results, trial_time

Document = dict[str, Any]

_LARGEST_WHOLE = 2**53
"""Larger whole numbers are sent as texts: JavaScript's numbers do not have all of them."""


@dataclass(frozen=True)
class Finder:
    """How a reader of the page finds what is not on it.

    Attributes:
        output_path: Where the output folder of a trial is, given as in its status.
        log_command: The command that prints a trial's log; empty if there is none.
    """

    output_path: Callable[[str], str] = str
    log_command: Callable[[str], str] = lambda _: ""


def experiment_document(
    experiment: NASExperiment,
    trials: Sequence[NASTrial],
    curves: Mapping[str, LoggedCurves],
    *,
    model: Document | None = None,
    finder: Finder | None = None,
) -> Document:
    """The document of an experiment; the same trials give the same document.

    Args:
        experiment: The experiment with its status.
        trials: Its trials in any order.
        curves: What each trial has logged, by the trial's name; those without logs may be absent.
        model: What a model of the trials says (`report.model`), where it was asked.
        finder: How the reader finds logs and outputs.
    """
    results = Results(experiment, tuple(sorted(trials, key=lambda trial: trial.spec.index)))
    finder = finder or Finder()
    place = {trial.name: i for i, trial in enumerate(results.trials)}
    return {
        "name": experiment.name,
        "goals": ", ".join(f"{o.goal.lower()} {o.metric}" for o in results.objectives),
        "state": _state(experiment),
        "facts": _facts(results),
        "start": _iso(_start(results)),
        "objectives": [_objective(results, objective) for objective in results.objectives],
        "metrics": _metrics(results),
        "parameters": [_parameter(parameter) for parameter in experiment.spec.parameters],
        "trials": [_trial(results, trial, finder) for trial in results.trials],
        "front": [place[trial.name] for trial in results.front],
        "choice": _choice(results, place),
        "progress": _progress(results, place),
        "timeline": _timeline(results),
        "curves": curve_panels(results, curves),
        "model": model,
        "file": _file(experiment),
    }


def _state(experiment: NASExperiment) -> Document:
    """The state as words for a badge: its reason is one in CamelCase, which is for programs."""
    condition = experiment.status.condition("Succeeded")
    if condition is None:
        return {"words": "Not started", "reason": "", "message": "", "kind": "waiting"}
    kind = {"True": "good", "False": "bad"}.get(condition.status, "waiting")
    first, *rest = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z]+", condition.reason) or [condition.reason]
    words = " ".join([first, *(word.lower() for word in rest)])
    return {"words": words, "reason": condition.reason, "message": condition.message, "kind": kind}


def _facts(results: Results) -> list[Document]:
    """The tiles of the header: a name, a value and a remark each."""
    spec, status = results.experiment.spec, results.experiment.status
    states = ("Succeeded", "Failed", "Infeasible", "EarlyStopped", "Running", "Pending")
    counted = [t for t in results.trials if t.counts_toward_budget]
    by_state = {state: sum(t.status.state == state for t in counted) for state in states}
    by_state["known"] = sum(not t.counts_toward_budget and not t.refused for t in results.trials)
    remark = ", ".join(f"{amount:,} {state}" for state, amount in by_state.items() if amount)
    facts = [("Trials ended", f"{sum(t.ended for t in counted):,} of {spec.planned(len(counted)):,}", remark)]
    if len(spec.objectives) == 1:
        [objective] = spec.objectives
        facts += [("Best value", number(t.status.metrics[objective.metric]), t.name) for t in results.front[:1]]
    else:
        facts.append(("Pareto set", count(len(results.front), "trial"), ""))
        if results.hypervolumes:
            corner = f"reference point {pairs(results.reference)}"
            facts.append(("Hypervolume", number(results.hypervolumes[-1]), corner))
    if results.time is not None:
        facts.append(("Duration", duration(results.time), "" if status.completion_time else "so far"))
    if (savings := status.savings) is not None and savings.steps:
        facts.append(("Saved by early stopping", f"{savings.steps:,} steps", f"{savings.share:.0%} of all"))
    return [{"name": name, "value": value, "remark": remark} for name, value, remark in facts]


def _objective(results: Results, objective: Objective) -> Document:
    return {
        "metric": objective.metric,
        "goal": objective.goal,
        "log": objective.scale == "Log",
        "threshold": objective.threshold,
        "target": objective.target,
        "reference": results.reference.get(objective.metric),
    }


def _metrics(results: Results) -> list[str]:
    """The metrics of the objectives, then those that only outcome constraints name."""
    objectives = [objective.metric for objective in results.objectives]
    return [*objectives, *sorted(results.experiment.spec.needed_metrics.difference(objectives))]


def _parameter(parameter: Parameter) -> Document:
    """A parameter with the ends of its range, or with its values as texts."""
    domain = parameter.domain
    if isinstance(domain, (IntRange, FloatRange)):
        whole = isinstance(domain, IntRange)
        ends = {"min": _plain(domain.min), "max": _plain(domain.max)}
        return {"name": parameter.name, "log": domain.scale == "Log", "whole": whole, **ends}
    values = (domain.value,) if isinstance(domain, Fixed) else domain.values
    return {"name": parameter.name, "values": [_plain(value) for value in values]}


def _trial(results: Results, trial: NASTrial, finder: Finder) -> Document:
    status, succeeded = trial.status, trial.status.state == "Succeeded"
    message, _, log = status.message.partition("\n")
    time, start = trial_time(trial), _start(results)
    document: Document = {
        "name": trial.name,
        "index": trial.spec.index,
        "state": status.state,
        "origin": trial.spec.origin,
        "parameters": [_plain(trial.spec.parameters.get(p.name)) for p in results.experiment.spec.parameters],
        "metrics": [_plain(status.metrics.get(metric)) for metric in _metrics(results)],
        "place": _place(results, trial),
        "seconds": None if time is None else time.total_seconds(),
        "message": message,
        "log": log,
        "output": "removed" if status.output_removed else "",
        "command": finder.log_command(trial.name) if status.attempts else "",
        "attempts": [
            {
                "number": attempt.number,
                "reason": attempt.reason or "",
                "exitCode": attempt.exit_code,
                "start": _seconds(attempt.start_time, start),
                "end": _seconds(attempt.end_time, start),
            }
            for attempt in status.attempts
        ],
    }
    if status.output_dir and not status.output_removed:
        document["output"] = finder.output_path(status.output_dir)
    if succeeded:
        document["slack"] = [asdict(slack) for slack in choice.slacks(results, trial)]
    if status.verdict is not None:
        document["verdict"] = status.verdict.to_dict()
    return document


def _place(results: Results, trial: NASTrial) -> str:
    """What a trial is among the results: in the front, dominated, outside a limit, or without a result."""
    if trial.name in results.front_names:
        return "front"
    if trial.status.state != "Succeeded":
        return "none"
    return "dominated" if results.feasible(trial) else "outside"


def _choice(results: Results, place: Mapping[str, int]) -> Document:
    knee = choice.balanced(results)
    return {
        "balanced": None if knee is None else place[knee.name],
        "best": {metric: place[trial.name] for metric, trial in choice.best_of_each(results).items()},
        "steps": [[step[objective.metric] for objective in results.objectives] for step in choice.steps(results)],
    }


def _progress(results: Results, place: Mapping[str, int]) -> Document:
    """The hypervolume, or the best value, after each ended trial, with the time and the slot time until then."""
    start = _start(results)
    ends = [max((a.end_time for a in t.status.attempts if a.end_time), default=start) for t in results.ended]
    used, slot_time = timedelta(), []
    for trial in results.ended:
        used += trial_time(trial) or timedelta()
        slot_time.append(used.total_seconds())
    single = len(results.objectives) == 1
    by_model = [i for i, trial in enumerate(results.ended, 1) if trial.spec.origin == "BayesianOptimization"]
    return {
        "trials": [place[trial.name] for trial in results.ended],
        "values": results.best_values if single else results.hypervolumes,
        "time": [max(0.0, _seconds(end, start) or 0.0) for end in ends],
        "slotTime": slot_time,
        # trials do not end in the order in which they were chosen: the first one marks the change well enough
        "modelStart": by_model[0] if by_model else None,
    }


def _timeline(results: Results) -> Document:
    start = _start(results)
    if start is None or results.time is None:
        return {"slots": 0, "spans": [], "totals": {}}
    spans = timeline.timeline(results.trials, start, start + results.time)
    return {
        "slots": max((span.slot for span in spans), default=-1) + 1,
        "spans": [asdict(span) for span in timeline.drawn(spans)],
        "totals": timeline.totals(spans),
    }


def _file(experiment: NASExperiment) -> str:
    """The experiment as a file that can be run again: without its status and what a cluster adds to the metadata."""
    document = experiment.to_dict()
    document["metadata"] = {"name": experiment.name}
    document.pop("status")
    return dump_yaml(document, width=100)


def _start(results: Results) -> datetime | None:
    return results.experiment.status.start_time


def _seconds(time: datetime | None, start: datetime | None) -> float | None:
    return None if time is None or start is None else round((time - start).total_seconds(), 3)


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat()


def _plain(value: Scalar | None) -> Scalar | None:
    """A value as JSON and JavaScript have it; None for what is not finite, which JSON has not."""
    if isinstance(value, bool):
        return format_value(value)
    if isinstance(value, int) and abs(value) > _LARGEST_WHOLE:
        return str(value)
    return None if isinstance(value, float) and not isfinite(value) else value
