"""The goals that end an experiment before its last trial: the targets of its objectives, and a stalled hypervolume.

Pure functions of the stored trials; docs/adr/0022-goals.md has the definitions and their reasons.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from paretonas.api import NASExperiment, NASTrial, Objective
from paretonas.api.reasons import EndReason, Goal
from paretonas.engine.reference_point import find_reference_point
from paretonas.engine.trial_order import in_order_of_end
from paretonas.engine.wording import apart, count, exact, number, shortest
from paretonas.search.initial import initial_trials
from paretonas.search.pareto import feasible, hypervolume_growth


@dataclass(frozen=True, slots=True)
class ReachedGoal:
    """A goal that the trials have reached."""

    reason: Goal
    message: str


def reached_goals(experiment: NASExperiment, trials: Sequence[NASTrial]) -> list[ReachedGoal]:
    """All goals that these trials reach, the targets first.

    Args:
        experiment: the experiment, with the reference point in its status if that is fixed.
        trials: all of its trials, in index order.
    """
    return [goal for goal in (_targets(experiment, trials), _stall(experiment, trials)) if goal is not None]


def _targets(experiment: NASExperiment, trials: Sequence[NASTrial]) -> ReachedGoal | None:
    """The first trial that reaches the targets of all objectives at once; it could be in the Pareto set."""
    spec = experiment.spec
    aimed = {o: o.target for o in spec.objectives if o.target is not None}
    for trial in in_order_of_end(trials) if aimed else []:
        if trial.status.state != "Succeeded" or not feasible(spec, trial.status.metrics):
            continue
        # a log has 0.9 as the float32 below it, which is the same value to whoever wrote the target
        values = {o: shortest(trial.status.metrics[o.metric]) for o in aimed}
        if all(_reaches(o, values[o], target) for o, target in aimed.items()):
            which = "the target" if len(aimed) == 1 else "every target"
            reached = ", ".join(_comparison(o, values[o], target) for o, target in aimed.items())
            return ReachedGoal(EndReason.TARGET_REACHED, f"{trial.name} reached {which}: {reached}")
    return None


def _reaches(objective: Objective, value: float, target: float) -> bool:
    return value >= target if objective.goal == "Maximize" else value <= target


def _comparison(objective: Objective, value: float, target: float) -> str:
    """A value beside its target, as in ``val_acc 0.9912 >= 0.99``."""
    sign = ">=" if objective.goal == "Maximize" else "<="
    return f"{objective.metric} {apart(value, target)} {sign} {exact(target)}"


def _stall(experiment: NASExperiment, trials: Sequence[NASTrial]) -> ReachedGoal | None:
    """The stall, if the last results have added almost nothing to the hypervolume."""
    spec, stalls = experiment.spec, experiment.spec.stop_when.hypervolume_stalls
    if stalls is None:
        return None
    known = [t for t in trials if not t.refused]
    last = [t.name for t in in_order_of_end(known) if _shows_growth(t)][-stalls.trials :]
    found = {t.name: t.status.metrics for t in known if t.status.state == "Succeeded"}
    before = [metrics for name, metrics in found.items() if name not in last]
    if len(last) < stalls.trials or len(before) < initial_trials(spec):
        return None
    reference = experiment.status.reference_point or find_reference_point(spec, known, over=False)
    growth = hypervolume_growth(spec, before, list(found.values()), reference) if reference else None
    if growth is None or growth > stalls.within:
        return None
    results = "result" if stalls.trials == 1 else count(stalls.trials, "result")
    share = f"{number(growth)} of the hypervolume" if growth else "nothing to the hypervolume"
    return ReachedGoal(
        EndReason.HYPERVOLUME_STALLED, f"the last {results} added {share}, within {exact(stalls.within)}"
    )


def _shows_growth(trial: NASTrial) -> bool:
    """Whether a stall counts it as a result: known results were there before, and a failed trial has none."""
    return trial.counts_toward_budget and trial.status.state in {"Succeeded", "Infeasible", "EarlyStopped"}
