"""What curves say about the end of a trial: the best value so far, and what completed trials still gained from there.

All numbers here are *costs*: values on the scale of their objective (`Objective.comparable`), so smaller is better and
a metric with `scale: Log` is measured in decades. What is said below is therefore true for both goals and both scales.
"""

import math
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from operator import le
from statistics import median

from paretonas.api import ExperimentSpec
from paretonas.api.objectives import Reduce
from paretonas.metrics import Points
from paretonas.search.pareto import feasible

Costs = tuple[float, ...]
"""One for each objective, in the order of the experiment."""


@dataclass(frozen=True, slots=True)
class TrialCurves:
    """What is known of a trial that runs.

    Attributes:
        trial: Its name.
        curves: What it has logged so far, by metric.
        known: Metrics whose final value is certain before the trial runs. They need no curve. A metric that every trial
            logs once, at its start, need not be here: it never gains anything, so its bound is its value.
        last_step: The last step that it will log, if that is known. Without it, the trial is taken to be as long as
            completed trials were that went beyond its present step.
    """

    trial: str
    curves: Mapping[str, Points]
    known: Mapping[str, float] = field(default_factory=dict)
    last_step: int | None = None


@dataclass(frozen=True, slots=True)
class CompletedTrial:
    """The result of a trial that ran to its end, or a known result.

    Attributes:
        trial: Its name.
        metrics: Its final value of every objective and outcome constraint.
        curves: What it logged, by metric; a known result has none.
    """

    trial: str
    metrics: Mapping[str, float]
    curves: Mapping[str, Points] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """One curve as costs.

    Attributes:
        steps: The steps with a value, ascending.
        best: After each of them, the cost b that further steps are measured from. For `Min`, `Max` and `Mean` it is
            that of the reduced values so far: what would be reported if the trial ended there. For `Last` it is the
            lowest so far, since the newest value may be an outlier from which the trial recovers at once.
        final: The cost that is reported in the end.
        late_change: The usual size of a change from value to value in the last third (the median); 0 if there is none.
    """

    steps: "array[int]"
    best: "array[float]"
    final: float
    late_change: float

    def gain(self, step: int) -> float:
        """How much lower the final cost is than b after this step; negative if the trial became worse.

        The curve must have begun by then.
        """
        return self.best[bisect_right(self.steps, step) - 1] - self.final

    def bends_down(self, noise: float) -> bool:
        """Whether the cost falls faster than before: more in the last third of the values than in the third before.

        A fall that is no larger than the noise is none. Fewer than 3 values do not tell.
        """
        third = len(self.best) // 3
        if third == 0:
            return False
        before, turn, now = self.best[-1 - 2 * third], self.best[-1 - third], self.best[-1]
        return turn - now > max(before - turn, noise)


@dataclass(frozen=True, slots=True)
class Peer:
    """A completed trial as evidence for how curves go on."""

    result: CompletedTrial
    """Without its curves."""
    progress: Mapping[str, Progress]
    """By metric; those without a usable curve are left out."""
    last_step: int
    """The last step at which any metric was logged; -1 without a curve."""


class CompletedTrials:
    """The completed trials of an experiment, prepared once for any number of running ones.

    The order in which they are given does not matter. Of their curves only the progress is kept, 16 bytes a value.
    """

    def __init__(self, spec: ExperimentSpec, trials: Iterable[CompletedTrial]) -> None:
        self._spec = spec
        self._peers = [_peer(spec, trial) for trial in trials]
        completed = [peer.result for peer in self._peers]
        costs = ((costs_of(spec, trial.metrics), trial) for trial in completed)
        self._feasible = [(cost, trial) for cost, trial in costs if cost and feasible(spec, trial.metrics)]
        self._feasible.sort(key=_cost_and_name)

    def extended(self, trials: Iterable[CompletedTrial]) -> "CompletedTrials":
        """These trials and some more. Only those are prepared, which takes a millisecond for 2,000 values."""
        longer = CompletedTrials(self._spec, trials)
        longer._peers += self._peers
        longer._feasible = sorted(longer._feasible + self._feasible, key=_cost_and_name)
        return longer

    def dominating(self, costs: Costs, besides: str) -> CompletedTrial | None:
        """A trial within all thresholds and constraints that dominates these costs, but not the trial `besides`.

        Of several, the best one in the first objective; None if there is none.
        """
        others = (trial for found, trial in self._feasible if trial.trial != besides and dominates(found, costs))
        return next(others, None)

    def beyond(self, running: TrialCurves, reached: Mapping[str, int]) -> list[Peer]:
        """The trials whose curves say how a running one may go on.

        They went further than the running one has, and as far as it will go if that is known; and of each of its
        metrics, they have a curve that began no later than the step that it has reached.

        Args:
            running: The running trial.
            reached: The last step of each of its curves that matter; at least one.
        """
        step = max(reached.values())
        return [
            peer
            for peer in self._peers
            if peer.last_step > step
            and (running.last_step is None or peer.last_step >= running.last_step)
            and peer.result.trial != running.trial
            and all(metric in peer.progress and peer.progress[metric].steps[0] <= at for metric, at in reached.items())
        ]


