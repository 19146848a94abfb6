"""A world in memory for the engine: it survives the engine, keeps its own clock, and watches over the promises.

The promises that hold at every single call are asserted here, where they could be broken: a job only for what is
stored, never two jobs of a trial at once, never more than the slots, no end taken back.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count as numbers_from
from typing import Literal, TypeVar

from paretonas.api import ExperimentSpec, NASExperiment, NASTrial, Scalar, job_name
from paretonas.api.reasons import EndReason, NoMore
from paretonas.engine.engine import Engine, Snapshot
from paretonas.jobs.job import Job, Launch, Phase, Removal, SubmitError
from paretonas.metrics import Logged, Points, Reading, Unread, Wanted
from paretonas.search import Candidate, KnownTrial, SearchError, Suggestion

T = TypeVar("T")
Moment = Literal["before", "after"]

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class Crash(Exception):  # noqa: N818 # not an error of the code under test
    """The engine's process dies here."""


@dataclass
class Run:
    """What an attempt does."""

    seconds: float = 2.0
    speaks: float = float(10**6)
    """Seconds for which it logs something new."""
    exit_code: int | None = 0
    """None: it is lost."""
    values: Mapping[str, float] | None = None
    """None: what its parameter amounts to."""
    not_finite: tuple[str, ...] = ()
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """What it logs by metric, one value a second; the metrics are the last ones."""


@dataclass
class _Started:
    run: Run
    at: datetime
    ends: datetime
    x: float


Script = Callable[[int, int], Run]
"""What an attempt does, by the trial's index and the attempt's number."""


