"""NASExperiment: the resource that a user writes."""

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from paretonas.api.base import ListToTuple, Model, Scalar, Whole
from paretonas.api.constraints import LinearConstraint, OutcomeConstraint, parse_linear, parse_outcome
from paretonas.api.early_stopping import EarlyStopping
from paretonas.api.formula import Formula, NoValueError, parse_formula
from paretonas.api.names import DnsLabel, ExperimentName
from paretonas.api.objectives import MetricSource, Objective
from paretonas.api.parameters import Parameter
from paretonas.api.status import ExperimentStatus
from paretonas.api.trial_template import Logs, Seconds, TrialTemplate
from paretonas.kube.kinds import API_VERSION

OPERATOR = "paretonas.io/operator"
"""The name of the operator in `managedBy`; an experiment without one is the operator's too."""

MAX_TRIALS = 1000
"""The most trials of one experiment: the size that the status can hold and that the search was measured with."""

Text = Annotated[str, Field(min_length=1, max_length=500)]


class SearchSettings(Model):
    """How candidates are chosen; every field is optional."""

    seed: Annotated[Whole, Field(ge=0, le=2**31 - 1)] = 0
    initial_trials: Annotated[Whole, Field(ge=1, le=MAX_TRIALS)] | None = None
    """Quasi-random trials before the model takes over; by default chosen from the number of parameters."""


class FailurePolicy(Model):
    """When failed trials end the experiment, and how often a trial is retried."""

    max_failure_ratio: Annotated[float, Field(ge=0, le=1)] = 0.5
    after_trials: Annotated[Whole, Field(ge=1, le=MAX_TRIALS)] = 5
    """The number of trials that must have ended before the ratio is checked."""
    retries: Annotated[Whole, Field(ge=0, le=20)] = 2
    """The number of further attempts of a trial whose process crashed."""


class HypervolumeStalls(Model):
    """The goal that the front no longer grows: the last results have added little to the hypervolume."""

    trials: Annotated[Whole, Field(ge=1, le=MAX_TRIALS)]
    """The number of results, the last to end, that must have added so little."""
    within: Annotated[float, Field(ge=0, lt=1)]
    """The largest share of the hypervolume that counts as no growth; with 0, it must not have grown at all."""


class StopWhen(Model):
    """What ends the experiment before `max_trials`; the targets of the objectives do so too."""

    hypervolume_stalls: HypervolumeStalls | None = None


