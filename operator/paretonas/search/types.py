"""The values that the search takes and returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from paretonas.api.base import Scalar
from paretonas.api.reasons import NoMore

KnownState = Literal["Pending", "Observed", "Failed"]
CandidateOrigin = Literal["Sobol", "BayesianOptimization"]


class SearchError(RuntimeError):
    """The search cannot answer; the message says why."""


@dataclass(frozen=True, slots=True)
class KnownTrial:
    """A point that was suggested before, or that the user gave, and its result.

    Attributes:
        index: The index of the trial. The search reads trials in this order, whatever the order in which they ended.
        parameters: The values of the parameters. Inactive conditional parameters are absent.
        state: Pending if the trial has not ended, Observed if it has a result, Failed if it failed or was infeasible.
            No known point is suggested again.
        metrics: Finite values of all metrics of the objectives and outcome constraints. Read only if Observed.
    """

    index: int
    parameters: Mapping[str, Scalar]
    state: KnownState
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A point to try next; it satisfies every parameter constraint."""

    parameters: Mapping[str, Scalar]
    origin: CandidateOrigin


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The candidates for one request.

    Attributes:
        candidates: As many as were requested, or fewer if the search has no more.
        no_more: The reason why no point will follow these; None if more are expected.
        seconds: The time that the request took.
    """

    candidates: tuple[Candidate, ...]
    no_more: NoMore | None
    seconds: float
