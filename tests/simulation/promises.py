"""What is promised, checked at the very call that would break it. Nothing of the engine is used to judge it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from tests.simulation.goals import reached
from tests.simulation.schedule import End
from tests.simulation.truth import Truth, result

from paretonas.api import ENDED, Attempt, ExperimentStatus, NASTrial, Retry, UnreadableTrial
from paretonas.jobs.job import Launch
from paretonas.search import KnownTrial

_REASONS: Mapping[End, str] = {
    End.SUCCEEDS: "Completed",
    End.NAN: "NotFinite",
    End.SILENT: "MetricsUnavailable",
    End.FLOODS: "MetricsUnavailable",
    End.AMBIGUOUS: "MetricsAmbiguous",
    End.CRASHES: "Crashed",
    End.KILLED: "Killed",
    End.OUT_OF_MEMORY: "OutOfMemory",
    End.LOST: "Lost",
    End.EVICTED: "Evicted",
    End.DELETED: "Lost",
    End.ABORTED: "Aborted",
    End.HANGS: "Completed",
}
"""What is to be said of a job that really ended so."""

_RESULTS = {End.SUCCEEDS, End.NAN, End.SILENT, End.FLOODS, End.AMBIGUOUS}
"""What counts although the job was about to be stopped."""

_FINAL: Mapping[str, str] = {
    "Completed": "Succeeded",
    "NotFinite": "Infeasible",
    "OutOfMemory": "Infeasible",
    "MetricsUnavailable": "Failed",
    "MetricsAmbiguous": "Failed",
    "DeadlineExceeded": "Failed",
    "EarlyStopped": "EarlyStopped",
}

_MOST_LOST = 10

_PAUSE, _SKEW = timedelta(seconds=30), timedelta(seconds=8)
"""Before a job that was aborted runs again; by how much the engine's clock may be wrong, there and back."""


class Violation(Exception):  # noqa: N818 # a finding
    """A promise was broken."""

    def __init__(self, promise: str, message: str) -> None:
        super().__init__(f"{promise}: {message}")
        self.promise = promise