class Retry(Model):
    """A user's request to retry failed trials with new attempts."""

    generation: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Raised by one with every request; trials that failed in an earlier generation are retried."""
    infeasible: bool = False
    """Whether infeasible trials are retried too."""


class WarmStart(Model):
    """Another experiment in the same namespace, whose finished trials are known from the start."""

    name: ExperimentName


class ExperimentSpec(Model):
    """The search: what may vary, what is optimised, and how a trial is run."""

    # a cached_property stores its value in the instance; the fields stay frozen
    model_config = ConfigDict(ignored_types=(cached_property,))

    objectives: Annotated[tuple[Objective, ...], ListToTuple, Field(min_length=1, max_length=4)]
    outcome_constraints: Annotated[tuple[Text, ...], ListToTuple, Field(max_length=16)] = ()
    parameters: Annotated[tuple[Parameter, ...], ListToTuple, Field(min_length=1, max_length=64)]
    parameter_constraints: Annotated[tuple[Text, ...], ListToTuple, Field(max_length=32)] = ()
    max_trials: Annotated[Whole, Field(ge=1, le=MAX_TRIALS)]
    stop_when: StopWhen = StopWhen()
    early_stopping: EarlyStopping | None = None
    parallelism: Annotated[Whole, Field(ge=1, le=MAX_TRIALS)] = 1
    search: SearchSettings = SearchSettings()
    failure_policy: FailurePolicy = FailurePolicy()
    warm_start_from: Annotated[tuple[WarmStart, ...], ListToTuple, Field(max_length=8)] = ()
    suspend: bool = False
    """While true, no trial is started; running trials continue to their end."""
    stop: bool = False
    """Ends the experiment with the results so far; running trials are stopped."""
    retry: Retry = Retry()
    managed_by: str | None = None
    """The controller that runs it, if that is not ours (`OPERATOR`): then the operator leaves it alone."""
    active_deadline_seconds: Annotated[Seconds, Field(ge=1)] | None = None
    ttl_seconds_after_finished: Seconds | None = None
    metrics: Annotated[tuple[MetricSource, ...], ListToTuple, Field(max_length=32)] = ()
    logs: Logs | None = None
    trial: TrialTemplate

    @cached_property
    def linear_constraints(self) -> tuple[LinearConstraint, ...]:
        """The parsed parameter constraints."""
        return tuple(map(parse_linear, self.parameter_constraints))

    @cached_property
    def outcomes(self) -> tuple[OutcomeConstraint, ...]:
        """The parsed outcome constraints."""
        return tuple(map(parse_outcome, self.outcome_constraints))

    @cached_property
    def metric_sources(self) -> tuple[MetricSource, ...]:
        """Every metric to read: those described in `metrics`, and needed ones that are not described."""
        described = {source.name: source for source in self.metrics}
        needed = [*(o.metric for o in self.objectives), *(c.metric for c in self.outcomes)]
        for name in needed:
            described.setdefault(name, MetricSource(name=name, tag=name))
        return tuple(described.values())

    @cached_property
    def needed_metrics(self) -> frozenset[str]:
        """The metrics that a trial must have to count as a result."""
        return frozenset([*(o.metric for o in self.objectives), *(c.metric for c in self.outcomes)])

    @cached_property
    def formulas(self) -> dict[str, Formula]:
        """The formulas by metric."""
        return {
            m.name: parse_formula(m.formula, m.tables, m.when_inactive) for m in self.metrics if m.formula is not None
        }

    @cached_property
    def bounds_on_formulas(self) -> tuple[OutcomeConstraint, ...]:
        """The outcome constraints and thresholds on metrics with a formula, which every candidate satisfies."""
        bounds = [constraint for constraint in self.outcomes if constraint.metric in self.formulas]
        for o in self.objectives:
            if o.metric not in self.formulas:
                continue
            if o.threshold is not None:
                sign = ">=" if o.goal == "Maximize" else "<="
                text = f"{o.metric} {sign} {o.threshold!r}"
                bounds.append(OutcomeConstraint(o.metric, o.goal == "Minimize", o.threshold, text))
            if o.scale == "Log":
                bounds.append(OutcomeConstraint(o.metric, False, math.ulp(0.0), f"{o.metric} > 0"))
        return tuple(bounds)

    def known_metrics(self, point: Mapping[str, Scalar]) -> dict[str, float]:
        """The metrics that formulas give at a point, in the parameters' types. Raises NoValueError."""
        values = {}
        for metric, formula in self.formulas.items():
            try:
                values[metric] = formula.value(point)
            except NoValueError as error:
                raise NoValueError(f"the formula of {metric!r} has no value: {error}") from None
        return values

    def planned(self, trials: int) -> int:
        """The number of trials in the end, given the number so far: `max_trials`, unless it was lowered below that."""
        return max(self.max_trials, trials)

    def without_targets(self) -> "ExperimentSpec":
        """Copy the spec without the targets of its objectives."""
        return self.replace(objectives=tuple(o.replace(target=None) for o in self.objectives))

    def parameter(self, name: str) -> Parameter:
        """The parameter with this name. Raises KeyError."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise KeyError(name)

    def is_active(self, parameter: Parameter, values: Mapping[str, Any]) -> bool:
        """Whether the parameter is active at a point, given the other parameters' values."""
        return all(
            when.parameter in values
            and values[when.parameter] in when.values
            and self.is_active(self.parameter(when.parameter), values)
            for when in parameter.active_when
        )

    def cast(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Convert each value of a point to its parameter's type; the result has the order of the parameters."""
        return {p.name: p.cast(values[p.name]) for p in self.parameters if p.name in values}


class Metadata(Model):
    """The fields of Kubernetes' object metadata that are used; other fields are kept unchanged."""

    model_config = ConfigDict(extra="allow")

    name: ExperimentName
    namespace: DnsLabel | None = None
    uid: str | None = None
    generation: Whole | None = None


class NASExperiment(Model):
    """An experiment with its status."""

    api_version: Literal["paretonas.io/v1alpha1"] = API_VERSION
    kind: Literal["NASExperiment"] = "NASExperiment"
    metadata: Metadata
    spec: ExperimentSpec
    status: ExperimentStatus = ExperimentStatus()

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.metadata.name
