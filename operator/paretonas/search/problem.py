"""The experiment as Ax sees it: a search space with dependent parameters, objectives, trials and their data.

Parameter constraints stay with `Space`, which keeps them for every kind of parameter: Ax refuses them on log scales and
on choices.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from ax.core.arm import Arm
from ax.core.data import Data
from ax.core.experiment import Experiment
from ax.core.objective import Objective as AxObjective
from ax.core.optimization_config import MultiObjectiveOptimizationConfig, OptimizationConfig
from ax.core.outcome_constraint import OutcomeConstraint as AxOutcomeConstraint
from ax.core.parameter import ChoiceParameter, FixedParameter, ParameterType, RangeParameter
from ax.core.parameter import Parameter as AxParameter
from ax.core.search_space import SearchSpace
from ax.core.types import TParamValue

from paretonas.api import ExperimentSpec, FloatRange, IntRange, Objective, Parameter, Scalar
from paretonas.search.columns import ChoiceColumn, column
from paretonas.search.space import Space
from paretonas.search.types import KnownTrial

SUCCEEDED = "succeeded"
"""Ax's metric for whether a trial gave a result, 1 or 0; present once one has failed."""
LIKELY = 0.5
"""Ax is told to want `SUCCEEDED` above this: between the two outcomes."""

TAIL = 2.0
"""Median deviations beyond the median from which on bad values are drawn in: for a normal metric, the worst 9 %."""

_TYPES = {
    bool: ParameterType.BOOL,
    int: ParameterType.INT,
    float: ParameterType.FLOAT,
    str: ParameterType.STRING,
}


def metric_name(metric: str) -> str:
    """A metric's name inside Ax, which reads objectives with sympy: there ``E`` or ``beta`` are not free names."""
    return f"metric_{metric}"


def search_space(space: Space) -> SearchSpace:
    """The parameters, conditional ones as dependents where Ax can say so: it wants a tree, one value an edge."""
    dependents: dict[str, dict[TParamValue, list[str]]] = {}
    for parameter in filter(_hangs_in_ax, space.spec.parameters):
        [when] = parameter.active_when
        parent = space.spec.parameter(when.parameter)
        children = dependents.setdefault(parent.name, {})
        children.setdefault(parent.cast(when.values[0]), []).append(parameter.name)
    return SearchSpace([_ax_parameter(p, dependents.get(p.name)) for p in space.spec.parameters])


def _ax_parameter(parameter: Parameter, dependents: dict[TParamValue, list[str]] | None) -> AxParameter:
    domain, name = parameter.domain, parameter.name
    if isinstance(domain, (IntRange, FloatRange)):
        kind = ParameterType.INT if isinstance(domain, IntRange) else ParameterType.FLOAT
        # never on a log scale here: `Encode` puts it on the scale of the model
        return RangeParameter(name=name, parameter_type=kind, lower=domain.min, upper=domain.max)
    choice = ChoiceColumn(parameter)
    kind = _TYPES[type(choice.values[0])]
    if choice.size == 1:
        return FixedParameter(name=name, parameter_type=kind, value=choice.values[0], dependents=dependents)
    return ChoiceParameter(
        name=name,
        parameter_type=kind,
        values=list(choice.values),
        is_ordered=choice.ordered,
        sort_values=kind.is_numeric,
        log_scale=False,  # Ax would make geometric values logarithmic without a word
        dependents=dependents,
    )


def ax_point(space: Space, parameters: Mapping[str, Scalar]) -> dict[str, TParamValue]:
    """The point as Ax's tree wants it.

    With a value for what is inactive only by conditions that Ax does not know; and what lies outside the space (a
    user's own point) at the nearest value, else Ax would drop the trial without a word.
    """
    values = ((p.name, _ax_value(space, p, parameters)) for p in space.spec.parameters)
    return {name: value for name, value in values if value is not None}


def _hangs_in_ax(parameter: Parameter) -> bool:
    """Whether Ax knows its condition: one, with one value (two would be two ways to it, and no tree)."""
    return len(parameter.active_when) == 1 and len(parameter.active_when[0].values) == 1


def _ax_value(space: Space, parameter: Parameter, parameters: Mapping[str, Scalar]) -> TParamValue:
    """Its value in Ax's tree; None where it is inactive there too."""
    c = column(parameter)
    if parameter.name in parameters:
        value = parameter.cast(parameters[parameter.name])
        return value if parameter.contains(value) else c.decode(c.encode([value])[0])
    if _hangs_in_ax(parameter):
        [when] = parameter.active_when
        parent = space.spec.parameter(when.parameter)
        if _ax_value(space, parent, parameters) != parent.cast(when.values[0]):
            return None
    return c.decode(c.resting)


