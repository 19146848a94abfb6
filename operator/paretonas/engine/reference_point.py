"""When an experiment's reference point is fixed, and from which trials."""

from collections.abc import Sequence

from paretonas.api import ExperimentSpec, NASExperiment, NASTrial
from paretonas.search.initial import initial_trials
from paretonas.search.pareto import reference_point


def find_reference_point(spec: ExperimentSpec, trials: Sequence[NASTrial], *, over: bool) -> dict[str, float]:
    """The reference point by metric; empty as long as it cannot be fixed.

    It is fixed at once if every objective has a threshold, and otherwise when all initial trials have ended.
    If none of those succeeded, the first later trial that succeeds fixes it.

    Args:
        spec: the spec of the experiment.
        trials: all trials in index order.
        over: whether the experiment has ended, so that no further trial can fix it.
    """
    if all(o.threshold is not None for o in spec.objectives):
        return reference_point(spec, [])
    count = min(initial_trials(spec), spec.max_trials)
    initial, later = trials[:count], trials[count:]
    if not over and (len(initial) < count or not all(t.ended for t in initial)):
        return {}
    observed = [t.status.metrics for t in initial if t.status.state == "Succeeded"]
    observed = observed or [t.status.metrics for t in later if t.status.state == "Succeeded"]
    return reference_point(spec, observed) if observed else {}


def known_reference(experiment: NASExperiment, trials: Sequence[NASTrial], *, over: bool) -> dict[str, float]:
    """The reference point as stored, or as it is to be stored now; empty as long as it cannot be fixed."""
    counted = [trial for trial in trials if not trial.refused]
    return experiment.status.reference_point or find_reference_point(experiment.spec, counted, over=over)
