"""The experiment as Ax sees it: the model's features as parameters, metrics on the scale of the model.

What Ax would check or convert is done before: a range of parameters or a unit of metrics that it does not like cannot
reach it. `Space` knows conditions and constraints, which Ax refuses on log scales and on choices.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from ax.core.arm import Arm
from ax.core.data import Data
from ax.core.experiment import Experiment
from ax.core.objective import Objective as AxObjective
from ax.core.observation import ObservationFeatures
from ax.core.optimization_config import MultiObjectiveOptimizationConfig, OptimizationConfig
from ax.core.outcome_constraint import OutcomeConstraint as AxOutcomeConstraint
from ax.core.parameter import ParameterType, RangeParameter
from ax.core.search_space import SearchSpace
from ax.core.types import TParameterization

from paretonas.api import ExperimentSpec, Objective, Scalar
from paretonas.search.initial import initial_trials
from paretonas.search.pareto import reference_point
from paretonas.search.scales import LIKELY, SUCCEEDED, MetricScale, scales
from paretonas.search.space import Space
from paretonas.search.types import KnownTrial


def metric_name(metric: str) -> str:
    """A metric's name inside Ax, which reads objectives with sympy: there ``E`` or ``beta`` are not free names."""
    return f"metric_{metric}"


def measured(objective: Objective, value: float) -> float:
    """The metric on the user's scale: its log10 where they say so."""
    return -objective.comparable(value) if objective.goal == "Maximize" else objective.comparable(value)


def _feature_names(space: Space) -> list[str]:
    """Of Ax's parameters. By number: users' names may be those of its own columns."""
    return [f"x{i}" for i in range(len(space.feature_names))]


def arms_parameters(space: Space, points: Sequence[Mapping[str, Scalar]]) -> list[TParameterization]:
    """Each point's features; what lies outside the space (a user's own point) at the nearest value."""
    names = _feature_names(space)
    return [dict(zip(names, row, strict=True)) for row in space.features(space.encode(points)).tolist()]


def pending_features(space: Space, trials: Sequence[KnownTrial]) -> list[ObservationFeatures]:
    """The trials that have not ended, as Ax is told of them."""
    pending = [trial.parameters for trial in trials if trial.state == "Pending"]
    return list(map(ObservationFeatures, arms_parameters(space, pending)))


def point_of(space: Space, arm: Arm) -> dict[str, Scalar]:
    """The inverse of `arms_parameters`: what a candidate's features stand for."""
    row = np.array([[arm.parameters[name] for name in _feature_names(space)]], dtype=np.float64)
    [code] = space.from_features(row)
    return space.decode(code)


def _optimization_config(
    spec: ExperimentSpec, scale_of: Mapping[str, MetricScale], reference: Mapping[str, float], failures: bool
) -> OptimizationConfig:
    """The objectives with their reference point, the outcome constraints, and success once it is in question."""
    names = {metric_name(m): metric_name(m) for m in scale_of}

    def bound(metric: str, upper: bool, value: float) -> AxOutcomeConstraint:
        text = f"{metric_name(metric)} {'<=' if upper else '>='} {scale_of[metric](value)!r}"
        return AxOutcomeConstraint(text, metric_name_to_signature=names)

    constraints = [bound(c.metric, c.upper, c.bound) for c in spec.outcomes]
    if failures:
        constraints.append(bound(SUCCEEDED, False, LIKELY))
    objective = ", ".join("-" + metric_name(o.metric) for o in spec.objectives)
    ax_objective = AxObjective(objective, metric_name_to_signature=names)
    if len(spec.objectives) == 1:
        return OptimizationConfig(ax_objective, outcome_constraints=constraints)
    thresholds = [bound(o.metric, True, o.comparable(reference[o.metric])) for o in spec.objectives]
    return MultiObjectiveOptimizationConfig(
        ax_objective, outcome_constraints=constraints, objective_thresholds=thresholds
    )


def experiment(space: Space, ended: Sequence[KnownTrial]) -> tuple[Experiment, Data]:
    """The ended trials as an Ax experiment and its data, in bulk: attached to a client, each would take 13 ms."""
    spec = space.spec
    observed = [trial.metrics for trial in ended if trial.state == "Observed"]
    failures = len(observed) < len(ended)
    scale_of = scales(spec, ended)
    # from the first results, like the reference point that is reported
    reference = reference_point(spec, observed[: initial_trials(spec)])
    ax_experiment = Experiment(
        search_space=SearchSpace(
            [
                RangeParameter(name, ParameterType.FLOAT, lower=0.0, upper=1.0)
                for name in _feature_names(space)
            ]
        ),
        optimization_config=_optimization_config(spec, scale_of, reference, failures),
        properties={"immutable_search_space_and_opt_config": True},  # so that Ax keeps no copies of both
    )
    comparable = {o.metric: o.comparable for o in spec.objectives}
    rows: list[tuple[int, str, str, float]] = []
    for i, (trial, features) in enumerate(
        zip(ended, arms_parameters(space, [trial.parameters for trial in ended]), strict=True)
    ):
        # Ax names it: two trials of one point, of known results as a rule, must have one arm
        ax_trial = ax_experiment.new_trial().add_arm(Arm(features)).mark_running(no_runner_required=True)
        ax_trial.mark_completed()
        values = {SUCCEEDED: float(trial.state == "Observed")} if failures else {}
        if trial.state == "Observed":
            for metric in sorted(spec.needed_metrics):
                value = trial.metrics[metric]
                values[metric] = comparable[metric](value) if metric in comparable else value
        arm = ax_trial.arms[0].name
        rows += [(i, arm, metric_name(m), scale_of[m](value)) for m, value in values.items()]
    frame = pd.DataFrame(rows, columns=["trial_index", "arm_name", "metric_name", "mean"])
    return ax_experiment, Data(df=frame.assign(metric_signature=frame["metric_name"], sem=float("nan")))
