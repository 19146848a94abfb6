"""The Pareto set: its trials, as much of it as fits into a status, and how it is read back whole. Pure."""

from collections.abc import Mapping, Sequence

from paretonas.api import ExperimentSpec, ExperimentStatus, NASExperiment, NASTrial, ParetoPoint
from paretonas.engine.wording import count
from paretonas.search.pareto import pareto_set

PARETO_SET_BYTES = 90_000
"""The most bytes of the Pareto set in a status, which should stay below 100 KB: the API server refuses
1.5 MB, and every watcher receives the whole status with every change."""


def best_trials(spec: ExperimentSpec, trials: Sequence[NASTrial]) -> list[NASTrial]:
    """The Pareto set, in index order."""
    succeeded = [t for t in trials if t.status.state == "Succeeded"]
    return [succeeded[i] for i in pareto_set(spec, [t.status.metrics for t in succeeded])]


class Front:
    """The Pareto set, recomputed only if another trial has succeeded; in most passes none has."""

    def __init__(self) -> None:
        self._succeeded: list[tuple[str, Mapping[str, float]]] = []
        self._best: set[str] = set()

    def of(self, spec: ExperimentSpec, trials: Sequence[NASTrial]) -> list[NASTrial]:
        """The same as `best_trials`. The objectives and constraints of the spec must never change."""
        succeeded: list[tuple[str, Mapping[str, float]]] = [
            (t.name, t.status.metrics) for t in trials if t.status.state == "Succeeded"
        ]
        if succeeded != self._succeeded:
            self._best, self._succeeded = {t.name for t in best_trials(spec, trials)}, succeeded
        return [t for t in trials if t.name in self._best]


def points(spec: ExperimentSpec, trials: Sequence[NASTrial]) -> tuple[ParetoPoint, ...]:
    """The members of the Pareto set, sorted by the first objective, best first."""
    return tuple(_point(trial, spec) for trial in _sorted(trials, spec))


def bound_points(points: tuple[ParetoPoint, ...]) -> tuple[ParetoPoint, ...]:
    """The Pareto set, cut to fit into a status: a large one loses parameters and outputs, a very large one points.

    What is left out can be found in the trials, which are marked by `status.pareto`.
    """
    sizes = [_bytes(point) for point in points]
    if sum(sizes) <= PARETO_SET_BYTES:
        return points
    bare = [point.replace(parameters={}, output_dir=None) for point in points]
    room = PARETO_SET_BYTES
    for kept, point in enumerate(bare):
        room -= _bytes(point)
        if room < 0:
            return tuple(bare[:kept])
    return tuple(bare)


def _bytes(point: ParetoPoint) -> int:
    return len(point.model_dump_json(by_alias=True, exclude_none=True))


def whole(experiment: NASExperiment, trials: Sequence[NASTrial]) -> tuple[ParetoPoint, ...]:
    """The Pareto set, as completely as status and trials have it: a status has no room for a large one.

    Args:
        experiment: the experiment with its status.
        trials: all stored trials; some may have been removed since the experiment's end.
    """
    status = experiment.status
    members = {t.name: t for t in trials if t.status.pareto}
    if len(members) >= status.pareto_set_size:
        return points(experiment.spec, list(members.values()))
    return tuple(_point(members[p.trial], experiment.spec) if p.trial in members else p for p in status.pareto_set)


def lacking(status: ExperimentStatus, shown: Sequence[ParetoPoint]) -> str:
    """What these points lack of the Pareto set, in words; empty if they lack nothing.

    Every trial has a parameter, so a point without any has lost them because the status had no room.
    """
    absent, bare = status.pareto_set_size - len(shown), sum(not point.parameters for point in shown)
    parts = [f"{absent:,} trials" if absent > 0 else "", f"the parameters of {count(bare, 'trial')}" if bare else ""]
    return " and ".join(filter(None, parts))


def _sorted(trials: Sequence[NASTrial], spec: ExperimentSpec) -> list[NASTrial]:
    """Sort trials by the first objective, best first."""
    first = spec.objectives[0]
    return sorted(trials, key=lambda t: (first.comparable(t.status.metrics[first.metric]), t.spec.index))


def _point(trial: NASTrial, spec: ExperimentSpec) -> ParetoPoint:
    return ParetoPoint(
        trial=trial.name,
        index=trial.spec.index,
        parameters=spec.cast(trial.spec.parameters),
        metrics=dict(trial.status.metrics),
        output_dir=trial.status.output_dir,
    )
