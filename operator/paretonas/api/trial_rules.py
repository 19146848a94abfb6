"""The rules for trials that users create: whether a trial fits its experiment."""

from collections.abc import Iterator, Mapping

from paretonas.api.base import Scalar
from paretonas.api.experiment import ExperimentSpec
from paretonas.api.formula import NoValueError
from paretonas.api.names import trial_name
from paretonas.api.trial import NASTrial, UnreadableTrial
from paretonas.api.validation import Problem, suggestion


def misfits(spec: ExperimentSpec, trial: NASTrial) -> list[Problem]:
    """Find everything about a trial that does not fit its experiment: its name, its point and its known result."""
    if isinstance(trial, UnreadableTrial):
        return list(trial.problems)
    return [*_name(trial), *_point(spec, trial.spec.parameters), *_observation(spec, trial)]


def _point(spec: ExperimentSpec, point: Mapping[str, Scalar]) -> list[Problem]:
    """Why a point is outside the search space."""
    values = spec.cast(point)
    problems = [*_unknown(spec, point), *_values(spec, values)]
    if problems:
        return problems
    broken = [c.text for c in spec.linear_constraints if not c.is_satisfied_by(values)]
    return [
        *(Problem("spec.parameters", f"breaks {text!r}", "change the point") for text in broken),
        *_formulas(spec, values),
    ]


def _formulas(spec: ExperimentSpec, values: Mapping[str, Scalar]) -> Iterator[Problem]:
    """A formula without a value at the point. A bound on a formula may be broken: the result may be known already."""
    try:
        known = spec.known_metrics(values)
    except NoValueError as error:
        yield Problem("spec.parameters", f"is a point at which {error}", "change the point")
        return
    for objective in spec.objectives:
        value = known.get(objective.metric, 1.0)
        if objective.scale == "Log" and value <= 0:
            message = f"is a point at which {objective.metric} is {value:.10g}, which has no logarithm (scale: Log)"
            yield Problem("spec.parameters", message, "change the point")


def _unknown(spec: ExperimentSpec, point: Mapping[str, Scalar]) -> Iterator[Problem]:
    known = [p.name for p in spec.parameters]
    for name in point:
        if name not in known:
            path = f"spec.parameters.{name}"
            yield Problem(path, "is not a parameter of the experiment", suggestion(name, known), point[name])


def _values(spec: ExperimentSpec, values: Mapping[str, Scalar]) -> Iterator[Problem]:
    for parameter in spec.parameters:
        path, active = f"spec.parameters.{parameter.name}", spec.is_active(parameter, values)
        if parameter.name not in values:
            if active:
                yield Problem(path, "is required", "add it")
        elif not active:
            yield Problem(path, "has a value though it is not active", "leave it out", values[parameter.name])
        elif not parameter.contains(values[parameter.name]):
            remedy = f"write a value of the experiment's {parameter.kind} parameter"
            yield Problem(path, "is outside the search space", remedy, values[parameter.name])


def _name(trial: NASTrial) -> Iterator[Problem]:
    name = trial_name(trial.spec.experiment, trial.spec.index)
    if trial.name != name:
        yield Problem("metadata.name", "is not <experiment>-<index>", f"call it {name}", trial.name)


def _observation(spec: ExperimentSpec, trial: NASTrial) -> Iterator[Problem]:
    observation = trial.spec.observation
    if observation is None or observation.state in {"Failed", "Infeasible"}:
        return
    if observation.state == "EarlyStopped" and not observation.metrics:  # there is not always an estimate
        return
    for metric in sorted(spec.needed_metrics - observation.metrics.keys() - spec.formulas.keys()):
        yield Problem(f"spec.observation.metrics.{metric}", "is required", "add it")
    for objective in spec.objectives:
        if objective.metric in spec.formulas:
            continue
        value = observation.metrics.get(objective.metric)
        if objective.scale == "Log" and value is not None and value <= 0:
            path = f"spec.observation.metrics.{objective.metric}"
            yield Problem(path, "has no logarithm (scale: Log)", "write a value above 0", value)
