"""Early stopping while trials run: their curves are read, judged by the rule, and a verdict becomes part of a trial."""

from collections.abc import Callable, Mapping, Sequence
from math import floor

from paretonas.api import ExperimentSpec, NASTrial
from paretonas.api.early_stopping import EarlyStopping
from paretonas.api.formula import NoValueError
from paretonas.api.reasons import AttemptReason
from paretonas.engine.early_stopping import CompletedTrial, CompletedTrials, TrialCurves, impute_metrics, judge
from paretonas.jobs.job import Job
from paretonas.metrics import Points, Wanted

ReadCurves = Callable[[str, int, Sequence[Wanted]], Mapping[str, Points] | None]


class RunningCurves:
    """Judges running trials by what they have logged so far.

    The completed trials that they are compared with are kept in memory, and read again after a restart. Until that is
    done there are too few of them, and nothing is stopped.
    """

    def __init__(self, read: ReadCurves) -> None:
        """``read`` returns the curves of a trial's attempt by metric; None if they are not known at the moment."""
        self._read = read
        self._spec: ExperimentSpec | None = None
        self._completed: CompletedTrials | None = None
        self._included: frozenset[str] = frozenset()
        """The names of the completed trials."""

    def judged(
        self, spec: ExperimentSpec, trials: Sequence[NASTrial], jobs: Mapping[str, Job], wanted: Sequence[Wanted]
    ) -> list[NASTrial]:
        """The running trials that have a new verdict, each with it and with the estimate of its final metrics.

        The attempt of one that is to be stopped has its reason already, so that it is stopped whatever happens to this
        process once the trial is stored.

        Args:
            spec: the experiment.
            trials: all of its trials, up to date with their jobs.
            jobs: the jobs of open attempts by name.
            wanted: the metrics to read.
        """
        settings = spec.early_stopping
        if settings is None:
            return []
        completed = self._update(spec, trials, wanted)
        running = [trial for trial in trials if _is_judged(trial, jobs)]
        judged = (self._judge(spec, settings, trial, completed, wanted) for trial in running)
        return [trial for trial in judged if trial is not None]

    def _judge(
        self,
        spec: ExperimentSpec,
        settings: EarlyStopping,
        trial: NASTrial,
        completed: CompletedTrials,
        wanted: Sequence[Wanted],
    ) -> NASTrial | None:
        curves = self._read(trial.name, trial.last_attempt, wanted)
        if not curves:
            return None
        try:
            known = spec.known_metrics(spec.cast(trial.spec.parameters))
        except NoValueError:  # its result will say so
            return None
        last_step = floor(known[settings.last_step]) if settings.last_step is not None else None
        running = TrialCurves(trial.name, curves, known, last_step)
        verdict = judge(spec, settings, running, completed)
        if verdict is None:
            return None
        attempts = trial.status.attempts
        if not verdict.audit:
            attempts = (*attempts[:-1], attempts[-1].replace(reason=AttemptReason.EARLY_STOPPED))
        estimate = impute_metrics(spec, running, completed) or {}
        return trial.with_status(verdict=verdict, estimate=estimate, attempts=attempts)

    def _update(self, spec: ExperimentSpec, trials: Sequence[NASTrial], wanted: Sequence[Wanted]) -> CompletedTrials:
        """The completed trials whose curves have been read, with those that are new."""
        succeeded = {trial.name: trial for trial in trials if trial.status.state == "Succeeded"}
        if self._completed is None or self._spec != spec or not self._included <= succeeded.keys():
            self._completed, self._included, self._spec = CompletedTrials(spec, ()), frozenset(), spec
        new = [
            CompletedTrial(trial.name, trial.status.metrics, curves)
            for name, trial in succeeded.items()
            if name not in self._included
            for curves in [self._read(name, trial.last_attempt, wanted) if trial.status.attempts else {}]
            if curves is not None
        ]
        if new:
            self._completed = self._completed.extended(new)
            self._included |= {trial.trial for trial in new}
        return self._completed


def _is_judged(trial: NASTrial, jobs: Mapping[str, Job]) -> bool:
    """Whether its attempt runs and has no verdict, nor is being stopped for another reason."""
    attempt = trial.attempt
    if attempt is None or attempt.start_time is None or attempt.reason is not None or trial.status.verdict is not None:
        return False
    return attempt.job in jobs and not jobs[attempt.job].over
