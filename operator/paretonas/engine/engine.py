"""The pass: observe → decide → act → write the status. After a crash at any line, the next pass recovers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from paretonas.api import (
    Attempt,
    ExperimentSpec,
    ExperimentStatus,
    NASExperiment,
    NASTrial,
    UnreadableTrial,
    job_name,
    new_trial,
)
from paretonas.api.reasons import Hindrance, NoMore
from paretonas.api.rounding import rounded_pairs
from paretonas.engine.consequences import observe_attempt, settle_trial
from paretonas.engine.decide import Decision, count_attempts, decide, ends_for_want_of_points, restrict
from paretonas.engine.outputs import find_removable
from paretonas.engine.pareto_front import Front
from paretonas.engine.ports import Jobs, LogSource, Outputs, Search, Store
from paretonas.engine.progress import Growth
from paretonas.engine.reference_point import known_reference
from paretonas.engine.retry import retry_trial
from paretonas.engine.running_curves import RunningCurves
from paretonas.engine.summary import summarise
from paretonas.engine.trial_indices import describe_passed_over, free_indices
from paretonas.engine.trouble import Trouble
from paretonas.engine.waiting import find_wait
from paretonas.engine.warm_start import WarmStartError, has_begun, take_over
from paretonas.jobs.job import Job, Launch, Removal, SubmitError
from paretonas.metrics import Reading, Unread, Wanted
from paretonas.search import KnownTrial, SearchError

_SEARCH_STATE: Mapping[str, str] = {"Succeeded": "Observed", "Failed": "Failed", "Infeasible": "Failed"}
"""The state of a trial as the search sees it; any other state counts as pending. A trial that was stopped early is
observed too, with the estimate of its final metrics, if there is one."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An experiment and its trials after a pass."""

    experiment: NASExperiment
    trials: tuple[NASTrial, ...]
    missing: int = 0
    """The number of candidates that are still to be requested from the search."""
    trouble: Trouble | None = None
    """What kept the experiment from making progress."""
    search_trouble: Trouble | None = None
    """Why the last request to the search failed; it is not to be repeated at once."""
    limit_reached: bool = False
    """Whether no further attempt may begin, because of the engine's limit."""

    @property
    def status(self) -> ExperimentStatus:
        """The experiment's status."""
        return self.experiment.status

    @property
    def running(self) -> int:
        """The number of attempts whose job may still run."""
        return sum(t.attempt is not None for t in self.trials)


