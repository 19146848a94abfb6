"""What really is, whoever knows of it: the stored resources, the jobs, the time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.simulation.schedule import End

from paretonas.api import (
    NASExperiment,
    NASTrial,
    Retry,
    TrialMetadata,
    TrialSpec,
    TrialState,
    TrialStatus,
    UnreadableTrial,
    trial_name,
)
from paretonas.api.reasons import AttemptReason
from paretonas.jobs.job import Job, Phase

Versioned = tuple[int, Any]
"""A resource's version and its value."""

EXPERIMENT = ""
"""The key of the experiment among the resources; a trial's is its name."""

OTHER = "elsewhere"
"""An experiment that has ended long ago."""

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

_ENDS: Mapping[End, tuple[Phase, int | None, AttemptReason | None]] = {
    End.SUCCEEDS: (Phase.SUCCEEDED, 0, None),
    End.NAN: (Phase.SUCCEEDED, 0, None),
    End.SILENT: (Phase.SUCCEEDED, 0, None),
    End.FLOODS: (Phase.SUCCEEDED, 0, None),
    End.AMBIGUOUS: (Phase.SUCCEEDED, 0, None),
    End.CRASHES: (Phase.FAILED, 1, None),
    End.KILLED: (Phase.FAILED, 137, None),
    End.OUT_OF_MEMORY: (Phase.FAILED, 137, AttemptReason.OUT_OF_MEMORY),
    End.LOST: (Phase.LOST, None, None),
    End.EVICTED: (Phase.FAILED, 137, AttemptReason.EVICTED),
    End.DELETED: (Phase.LOST, None, None),
    End.ABORTED: (Phase.LOST, None, AttemptReason.ABORTED),
    End.HANGS: (Phase.SUCCEEDED, 0, None),
}

NEVER = timedelta(days=3650)
"""For how long a job that hangs would run."""


@dataclass
class SimulatedJob:
    """What really happens to a job."""

    name: str
    trial: str
    x: float
    end: End
    begins: datetime
    ends: datetime
    cancelled: bool = False
    removed: datetime | None = None

    def ran(self, now: datetime) -> bool:
        """Whether it has ever run."""
        return self.begins <= (self.removed or now)

    def alive(self, now: datetime) -> bool:
        """Whether it runs or will run."""
        return self.removed is None and now < self.ends

    def seen(self, now: datetime) -> Job:
        """What is shown of it."""
        if now < min(self.begins, self.ends):
            return Job(self.name, Phase.PENDING)
        if now < self.ends:
            return Job(self.name, Phase.RUNNING, started=self.begins)
        phase, code, reason = (Phase.FAILED, -15, None) if self.cancelled else _ENDS[self.end]
        started = self.begins if self.begins <= self.ends else None
        return Job(self.name, phase, code, started, self.ends, log_tail="its last words", reason=reason)


