"""What the search is asked, and what it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

from paretonas.api.base import Scalar
from paretonas.api.experiment import ExperimentSpec

KnownState = Literal["Pending", "Observed", "Failed"]
CandidateOrigin = Literal["Sobol", "BayesianOptimization"]


class SearchError(RuntimeError):
    """The search cannot answer; the message says why."""


@dataclass(frozen=True, slots=True)
class KnownTrial:
    """A point that was asked before, or that the user gave, and what came of it.

    Attributes:
        index: Its place in the experiment: trials are looked at in this order, whatever the order they ended in.
        parameters: Its values; inactive conditional parameters are absent.
        state: Pending: asked or running. Failed: failed or infeasible; never asked again.
        metrics: All metrics of the objectives and outcome constraints, finite; read only when Observed.
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


class NoMore(StrEnum):
    """Why the search has no further candidate."""

    SEARCH_SPACE_EXHAUSTED = "SearchSpaceExhausted"
    """Every point that keeps the constraints is known: they were all listed."""
    NOTHING_NEW_FOUND = "NothingNewFound"
    """Sampling and optimising met only points that are known. There may be others."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The answer: fewer candidates than asked only where there is no more."""

    candidates: tuple[Candidate, ...]
    no_more: NoMore | None
    """Why there will be no further point, once these are tried; None as far as is known."""
    seconds: float


class Search(Protocol):
    """Something that suggests candidates."""

    def suggest(self, spec: ExperimentSpec, known: Sequence[KnownTrial], count: int) -> Suggestion:
        """Suggest ``count`` points that are not known yet. Raises SearchError."""
        ...
