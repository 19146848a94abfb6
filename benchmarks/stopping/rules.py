"""The rules that are compared: ours, and what a user could take instead. All wait for 8 curves."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import replace
from statistics import median

from benchmarks.stopping.replay import Decision, Rule, Seen

from paretonas.api import ExperimentSpec
from paretonas.api.early_stopping import EarlyStopping
from paretonas.engine.early_stopping import TrialCurves, judge
from paretonas.engine.early_stopping.curves import Progress, dominates, measure_progress

DEFAULTS = EarlyStopping(strategy="OptimisticDominance")
GRACE_STEPS = 3
"""The other rules wait for as many steps; with fewer, they lose even more."""


def optimistic_dominance(*, lengths: Mapping[str, int] | None = None, **settings: float) -> Rule:
    """The rule of the product, with some settings changed.

    Args:
        lengths: The last step of each trial, if it is known from the start.
        settings: The settings, such as `safety`.
    """
    chosen = DEFAULTS.replace(**settings)

    def rule(spec: ExperimentSpec, running: TrialCurves, seen: Seen) -> Decision:
        last_step = lengths[running.trial] if lengths else None
        verdict = judge(spec, chosen, replace(running, last_step=last_step), seen.prepared)
        return "continue" if verdict is None else "note" if verdict.audit else "stop"

    return rule


def percentile(spec: ExperimentSpec, running: TrialCurves, seen: Seen) -> Decision:
    """Stop what is worse than the median at the same step, in the first curve alone (as Ax's percentile rule does).

    It is compared with all trials that went as far, stopped or not.
    """
    metric = next(iter(running.curves))
    ours = _progress(spec, running, metric)
    if ours is None:
        return "continue"
    step = ours.steps[-1]
    found = [p for other in seen.others.values() if (p := _progress(spec, other, metric)) and p.steps[-1] >= step]
    if len(found) < DEFAULTS.min_curves:
        return "continue"
    return "stop" if ours.best[-1] > median(_best_at(p, step) for p in found) else "continue"


def same_epoch_dominance(spec: ExperimentSpec, running: TrialCurves, seen: Seen) -> Decision:
    """Stop what a completed trial dominated at the same step: our rule without the bound."""
    ours = {metric: _progress(spec, running, metric) for metric in running.curves}
    if len(seen.completed) < DEFAULTS.min_curves:
        return "continue"

    def costs(known: Mapping[str, float], progress: Mapping[str, Progress | None]) -> tuple[float, ...] | None:
        found = []
        for o in spec.objectives:
            curve, own = progress.get(o.metric), ours.get(o.metric)
            if o.metric in known:
                found.append(o.comparable(known[o.metric]))
            elif curve and own and curve.steps[0] <= own.steps[-1]:
                found.append(_best_at(curve, own.steps[-1]))
            else:
                return None
        return tuple(found)

    mine = costs(running.known, ours)
    if mine is None:
        return "continue"
    for other in seen.completed:
        known = {name: other.metrics[name] for name in running.known}
        theirs = costs(known, {metric: measure_progress(spec, metric, other.curves[metric]) for metric in ours})
        if theirs and dominates(theirs, mine):
            return "stop"
    return "continue"


def _progress(spec: ExperimentSpec, trial: TrialCurves, metric: str) -> Progress | None:
    """The curve as costs, once the first steps are over."""
    progress = measure_progress(spec, metric, trial.curves.get(metric, ()))
    return progress if progress and len(progress.steps) >= GRACE_STEPS else None


def _best_at(progress: Progress, step: int) -> float:
    return progress.best[max(0, bisect_right(progress.steps, step) - 1)]
