"""The engine's interfaces to the outside: storage, jobs, logs and the search."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from paretonas.api import ExperimentSpec, NASExperiment, NASTrial
from paretonas.jobs.job import Job, Launch
from paretonas.metrics import Reading, Unread, Wanted
from paretonas.search import KnownTrial, Suggestion


class Store(Protocol):
    """The experiment and its trials, as last written. Every write is whole and durable when the call returns.

    What is read may be older than what others, or this process in a request without an answer, have written. A write
    takes the place of the version that was read, and is refused when there is a newer one.
    """

    def experiment(self) -> NASExperiment:
        """The experiment."""

    def trials(self) -> Sequence[NASTrial]:
        """All trials, in index order."""

    def create_trial(self, trial: NASTrial) -> None:
        """Store a new trial; one that is stored already is left as it is."""

    def strangers(self) -> Mapping[str, str]:
        """Trials that have the name of one of this experiment, and are not its own: name → whose they say they are."""

    def save_trial(self, trial: NASTrial) -> NASTrial:
        """Store a trial's status; the trial comes back as it is now, which a further write starts from."""

    def save_status(self, experiment: NASExperiment) -> None:
        """Store the experiment's status."""

    def read_finished(self, name: str) -> Sequence[NASTrial] | None:
        """The ended trials of another experiment beside this one, in index order; None when there is no such one."""


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
        """The metrics of an attempt that has ended; while they are unread, a later pass asks again."""

    def size(self, trial: str, attempt: int) -> int | None:
        """Bytes that an attempt has logged so far; None when nobody has looked just now."""

    def free_attempt(self, trial: str, number: int) -> int:
        """The first number from this one on whose folder of logs does not exist yet. Raises SubmitError."""


class Search(Protocol):
    """The optimiser."""

    def suggest(self, spec: ExperimentSpec, known: Sequence[KnownTrial], count: int) -> Suggestion:
        """The next candidates: a function of the spec and the known trials. Raises SearchError."""
