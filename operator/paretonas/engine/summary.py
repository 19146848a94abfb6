"""An experiment's status, recomputed from its trials every time."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from paretonas.api import (
    Condition,
    ExperimentSpec,
    ExperimentStatus,
    NASExperiment,
    NASTrial,
    ParetoPoint,
    TrialCounts,
)
from paretonas.api.status import ConditionStatus
from paretonas.engine.decide import Outcome
from paretonas.search.initial import initial_trials
from paretonas.search.pareto import hypervolume, pareto_set, reference_point


def summarise(
    experiment: NASExperiment,
    trials: Sequence[NASTrial],
    now: datetime,
    *,
    outcome: Outcome | None = None,
    trouble: str = "",
) -> ExperimentStatus:
    """The status that these trials amount to.

    Only the reference point (once fixed it never moves), the times and the conditions' transition times are taken
    over from the status before.

    Args:
        experiment: with its status as last written.
        trials: all trials in index order.
        now: the time.
        outcome: how the experiment has ended, if it has.
        trouble: what keeps the search from going on, if anything does.
    """
    spec, before = experiment.spec, experiment.status
    succeeded = [t for t in trials if t.status.state == "Succeeded"]
    metrics = [t.status.metrics for t in succeeded]
    reference = before.reference_point or _reference(spec, trials)
    best = [succeeded[i] for i in pareto_set(spec, metrics)]
    return ExperimentStatus(
        observed_generation=experiment.metadata.generation,
        conditions=_conditions(experiment, trials, now, outcome, trouble),
        trials=_count(trials),
        pareto_set=tuple(_point(t, spec) for t in _sorted(best, spec)),
        hypervolume=hypervolume(spec, metrics, reference) if reference else None,
        reference_point=reference,
        start_time=before.start_time or now,
        completion_time=(before.completion_time if before.finished else now) if outcome else None,
    )


def _count(trials: Sequence[NASTrial]) -> TrialCounts:
    by_state = Counter(t.status.state for t in trials)
    return TrialCounts(
        total=len(trials),
        pending=by_state["Pending"],
        running=by_state["Running"],
        succeeded=by_state["Succeeded"],
        failed=by_state["Failed"],
        early_stopped=by_state["EarlyStopped"],
        infeasible=by_state["Infeasible"],
    )


def _reference(spec: ExperimentSpec, trials: Sequence[NASTrial]) -> dict[str, float]:
    """The reference point, as soon as it can be fixed: with thresholds at once, else by the initial trials."""
    if all(o.threshold is not None for o in spec.objectives):
        return reference_point(spec, [])
    initial = trials[: initial_trials(spec)]
    observed = [t.status.metrics for t in initial if t.status.state == "Succeeded"]
    complete = len(initial) >= min(initial_trials(spec), spec.max_trials) and all(t.ended for t in initial)
    return reference_point(spec, observed) if complete and observed else {}


def _sorted(trials: Sequence[NASTrial], spec: ExperimentSpec) -> list[NASTrial]:
    """By the first objective, best first."""
    first = spec.objectives[0]
    return sorted(trials, key=lambda t: (first.comparable(t.status.metrics[first.metric]), t.spec.index))


def _point(trial: NASTrial, spec: ExperimentSpec) -> ParetoPoint:
    return ParetoPoint(
        trial=trial.name,
        index=trial.spec.index,
        parameters=spec.cast(trial.spec.parameters),
        metrics=dict(trial.status.metrics),
    )


def _conditions(
    experiment: NASExperiment,
    trials: Sequence[NASTrial],
    now: datetime,
    outcome: Outcome | None,
    trouble: str,
) -> tuple[Condition, ...]:
    spec = experiment.spec

    def condition(kind: str, status: ConditionStatus, reason: str, message: str = "") -> Condition:
        last = experiment.status.condition(kind)
        since = last.last_transition_time if last and last.status == status else now
        generation = experiment.metadata.generation
        return Condition(
            type=kind,
            status=status,
            reason=reason,
            message=message,
            last_transition_time=since,
            observed_generation=generation,
        )

    ended = sum(t.ended for t in trials)
    progress = f"{ended} of {spec.max_trials} trials ended"
    if outcome:
        ending: ConditionStatus = "True" if outcome.succeeded else "False"
        progressing = condition("Progressing", "False", outcome.reason)
        succeeded = condition("Succeeded", ending, outcome.reason, outcome.message)
    else:
        idle = "Suspended" if spec.suspend else "SearchFailed" if trouble else None
        progressing = condition("Progressing", "False" if idle else "True", idle or "TrialsRunning", trouble)
        succeeded = condition("Succeeded", "Unknown", "Running", progress)
    suspended = (
        condition("Suspended", "True", "Suspended")
        if spec.suspend
        else condition("Suspended", "False", "Resumed")
    )
    return (condition("Valid", "True", "Valid"), progressing, suspended, succeeded)
