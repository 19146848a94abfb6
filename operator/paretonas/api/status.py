"""The status of an experiment, and the states of a trial."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from paretonas.api.base import ListToTuple, Model, ScalarField, Time, Whole
from paretonas.api.early_stopping import Audits, Savings
from paretonas.api.untrusted_text import Message

ConditionStatus = Literal["True", "False", "Unknown"]
ConditionType = Literal["Valid", "Progressing", "Suspended", "EarlyStopping", "Succeeded", "TrialsRemoved"]
"""The conditions of an experiment; `api.reasons.CONDITION_REASONS` has their reasons. A trial has `Succeeded` alone."""

TrialState = Literal["Pending", "Running", "Succeeded", "Failed", "EarlyStopped", "Infeasible"]

ENDED: frozenset[TrialState] = frozenset({"Succeeded", "Failed", "EarlyStopped", "Infeasible"})
"""The final states: a trial leaves them only when the user retries it."""


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
    """The number of trials by state, and their sum, `total`. Imported results count only as `known`."""

    total: Whole = 0
    pending: Whole = 0
    running: Whole = 0
    succeeded: Whole = 0
    failed: Whole = 0
    early_stopped: Whole = 0
    infeasible: Whole = 0
    known: Whole = 0


class ParetoPoint(Model):
    """A trial of the Pareto set with its observed metrics."""

    trial: str
    index: Whole
    parameters: dict[str, ScalarField]
    metrics: dict[str, float]
    output_dir: str | None = None
    """As in the trial's status."""


class ExperimentStatus(Model):
    """The observed state. All of it but the reference point and the times can be recomputed from the trials."""

    observed_generation: Whole | None = None
    conditions: Annotated[tuple[Condition, ...], ListToTuple] = ()
    progress: str = ""
    """The number of ended trials and of all planned ones, as in ``12/48``."""
    trials: TrialCounts = TrialCounts()
    pareto_set: Annotated[tuple[ParetoPoint, ...], ListToTuple] = ()
    pareto_set_size: Whole = 0
    hypervolume: float | None = None
    rounded_hypervolume: str | None = None
    """The hypervolume for people, as kubectl shows it; None also if an older version wrote the status."""
    reference_point: dict[str, float] = Field(default_factory=dict)
    savings: Savings | None = None
    """What early stopping has saved; None without it."""
    audits: Audits | None = None
    """How often its verdicts were checked; None without it."""
    retry_generation: int = 0
    """The generation of the last retry that was started."""
    retry_time: Time | None = None
    """When that retry was started; the experiment's deadline counts from then."""
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
        """Whether the experiment has ended, successfully or not."""
        succeeded = self.condition("Succeeded")
        return succeeded is not None and succeeded.status != "Unknown"
