"""What an experiment has come to."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from paretonas.api.base import ListToTuple, Model, ScalarField, Time, Whole
from paretonas.api.untrusted_text import Message

ConditionStatus = Literal["True", "False", "Unknown"]
ConditionType = Literal["Valid", "Progressing", "Suspended", "Succeeded", "TrialsRemoved"]
"""The conditions of an experiment; `api.reasons.CONDITION_REASONS` has their reasons. A trial has `Succeeded` alone."""

TrialState = Literal["Pending", "Running", "Succeeded", "Failed", "EarlyStopped", "Infeasible"]

ENDED: frozenset[TrialState] = frozenset({"Succeeded", "Failed", "EarlyStopped", "Infeasible"})
"""The states that a trial leaves only when its user has it retried."""


class Condition(Model):
    """A metav1.Condition.

    Its type and reason are texts, since others may have written it: ours are `ConditionType` and `api.reasons`.
    """

    type: str
    status: ConditionStatus
    reason: str
    message: Message = ""
    last_transition_time: Time
    observed_generation: Whole | None = None


def make_condition(
    kind: ConditionType,
    status: ConditionStatus,
    reason: str,
    message: str = "",
    *,
    now: datetime,
    last: Condition | None = None,
    generation: int | None = None,
) -> Condition:
    """A condition that is set now.

    Args:
        kind: its type.
        status: whether it holds.
        reason: why, in one word.
        message: why, for a person.
        now: the time of the transition, unless `last` has the same status.
        last: the condition of this type before.
        generation: the version of the spec that was observed.
    """
    since = last.last_transition_time if last and last.status == status else now
    return Condition(
        type=kind,
        status=status,
        reason=reason,
        message=message,
        last_transition_time=since,
        observed_generation=generation,
    )


class TrialCounts(Model):
    """Trials by state; `total` is their sum. `known` are results that were brought along, and in no other count."""

    total: Whole = 0
    pending: Whole = 0
    running: Whole = 0
    succeeded: Whole = 0
    failed: Whole = 0
    early_stopped: Whole = 0
    infeasible: Whole = 0
    known: Whole = 0


class ParetoPoint(Model):
    """One trial of the Pareto set, with its observed metrics."""

    trial: str
    index: Whole
    parameters: dict[str, ScalarField]
    metrics: dict[str, float]


class ExperimentStatus(Model):
    """Observed state; everything but the reference point and the times can be recomputed from the trials."""

    observed_generation: Whole | None = None
    conditions: Annotated[tuple[Condition, ...], ListToTuple] = ()
    progress: str = ""
    """Ended trials of all that there will be, as ``12/48``."""
    trials: TrialCounts = TrialCounts()
    pareto_set: Annotated[tuple[ParetoPoint, ...], ListToTuple] = ()
    pareto_set_size: Whole = 0
    hypervolume: float | None = None
    reference_point: dict[str, float] = Field(default_factory=dict)
    retry_generation: int = 0
    """That of the last retry which was begun."""
    retry_time: Time | None = None
    """When it was: the experiment's deadline counts from then."""
    start_time: Time | None = None
    completion_time: Time | None = None

    def condition(self, kind: ConditionType) -> Condition | None:
        """The condition of this type, if it is set."""
        return next((c for c in self.conditions if c.type == kind), None)

    def with_condition(self, condition: Condition) -> "ExperimentStatus":
        """A copy with this condition in the place of the one of its type."""
        kept = {c.type: c for c in self.conditions} | {condition.type: condition}
        return self.replace(conditions=tuple(kept.values()))

    @property
    def finished(self) -> bool:
        """Whether the experiment has ended, well or not."""
        succeeded = self.condition("Succeeded")
        return succeeded is not None and succeeded.status != "Unknown"