def measured(objective: Objective, value: float) -> float:
    """The metric on the user's scale: its log10 where they say so."""
    return -objective.comparable(value) if objective.goal == "Maximize" else objective.comparable(value)


Scale = Callable[[float], float]
"""From a metric's value to the one that is modelled."""


def scales(spec: ExperimentSpec, observed: Sequence[Mapping[str, float]]) -> dict[str, Scale]:
    """For each objective's metric, how it is modelled: log10 where the user says so, bad values drawn in.

    Where a few trials diverge, their values would set the scale of the model, which has to tell good ones
    apart. So what is worse than the median by more than `TAIL` median deviations counts by its logarithm (as
    Ax's Winsorize, but the order stays). On the FCNet losses the fifty points predicted best out of 1,500 are
    better by 5 to 20 % of their rank.
    """
    return {
        o.metric: _scale(o, [o.comparable(metrics[o.metric]) for metrics in observed])
        for o in spec.objectives
    }


def _scale(objective: Objective, comparable: Sequence[float]) -> Scale:
    median = float(np.median(comparable))
    spread = float(np.median(np.abs(np.array(comparable) - median)))
    sign = -1.0 if objective.goal == "Maximize" else 1.0

    def scale(value: float) -> float:
        beyond = objective.comparable(value) - median - TAIL * spread
        if spread and beyond > 0:
            return sign * (median + spread * (TAIL + math.log1p(beyond / spread)))
        return measured(objective, value)

    return scale


def optimization_config(
    spec: ExperimentSpec, reference: Sequence[float], failures: bool
) -> OptimizationConfig:
    """The objectives with their reference point, the outcome constraints, and success once it is in question.

    Args:
        spec: The experiment.
        reference: The worst values of interest, as they are modelled, one an objective.
        failures: Whether `SUCCEEDED` is among the data.
    """
    names = {metric_name(m): metric_name(m) for m in spec.needed_metrics} | {SUCCEEDED: SUCCEEDED}

    def bound(metric: str, upper: bool, value: float) -> AxOutcomeConstraint:
        text = f"{metric} {'<=' if upper else '>='} {value!r}"
        return AxOutcomeConstraint(text, metric_name_to_signature=names)

    constraints = [bound(metric_name(c.metric), c.upper, c.bound) for c in spec.outcomes]
    if failures:
        constraints.append(bound(SUCCEEDED, False, LIKELY))
    signs = ("-" if o.goal == "Minimize" else "" for o in spec.objectives)
    objective = ", ".join(s + metric_name(o.metric) for s, o in zip(signs, spec.objectives, strict=True))
    ax_objective = AxObjective(objective, metric_name_to_signature=names)
    if len(spec.objectives) == 1:
        return OptimizationConfig(ax_objective, outcome_constraints=constraints)
    thresholds = [
        bound(metric_name(o.metric), o.goal == "Minimize", value)
        for o, value in zip(spec.objectives, reference, strict=True)
    ]
    return MultiObjectiveOptimizationConfig(
        ax_objective, outcome_constraints=constraints, objective_thresholds=thresholds
    )


def experiment(
    space: Space, ended: Sequence[KnownTrial], config: OptimizationConfig, scale_of: Mapping[str, Scale]
) -> tuple[Experiment, Data]:
    """The ended trials as an Ax experiment and its data, in bulk: attached to a client, each would take 13 ms."""
    spec = space.spec
    failures = any(trial.state == "Failed" for trial in ended)
    ax_experiment = Experiment(
        search_space=search_space(space),
        optimization_config=config,
        properties={"immutable_search_space_and_opt_config": True},  # so that Ax keeps no copies of both
    )
    rows: list[tuple[int, str, str, float]] = []
    for i, trial in enumerate(ended):
        arm = Arm(parameters=ax_point(space, trial.parameters), name=f"{i}_0")
        ax_trial = ax_experiment.new_trial().add_arm(arm).mark_running(no_runner_required=True)
        ax_trial.mark_completed()
        observed = trial.state == "Observed"
        if observed:
            for metric in sorted(spec.needed_metrics):
                value = trial.metrics[metric]
                value = scale_of[metric](value) if metric in scale_of else value
                rows.append((i, arm.name, metric_name(metric), value))
        if failures:
            rows.append((i, arm.name, SUCCEEDED, float(observed)))
    frame = pd.DataFrame(rows, columns=["trial_index", "arm_name", "metric_name", "mean"])
    return ax_experiment, Data(df=frame.assign(metric_signature=frame["metric_name"], sem=float("nan")))