class Promises:
    """Told of every change before it is made."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self.checks: Counter[str] = Counter()
        self.known: Callable[[], Sequence[NASTrial]] = lambda: truth.trials
        """The trials that the engine's process knows; a change may still be on its way to it."""

    def kept(self, promise: str, holds: bool, message: str) -> None:
        """Check one thing."""
        self.checks[promise] += 1
        if not holds:
            raise Violation(promise, message)

    def trial_created(self, trial: NASTrial) -> None:
        truth, spec = self._truth, self._truth.experiment.spec
        brought = trial.spec.observation is not None
        count = sum(t.spec.observation is None for t in truth.own) + 1
        most = spec.max_trials + truth.added_by_user
        self.kept("budget", brought or count <= most, f"{trial.name} is trial {count} of {most}")
        asked = any(t.spec.origin != "User" for t in truth.trials)
        self.kept("warm start", not (brought and asked), f"{trial.name} is taken over after the search began")
        same = [t.name for t in truth.trials if t.spec.parameters == trial.spec.parameters]
        self.kept("no point twice", not same, f"{trial.name} is at {trial.spec.parameters}, as {same}")

    def told(self, known: Sequence[KnownTrial]) -> None:
        """What the search is told of trials that were stopped early: the estimate, or that there is no result."""
        stopped = {t.spec.index: t.status.estimate for t in self.known() if t.status.state == "EarlyStopped"}
        for trial in known:
            if trial.index in stopped:
                estimate = stopped[trial.index]
                right = trial.metrics == estimate and trial.state == ("Observed" if estimate else "Pending")
                self.kept("early stop", right, f"the search is told {trial}")

    def trial_written(self, before: NASTrial, after: NASTrial) -> None:
        old, new = before.status, after.status
        if before.ended and new.state not in ENDED:
            self._taken_up(before, after)
        elif before.ended:
            same = _result(after) == _result(before)
            self.kept("an end is final", same, f"{before.name} was {old.state}, now {new.state}")
        closed = tuple(a for a in old.attempts if not a.open)
        self.kept("an end is final", new.attempts[: len(closed)] == closed, f"{before.name}: {new.attempts}")
        opened = [a.job for a in new.attempts if a.open]
        single = len(new.attempts) <= len(old.attempts) + 1 and opened in (
            [],
            [a.job for a in new.attempts[-1:]],
        )
        self.kept("one attempt at a time", single, f"{before.name}: {opened}")
        for attempt in new.attempts[len(closed) :]:
            if not attempt.open:
                self._ended_truly(attempt, next((a for a in old.attempts if a.job == attempt.job), None))
        if isinstance(after, UnreadableTrial):
            told = after.refused and bool(new.message) and not new.attempts and not new.pareto
            self.kept("bad objects", told, f"{before.name} cannot be read, and is {new.state}: {new.message!r}")
            return
        brought = after.spec.observation
        retries, asked = self._truth.experiment.spec.failure_policy.retries, self._truth.retries
        state = brought.state if brought else _state(new.attempts, retries)
        waits = new.state not in ENDED and any(_asks_for(retry, state, new.attempts) for retry in asked)
        right = waits or (state == new.state if state in ENDED else new.state not in ENDED)
        self.kept("true verdict", right, f"{before.name} is {new.state}, should be {state}")
        for attempt in new.attempts[len(old.attempts) :]:
            known = attempt.retry_generation <= len(asked)
            self.kept("retry", known, f"{attempt} is of a retry that nobody asked for")
            had_ended = _state(old.attempts, retries) in ENDED
            later = not had_ended or attempt.retry_generation > old.attempts[-1].retry_generation
            self.kept("retry", later, f"{attempt} is of no retry, though its trial had ended")
        if new.state == "Succeeded":
            [x] = after.spec.parameters.values()
            expected = result(float(x))
            self.kept("true verdict", new.metrics == expected, f"{before.name} has {new.metrics}")

        self._judged_truly(before, after)
        if new.output_removed and not old.output_removed:
            really = after.name in self._truth.outputs_removed
            self.kept("outputs", really, f"the output of {before.name} is said to be removed, and is there")

    def _judged_truly(self, before: NASTrial, after: NASTrial) -> None:
        """A verdict is true, stays, and comes no later than the reason for which an attempt is stopped."""
        old, new, name = before.status, after.status, before.name
        stopping = new.attempts[-1].reason == "EarlyStopped" if new.attempts else False
        stopped = after.spec.observation is None and (stopping or new.state == "EarlyStopped")
        stored = new.verdict is not None and not new.verdict.audit
        self.kept("early stop", stored or not stopped, f"{name} is stopped early, its verdict is {new.verdict}")
        if old.verdict is not None:
            self.kept("early stop", new.verdict == old.verdict, f"the verdict on {name} was {old.verdict}")
        elif new.verdict is not None:
            [x] = after.spec.parameters.values()
            by = new.verdict.dominated_by
            self.kept("early stop", self._truth.dominates(by, float(x)), f"{name} is not dominated by {by}")
            known = set(new.estimate) in ({"accuracy", "size"}, set())
            self.kept("early stop", known, f"the estimate of {name} is {new.estimate}")
        if new.state == "EarlyStopped":
            self.kept("early stop", not new.pareto and not new.metrics, f"{name} is stopped early, and has a result")

    def output_removed(self, name: str) -> None:
        truth, front = self._truth, self._truth.front
        keeps = f"{name} loses its output"
        trial = next(t for t in truth.trials if t.name == name)
        asked = truth.experiment.spec.trial.keep_outputs == "ParetoSet"
        self.kept("outputs", asked, f"{keeps}, and all are to be kept")
        self.kept("outputs", name not in front, f"{keeps}, and is in the Pareto set {sorted(front)}")
        self.kept("outputs", bool(front), f"{keeps}, and there is no Pareto set")
        final = trial.status.state in {"Succeeded", "EarlyStopped"}
        self.kept("outputs", final, f"{keeps}, and may run again: {trial.status.state}")
        alive = [job.name for job in truth.alive() if job.trial == name]
        self.kept("outputs", not alive, f"{keeps}, and {alive} run")
        fixed = bool(truth.experiment.status.reference_point)
        self.kept("outputs", fixed, f"{keeps}, and no reference point is stored yet")

    def status_written(self, before: ExperimentStatus, after: ExperimentStatus) -> None:
        fixed, volume = before.reference_point, before.hypervolume or 0.0
        moved = f"the reference point was {fixed}, now {after.reference_point}"
        self.kept("fixed reference", fixed in ({}, after.reference_point), moved)
        fell = f"the hypervolume was {volume}, now {after.hypervolume}"
        self.kept("monotone status", (after.hypervolume or 0.0) >= volume, fell)
        begins = after.retry_generation > before.retry_generation
        states = ("succeeded", "early_stopped", "total")
        for state in states if begins else (*states, "failed", "infeasible"):
            was, now = getattr(before.trials, state), getattr(after.trials, state)
            self.kept("monotone status", now >= was, f"{state} was {was}, now {now}")
        self.kept("monotone status", before.start_time in {None, after.start_time}, "the start moved")
        truth = self._truth
        more = truth.added_by_user or truth.raised or truth.stopped or truth.retries or truth.goals_changed
        again = before.finished and not after.finished and not more
        self.kept("monotone status", not again, "it was finished, and goes on")

    def job_begun(self, launch: Launch) -> None:
        truth, name, trials = self._truth, launch.name, {t.name: t for t in self._truth.trials}
        stored = trials.get(launch.trial.name)
        opened = stored.attempt.job if stored and stored.attempt else None
        self.kept("write-ahead", opened == name, f"{name} begins, stored as open is {opened}")
        held = launch.trial.attempt
        stopping = f"{name} begins, although it is being stopped"
        self.kept("write-ahead", held is not None and held.reason is None, stopping)
        self.kept("stopped", not launch.experiment.spec.stop, f"{name} begins, although its user has ended it all")
        goals = reached(launch.experiment, self.known())
        self.kept("goal", not goals, f"{name} begins, although what is stored says {goals}")
        earlier = truth.jobs.get(name)
        ran = earlier is not None and earlier.ran(truth.now)
        self.kept("no attempt twice", not ran, f"{name} has run, and is submitted again")
        beside = [job.name for job in truth.alive() if job.trial == launch.trial.name]
        self.kept("one attempt at a time", not beside, f"{name} would run beside {beside}")
        attempts = {t.attempt.job for t in trials.values() if t.attempt}
        ends = [a.end_time for a in launch.trial.status.attempts if a.reason == "Aborted" and a.end_time]
        early = bool(ends) and truth.now - max(ends) < _PAUSE - _SKEW
        self.kept("pause", not early, f"{name} begins at {truth.now}, the last one was aborted at {ends}")
        alive = [job.name for job in truth.alive() if job.name in attempts]
        most = truth.experiment.spec.parallelism
        self.kept("slots", len(alive) < most, f"{name} would be beside {alive}, for {most} slots")

    def job_cancelled(self, trial: str, name: str) -> None:
        attempts = next((t.status.attempts for t in self._truth.trials if t.name == trial), ())
        reason = next((a.reason for a in attempts if a.job == name), None)
        self.kept("write-ahead", reason is not None, f"{name} is cancelled, and why is not stored")

    def _taken_up(self, before: NASTrial, after: NASTrial) -> None:
        """An end that is taken back: only by a retry that was asked for after the trial's last attempt was begun."""
        old, new = before.status, after.status
        asked = any(_asks_for(retry, old.state, old.attempts) for retry in self._truth.retries)
        self.kept("an end is final", asked, f"{before.name} was {old.state}, now {new.state}: nobody asked")
        self.kept("an end is final", new.attempts == old.attempts, f"{before.name} has lost its attempts")

    def _ended_truly(self, attempt: Attempt, before: Attempt | None) -> None:
        job, name = self._truth.jobs.get(attempt.job), attempt.job
        self.kept("no orphan", job is None or not job.alive(self._truth.now), f"{name} is over, and its job runs")
        why = before.reason if before else None  # we stopped it, for this reason
        reasons = set[str | None]()
        if job and not job.cancelled and (why is None or job.end in _RESULTS):
            reasons.add(_REASONS[job.end])
        if job is None or job.removed or not reasons:
            reasons.add(why or "Lost")
        truly = f"{name} ended as {attempt.reason}, truly {sorted(map(str, reasons))}"
        self.kept("true verdict", attempt.reason in reasons, truly)


def _result(trial: NASTrial) -> NASTrial:
    """A trial without what is known of it in comparison with others."""
    return trial.with_status(pareto=False, output_dir=None, output_removed=False)


def _asks_for(retry: Retry, state: str, attempts: Sequence[Attempt]) -> bool:
    """Whether a retry is for a trial that has ended so."""
    states = ("Failed", "Infeasible") if retry.infeasible else ("Failed",)
    return state in states and bool(attempts) and attempts[-1].retry_generation < retry.generation


def _state(attempts: Sequence[Attempt], retries: int) -> str:
    """The state that a trial with these attempts is in; Pending stands for all in which it goes on."""
    if not attempts or attempts[-1].open:
        return "Pending"
    # a retry gives it all its attempts anew
    reasons = [a.reason for a in attempts if a.retry_generation == attempts[-1].retry_generation]
    crashes = sum(reason in {"Crashed", "Killed", "NoProgress"} for reason in reasons)
    losses = sum(reason in {"Lost", "Evicted", "Aborted"} for reason in reasons)
    given_up = crashes > retries or losses >= _MOST_LOST
    return _FINAL.get(str(reasons[-1]), "Failed" if given_up and reasons[-1] != "Stopped" else "Pending")
