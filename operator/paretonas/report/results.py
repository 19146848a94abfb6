"""The results of an experiment, computed once for all parts of the page."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from paretonas.api import NASExperiment, NASTrial, Objective
from paretonas.engine.trial_order import in_order_of_end
from paretonas.search import pareto


@dataclass(frozen=True)
class Results:
    """An experiment with its trials in the order of their index; everything here is recomputed from the trials."""

    experiment: NASExperiment
    trials: tuple[NASTrial, ...]

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """The experiment's objectives."""
        return self.experiment.spec.objectives

    @cached_property
    def succeeded(self) -> list[NASTrial]:
        """The trials with a result, in the order of their index."""
        return [trial for trial in self.trials if trial.status.state == "Succeeded"]

    @cached_property
    def ended(self) -> list[NASTrial]:
        """The trials that have ended, in the order in which they did; results that the user brought come first."""
        return in_order_of_end(self.trials)

    @cached_property
    def front(self) -> list[NASTrial]:
        """The Pareto set, best first in the first objective."""
        positions = pareto.pareto_set(self.experiment.spec, [t.status.metrics for t in self.succeeded])
        members = [self.succeeded[position] for position in positions]
        first = self.objectives[0]
        return sorted(members, key=lambda t: (first.comparable(t.status.metrics[first.metric]), t.spec.index))

    @cached_property
    def front_names(self) -> frozenset[str]:
        """The names of the trials in the Pareto set."""
        return frozenset(trial.name for trial in self.front)

    @cached_property
    def reference(self) -> dict[str, float]:
        """The reference point by metric; empty while it is not fixed."""
        if all(objective.threshold is not None for objective in self.objectives):
            return pareto.reference_point(self.experiment.spec, [])
        return dict(self.experiment.status.reference_point)

    @cached_property
    def hypervolumes(self) -> list[float]:
        """The hypervolume after each ended trial; empty while there is no reference point."""
        if not self.reference:
            return []
        observed = [t.status.metrics for t in self.ended if t.status.state == "Succeeded"]
        trace = [0.0, *pareto.hypervolume_trace(self.experiment.spec, observed, self.reference)]
        results = 0
        volumes = []
        for trial in self.ended:
            results += trial.status.state == "Succeeded"
            volumes.append(trace[results])
        return volumes

    @cached_property
    def best_values(self) -> list[float | None]:
        """The best value of the first objective after each ended trial; None until a trial is within the limits."""
        first = self.objectives[0]
        best: list[float | None] = []
        for trial in self.ended:
            counts = trial.status.state == "Succeeded" and self.feasible(trial)
            values = [value for value in best[-1:] if value is not None]
            values += [trial.status.metrics[first.metric]] if counts else []
            best.append(min(values, key=first.comparable, default=None))
        return best

    @cached_property
    def time(self) -> timedelta | None:
        """The time from the start of the experiment to its end, or to its latest change; None before the start."""
        start = self.experiment.status.start_time
        if start is None:
            return None
        attempts = [attempt for trial in self.trials for attempt in trial.status.attempts]
        times = [t for attempt in attempts for t in (attempt.start_time, attempt.end_time) if t]
        end = self.experiment.status.completion_time or max(times, default=start)
        return end - start

    def feasible(self, trial: NASTrial) -> bool:
        """Whether a succeeded trial keeps the outcome constraints and is no worse than any threshold."""
        return pareto.feasible(self.experiment.spec, trial.status.metrics)


def trial_time(trial: NASTrial) -> timedelta | None:
    """The time that its finished attempts took together; None if there is none."""
    spans = [a.end_time - a.start_time for a in trial.status.attempts if a.start_time and a.end_time]
    return sum(spans, timedelta()) if spans else None