class Engine:
    """Advances one experiment, pass by pass. A pass can do without anything that the engine has in memory."""

    def __init__(  # noqa: PLR0913 # its five ports, the clock, and two settings
        self,
        store: Store,
        jobs: Jobs,
        logs: LogSource,
        outputs: Outputs,
        search: Search,
        clock: Callable[[], datetime],
        *,
        ahead: int = 0,
        limit: int | None = None,
    ) -> None:
        """Advance the experiment of ``store``.

        Args:
            store: where the experiment and its trials are.
            jobs: where attempts run.
            logs: where attempts log to.
            outputs: where trials keep what they want.
            search: what proposes candidates.
            clock: returns the current time.
            ahead: the number of candidates to keep ready beyond the free slots.
            limit: the number of attempts that all trials may have together; None if there is no limit.
        """
        self._store, self._jobs, self._logs, self._outputs = store, jobs, logs, outputs
        self._search, self._clock = search, clock
        self._ahead, self._limit = ahead, limit
        self._growth, self._front = Growth(logs.size), Front()
        self._curves = RunningCurves(logs.curves)
        self._rounded: set[str] = set()
        """The trials whose rounded metrics were stored."""
        self._unanswered: int | None = None
        """The index of a trial that may have been stored by a request that got no answer."""
        self._no_more: dict[int, NoMore] = {}
        """Why there is no further point, by the number of trials for which the search said so."""
        self.search_trouble: Trouble | None = None
        """Why the last request to the search failed; shown in the status until a request succeeds."""

    def run_pass(self, *, draining: bool = False, ask: bool = True) -> Snapshot:
        """Make one pass.

        Args:
            draining: whether to start nothing and stop what runs.
            ask: whether to wait for the search if candidates are missing. Otherwise the snapshot says how
                many are missing, and `ask` can be called while further passes are made.

        Returns:
            What is stored now.

        If the store fails, its exception is raised. Nothing is lost: the next pass writes the same.
        """
        experiment = self._store.experiment()
        trials, jobs = self._observe(experiment)
        self._judge(experiment, trials, jobs)
        decision = self._decide(experiment, trials, jobs, draining=draining)
        self._stop(decision)
        trouble = self._start(experiment, decision)
        if decision.ask and ask:
            self.ask()
            experiment = self._store.experiment()
            trials, jobs = self._observe(experiment)
            decision = self._decide(experiment, trials, jobs, draining=draining)
            trouble = self._start(experiment, decision) or trouble
        return self._write_status(experiment, decision, jobs, trouble)

    def ask(self) -> None:
        """Request the missing candidates from the search, and store each as a trial.

        This may take seconds. It may run at the same time as passes, since those create no trials.
        """
        experiment, trials = self._store.experiment(), self._trials()
        if not self._missing(experiment, trials):
            return
        try:
            trials = self._warm_start(experiment, trials)
            count = self._missing(experiment, trials)  # the user may have added one in the meantime
            if not count:
                return
            known = [known_trial(trial) for trial in trials if _of_use(trial)]
            suggestion = self._search.suggest(experiment.spec, known, count)
        except WarmStartError as error:
            self.search_trouble = Trouble(Hindrance.WARM_START_FAILED, str(error))
            return
        except SearchError as error:
            self.search_trouble = Trouble(Hindrance.SEARCH_FAILED, str(error))
            return
        self.search_trouble = None
        indices = free_indices(experiment.name, trials, self._store.strangers(), self._unanswered)
        for candidate, index in zip(suggestion.candidates, indices, strict=False):
            trial = new_trial(experiment, index, candidate.parameters, origin=candidate.origin)
            self._create(trial)
            stored = next((t for t in self._store.trials() if t.name == trial.name), None)
            if stored is None or stored.spec.parameters != candidate.parameters:
                return  # an unseen trial has this index, and the other candidates were chosen without it
        if suggestion.no_more is not None:
            self._no_more = {len(trials) + len(suggestion.candidates): suggestion.no_more}

    def _create(self, trial: NASTrial) -> None:
        """Store a new trial. Until the store answers, its index is the next one that is tried."""
        self._unanswered = trial.spec.index
        self._store.create_trial(trial)
        self._unanswered = None

    def _missing(self, experiment: NASExperiment, trials: Sequence[NASTrial]) -> int:
        return self._decide(experiment, trials, {}, draining=False).ask

    def _warm_start(self, experiment: NASExperiment, trials: list[NASTrial]) -> list[NASTrial]:
        """Add the results of other experiments before the first request to the search; return all trials."""
        names = [start.name for start in experiment.spec.warm_start_from]
        if not names or has_begun(trials):
            return trials
        others = {name: self._store.read_finished(name) for name in names}
        strangers = self._store.strangers()
        # repeated until nothing is missing, since an unseen trial may have taken an index
        while new := take_over(experiment, trials, others, strangers, self._unanswered):
            for trial in new:
                self._create(trial)
            trials = self._trials()
        return trials

    def _trials(self) -> list[NASTrial]:
        """The trials. One that needs no job already counts as ended; the next pass will store that."""
        spec, now = self._store.experiment().spec, self._clock()
        return [settle_trial(trial, spec, now) for trial in self._store.trials()]

    def _observe(self, experiment: NASExperiment) -> tuple[list[NASTrial], Mapping[str, Job]]:
        """Update the trials from their jobs, and store those that changed; return the trials and the jobs."""
        before = self._store.trials()
        jobs = self._jobs.observe((t.name, t.last_attempt) for t in before if t.attempt is not None)
        wanted = wanted_metrics(experiment.spec)

        def read(trial: NASTrial, attempt: int) -> Reading | Unread:
            return self._logs.read(trial.name, attempt, wanted)

        trials = []
        for trial in before:
            job = jobs.get(trial.attempt.job) if trial.attempt else None
            after = observe_attempt(trial, job, experiment.spec, read, self._clock())
            if after.ended and not trial.ended:
                after = after.with_status(output_dir=self._outputs.find(after))
            after = settle_trial(after, experiment.spec, self._clock())
            after = retry_trial(after, experiment.spec.retry)
            trials.append(after if after is trial else self._store.save_trial(after))
        if experiment.spec.trial.progress_deadline_seconds is not None:
            jobs = self._growth.noted(jobs, trials, self._clock())
        return trials, jobs

    def _judge(self, experiment: NASExperiment, trials: list[NASTrial], jobs: Mapping[str, Job]) -> None:
        """Store the verdicts on running trials before anything is stopped, and put these trials in their places."""
        spec = experiment.spec
        judged = {t.name: t for t in self._curves.judged(spec, trials, jobs, wanted_metrics(spec))}
        for position, trial in enumerate(trials):
            if trial.name in judged:
                trials[position] = self._store.save_trial(judged[trial.name])

    def _decide(
        self, experiment: NASExperiment, trials: Sequence[NASTrial], jobs: Mapping[str, Job], *, draining: bool
    ) -> Decision:
        no_more = self._no_more.get(len(trials)) or ends_for_want_of_points(experiment, trials)
        now = self._clock()
        decision = decide(experiment, trials, jobs, now, no_more=no_more, draining=draining, ahead=self._ahead)
        return decision if self._limit is None else restrict(decision, trials, self._limit)

    def _stop(self, decision: Decision) -> None:
        """End attempts; the reason is stored first, since the job does not record it."""
        for stop in decision.stops:
            trial, attempt = stop.trial, stop.trial.attempt
            if attempt is not None and attempt.reason is None:
                stopping = attempt.replace(reason=stop.reason)
                self._store.save_trial(trial.with_status(attempts=(*trial.status.attempts[:-1], stopping)))
            self._jobs.cancel(trial.name, trial.last_attempt)

    def _start(self, experiment: NASExperiment, decision: Decision) -> Trouble | None:
        """Submit jobs; each attempt is stored before its job can exist."""
        trouble = None
        for waiting in decision.starts:
            trial = waiting
            try:
                if trial.attempt is None:
                    number = self._logs.free_attempt(trial.name, trial.last_attempt + 1)
                    generation = experiment.spec.retry.generation
                    opened = Attempt(job=job_name(trial.name, number), retry_generation=generation)
                    trial = trial.with_status(attempts=(*trial.status.attempts, opened))
                    trial = self._store.save_trial(trial)
                self._jobs.submit(Launch(experiment, trial, trial.last_attempt))
            except SubmitError as error:
                trouble = Trouble(Hindrance.SUBMIT_FAILED, str(error))
                told = trial.with_status(message=str(error))
                if told.status != trial.status:
                    self._store.save_trial(told)
        return trouble

    def _write_status(
        self, experiment: NASExperiment, decision: Decision, jobs: Mapping[str, Job], trouble: Trouble | None
    ) -> Snapshot:
        trials = tuple(self._store.trials())
        found, now = self._front.of(experiment.spec, trials), self._clock()
        trouble = trouble or self.search_trouble or find_wait(trials, jobs, now)
        experiment, removal = self._remove_outputs(experiment, trials, found, over=decision.outcome is not None)
        # once the experiment has ended, no name is needed any more
        passed_over = "" if decision.outcome else describe_passed_over(trials, self._store.strangers())
        remark = "; ".join(filter(None, [passed_over, removal.problem]))
        status = summarise(
            experiment, trials, now, outcome=decision.outcome, trouble=trouble, best=found, remark=remark
        )
        best = {trial.name for trial in found}
        marked = tuple(self._mark(t, pareto=t.name in best, removed=t.name in removal.gone) for t in trials)
        after = experiment.replace(status=status)
        if status != experiment.status:
            self._store.save_status(after)
        reached = self._limit is not None and count_attempts(marked) >= self._limit
        return Snapshot(after, marked, decision.ask, trouble, self.search_trouble, reached)

    def _mark(self, trial: NASTrial, *, pareto: bool, removed: bool) -> NASTrial:
        """Store what a trial is in comparison with others, and its rounded metrics if an older version has ended it.

        The latter is tried once: where the resource definition is the older one, they are dropped.
        """
        status = trial.status
        lacks = status.rounded_metrics != rounded_pairs(status.metrics) and trial.name not in self._rounded
        if status.pareto == pareto and not lacks and not removed:
            return trial
        self._rounded.add(trial.name)
        gone = {"output_dir": None, "output_removed": True} if removed else {}
        return self._store.save_trial(trial.with_status(pareto=pareto, metrics=status.metrics, **gone))

    def _remove_outputs(
        self, experiment: NASExperiment, trials: Sequence[NASTrial], best: Sequence[NASTrial], *, over: bool
    ) -> tuple[NASExperiment, Removal]:
        """Remove the output folders that are not to be kept; the reference point is stored before. Return both."""
        reference = known_reference(experiment, trials, over=over)
        removable = find_removable(experiment.spec, trials, best, reference)
        if not removable:
            return experiment, Removal()
        if reference != experiment.status.reference_point:
            self._store.save_status(experiment.replace(status=experiment.status.replace(reference_point=reference)))
            experiment = self._store.experiment()
        return experiment, self._outputs.remove(experiment, removable)


def _of_use(trial: NASTrial) -> bool:
    """Whether the search gets this trial: it was not refused, and its point can be read."""
    return not trial.refused and not isinstance(trial, UnreadableTrial)


def wanted_metrics(spec: ExperimentSpec) -> list[Wanted]:
    """The metrics to read from the logs of a trial."""
    return [Wanted(m.name, m.tag, m.reduce, m.run, optional=m.formula is not None) for m in spec.metric_sources]


def known_trial(trial: NASTrial) -> KnownTrial:
    """A trial as the search sees it, with its metrics, or with their estimate if it was stopped early."""
    state = _SEARCH_STATE.get(trial.status.state, "Pending")
    metrics = trial.status.metrics if state == "Observed" else {}
    if trial.status.state == "EarlyStopped" and trial.status.estimate:
        state, metrics = "Observed", trial.status.estimate
    return KnownTrial(trial.spec.index, trial.spec.parameters, state, metrics)  # type: ignore[arg-type] # the table's values
