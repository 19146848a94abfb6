"""Early stopping as pure functions of curves and results: a trial that cannot join the Pareto set is stopped.

`curves` says how much better a metric still becomes after a step, `dominance` reaches the verdict from that, and
`imputation` says what the search is told of a stopped trial.
"""

from paretonas.engine.early_stopping.curves import CompletedTrial, CompletedTrials, TrialCurves
from paretonas.engine.early_stopping.dominance import describe_verdict, is_false_stop, judge
from paretonas.engine.early_stopping.imputation import impute_metrics

__all__ = [
    "CompletedTrial",
    "CompletedTrials",
    "TrialCurves",
    "describe_verdict",
    "impute_metrics",
    "is_false_stop",
    "judge",
]
