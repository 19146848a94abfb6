"""A job as the engine sees it, on this machine or on a cluster."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from paretonas.api import NASExperiment, NASTrial, Scalar, job_name, trial_arguments, words
from paretonas.api.reasons import AttemptReason

ROLE = "trial"
"""The name of TorchX's role, and of the container, that runs a trial."""

GRACE_SECONDS = 5
"""Seconds between SIGTERM and SIGKILL: enough to flush a TensorBoard file, and short enough to wait for."""


class Phase(Enum):
    """The phase of a job."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    LOST = "Lost"
    """It ended in an unknown way: its machine or its supervisor disappeared."""


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
    """Why it waits or could not run, if known."""
    quiet: timedelta = timedelta()
    """How long it has logged nothing new, if the trial has a deadline for progress."""
    reason: AttemptReason | None = None
    """Why it failed, where the place that it ran in knows better than the exit code."""
    created: datetime | None = None
    """When it was created, on a cluster, where it may wait for its queue."""

    @property
    def over(self) -> bool:
        """Whether the job has ended."""
        return self.phase in {Phase.SUCCEEDED, Phase.FAILED, Phase.LOST}


class SubmitError(Exception):
    """A job could not be submitted. The message says why; the next pass retries."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What became of output folders that are to be removed."""

    gone: frozenset[str] = frozenset()
    """The names of the trials whose folders do not exist any more."""
    problem: str = ""
    """Why others cannot be removed, with the remedy."""


@dataclass(frozen=True, slots=True)
class Launch:
    """An attempt to run, with its trial and its experiment."""

    experiment: NASExperiment
    trial: NASTrial
    attempt: int

    @property
    def name(self) -> str:
        """``<experiment>-<index>-a<attempt>``."""
        return job_name(self.trial.name, self.attempt)

    @property
    def first_attempt(self) -> int:
        """The number of the trial's first attempt; this attempt's if it is the first."""
        return self.trial.first_attempt or self.attempt

    def values(self, log_dir: str, output_dir: str) -> dict[str, Scalar]:
        """The values that ``${…}`` may refer to in this attempt, given its folders as it sees them."""
        parameters = {f"parameters.{name}": value for name, value in self.trial.spec.parameters.items()}
        return {
            **parameters,
            "trial.name": self.trial.name,
            "trial.index": self.trial.spec.index,
            "trial.attempt": self.attempt,
            "trial.logDir": log_dir,
            "trial.outputDir": output_dir,
            "experiment.name": self.experiment.name,
            "experiment.namespace": self.experiment.metadata.namespace or "default",
        }

    def command(self, log_dir: str, output_dir: str) -> list[str]:
        """The command line of this attempt, one word for each argument."""
        template, values = self.experiment.spec.trial, self.values(log_dir, output_dir)
        return [*words(template.command, values), *trial_arguments(template, values)]
