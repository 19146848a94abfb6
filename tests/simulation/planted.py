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
        """                self._store.save_trial(trial)
            try:
                self._jobs.submit(Launch(experiment, trial, trial.last_attempt))
""",
        """            try:
                self._jobs.submit(Launch(experiment, trial, trial.last_attempt))
                self._store.save_trial(trial)
""",
    ),
    Mutant(
        "an attempt is not stored at all",
        "engine",
        """opened))
                self._store.save_trial(trial)
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
        "list(map(known_trial, trials))",
        "[known_trial(t) for t in trials if t.status.attempts]",
    ),
    Mutant(
        "an index is the number of trials",
        "engine",
        "first = trials[-1].spec.index + 1 if trials else 0",
        "first = len(trials)",
    ),
    Mutant(
        "candidates are stored beside an unseen trial",
        "engine",
        "if self._store.trials()[-1].spec.parameters != candidate.parameters:",
        "if False:",
    ),
    Mutant(
        "that the space is exhausted is forgotten",
        "engine",
        " or _ended_as_it_is(experiment, trials)",
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
        "spec.max_trials - len(trials)",
        "spec.max_trials - sum(max(1, len(t.status.attempts)) for t in trials)",
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
        "spec.max_trials - len(trials)",
        'spec.max_trials - sum(t.status.state != "Failed" for t in trials)',
    ),
    Mutant(
        "more start than there are slots",
        "decide",
        "waiting[: max(0, slots)]",
        "waiting[: max(0, slots + 1)]",
    ),
    Mutant(
        "a lost submission is not made again",
        "decide",
        "starts=(*unsubmitted, *waiting[: max(0, slots)])",
        "starts=tuple(waiting[: max(0, slots)])",
    ),
    Mutant(
        "an attempt that is being stopped is submitted again",
        "decide",
        "if attempt is None or attempt.reason is not None:",
        "if attempt is None:",
    ),
    Mutant(
        "an attempt whose job is gone is waited for",
        "verdicts",
        "(job is None and attempt.start_time is None)",
        "job is None",
    ),
    Mutant(
        "the experiment ends while trials run",
        "decide",
        "complete = len(ended) == len(trials) and",
        "complete =",
    ),
    Mutant(
        "a lost job is the candidate's failure",
        "verdicts",
        '"Lost": Consequence(None, charged=False)',
        '"Lost": Consequence(None)',
    ),
    Mutant(
        "an attempt without a job is lost at once",
        "verdicts",
        "if attempt is None or (job is None and attempt.start_time is None):",
        "if attempt is None:",
    ),
    Mutant(
        "why an attempt was stopped is forgotten",
        "verdicts",
        "if attempt.reason is not None:  # we stopped it, for this reason",
        "if False:",
    ),
    Mutant(
        "an ended trial is taken up again",
        "verdicts",
        "    attempt = trial.attempt\n    if attempt is None or",
        "    attempt = trial.status.attempts[-1] if trial.status.attempts else None\n    if attempt is None or",
    ),
    Mutant(
        "one retry too many",
        "verdicts",
        "charged > spec.failure_policy.retries",
        "charged > spec.failure_policy.retries + 1",
    ),
    Mutant(
        "the reference point is computed anew",
        "summary",
        "before.reference_point or _reference",
        "_reference",
    ),
    Mutant(
        "the reference point moves with every trial",
        "summary",
        "before.reference_point or _reference(spec, trials, over=outcome is not None)",
        "(reference_point(spec, metrics) if metrics else {})",
    ),
    Mutant(
        "the Pareto set is of all that ended",
        "summary",
        "best = [succeeded[i] for i in pareto_set(spec, metrics)]",
        "best = succeeded",
    ),
    Mutant(
        "an experiment starts with every pass",
        "summary",
        "start_time=before.start_time or now",
        "start_time=now",
    ),
)
