"""NASTrial: one candidate, stored before any job exists, and its result."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from paretonas.api.base import ListToTuple, Model, Scalar, ScalarField, Time, Whole
from paretonas.api.early_stopping import Verdict
from paretonas.api.experiment import NASExperiment
from paretonas.api.names import MAX_INDEX, split_job_name, trial_name
from paretonas.api.reasons import AttemptReason, TrialReason
from paretonas.api.rounding import rounded_pairs
from paretonas.api.status import ENDED, Condition, ConditionType, TrialState
from paretonas.api.untrusted_text import Message, message
from paretonas.api.validation import Problem
from paretonas.kube.kinds import API_VERSION

Origin = Literal["Sobol", "BayesianOptimization", "User"]


class Attempt(Model):
    """One attempt to run the trial's job, stored before the job is submitted and open until `end_time` is set."""

    job: str
    reason: str | None = None
    """An `AttemptReason`: how it ended, or why it is being stopped. A word that this version does not know is kept."""
    exit_code: Whole | None = None
    start_time: Time | None = None
    end_time: Time | None = None
    retry_generation: int = 0
    """The generation of the experiment's `retry` when the attempt began; retries are counted per generation."""

    @property
    def open(self) -> bool:
        """Whether the attempt's job may still be running."""
        return self.end_time is None

    @property
    def cause(self) -> AttemptReason:
        """What it counts as: its reason, or `LOST` without one that this version knows."""
        return next((known for known in AttemptReason if known == self.reason), AttemptReason.LOST)

    @property
    def number(self) -> int:
        """The attempt's number: 1 for the job ``nas-0-a1``."""
        return split_job_name(self.job)[1]


class Observation(Model):
    """A known result, so that the point need not be run (warm start)."""

    state: Literal["Succeeded", "Failed", "EarlyStopped", "Infeasible"] = "Succeeded"
    """How the trial ended; the search avoids points that failed."""
    metrics: dict[str, float] = Field(default_factory=dict)
    """The final metrics; those of a trial that was stopped early are its `TrialStatus.estimate`."""
    source: Annotated[str, Field(max_length=253)] | None = None
    """The trial of another experiment that the result was taken from."""


class TrialSpec(Model):
    """The point to try; it never changes."""

    experiment: str
    index: Annotated[Whole, Field(ge=0, le=MAX_INDEX)]
    parameters: dict[str, ScalarField]
    origin: Origin = "User"
    observation: Observation | None = None


class TrialStatus(Model):
    """The state and the result of a trial so far."""

    conditions: Annotated[tuple[Condition, ...], ListToTuple] = ()
    state: TrialState = "Pending"
    attempts: Annotated[tuple[Attempt, ...], ListToTuple] = ()
    metrics: dict[str, float] = Field(default_factory=dict)
    rounded_metrics: str = ""
    """The metrics for people, as kubectl shows them; empty also if an older version wrote the status."""
    message: Message = ""
    logged_steps: Whole | None = None
    """The number of values that it has logged of an objective, at most; None without a log that was read."""
    last_step: Whole | None = None
    """The last step at which it has logged an objective."""
    verdict: Verdict | None = None
    """Why it is stopped early, or could have been if it were not an audit."""
    estimate: dict[str, float] = Field(default_factory=dict)
    """The final metrics that a trial with a verdict would probably have had; the search is told them if it is stopped.

    Empty if they cannot be estimated.
    """
    pareto: bool = False
    output_dir: str | None = None
    """The folder in which the ended trial has kept something, below the root of all logs."""
    output_removed: bool = False
    """Whether that folder was removed (`keepOutputs`)."""

    def condition(self, kind: ConditionType) -> Condition | None:
        """The condition of this type, if it is set."""
        return next((c for c in self.conditions if c.type == kind), None)


class TrialMetadata(Model):
    """The fields of Kubernetes' object metadata that are used; other fields are kept unchanged."""

    model_config = ConfigDict(extra="allow")

    name: Annotated[str, Field(max_length=253)]
    namespace: str | None = None
    uid: str | None = None


class NASTrial(Model):
    """A trial with its status."""

    api_version: Literal["paretonas.io/v1alpha1"] = API_VERSION
    kind: Literal["NASTrial"] = "NASTrial"
    metadata: TrialMetadata
    spec: TrialSpec
    status: TrialStatus = TrialStatus()

    @property
    def name(self) -> str:
        """``<experiment>-<index>``."""
        return self.metadata.name

    @property
    def uid(self) -> str:
        """The uid that the API server gave it. Raises ValueError for a trial that no API server has stored."""
        if self.metadata.uid is None:
            raise ValueError(f"{self.name} has no uid: it is not stored on a cluster")
        return self.metadata.uid

    @property
    def ended(self) -> bool:
        """Whether the trial is in a final state."""
        return self.status.state in ENDED

    @property
    def refused(self) -> bool:
        """Whether the trial was created by a user and does not fit its experiment."""
        return self.status.state == "Infeasible" and any(
            condition.type == "Succeeded" and condition.reason == TrialReason.INVALID
            for condition in self.status.conditions
        )

    @property
    def counts_toward_budget(self) -> bool:
        """Whether it is one of the experiment's `maxTrials`.

        Results added by a user do not count, nor do refused trials. An imported trial that this search chose elsewhere
        does count: it keeps its origin.
        """
        return not self.refused and (self.spec.observation is None or self.spec.origin != "User")

    @property
    def attempt(self) -> Attempt | None:
        """The attempt whose job may still be running, if there is one."""
        last = self.status.attempts[-1] if self.status.attempts else None
        return last if last is not None and last.open else None

    @property
    def last_attempt(self) -> int:
        """The number of the trial's last attempt; 0 before the first.

        Numbers increase, but not always by one: a number is skipped if its log folder already exists, usually from a
        deleted experiment of the same name.
        """
        return self.status.attempts[-1].number if self.status.attempts else 0

    @property
    def first_attempt(self) -> int:
        """The number of the trial's first attempt, which its output folder is named after; 0 before it."""
        return self.status.attempts[0].number if self.status.attempts else 0

    def with_status(self, **changes: object) -> "NASTrial":
        """Copy the trial with some fields of the status changed.

        A message is cleaned and shortened to be stored, and `rounded_metrics` follows from `metrics`.
        """
        if isinstance(text := changes.get("message"), str):
            changes["message"] = message(text)
        if isinstance(metrics := changes.get("metrics"), dict):
            changes["rounded_metrics"] = rounded_pairs(metrics)
        return self.replace(status=self.status.replace(**changes))


class UnreadableTrial(NASTrial):
    """A trial that cannot be read: only its name, index and status are known, and its point is empty.

    Its own status says so, and nothing else is affected: it gets no job, and the search ignores it.
    """

    problems: Annotated[tuple[Problem, ...], Field(exclude=True)] = ()
    """Why the trial cannot be read."""

    @property
    def refused(self) -> bool:
        """Whether the trial is refused, even before its status says so.

        A trial that another version has accepted and started is not refused.
        """
        return super().refused or not (self.ended or self.status.attempts)


def new_trial(
    experiment: NASExperiment,
    index: int,
    parameters: Mapping[str, Scalar],
    *,
    origin: Origin,
    observation: Observation | None = None,
) -> NASTrial:
    """Create a trial of an experiment, which is not stored yet."""
    return NASTrial(
        metadata=TrialMetadata(name=trial_name(experiment.name, index), namespace=experiment.metadata.namespace),
        spec=TrialSpec(
            experiment=experiment.name, index=index, parameters=dict(parameters), origin=origin, observation=observation
        ),
    )