@dataclass
class World:
    """Store, jobs, logs, outputs, search and clock, as the ports of the engine."""

    experiment_: NASExperiment
    script: Script = lambda *_: Run()
    points: int = 64
    """How many points the search space has."""
    no_more: NoMore = EndReason.SEARCH_SPACE_EXHAUSTED
    """What the search says once all of them are known."""
    ahead: int = 0
    now: datetime = BEGIN
    trials_: dict[str, NASTrial] = field(default_factory=dict)
    jobs_: dict[str, _Started] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    """Jobs whose logs a deleted experiment of the same name has left."""
    broken_submissions: set[str] = field(default_factory=set)
    """Jobs whose first submission arrives but is said to have failed."""
    others: dict[str, list[NASTrial]] = field(default_factory=dict)
    """Ended trials of other experiments."""
    late: bool = False
    """Logs are being read when they are first asked for, and read when they are asked for again."""
    asked_for: set[str] = field(default_factory=set)
    asked_for_curves: set[str] = field(default_factory=set)
    strangers_: dict[str, str] = field(default_factory=dict)
    """Trials that have names of this experiment's, and name another one."""
    removed: set[str] = field(default_factory=set)
    """Trials whose output was removed."""
    stuck: str = ""
    """Why no output can be removed."""
    search_fails: int = 0
    """So many questions fail."""
    calls: list[str] = field(default_factory=list)
    crash_at: int | None = None
    crash: Moment = "before"
    fault: type[Exception] = Crash

    def engine(self) -> Engine:
        return Engine(self, self, self, self, self, lambda: self.now, ahead=self.ahead)

    # --- Store

    def experiment(self) -> NASExperiment:
        return self._call("experiment", lambda: self.experiment_)

    def trials(self) -> Sequence[NASTrial]:
        return self._call("trials", lambda: sorted(self.trials_.values(), key=lambda t: t.spec.index))

    def create_trial(self, trial: NASTrial) -> None:
        self._call("create_trial", lambda: self.trials_.setdefault(trial.name, trial))

    def strangers(self) -> Mapping[str, str]:
        return self._call("strangers", lambda: self.strangers_)

    def save_trial(self, trial: NASTrial) -> NASTrial:
        def save() -> NASTrial:
            _assert_goes_forward(self.trials_[trial.name], trial, self.experiment_.spec.retry.generation)
            self.trials_[trial.name] = trial
            return trial

        return self._call("save_trial", save)

    def save_status(self, experiment: NASExperiment) -> None:
        def save() -> None:
            fixed = self.experiment_.status.reference_point
            assert fixed in ({}, experiment.status.reference_point), "the reference point moved"
            self.experiment_ = self.experiment_.replace(status=experiment.status)

        self._call("save_status", save)

    def read_finished(self, name: str) -> Sequence[NASTrial] | None:
        return self._call("read_finished", lambda: self.others.get(name))

    # --- Jobs

    def observe(self, attempts: Iterable[tuple[str, int]]) -> Mapping[str, Job]:
        names = [job_name(*attempt) for attempt in attempts]
        return self._call("observe", lambda: {n: job for n in names if (job := self._job(n)) is not None})

    def submit(self, launch: Launch) -> None:
        def submit() -> None:
            stored = self.trials_[launch.trial.name]
            assert stored.attempt is not None, f"{launch.name} is not stored as open, a crash would lose it"
            assert stored.attempt.job == launch.name
            if launch.name not in self.jobs_ and launch.name not in self.withdrawn:
                self._begin(launch)
            if launch.name in self.broken_submissions:
                self.broken_submissions.remove(launch.name)
                raise SubmitError("the connection broke")

        self._call("submit", submit)

    def cancel(self, trial: str, attempt: int) -> None:
        name = job_name(trial, attempt)

        def cancel() -> None:
            started = self.jobs_.get(name)
            if started is None:
                self.withdrawn.add(name)
            elif self.now < started.ends:
                started.ends, started.run = self.now, Run(exit_code=-15)

        self._call("cancel", cancel)

    def _begin(self, launch: Launch) -> None:
        alive = [name for name, started in self.jobs_.items() if self.now < started.ends]
        of_trial = [name for name in alive if name.startswith(f"{launch.trial.name}-a")]
        assert not of_trial, f"{launch.name} would run beside {of_trial}"
        assert len(alive) < launch.experiment.spec.parallelism, f"{launch.name} would run beside {alive}"
        assert launch.name not in self.left, f"{launch.name} would add to what another experiment has logged"
        run = self.script(launch.trial.spec.index, launch.attempt)
        x = launch.trial.spec.parameters["x"]
        assert isinstance(x, float)
        self.jobs_[launch.name] = _Started(run, self.now, self.now + timedelta(seconds=run.seconds), x)

    def _job(self, name: str) -> Job | None:
        if name in self.withdrawn:
            return Job(name, Phase.FAILED, exit_code=-15, ended=self.now)
        started = self.jobs_.get(name)
        if started is None:
            return None
        if self.now < started.ends:
            return Job(name, Phase.RUNNING, started=started.at)
        code = started.run.exit_code
        phase = Phase.LOST if code is None else Phase.FAILED if code else Phase.SUCCEEDED
        return Job(name, phase, code, started.at, started.ends, log_tail="its last words")

    # --- Logs

    def read(self, trial: str, attempt: int, wanted: Sequence[Wanted]) -> Reading | Unread:
        def read() -> Reading | Unread:
            name = job_name(trial, attempt)
            if self.late and name not in self.asked_for:
                self.asked_for.add(name)
                return Unread()
            started = self.jobs_[name]
            assert self.now >= started.ends, "read before its end, a result would be half of one"
            found = started.run.values
            found = {"accuracy": started.x, "size": 90 * started.x**2} if found is None else found
            found = {**found, **{metric: values[-1] for metric, values in started.run.curves.items()}}
            missing = [w.name for w in wanted if w.name not in found]
            logged = {m: Logged(len(values), len(values) - 1) for m, values in started.run.curves.items()}
            problems = tuple(f"metric {m!r}: is not there" for m in missing)
            return Reading(found, problems, started.run.not_finite, (), logged=logged)

        return self._call("read", read)

    def curves(self, trial: str, attempt: int, wanted: Sequence[Wanted]) -> Mapping[str, Points] | None:  # noqa: ARG002 # of the port
        def curves() -> Mapping[str, Points] | None:
            name = job_name(trial, attempt)
            if self.late and name not in self.asked_for_curves:
                self.asked_for_curves.add(name)
                return None
            started = self.jobs_[name]
            seconds = (min(self.now, started.ends) - started.at) // timedelta(seconds=1)
            return {m: list(enumerate(values[:seconds])) for m, values in started.run.curves.items() if seconds}

        return self._call("curves", curves)

    def size(self, trial: str, attempt: int) -> int:
        """A byte a second, until it has nothing more to say."""
        started = self.jobs_[job_name(trial, attempt)]
        return min(self.now - started.at, timedelta(seconds=started.run.speaks)) // timedelta(seconds=1)

    def free_attempt(self, trial: str, number: int) -> int:
        def free_attempt() -> int:
            taken = self.jobs_.keys() | self.left
            return next(n for n in numbers_from(number) if job_name(trial, n) not in taken)

        return self._call("free_attempt", free_attempt)

    # --- Outputs

    def find(self, trial: NASTrial) -> str | None:
        """Every trial that ran has kept something."""
        return f"{trial.spec.experiment}/{trial.name}/output" if trial.status.attempts else None

    def remove(self, experiment: NASExperiment, trials: Sequence[NASTrial]) -> Removal:  # noqa: ARG002 # of the port
        def remove() -> Removal:
            if self.stuck:
                return Removal(problem=self.stuck)
            self.removed |= {trial.name for trial in trials}
            return Removal(frozenset(self.removed))

        return self._call("remove", remove)

    # --- Search

    def suggest(self, spec: ExperimentSpec, known: Sequence[KnownTrial], count: int) -> Suggestion:
        def suggest() -> Suggestion:
            if self.search_fails:
                self.search_fails -= 1
                raise SearchError("the model does not fit")
            assert 0 < count <= spec.max_trials - sum(t.counts_toward_budget for t in self.trials_.values())
            return suggestion(spec, known, count, self.points, self.no_more)

        return self._call("suggest", suggest)

    # --- Time and crashes

    def _call(self, name: str, effect: Callable[[], T]) -> T:
        self.calls.append(name)
        struck = len(self.calls) == self.crash_at
        if struck and self.crash == "before":
            raise self.fault(f"before {name}")
        result = effect()
        if struck:
            raise self.fault(f"after {name}")
        return result

    def wait(self, seconds: float = 1.0) -> None:
        self.now += timedelta(seconds=seconds)

    # --- What came of it

    @property
    def asked(self) -> list[Mapping[str, Scalar]]:
        """The candidates in index order."""
        return [t.spec.parameters for t in sorted(self.trials_.values(), key=lambda t: t.spec.index)]


