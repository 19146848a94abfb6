"""What goes wrong in a simulated run, as plain data: the scenario, what becomes of each job, and faults by call."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property


class Kind(StrEnum):
    """What can happen at a call to a port. Those up to DONE_TWICE befall the call itself, the others the world."""

    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    LOST_REQUEST = "time-out without effect"
    LOST_ANSWER = "time-out with effect"
    DONE_TWICE = "request made twice"
    CONFLICT = "conflict"
    STALE_RESOURCES = "stale resources"
    STALE_JOBS = "stale jobs"
    REORDERED_RESOURCES = "reordered resources"
    REORDERED_JOBS = "reordered jobs"
    WOKEN_AGAIN = "woken again"
    CLOCK_JUMPS = "clock jumps"
    SUSPENDED = "suspended"
    STOPPED = "stopped by its user"
    RAISED = "maxTrials raised"
    USER_TRIAL = "trial added by its user"
    USER_RESULT = "result added by its user"
    RETRIED = "retried by its user"
    GOALS_CHANGED = "goals removed by its user, or set again"
    ENDED_BY_USER = "ended by its user, who thinks again"
    JOB_DELETED = "job deleted by hand"
    BAD_TRIAL = "trial stored that cannot be read"
    STRANGER = "trial of another experiment stored under a name of this one"


class End(StrEnum):
    """How a job ends."""

    SUCCEEDS = "succeeds"
    NAN = "logs NaN"
    SILENT = "logs nothing"
    FLOODS = "logs for long what takes long to read, and more than is read"
    AMBIGUOUS = "logs a metric in two folders"
    CRASHES = "crashes"
    KILLED = "killed"
    OUT_OF_MEMORY = "out of memory"
    LOST = "lost"
    EVICTED = "evicted"
    DELETED = "deleted by hand while it runs"
    ABORTED = "aborted by an administrator"
    HANGS = "hangs, and logs nothing more"


@dataclass(frozen=True, slots=True)
class Fault:
    """One of those things."""

    kind: Kind
    size: int = 0
    """How much of it: so many calls for which the caches lag, seconds, passes; which job."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a job: it waits, it runs, it ends."""

    end: End = End.SUCCEEDS
    waits: int = 0
    runs: int = 1


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is run, and where."""

    max_trials: int = 3
    parallelism: int = 1
    retries: int = 1
    points: int = 64
    """How many points the search space has; with few of them the search runs dry, and doubles show."""
    ahead: int = 0
    beside: int | None = None
    """Passes that are made while the search thinks; None: the pass itself waits for it."""
    deadline: int | None = None
    progress_deadline: int | None = None
    warm: bool = False
    """Whether it begins with what another experiment has found."""
    thresholds: bool = True
    failure_ratio: float = 1.0
    targets: tuple[float | None, float | None] = (None, None)
    """Of accuracy and size."""
    stalls: tuple[int, float] | None = None
    """How many results may add how little to the hypervolume, before the experiment ends."""
    early_stopping: float | None = None
    """The share of trials that are audited; None: nothing is stopped early."""
    keep_pareto_set: bool = False
    """Whether only the output folders of the Pareto set are kept."""
    cancelled_jobs_stay: bool = False
    """As on a laptop; on a cluster a cancelled job is deleted, and only its process remembers it."""


@dataclass(frozen=True)
class Schedule:
    """A whole run in advance. The same schedule gives the same run, to the call."""

    scenario: Scenario = Scenario()
    fates: tuple[Fate, ...] = ()
    """By the order in which jobs begin; later ones succeed."""
    faults: Mapping[int, Fault] = field(default_factory=dict)
    """By the number of the call; the first is 1."""

    @cached_property
    def last(self) -> int:
        """The call after which nothing goes wrong any more."""
        return max(self.faults, default=0)


FEW_CALLS = 160
"""Faults fall into so many calls: about as many as a run has."""

TARGETS = ((None, None), (None, None), (0.8, None), (None, 40.0), (0.6, 80.0))
STALLS = (None, None, (1, 0.0), (2, 0.1), (3, 0.5))
"""Goals that about half of the runs reach before their last trial."""

AUDITED = (None, 0.0, 0.4)
"""Of the trials, by turns; None: nothing is stopped early."""

MOST_FATES = 12
LONGEST_LAG = 30


def schedule(seed: int) -> Schedule:
    """The schedule of a seed."""
    rng = random.Random(seed)  # noqa: S311 # no secret
    scenario = replace(_scenario(rng), keep_pareto_set=seed % 2 == 1, early_stopping=AUDITED[seed % len(AUDITED)])
    return Schedule(scenario, _fates(rng), _faults(rng))


def _scenario(rng: random.Random) -> Scenario:
    max_trials = rng.randint(1, 6)
    return Scenario(
        max_trials=max_trials,
        parallelism=rng.randint(1, min(3, max_trials)),
        retries=rng.randint(0, 1),
        points=rng.choice((64, 64, max_trials + 1, max(1, max_trials - 1))),
        ahead=rng.choice((0, 1, 2)),
        beside=rng.choice((None, 0, 1, 2)),
        deadline=rng.choice((None, None, 3)),
        thresholds=rng.random() < 0.5,
        failure_ratio=rng.choice((1.0, 1.0, 1.0, 0.5)),
        cancelled_jobs_stay=rng.random() < 0.5,
        progress_deadline=rng.choice((None, None, 2)),
        warm=rng.random() < 0.25,
        targets=rng.choice(TARGETS),
        stalls=rng.choice(STALLS),
    )


def _fates(rng: random.Random) -> tuple[Fate, ...]:
    troubled = rng.random()  # some runs go well, in others hardly a job does
    ends = tuple(End)

    def fate() -> Fate:
        end = rng.choice(ends) if rng.random() < troubled else End.SUCCEEDS
        return Fate(end, rng.choice((0, 0, 1, 2)), rng.randint(0, 4))

    return tuple(fate() for _ in range(rng.randint(0, MOST_FATES)))


def _faults(rng: random.Random) -> dict[int, Fault]:
    kinds, faults, call = tuple(Kind), dict[int, Fault](), 0
    for _ in range(rng.randint(0, 12)):
        near = call and rng.random() < 0.5  # what is to be mended is hit again while it is
        call = call + rng.randint(1, 12) if near else rng.randint(1, FEW_CALLS)
        faults[call] = Fault(rng.choice(kinds), rng.randint(0, LONGEST_LAG))
    return dict(sorted(faults.items()))
