"""What the search is told of a stopped trial (docs/adr/0024-stopped-trials.md)."""

import math
from statistics import median

from paretonas.api import ExperimentSpec
from paretonas.engine.early_stopping.curves import CompletedTrials, TrialCurves, measure_running


def impute_metrics(spec: ExperimentSpec, stopped: TrialCurves, completed: CompletedTrials) -> dict[str, float] | None:
    """Estimate the final metrics of a stopped trial: its costs so far, less the median gain of completed trials.

    A median gain is at most the largest one. So where the trial was stopped because its bound was dominated, the
    estimate is dominated by the same trial, given the same completed trials.

    Args:
        spec: The experiment.
        stopped: What the trial had logged when it was stopped.
        completed: The trials that were completed by then.

    Returns:
        A value of every objective and outcome constraint; None if one of them has no usable curve, if no completed
        trial went further, or if a value would be too large for a number.
    """
    progress = measure_running(spec, stopped, spec.needed_metrics)
    if not progress:
        return None
    reached = {metric: curve.steps[-1] for metric, curve in progress.items()}
    peers = completed.beyond(stopped, reached)
    if not peers:
        return None
    imputed = {metric: stopped.known[metric] for metric in spec.needed_metrics if metric in stopped.known}
    scales = {o.metric: o.original for o in spec.objectives}
    for metric, curve in progress.items():
        cost = curve.best[-1] - median(peer.progress[metric].gain(reached[metric]) for peer in peers)
        imputed[metric] = scales.get(metric, float)(cost)
    return imputed if all(map(math.isfinite, imputed.values())) else None
