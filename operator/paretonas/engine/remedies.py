"""What would let an ended experiment continue, found by trying each remedy on the decision itself. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import Enum, auto

from paretonas.api import ExperimentSpec, NASExperiment, NASTrial, StopWhen
from paretonas.api.experiment import MAX_TRIALS
from paretonas.api.reasons import EndReason, Goal
from paretonas.engine.decide import ending, ends_for_want_of_points
from paretonas.engine.goals import reached_goals
from paretonas.engine.retry import raise_retry, retry_trial


class Remedy(Enum):
    """Something that a user can do."""

    RETRY = auto()
    """Retry the failed trials."""
    RETRY_INFEASIBLE = auto()
    """Retry the failed and the infeasible trials, which is proposed only if no trial has succeeded."""
    MORE_TRIALS = auto()
    """Raise `maxTrials`."""
    MORE_TIME = auto()
    """Raise `activeDeadlineSeconds`."""
    RESUME = auto()
    """Set `stop` to false."""
    OTHER_GOALS = auto()
    """Set the goals that were reached to something harder, or remove them."""


def remedies(experiment: NASExperiment, trials: Sequence[NASTrial], now: datetime) -> list[Remedy]:
    """All remedies that help, the likeliest first; none if the experiment has not ended."""
    return list(_remedies(experiment, trials, now)) if experiment.status.finished else []


def _remedies(experiment: NASExperiment, trials: Sequence[NASTrial], now: datetime) -> Iterator[Remedy]:
    spec, counted = experiment.spec, sum(t.counts_toward_budget for t in trials)
    no_more = ends_for_want_of_points(experiment, trials)

    def goes_on(trials: Sequence[NASTrial], **changes: object) -> bool:
        changed = experiment.replace(spec=spec.replace(**changes))
        return ending(changed, trials, now, no_more=no_more) is None

    if spec.stop and goes_on(trials, stop=False):
        yield Remedy.RESUME
    if goals := [goal.reason for goal in reached_goals(experiment, trials)]:
        if goes_on(trials, **_without(spec, goals)):
            yield Remedy.OTHER_GOALS
        return
    fruitless = not any(t.status.state == "Succeeded" for t in trials)
    for remedy in (Remedy.RETRY, Remedy.RETRY_INFEASIBLE) if fruitless else (Remedy.RETRY,):
        retry = raise_retry(spec.retry, infeasible=remedy is Remedy.RETRY_INFEASIBLE)
        again = [retry_trial(trial, retry) for trial in trials]
        if again != list(trials) and goes_on(again, retry=retry, stop=False):
            yield remedy
            break
    more = spec.planned(counted) + 1
    if more <= MAX_TRIALS and goes_on(trials, max_trials=more):
        yield Remedy.MORE_TRIALS
    if spec.active_deadline_seconds is not None and goes_on(trials, active_deadline_seconds=None):
        yield Remedy.MORE_TIME


def _without(spec: ExperimentSpec, goals: Sequence[Goal]) -> dict[str, object]:
    """The changes of the spec that remove these goals."""
    changes: dict[str, object] = {}
    if EndReason.TARGET_REACHED in goals:
        changes["objectives"] = spec.without_targets().objectives
    if EndReason.HYPERVOLUME_STALLED in goals:
        changes["stop_when"] = StopWhen()
    return changes
