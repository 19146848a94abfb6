"""The experiment as Ax sees it: parameters are the model's features, metrics are on the scale of the model.

Everything that Ax would check or convert is done beforehand, so no range of a parameter and no unit of a
metric can make it fail. Ax does not see conditions and parameter constraints, which it refuses on log scales
and on choices; `Space` applies them.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
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
from paretonas.search.ax_hooks import EXPERIMENT_PROPERTIES, metric_name
from paretonas.search.criterion import KnownOutcome
from paretonas.search.encoding.codes import Codes
from paretonas.search.initial import initial_trials
from paretonas.search.pareto import reference_point
from paretonas.search.scales import LIKELY, SUCCEEDED, MetricScale, scales
from paretonas.search.space import Space
from paretonas.search.types import KnownTrial


def scaled_metric(objective: Objective, value: float) -> float:
    """A value of the objective's metric on the objective's scale: its log10 if the scale is Log."""
    return -objective.comparable(value) if objective.goal == "Maximize" else objective.comparable(value)


def _feature_names(space: Space) -> list[str]:
    """The names of Ax's parameters. They are numbers, since the users' names may clash with columns of Ax."""
    return [f"x{i}" for i in range(len(space.feature_names))]


def arm_parameters(space: Space, points: Sequence[Mapping[str, Scalar]]) -> list[TParameterization]:
    """The features of each point. A value outside the space, of a user's own point, counts as the nearest one in it."""
    names = _feature_names(space)
    return [dict(zip(names, row, strict=True)) for row in space.features(space.encode(points)).tolist()]


def pending_features(space: Space, trials: Sequence[KnownTrial]) -> list[ObservationFeatures]:
    """The features of the pending trials, in Ax's form."""
    pending = [trial.parameters for trial in trials if trial.state == "Pending"]
    return list(map(ObservationFeatures, arm_parameters(space, pending)))


def point_of(space: Space, arm: Arm) -> dict[str, Scalar]:
    """The point that a candidate's features stand for: the inverse of `arm_parameters`."""
    row = np.array([[arm.parameters[name] for name in _feature_names(space)]], dtype=np.float64)
    [code] = space.from_features(row)
    return space.decode(code)


def _optimization_config(
    spec: ExperimentSpec, scale_of: Mapping[str, MetricScale], reference: Mapping[str, float], failures: bool
) -> OptimizationConfig:
    """The objectives with their reference point, and the outcome constraints.

    Once a trial has failed, success is one of the constraints.
    """
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


def known_outcomes(space: Space, ended: Iterable[KnownTrial]) -> dict[str, KnownOutcome]:
    """For each needed metric with a formula, the function from codes to its values on the scale of the model."""
    spec, scale_of = space.spec, scales(space.spec, ended)
    comparable = {o.metric: o.comparable for o in spec.objectives}

    def outcome(metric: str) -> KnownOutcome:
        def values(codes: Codes) -> npt.NDArray[np.float64]:
            numbers = space.known.values(metric, codes).tolist()
            return scale_of[metric].map(list(map(comparable[metric], numbers)) if metric in comparable else numbers)

        return values

    return {metric: outcome(metric) for metric in sorted(spec.needed_metrics.intersection(spec.formulas))}


def experiment(space: Space, ended: Sequence[KnownTrial]) -> tuple[Experiment, Data]:
    """The ended trials as an Ax experiment and its data.

    They are added in bulk: attached to Ax's client, each would take 13 ms.
    """
    spec = space.spec
    observed = [trial.metrics for trial in ended if trial.state == "Observed"]
    failures = len(observed) < len(ended)
    scale_of = scales(spec, ended)
    # computed from the first results, like the reference point that is reported
    reference = reference_point(spec, observed[: initial_trials(spec)])
    ax_experiment = Experiment(
        search_space=SearchSpace(
            [RangeParameter(name, ParameterType.FLOAT, lower=0.0, upper=1.0) for name in _feature_names(space)]
        ),
        optimization_config=_optimization_config(spec, scale_of, reference, failures),
        properties=EXPERIMENT_PROPERTIES,
    )
    comparable = {o.metric: o.comparable for o in spec.objectives}
    rows: list[tuple[int, str, str, float]] = []
    for i, (trial, features) in enumerate(
        zip(ended, arm_parameters(space, [trial.parameters for trial in ended]), strict=True)
    ):
        # Ax names the arm, since two trials of one point (such as known results) must share an arm
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
