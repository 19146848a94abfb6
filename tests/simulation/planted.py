"""Bugs as one might write them, each a small change of a module's source."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug: what is changed in a module of paretonas.engine."""

    name: str
    module: str
    old: str
    new: str


MUTANTS = (
    Mutant(
        "a job is submitted before its attempt is stored",
        "engine",
        """                    trial = self._store.save_trial(trial)
                self._jobs.submit(Launch(experiment, trial, trial.last_attempt))
""",
        """                self._jobs.submit(Launch(experiment, trial, trial.last_attempt))
                self._store.save_trial(trial)
""",
    ),
    Mutant(
        "an attempt is not stored at all",
        "engine",
        """opened))
                    trial = self._store.save_trial(trial)
""",
        """opened))
""",
    ),
    Mutant(
        "a job is cancelled before the reason is stored",
        "engine",
        """            if attempt is not None and attempt.reason is None:
                stopping""",
        """            self._jobs.cancel(trial.name, trial.last_attempt)
            if attempt is not None and attempt.reason is None:
                stopping""",
    ),
    Mutant(
        "the search is not told of waiting trials",
        "engine",
        "for trial in trials if _of_use(trial)]",
        "for trial in trials if _of_use(trial) and (trial.status.attempts or trial.ended)]",
    ),
    Mutant(
        "an index is the number of trials",
        "engine",
        "indices = free_indices(experiment.name, trials, self._store.strangers(), self._unanswered)",
        "indices = range(len(trials), 10_000)",
    ),
    Mutant(
        "a name that a stranger has is asked for for ever",
        "trial_indices",
        "{t.name for t in trials} | strangers.keys()",
        "{t.name for t in trials}",
    ),
    Mutant(
        "candidates are stored beside an unseen trial",
        "engine",
        "if stored is None or stored.spec.parameters != candidate.parameters:",
        "if False:",
    ),
    Mutant(
        "that the space is exhausted is forgotten",
        "engine",
        " or ends_for_want_of_points(experiment, trials)",
        "",
    ),
    Mutant(
        "an attempt gets the number of the one before",
        "engine",
        "self._logs.free_attempt(trial.name, trial.last_attempt + 1)",
        "max(1, trial.last_attempt)",
    ),
    Mutant(
        "attempts count into the budget",
        "decide",
        "spec.max_trials - sum(t.counts_toward_budget for t in trials)",
        "spec.max_trials - sum(max(1, len(t.status.attempts)) for t in trials if t.counts_toward_budget)",
    ),
    Mutant(
        "waiting trials are not counted when asking",
        "decide",
        "slots + ahead - len(waiting)",
        "slots + ahead",
    ),
    Mutant(
        "failed trials are replaced beyond the budget",
        "decide",
        "spec.max_trials - sum(t.counts_toward_budget for t in trials)",
        'spec.max_trials - sum(t.counts_toward_budget and t.status.state != "Failed" for t in trials)',
    ),
    Mutant(
        "results that were brought along use up the budget",
        "decide",
        "spec.max_trials - sum(t.counts_toward_budget for t in trials)",
        "spec.max_trials - len(trials)",
    ),
    Mutant(
        "an aborted job runs again at once",
        "decide",
        "ready = [t for t in waiting if not _pauses(t, now)]",
        "ready = waiting",
    ),
    Mutant(
        "an attempt that hangs is waited for",
        "decide",
        "return AttemptReason.NO_PROGRESS if _past(quiet, template.progress_deadline_seconds) else None",
        "return None",
    ),
    Mutant(
        "hanging is not counted as a failure",
        "consequences",
        """ | AttemptReason.NO_PROGRESS:
            return Consequence(None)  # it may be the candidate's fault: nothing tells
        case (
            AttemptReason.LOST
""",
        """:
            return Consequence(None)
        case (
            AttemptReason.NO_PROGRESS
            | AttemptReason.LOST
""",
    ),
    Mutant(
        "what runs goes on after its user has ended the experiment",
        "decide",
        "if outcome is not None or draining:",
        "if (outcome is not None and not spec.stop) or draining:",
    ),
    Mutant(
        "a warm start goes on for ever",
        "engine",
        "if not names or has_begun(trials):",
        "if not names:",
    ),
    Mutant(
        "a warm start is taken over once more after a crash",
        "warm_start",
        "if trial.name not in there:",
        "if True:",
    ),
    Mutant(
        "a result that was brought along is run again",
        "consequences",
        "if not message and observation is None:",
        "if not message:",
    ),
    Mutant(
        "more start than there are slots",
        "decide",
        "ready[: max(0, slots)]",
        "ready[: max(0, slots + 1)]",
    ),
    Mutant(
        "a lost submission is not made again",
        "decide",
        "starts=(*unsubmitted, *ready[: max(0, slots)])",
        "starts=tuple(ready[: max(0, slots)])",
    ),
    Mutant(
        "an attempt that is being stopped is submitted again",
        "decide",
        "if attempt is None or attempt.reason is not None:",
        "if attempt is None:",
    ),
    Mutant(
        "an attempt whose job is gone is waited for",
        "consequences",
        "(job is None and attempt.start_time is None)",
        "job is None",
    ),
    Mutant(
        "the experiment ends while trials run",
        "decide",
        "if all(t.ended for t in trials) and (len",
        "if (len",
    ),
    Mutant(
        "a target is reached by any one objective",
        "goals",
        "if all(_reaches(o, values[o], target) for o, target in aimed.items()):",
        "if any(_reaches(o, values[o], target) for o, target in aimed.items()):",
    ),
    Mutant(
        "a result beyond a threshold reaches a target",
        "goals",
        'if trial.status.state != "Succeeded" or not feasible(spec, trial.status.metrics):',
        'if trial.status.state != "Succeeded":',
    ),
    Mutant(
        "a search that stalls is seen by the order of its questions",
        "trial_order",
        "key=lambda t: (_ended_at(t), t.spec.index)",
        "key=lambda t: t.spec.index",
    ),
    Mutant(
        "failed trials count as results that add nothing",
        "goals",
        'in {"Succeeded", "Infeasible", "EarlyStopped"}',
        'in {"Succeeded", "Infeasible", "EarlyStopped", "Failed"}',
    ),
    Mutant(
        "initial trials can be a stall",
        "goals",
        " or len(before) < initial_trials(spec)",
        "",
    ),
    Mutant(
        "a reached goal waits until nothing runs",
        "decide",
        "if goals := reached_goals(experiment, trials):",
        "if (goals := reached_goals(experiment, trials)) and all(t.attempt is None for t in trials):",
    ),
    Mutant(
        "a lost job is the candidate's failure",
        "consequences",
        """            | AttemptReason.STOPPED
        ):
            return Consequence(None, charged=False)
""",
        """            | AttemptReason.STOPPED
        ):
            return Consequence(None)
""",
    ),
    Mutant(
        "an attempt without a job is lost at once",
        "consequences",
        "if attempt is None or (job is None and attempt.start_time is None):",
        "if attempt is None:",
    ),
    Mutant(
        "why an attempt was stopped is forgotten",
        "consequences",
        "if attempt.reason is not None:  # we stopped it, for this reason",
        "if False:",
    ),
    Mutant(
        "an ended trial is taken up again",
        "consequences",
        "    attempt = trial.attempt\n    if attempt is None or",
        "    attempt = trial.status.attempts[-1] if trial.status.attempts else None\n    if attempt is None or",
    ),
    Mutant(
        "one retry too many",
        "consequences",
        "charged > spec.failure_policy.retries",
        "charged > spec.failure_policy.retries + 1",
    ),
    Mutant(
        "a retry takes trials up again and again",
        "retry",
        "attempts[-1].retry_generation < retry.generation",
        "attempts[-1].retry_generation <= retry.generation",
    ),
    Mutant(
        "a trial that failed while a retry was asked for is left behind",
        "engine",
        "after = retry_trial(after, experiment.spec.retry)",
        "after = after if after.status.attempts and trial.attempt else retry_trial(after, experiment.spec.retry)",
    ),
    Mutant(
        "a retry has only the attempts that are left",
        "consequences",
        "if a.retry_generation == generation and a.cause",
        "if a.cause",
    ),
    Mutant(
        "infeasible trials are retried unasked",
        "retry",
        'if retry.infeasible else {"Failed"}',
        "",
    ),
    Mutant(
        "an attempt does not tell its retry",
        "engine",
        ", retry_generation=generation)",
        ")",
    ),
    Mutant(
        "the reference point is computed anew",
        "reference_point",
        "experiment.status.reference_point or find_reference_point",
        "find_reference_point",
    ),
    Mutant(
        "the reference point moves with every trial",
        "summary",
        "known_reference(experiment, trials, over=outcome is not None)",
        "known_reference(experiment.replace(status=ExperimentStatus()), best, over=True)",
    ),
    Mutant(
        "the output of the Pareto set is removed too",
        "outputs",
        "trial.status.state in _NEVER_RESUMED and trial.name not in names",
        "trial.status.state in _NEVER_RESUMED",
    ),
    Mutant(
        "what a retry would resume is removed",
        "outputs",
        "trial.status.state in _NEVER_RESUMED and",
        "trial.ended and",
    ),
    Mutant(
        "outputs are removed before there is a reference point",
        "outputs",
        "not best or not reference",
        "not best",
    ),
    Mutant(
        "an output that is gone is not said to be",
        "engine",
        "removed=t.name in removal.gone",
        "removed=False",
    ),
    Mutant(
        "the Pareto set is of all that ended",
        "pareto_front",
        "return [succeeded[i] for i in pareto_set(spec, [t.status.metrics for t in succeeded])]",
        "return succeeded",
    ),
    Mutant(
        "the Pareto set stays what it was at first",
        "pareto_front",
        "if succeeded != self._succeeded:",
        "if not self._succeeded:",
    ),
    Mutant(
        "an experiment starts with every pass",
        "summary",
        "start_time=before.start_time or now",
        "start_time=now",
    ),
    Mutant(
        "a verdict is not stored before the job is stopped",
        "engine",
        "trials[position] = self._store.save_trial(judged[trial.name])",
        "trials[position] = judged[trial.name]",
    ),
    Mutant(
        "an audited trial is stopped too",
        "running_curves",
        "if not verdict.audit:",
        "if True:",
    ),
    Mutant(
        "a trial that was stopped early is tried again",
        "consequences",
        'return Consequence("EarlyStopped")',
        "return Consequence(None, charged=False)",
    ),
    Mutant(
        "what a trial may still gain is forgotten",
        "early_stopping.dominance",
        " - safety * largest",
        "",
    ),
    Mutant(
        "a trial is dominated by one beyond the thresholds",
        "early_stopping.curves",
        "if cost and feasible(spec, trial.metrics)]",
        "if cost]",
    ),
    Mutant(
        "the search is not told the estimate of a trial that was stopped early",
        "engine",
        'state, metrics = "Observed", trial.status.estimate',
        'state, metrics = "Failed", {}',
    ),
    Mutant(
        "a verdict is reached anew in each pass",
        "running_curves",
        " or attempt.reason is not None or trial.status.verdict is not None:",
        " or attempt.reason is not None:",
    ),
    Mutant(
        "a verdict of a trial that has a result all the same is lost",
        "consequences",
        "        logged_steps=max(",
        "        verdict=None,\n        logged_steps=max(",
    ),
)
