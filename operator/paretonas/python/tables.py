"""Trials, the Pareto set and learning curves as tables of pandas."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from paretonas.api import ExperimentSpec, NASTrial, Parameter, ParetoPoint, list_names
from paretonas.cli.source import UnknownName
from paretonas.extras import Extra, require_module
from paretonas.report.results import trial_time

require_module("pandas", Extra.NOTEBOOK)

import pandas as pd  # noqa: E402 # after the check, whose message says how to install it

if TYPE_CHECKING:
    from paretonas.report.curves import LoggedCurves, StepValues

TrialCurves = Mapping[str, Sequence[tuple[int, float]]]
"""(step, value) by step, by trial."""

_OWN = ("state", "origin", "seconds", "pareto", "output", "message")
"""The columns that are neither a parameter nor a metric."""

_NULLABLE = {"int": "Int64", "intChoice": "Int64", "float": "float64", "floatChoice": "float64", "bool": "boolean"}
"""The types of columns in which a conditional parameter has no value: pandas would make floats of whole numbers."""


def trial_table(spec: ExperimentSpec, trials: Sequence[NASTrial], output_path: Callable[[str], str]) -> pd.DataFrame:
    """A row for each trial; `Run.trials` describes the columns."""
    own = {
        "state": [t.status.state for t in trials],
        "origin": [t.spec.origin for t in trials],
        "seconds": pd.array([_seconds(t) for t in trials], dtype="float64"),
        "pareto": pd.array([t.status.pareto for t in trials], dtype="bool"),
        "output": [output_path(t.status.output_dir) if t.status.output_dir else None for t in trials],
        "message": [t.status.message for t in trials],
    }
    points = [spec.cast(t.spec.parameters) for t in trials]
    return _table(spec, [t.name for t in trials], points, [t.status.metrics for t in trials], own)


def pareto_table(spec: ExperimentSpec, points: Sequence[ParetoPoint]) -> pd.DataFrame:
    """A row for each trial of the Pareto set, in the order given."""
    parameters, metrics = [spec.cast(p.parameters) for p in points], [p.metrics for p in points]
    return _table(spec, [p.trial for p in points], parameters, metrics, {"output": [p.output_dir for p in points]})


def curve_series(spec: ExperimentSpec, metric: str, curves: "Mapping[str, LoggedCurves]") -> "pd.Series[float]":
    """The values of a metric, or of a tag, by trial and step; trials without it are left out. Raises UnknownName."""
    found = trial_curves(spec, metric, curves)
    values = {(trial, step): value for trial, curve in found.items() for step, value in curve}
    index = pd.MultiIndex.from_tuples(values, names=["trial", "step"])
    return pd.Series(list(values.values()), index=index, name=metric, dtype="float64")


def trial_curves(spec: ExperimentSpec, metric: str, curves: "Mapping[str, LoggedCurves]") -> TrialCurves:
    """The values by step of a metric, or of a tag, by trial; trials without it are left out. Raises UnknownName."""
    found = {trial: _curve_of(spec, metric, logged) for trial, logged in curves.items()}
    found = {trial: curve for trial, curve in found.items() if curve}
    if not found:
        raise UnknownName(f"no trial has logged {metric!r}; logged: {list_names(_tags(curves))}")
    return found


def default_curve(spec: ExperimentSpec, curves: "Mapping[str, LoggedCurves]") -> str:
    """The first objective, or else the first tag, that a trial has logged over several steps. Raises UnknownName."""
    for name in (*(o.metric for o in spec.objectives), *_tags(curves)):
        if any(len(_curve_of(spec, name, logged)) > 1 for logged in curves.values()):
            return name
    raise UnknownName("no trial has logged a scalar over several steps")


def _tags(curves: "Mapping[str, LoggedCurves]") -> list[str]:
    return sorted({tag for logged in curves.values() for tag in logged})


def _curve_of(spec: ExperimentSpec, metric: str, logged: "LoggedCurves") -> "StepValues":
    """What a trial has logged of a metric or a tag; empty if it has not, or in several folders of which none counts."""
    source = next((s for s in spec.metric_sources if s.name == metric), None)
    if source is None:
        return logged.get(metric, ())
    places = [source.tag] if source.run is None else [f"{source.tag} ({source.run})", source.tag]
    return next((logged[place] for place in places if place in logged), ())


def metric_names(spec: ExperimentSpec, found: Iterable[Mapping[str, float]] = ()) -> list[str]:
    """The metrics: first the objectives, then the others of the spec, then whatever else trials have."""
    names = [o.metric for o in spec.objectives] + [s.name for s in spec.metric_sources]
    return list(dict.fromkeys([*names, *(name for metrics in found for name in metrics)]))


def _table(
    spec: ExperimentSpec,
    trials: Sequence[str],
    parameters: Sequence[Mapping[str, Any]],
    metrics: Sequence[Mapping[str, float]],
    own: Mapping[str, Any],
) -> pd.DataFrame:
    names = metric_names(spec, metrics)
    uses = Counter([*(p.name for p in spec.parameters), *names, *_OWN])

    def title(kind: str, name: str) -> str:
        return name if uses[name] == 1 else f"{kind}.{name}"

    columns = {
        title("parameters", p.name): _column(p, [point.get(p.name) for point in parameters]) for p in spec.parameters
    }
    columns |= {
        title("metrics", n): pd.array([m.get(n, float("nan")) for m in metrics], dtype="float64") for n in names
    }
    return pd.DataFrame({**columns, **own}, index=pd.Index(list(trials), name="trial"))


def _column(parameter: Parameter, values: Sequence[Any]) -> Any:
    """The values of one parameter, in its type; absent ones, where a conditional parameter is not active, are None."""
    if parameter.kind in _NULLABLE and None in values:
        return pd.array(list(values), dtype=_NULLABLE[parameter.kind])  # type: ignore[call-overload] # one of its names
    return list(values)


def _seconds(trial: NASTrial) -> float:
    time = trial_time(trial)
    return float("nan") if time is None else time.total_seconds()