def suggestion(
    spec: ExperimentSpec,
    known: Sequence[KnownTrial],
    count: int,
    points: int,
    no_more: NoMore = EndReason.SEARCH_SPACE_EXHAUSTED,
) -> Suggestion:
    """Points of a grid that are not known yet: a function of all that is known, one after the other."""
    pending, found = list(known), list[Candidate]()
    for _ in range(count):
        taken = {k.parameters["x"] for k in pending}
        free = [x for i in range(points) if (x := i / points) not in taken]
        if not free:
            break
        seen = [(k.index, dict(k.parameters), k.state, sorted(k.metrics.items())) for k in pending]
        x = random.Random(repr((spec.search.seed, seen))).choice(free)  # noqa: S311 # no secret
        found.append(Candidate({"x": x}, "Sobol"))
        pending.append(KnownTrial(max((k.index for k in pending), default=-1) + 1, {"x": x}, "Pending"))
    return Suggestion(tuple(found), no_more if len(pending) >= points else None, seconds=0.0)


def _assert_goes_forward(before: NASTrial, after: NASTrial, retry: int) -> None:
    assert after.spec == before.spec, "the asked point of a trial never changes"
    old, new = before.status, after.status
    again = before.ended and not after.ended
    if again:
        assert old.state in {"Failed", "Infeasible"}, "what has succeeded stays so"
        assert old.attempts, "it never ran here"
        assert old.attempts[-1].retry_generation < retry, "an end is final unless a retry is asked for"
        assert new.attempts == old.attempts, "a retry keeps the past"
    elif before.ended:
        assert _result(after) == _result(before), "an end is final"
    closed = [a for a in old.attempts if not a.open]
    assert list(new.attempts[: len(closed)]) == closed, "the past of a trial never changes"
    assert len(closed) <= len(new.attempts) <= len(old.attempts) + 1
    assert all(not a.open for a in new.attempts[:-1]), "one attempt at a time"


def _result(trial: NASTrial) -> NASTrial:
    """A trial without what is known of it in comparison with others."""
    return trial.with_status(pareto=False, output_dir=None, output_removed=False, rounded_metrics={})


def one_pass(engine: Engine, *, beside: bool = False, draining: bool = False) -> Snapshot:
    """One pass; ``beside``: with the search asked between two passes, as a real run does."""
    snapshot = engine.run_pass(draining=draining, ask=not beside)
    if beside and snapshot.missing and not draining:
        engine.ask()
        snapshot = engine.run_pass(ask=False)
    return snapshot


def run(world: World, *, beside: bool = False, limit: int = 200) -> Snapshot:
    """Passes, a second apart, until the experiment is finished; a crashed engine is replaced at once."""
    engine = world.engine()
    for _ in range(limit):
        try:
            snapshot = one_pass(engine, beside=beside)
        except Crash:
            engine = world.engine()
            continue
        except OSError:  # the store could not be written; a run goes on with the same engine
            continue
        if snapshot.status.finished:
            return snapshot
        world.wait()
    raise AssertionError(f"not finished after {limit} passes: {world.experiment_.status}")