def dominates(one: Costs, other: Costs) -> bool:
    """Whether one vector of costs is at most the other everywhere, and less somewhere."""
    return one != other and all(map(le, one, other))


def costs_of(spec: ExperimentSpec, metrics: Mapping[str, float]) -> Costs | None:
    """The cost of each objective; None if a needed metric is missing, not finite, or without its logarithm."""
    if not all(math.isfinite(metrics.get(metric, math.nan)) for metric in spec.needed_metrics):
        return None
    try:
        return tuple(o.comparable(metrics[o.metric]) for o in spec.objectives)
    except ValueError:
        return None


def measure_running(spec: ExperimentSpec, running: TrialCurves, metrics: Iterable[str]) -> dict[str, Progress]:
    """The progress of each of these metrics that is not known; empty if one of them, or one known, cannot be used."""
    found = {
        metric: measure_progress(spec, metric, points)
        for metric in metrics
        # the end of a known metric is a curve of one value
        for points in [[(0, running.known[metric])] if metric in running.known else running.curves.get(metric, ())]
    }
    if None in found.values():
        return {}
    return {metric: progress for metric, progress in found.items() if progress and metric not in running.known}


def measure_progress(spec: ExperimentSpec, metric: str, points: Points) -> Progress | None:
    """Turn a curve into costs; of a metric that is no objective, the values themselves are the costs.

    Returns:
        None if the curve cannot be used: it has no value, a value is not finite or has no logarithm on a Log scale, or
        a step is repeated, so that steps do not give the order.
    """
    steps, values = tuple(step for step, _ in points), [value for _, value in points]
    if not points or any(a >= b for a, b in pairwise(steps)) or not all(map(math.isfinite, values)):
        return None
    reduce: Reduce = next((s.reduce for s in spec.metric_sources if s.name == metric), "Last")
    objective = next((o for o in spec.objectives if o.metric == metric), None)
    cost: Callable[[float], float] = objective.comparable if objective else float
    try:
        costs = [cost(value) for value in values]
        reported = [cost(value) for value in _reduced_so_far(values, reduce)]
    except ValueError:  # no logarithm
        return None
    best = accumulate(reported, min) if objective and reduce == "Last" else reported
    changes = [abs(b - a) for a, b in pairwise(costs)][-max(1, len(costs) // 3) :]
    return Progress(array("q", steps), array("d", best), reported[-1], median(changes) if changes else 0.0)


def _reduced_so_far(values: Sequence[float], reduce: Reduce) -> Iterator[float]:
    """What would be reported after each value, if it were the last."""
    match reduce:
        case "Last":
            return iter(values)
        case "Min":
            return accumulate(values, min)
        case "Max":
            return accumulate(values, max)
        case "Mean":
            return _means(values)


def _means(values: Iterable[float]) -> Iterator[float]:
    """The mean after each value, without a sum that could overflow; that of equal values is exact."""
    mean = 0.0
    for count, value in enumerate(values, start=1):
        mean += value / count - mean / count if count > 1 else value
        yield mean


def _cost_and_name(pair: tuple[Costs, CompletedTrial]) -> tuple[Costs, str]:
    return pair[0], pair[1].trial


def _peer(spec: ExperimentSpec, trial: CompletedTrial) -> Peer:
    found = {metric: measure_progress(spec, metric, trial.curves.get(metric, ())) for metric in spec.needed_metrics}
    usable = {metric: progress for metric, progress in found.items() if progress is not None}
    last_step = max((progress.steps[-1] for progress in usable.values()), default=-1)
    return Peer(replace(trial, curves={}), usable, last_step)