@dataclass
class Truth:
    """The world as it is."""

    resources: dict[str, Versioned]
    jobs: dict[str, SimulatedJob] = field(default_factory=dict)
    now: datetime = BEGIN
    version: int = 0
    """Of the last write."""
    strangers: dict[str, str] = field(default_factory=dict)
    """Trials of other experiments that have names of this one's, with the experiment that each names."""
    outputs_removed: set[str] = field(default_factory=set)
    """Trials whose output folders were removed."""
    added_by_user: int = 0
    """Trials."""
    stopped: int = 0
    """How often it was ended by its user."""
    retries: list[Retry] = field(default_factory=list)
    """What its user has asked to be taken up again."""
    raised: int = 0
    """How often there may be more trials than before."""
    goals_changed: int = 0
    """How often its user removed its goals, or set them again."""

    @property
    def experiment(self) -> NASExperiment:
        """The experiment as stored."""
        value: NASExperiment = self.resources[EXPERIMENT][1]
        return value

    @property
    def trials(self) -> list[NASTrial]:
        """The trials as stored."""
        return trials_of(self.resources)

    @property
    def own(self) -> list[NASTrial]:
        """Those of them that can be read: nothing is promised to the others but that they are told so."""
        return [trial for trial in self.trials if not isinstance(trial, UnreadableTrial)]

    def has_output(self, trial: str) -> bool:
        """Whether there is something in a trial's output folder."""
        ran = any(job.trial == trial and job.ran(self.now) for job in self.jobs.values())
        return ran and trial not in self.outputs_removed

    @property
    def front(self) -> set[str]:
        """The names of the trials that no other dominates: the definition, pair by pair."""
        within = self._within()
        return {
            name for name, point in within.items() if not any(_dominates(other, point) for other in within.values())
        }

    def dominates(self, one: str, x: float) -> bool:
        """Whether the result of a trial within the thresholds dominates what a trial at a point really leads to."""
        within = self._within()
        return one in within and _dominates(within[one], self._costs(result(x)))

    def _within(self) -> dict[str, list[float]]:
        """The results within the thresholds, by trial."""
        goals = self.experiment.spec.objectives
        found = {t.name: self._costs(t.status.metrics) for t in self.trials if t.status.state == "Succeeded"}
        return {
            name: costs
            for name, costs in found.items()
            if all(g.threshold is None or x <= g.comparable(g.threshold) for g, x in zip(goals, costs, strict=True))
        }

    def _costs(self, metrics: Mapping[str, float]) -> list[float]:
        return [goal.comparable(metrics[goal.metric]) for goal in self.experiment.spec.objectives]

    def put(self, key: str, value: Any) -> None:
        """Store a resource."""
        self.version += 1
        self.resources[key] = (self.version, value)

    def alive(self) -> list[SimulatedJob]:
        """Jobs that run or will run."""
        return [job for job in self.jobs.values() if job.alive(self.now)]

    def wait(self, seconds: float = 1.0) -> None:
        """Let time go by."""
        self.now += timedelta(seconds=seconds)


def trials_of(resources: Mapping[str, Versioned]) -> list[NASTrial]:
    """The trials among resources, in index order."""
    values = (value for key, (_, value) in resources.items() if key != EXPERIMENT)
    return sorted(values, key=lambda trial: trial.spec.index)


def _elsewhere(index: int, x: float, state: TrialState) -> NASTrial:
    return NASTrial(
        metadata=TrialMetadata(name=trial_name(OTHER, index)),
        spec=TrialSpec(experiment=OTHER, index=index, parameters={"x": x}, origin="Sobol"),
        status=TrialStatus(state=state, metrics=result(x) if state == "Succeeded" else {}),
    )


def _dominates(one: list[float], other: list[float]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def curves(x: float, seconds: int) -> dict[str, list[tuple[int, float]]]:
    """What a trial at this point has logged after so many seconds: all trials still gain as much from a step on."""
    end = result(x)
    accuracy = [(second, end["accuracy"] - 0.3 * 0.5**second) for second in range(seconds)]
    return {"accuracy": accuracy, "size": [(0, end["size"])]} if seconds else {}


def result(x: float) -> dict[str, float]:
    """What a trial at this point logs."""
    return {"accuracy": x, "size": 130 * (7 * x % 1)}


ELSEWHERE: tuple[NASTrial, ...] = (
    _elsewhere(0, 0.7654321, "Succeeded"),
    _elsewhere(1, 0.2345678, "Failed"),
    _elsewhere(3, 0.5, "Succeeded"),  # a point that the search might ask for
)
"""What the other experiment has found."""

LATE = _elsewhere(4, 0.8765432, "Succeeded")
"""What it finds some seconds later, when the search here has begun as a rule."""


def elsewhere(now: datetime) -> tuple[NASTrial, ...]:
    """What the other experiment has found by now."""
    return (*ELSEWHERE, LATE) if now - BEGIN > timedelta(seconds=6) else ELSEWHERE
