"""Jobs and their logs as the engine reaches them, by a watch that may lag behind."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import count

from tests.simulation.network import Lag, Network
from tests.simulation.promises import Promises
from tests.simulation.schedule import End, Fate, Schedule
from tests.simulation.truth import NEVER, SimulatedJob, Truth, curves, result

from paretonas.api import NASTrial, job_name
from paretonas.jobs.job import Job, Launch, Phase, SubmitError
from paretonas.metrics import Logged, Points, Reading, Unread, Wanted

LATE = 6
"""Passes for which logs that take long to read are not read yet."""


class SimulatedJobs:
    """The ports Jobs and Logs."""

    def __init__(
        self,
        truth: Truth,
        network: Network,
        promises: Promises,
        schedule: Schedule,
        cached: Callable[[str], NASTrial | None],
    ) -> None:
        self._truth, self._network, self._promises, self._cached = truth, network, promises, cached
        self._fates, self._cancelled_stay = iter(schedule.fates), schedule.scenario.cancelled_jobs_stay
        self.lag = Lag()
        self._known: dict[str, Job] = {}
        self._withdrawn: set[str] = set()
        self._cancelled: set[str] = set()
        """What this process has cancelled; the next one does not know."""
        self._reading = Counter[str]()
        """What this process reads beside its passes, and how often that was not done yet."""

    # --- the port Jobs

    def observe(self, attempts: Iterable[tuple[str, int]]) -> Mapping[str, Job]:
        names = [job_name(*attempt) for attempt in attempts]

        def observe() -> Mapping[str, Job]:
            self._watch()
            gone = {n: Job(n, Phase.LOST, message="was deleted") for n in names if n in self._cancelled}
            return gone | {n: self._known[n] for n in names if n in self._known}

        return self._network.call("observe", observe)

    def submit(self, launch: Launch) -> None:
        def submit() -> None:
            there = self._truth.jobs.get(launch.name)
            if (there is None or there.removed) and launch.name not in self._withdrawn:
                self._begin(launch)

        self._network.call(f"submit {launch.name}", submit, refused=SubmitError)

    def cancel(self, trial: str, attempt: int) -> None:
        name = job_name(trial, attempt)

        def cancel() -> None:
            self._promises.job_cancelled(trial, name)
            job, now = self._truth.jobs.get(name), self._truth.now
            if job is None or job.removed:
                self._withdrawn |= {name} if self._cancelled_stay else set()
            elif not self._cancelled_stay:
                job.removed = now
            elif job.alive(now):
                job.ends, job.cancelled = now, True

        def remember(_: None) -> None:
            if not self._cancelled_stay:
                self._cancelled.add(name)

        self._network.call(f"cancel {name}", cancel, receive=remember)

    # --- the port Logs

    def read(self, trial: str, attempt: int, wanted: Sequence[Wanted]) -> Reading | Unread:
        def read() -> Reading | Unread:
            job = self._truth.jobs[job_name(trial, attempt)]
            self._promises.kept("no orphan", not job.alive(self._truth.now), f"{job.name} is read as it runs")
            late = LATE if job.end is End.FLOODS else self._network.number % 2
            if self._reading[job.name] < late:
                self._reading[job.name] += 1
                return Unread()
            if job.end is End.NAN:
                return Reading({"size": 1.0}, ("accuracy is nan",), ("accuracy",), ())
            if job.end in {End.SILENT, End.FLOODS}:
                return Reading({}, tuple(f"{w.name} is not there" for w in wanted), (), ())
            if job.end is End.AMBIGUOUS:
                folders = "accuracy is in several folders: train, validation"
                return Reading({"size": 1.0}, (folders,), (), (), ambiguous=("accuracy",))
            steps = (job.ends - job.begins) // timedelta(seconds=1)
            logged = {"accuracy": Logged(steps + 1, steps), "size": Logged(1, 0)}
            return Reading(result(job.x), (), (), (), logged=logged)

        return self._network.call(f"read {trial}-a{attempt}", read)

    def curves(self, trial: str, attempt: int, wanted: Sequence[Wanted]) -> Mapping[str, Points] | None:  # noqa: ARG002 # of the port
        def read() -> Mapping[str, Points] | None:
            job, now = self._truth.jobs.get(job_name(trial, attempt)), self._truth.now
            if self._network.number % 3 == 0:  # the answer is on its way
                return None
            if job is None or job.end not in {End.SUCCEEDS, End.CRASHES, End.EVICTED, End.DELETED, End.LOST}:
                return {}
            seconds = (min(now, job.ends) - job.begins) // timedelta(seconds=1)
            found = curves(job.x, max(0, seconds))
            if now >= job.ends and found and job.end is End.SUCCEEDS:
                found["accuracy"].append((seconds, job.x))
            return found

        return self._network.call(f"curves {trial}-a{attempt}", read)

    def size(self, trial: str, attempt: int) -> int:
        def size() -> int:
            job, now = self._truth.jobs.get(job_name(trial, attempt)), self._truth.now
            if job is None or job.end is End.HANGS:
                return 0
            return max(0, (min(now, job.ends) - job.begins) // timedelta(seconds=1))

        return self._network.call(f"size {trial}-a{attempt}", size)

    def free_attempt(self, trial: str, number: int) -> int:
        def free_attempt() -> int:
            return next(n for n in count(number) if job_name(trial, n) not in self._truth.jobs)

        return self._network.call(f"free_attempt {trial}", free_attempt)

    # --- the world behind them

    def delete(self, which: int) -> None:
        """Somebody deletes a job."""
        there = [job for job in self._truth.jobs.values() if not job.removed and self._may_go(job)]
        if there:
            there[which % len(there)].removed = self._truth.now

    def restart(self) -> None:
        """A new process lists everything, and remembers nothing."""
        self._cancelled, self._reading, self._known = set(), Counter(), {}
        self.lag.begin(0)
        self._watch()

    def _begin(self, launch: Launch) -> None:
        self._promises.job_begun(launch)
        fate, now, x = next(self._fates, Fate()), self._truth.now, launch.trial.spec.parameters["x"]
        assert isinstance(x, float)
        begins = now + timedelta(seconds=fate.waits)
        template = launch.experiment.spec.trial
        limited = template.progress_deadline_seconds or template.active_deadline_seconds
        end = End.CRASHES if fate.end is End.HANGS and not limited else fate.end  # else nobody would ever end it
        ends = begins + (NEVER if end is End.HANGS else timedelta(seconds=fate.runs))
        job = SimulatedJob(launch.name, launch.trial.name, x, end, begins, ends)
        self._truth.jobs[launch.name] = job

    def _watch(self) -> None:
        """What has happened arrives, but for what lags behind. A job's own history is never seen backwards."""
        now = self._truth.now
        for name, job in self._truth.jobs.items():
            if job.end is End.DELETED and not job.removed and now >= job.ends:
                job.removed = now if self._may_go(job) else None
                job.ends = now + timedelta(seconds=0 if job.removed else 1)
            if self.lag.behind(name, self._network.number):
                continue
            if job.removed:
                self._known.pop(name, None)
            else:
                self._known[name] = job.seen(now)
        for name in self._withdrawn:
            self._known[name] = Job(name, Phase.FAILED, exit_code=-15, ended=now)

    def _may_go(self, job: SimulatedJob) -> bool:
        """Whether its deletion can be told from its never having been submitted: see docs/adr/0007."""
        trial = self._cached(job.trial)
        seen = trial is not None and any(a.job == job.name and a.start_time for a in trial.status.attempts)
        return seen or self._truth.now < job.begins
