"""The Pareto set: which trials it is, as much of it as a status has room for, and the whole of it again. Pure."""

from collections.abc import Mapping, Sequence

from paretonas.api import ExperimentSpec, ExperimentStatus, NASExperiment, NASTrial, ParetoPoint
from paretonas.engine.wording import count
from paretonas.search.pareto import pareto_set

PARETO_SET_BYTES = 90_000
"""Of the Pareto set in the status, which is to stay below 100 KB: the API server refuses 1.5 MB, and every watcher
gets the whole of it with every change."""


def best_trials(spec: ExperimentSpec, trials: Sequence[NASTrial]) -> list[NASTrial]:
    """The Pareto set, in index order."""
    succeeded = [t for t in trials if t.status.state == "Succeeded"]
    return [succeeded[i] for i in pareto_set(spec, [t.status.metrics for t in succeeded])]


class Front:
    """The Pareto set, computed anew only when another trial has succeeded: most passes see none."""

    def __init__(self) -> None:
        self._succeeded: list[tuple[str, Mapping[str, float]]] = []
        self._best: set[str] = set()

    def of(self, spec: ExperimentSpec, trials: Sequence[NASTrial]) -> list[NASTrial]:
        """The same as `best_trials`; the spec's objectives and constraints never change."""
        succeeded: list[tuple[str, Mapping[str, float]]] = [
            (t.name, t.status.metrics) for t in trials if t.status.state == "Succeeded"
        ]
        if succeeded != self._succeeded:
            self._best, self._succeeded = {t.name for t in best_trials(spec, trials)}, succeeded
        return [t for t in trials if t.name in self._best]


def points(spec: ExperimentSpec, trials: Sequence[NASTrial]) -> tuple[ParetoPoint, ...]:
    """Its members, best first in the first objective."""
    return tuple(_point(trial, spec) for trial in _sorted(trials, spec))


def bound_points(points: tuple[ParetoPoint, ...]) -> tuple[ParetoPoint, ...]:
    """The Pareto set as it fits into a status: without the points' parameters, or even in part, if it is very large.

    What is left out stands in the trials, which are marked: it can be found by `status.pareto` of each.
    """
    sizes = [len(point.model_dump_json()) for point in points]
    if sum(sizes) <= PARETO_SET_BYTES:
        return points
    bare = [point.replace(parameters={}) for point in points]
    room = PARETO_SET_BYTES
    for kept, point in enumerate(bare):
        room -= len(point.model_dump_json())
        if room < 0:
            return tuple(bare[:kept])
    return tuple(bare)


def whole(experiment: NASExperiment, trials: Sequence[NASTrial]) -> tuple[ParetoPoint, ...]:
    """The Pareto set as far as status and trials together know it: the status has no room for a large one.

    Args:
        experiment: with its status.
        trials: all that are stored; they may have been removed since.
    """
    status = experiment.status
    members = {t.name: t for t in trials if t.status.pareto}
    if len(members) >= status.pareto_set_size:
        return points(experiment.spec, list(members.values()))
    return tuple(
        _point(members[p.trial], experiment.spec) if p.trial in members else p for p in status.pareto_set
    )


def lacking(status: ExperimentStatus, shown: Sequence[ParetoPoint]) -> str:
    """What is not among these points of the Pareto set, in words; empty when nothing is missing.

    Every trial has a parameter: a point without any has lost them to the room in the status.
    """
    absent, bare = status.pareto_set_size - len(shown), sum(not point.parameters for point in shown)
    parts = [
        f"{absent:,} trials" if absent > 0 else "",
        f"the parameters of {count(bare, 'trial')}" if bare else "",
    ]
    return " and ".join(filter(None, parts))


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
