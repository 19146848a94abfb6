"""The status of an experiment, recomputed from its trials in every pass."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from paretonas.api import Condition, ExperimentStatus, InvalidDocument, NASExperiment, NASTrial, TrialCounts
from paretonas.api.reasons import Hindrance, ProgressReason, Reason, SuspendedReason, UnfinishedReason, ValidReason
from paretonas.api.rounding import rounded
from paretonas.api.status import ConditionStatus, ConditionType, make_condition
from paretonas.engine.decide import Outcome, progress
from paretonas.engine.empty_front import why_none
from paretonas.engine.pareto_front import best_trials, bound_points, points
from paretonas.engine.reference_point import known_reference
from paretonas.engine.savings import count_audits, count_savings, find_comparability
from paretonas.engine.trouble import Trouble
from paretonas.search.pareto import hypervolume


def summarise(
    experiment: NASExperiment,
    trials: Sequence[NASTrial],
    now: datetime,
    *,
    outcome: Outcome | None = None,
    trouble: Trouble | None = None,
    best: Sequence[NASTrial] | None = None,
    remark: str = "",
) -> ExperimentStatus:
    """The status that follows from these trials.

    Only the reference point (which never moves once it is fixed), the times and the transition times of the
    conditions are taken over from the previous status.

    Args:
        experiment: the experiment with its status as last written.
        trials: all trials in index order.
        now: the current time.
        outcome: how the experiment has ended, if it has.
        trouble: what keeps it from making progress, if anything does.
        best: the Pareto set, if it has been computed already.
        remark: what its user should know although it makes progress, or has ended.
    """
    spec, before = experiment.spec, experiment.status
    begins = spec.retry.generation > before.retry_generation
    trials = [t for t in trials if not t.refused]
    best = best_trials(spec, trials) if best is None else best
    metrics = [t.status.metrics for t in best]  # what they dominate adds no volume
    reference = known_reference(experiment, trials, over=outcome is not None)
    volume = hypervolume(spec, metrics, reference) if reference else None
    return ExperimentStatus(
        observed_generation=experiment.metadata.generation,
        conditions=_conditions(
            experiment, trials, now, outcome, trouble, remark, "" if best else why_none(spec, trials)
        ),
        trials=_count(trials),
        progress=progress(
            sum(t.ended for t in trials if t.counts_toward_budget), sum(t.counts_toward_budget for t in trials), spec
        ),
        pareto_set=bound_points(points(spec, best)),
        pareto_set_size=len(best),
        hypervolume=volume,
        rounded_hypervolume=None if volume is None else rounded(volume),
        reference_point=reference,
        savings=count_savings(trials) if spec.early_stopping else None,
        audits=count_audits(spec, trials) if spec.early_stopping else None,
        retry_generation=max(spec.retry.generation, before.retry_generation),
        retry_time=now if begins else before.retry_time,
        start_time=before.start_time or now,
        completion_time=(before.completion_time if before.finished else now) if outcome else None,
    )


def _count(trials: Sequence[NASTrial]) -> TrialCounts:
    by_state = Counter(t.status.state for t in trials if t.counts_toward_budget)
    total = by_state.total()
    return TrialCounts(
        total=total,
        pending=by_state["Pending"],
        running=by_state["Running"],
        succeeded=by_state["Succeeded"],
        failed=by_state["Failed"],
        early_stopped=by_state["EarlyStopped"],
        infeasible=by_state["Infeasible"],
        known=len(trials) - total,
    )


def _conditions(
    experiment: NASExperiment,
    trials: Sequence[NASTrial],
    now: datetime,
    outcome: Outcome | None,
    trouble: Trouble | None,
    remark: str,
    unmet: str,
) -> tuple[Condition, ...]:
    spec = experiment.spec

    def condition(kind: ConditionType, status: ConditionStatus, reason: Reason, message: str = "") -> Condition:
        last, generation = experiment.status.condition(kind), experiment.metadata.generation
        return make_condition(kind, status, reason, message, now=now, last=last, generation=generation)

    ended, total = sum(t.ended for t in trials if t.counts_toward_budget), sum(t.counts_toward_budget for t in trials)
    words = outcome.message if outcome else f"{ended} of {spec.planned(total)} trials ended"
    message = "; ".join(filter(None, [words, unmet]))
    if outcome:
        ending: ConditionStatus = "True" if outcome.succeeded else "False"
        progressing = condition("Progressing", "False", outcome.reason, remark)
        succeeded = condition("Succeeded", ending, outcome.reason, message)
    else:
        if spec.suspend:
            progressing = condition("Progressing", "False", ProgressReason.SUSPENDED)
        elif trouble:
            progressing = condition("Progressing", "False", trouble.reason, trouble.message)
        else:
            progressing = condition("Progressing", "True", ProgressReason.TRIALS_RUNNING, remark)
        succeeded = condition("Succeeded", "Unknown", UnfinishedReason.RUNNING, message)
    suspended = (
        condition("Suspended", "True", SuspendedReason.SUSPENDED)
        if spec.suspend
        else condition("Suspended", "False", SuspendedReason.RESUMED)
    )
    stopping = (
        [condition("EarlyStopping", *find_comparability(spec.early_stopping, trials))] if spec.early_stopping else []
    )
    return (condition("Valid", "True", ValidReason.VALID), progressing, suspended, *stopping, succeeded)


def invalid(
    before: ExperimentStatus, error: InvalidDocument, generation: int | None, now: datetime
) -> ExperimentStatus:
    """The status of an invalid experiment: Valid is False and lists every problem; the rest is unchanged."""
    last = before.condition("Valid")
    condition = make_condition(
        "Valid", "False", ValidReason.INVALID, str(error), now=now, last=last, generation=generation
    )
    return before.with_condition(condition).replace(observed_generation=generation)


def failing(before: ExperimentStatus, message: str, generation: int | None, now: datetime) -> ExperimentStatus:
    """The status if an experiment's passes fail: Progressing is False and says why; the rest is unchanged."""
    last, reason = before.condition("Progressing"), Hindrance.PASS_FAILED
    return before.with_condition(
        make_condition("Progressing", "False", reason, message, now=now, last=last, generation=generation)
    )


def managed_elsewhere(
    before: ExperimentStatus, manager: str, generation: int | None, now: datetime
) -> ExperimentStatus:
    """The status of an experiment that another controller runs, until that controller writes its own."""
    reason = ProgressReason.MANAGED_ELSEWHERE
    message = f"spec.managedBy names {manager}, so the ParetoNAS operator leaves this experiment alone"
    return before.with_condition(
        make_condition("Progressing", "Unknown", reason, message, now=now, generation=generation)
    )
