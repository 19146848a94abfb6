"""The engine's interfaces to the outside: storage, jobs, logs and the search."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from paretonas.api import ExperimentSpec, NASExperiment, NASTrial
from paretonas.jobs.job import Job, Launch, Removal
from paretonas.metrics import Points, Reading, Unread, Wanted
from paretonas.search import KnownTrial, Suggestion


class Store(Protocol):
    """The experiment and its trials, as last written. A write is complete and durable when the call returns.

    What is read may be older than what others have written, or this process by a request that got no answer.
    A write replaces the version that was read, and is refused if there is a newer one.
    """

    def experiment(self) -> NASExperiment:
        """The experiment."""

    def trials(self) -> Sequence[NASTrial]:
        """All trials, in index order."""

    def create_trial(self, trial: NASTrial) -> None:
        """Store a new trial; an existing one is left as it is."""

    def strangers(self) -> Mapping[str, str]:
        """The trials that are named like this experiment's but belong to another: name → owner."""

    def save_trial(self, trial: NASTrial) -> NASTrial:
        """Store a trial's status. Return the trial as it is now stored; the next write must start from it."""

    def save_status(self, experiment: NASExperiment) -> None:
        """Store the experiment's status."""

    def read_finished(self, name: str) -> Sequence[NASTrial] | None:
        """The ended trials of another experiment in this place, in index order; None if it does not exist."""


class Jobs(Protocol):
    """The jobs of attempts."""

    def observe(self, attempts: Iterable[tuple[str, int]]) -> Mapping[str, Job]:
        """The jobs of these (trial, attempt number) pairs, by job name; one that does not exist is absent."""

    def submit(self, launch: Launch) -> None:
        """Start an attempt's job, unless it exists. Raises SubmitError."""

    def cancel(self, trial: str, attempt: int) -> None:
        """End an attempt's job; if it was not submitted yet, make sure that it never starts.

        Called in every pass until the job is observed as over, even if it never existed.
        """


class LogSource(Protocol):
    """The TensorBoard logs of attempts."""

    def read(self, trial: str, attempt: int, wanted: Sequence[Wanted]) -> Reading | Unread:
        """The metrics of an ended attempt. If they have not been read yet, a later pass asks again."""

    def curves(self, trial: str, attempt: int, wanted: Sequence[Wanted]) -> Mapping[str, Points] | None:
        """What an attempt has logged so far, by metric, whether it runs or has ended.

        Each curve is that of the folder which a reading would take the metric from. A metric without such a folder is
        left out, and all are where a part of the logs cannot be read. A curve of more than 1,000 values is thinned in
        such a way that no bound on it becomes tighter (`metrics.thinning`).

        Returns:
            None if there is nothing to tell now: the logs are being read, or the answer was given and they are read
            again in some seconds. The caller keeps what it was told. One that goes on asking is told again each time
            that they were read, whether or not anything is new.
        """

    def size(self, trial: str, attempt: int) -> int | None:
        """The number of bytes that an attempt has logged so far; None if it is not known at the moment."""

    def free_attempt(self, trial: str, number: int) -> int:
        """The first attempt number from ``number`` on that has no folders yet. Raises SubmitError."""


class Outputs(Protocol):
    """The output folders of trials."""

    def find(self, trial: NASTrial) -> str | None:
        """The folder in which a trial has kept something, below the root of all logs; None if there is none."""

    def remove(self, experiment: NASExperiment, trials: Sequence[NASTrial]) -> Removal:
        """Remove the output folders of trials, which may take longer than the call.

        Called in every pass until all of them are gone, also for folders that are gone already.
        """


class Search(Protocol):
    """The optimiser."""

    def suggest(self, spec: ExperimentSpec, known: Sequence[KnownTrial], count: int) -> Suggestion:
        """The next candidates, as a pure function of the spec and the known trials. Raises SearchError."""
