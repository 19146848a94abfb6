"""Warm start: the results of other experiments, as trials of this one. Pure."""

from collections.abc import Mapping, Sequence

from paretonas.api import NASExperiment, NASTrial, Observation, UnreadableTrial, misfits, new_trial
from paretonas.engine.trial_indices import free_indices


class WarmStartError(Exception):
    """Another experiment cannot be used; the message says why and what to do."""


def has_begun(trials: Sequence[NASTrial]) -> bool:
    """Whether the search has suggested a trial; from then on, no results are taken over."""
    return any(trial.spec.origin != "User" for trial in trials)


def take_over(
    experiment: NASExperiment,
    trials: Sequence[NASTrial],
    others: Mapping[str, Sequence[NASTrial] | None],
    strangers: Mapping[str, str] = {},
    unanswered: int | None = None,
) -> list[NASTrial]:
    """The trials that are still to be stored, so that this experiment has the results of the others.

    Points outside this experiment's space are left out, and so are results that lack one of its metrics.

    Args:
        experiment: the experiment that begins.
        trials: its trials so far, in index order; some of the others' results may be among them already.
        others: the ended trials of each experiment in ``warmStartFrom``; None for one that does not exist.
        strangers: as for `free_indices`.
        unanswered: as for `free_indices`.

    Raises:
        WarmStartError: an experiment does not exist, one of its results cannot be read, or none of them fits.
    """
    there = {trial.spec.observation.source for trial in trials if trial.spec.observation is not None}
    indices = free_indices(experiment.name, trials, strangers, unanswered)
    index = next(indices)
    new = list[NASTrial]()
    for name, other in others.items():
        if other is None:
            raise WarmStartError(
                f"warmStartFrom: there is no experiment {name!r} here; create it, or create this one without it"
            )
        for trial in other:
            if isinstance(trial, UnreadableTrial) and not trial.refused:
                raise WarmStartError(
                    f"warmStartFrom: {trial.name}, a result of {name!r}, cannot be read: {trial.problems[0]}; "
                    "delete that NASTrial, or create this experiment without it"
                )
        problems = {t.name: misfits(experiment.spec, _copy(experiment, t, index)) for t in other}
        fits = [trial for trial in other if not problems[trial.name]]
        if other and not fits:
            [(example, [problem, *_]), *_] = problems.items()
            raise WarmStartError(
                f"warmStartFrom: none of the {len(other)} trials of {name!r} fits this experiment, "
                f"as {example}: {problem}; or create this one without it"
            )
        for trial in fits:
            if trial.name not in there:
                new.append(_copy(experiment, trial, index))
                index = next(indices)
    return new


def _copy(experiment: NASExperiment, trial: NASTrial, index: int) -> NASTrial:
    status = trial.status
    state = status.state if status.state in {"Succeeded", "EarlyStopped", "Infeasible"} else "Failed"
    metrics = status.estimate if state == "EarlyStopped" else status.metrics
    observation = Observation(state=state, metrics=dict(metrics), source=trial.name)
    return new_trial(experiment, index, trial.spec.parameters, origin="User", observation=observation)
