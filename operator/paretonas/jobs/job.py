"""A job as the engine sees it, wherever it runs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from paretonas.api import NASExperiment, NASTrial, Scalar, job_name
from paretonas.api.reasons import AttemptReason

GRACE_SECONDS = 5
"""From SIGTERM to SIGKILL: long enough to flush a TensorBoard file, short enough to wait for."""


class Phase(Enum):
    """Where a job stands."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    LOST = "Lost"
    """It ended without telling how: its machine or its supervisor went away."""


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt's job as last seen."""

    name: str
    phase: Phase
    exit_code: int | None = None
    """Negative for the signal that ended it."""
    started: datetime | None = None
    ended: datetime | None = None
    log_tail: str = ""
    """The last lines of its output, once it has ended."""
    message: str = ""
    """Why it waits or could not run, where that is known."""
    quiet: timedelta = timedelta()
    """For how long it has been seen to log nothing new, where somebody minds."""
    reason: AttemptReason | None = None
    """Why it failed, where the place that it ran in knows better than the exit code."""

    @property
    def over(self) -> bool:
        """Whether it will not run any more."""
        return self.phase in {Phase.SUCCEEDED, Phase.FAILED, Phase.LOST}


class SubmitError(Exception):
    """A job could not be submitted; the message says why, and the next pass tries again."""


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything that a backend needs to run one attempt."""

    experiment: NASExperiment
    trial: NASTrial
    attempt: int

    @property
    def name(self) -> str:
        """``<experiment>-<index>-a<attempt>``."""
        return job_name(self.trial.name, self.attempt)

    def values(self, log_dir: str) -> dict[str, Scalar]:
        """What ``${…}`` may stand for in this attempt."""
        parameters = {f"parameters.{name}": value for name, value in self.trial.spec.parameters.items()}
        return {
            **parameters,
            "trial.name": self.trial.name,
            "trial.index": self.trial.spec.index,
            "trial.attempt": self.attempt,
            "trial.logDir": log_dir,
            "experiment.name": self.experiment.name,
            "experiment.namespace": self.experiment.metadata.namespace or "default",
        }
