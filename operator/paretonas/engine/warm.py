"""Warm start: what other experiments have found, as trials of this one. Pure."""

from collections.abc import Mapping, Sequence

from paretonas.api import (
    NASExperiment,
    NASTrial,
    Observation,
    misfits,
    new_trial,
)


class WarmStartError(Exception):
    """Another experiment is of no use; the message says why and what to do."""


def begun(trials: Sequence[NASTrial]) -> bool:
    """Whether the search has been asked: from then on nothing is taken over any more."""
    return any(trial.spec.origin != "User" for trial in trials)


def taken_over(
    experiment: NASExperiment, trials: Sequence[NASTrial], others: Mapping[str, Sequence[NASTrial] | None]
) -> list[NASTrial]:
    """The trials that are still to be stored, so that this experiment knows what the others have found.

    Those points are left out that are none of this space, and results that lack a metric of this experiment.

    Args:
        experiment: the one that begins.
        trials: those that it has already, in index order; a part of the others' may be among them.
        others: the ended trials of each experiment in ``warmStartFrom``; None for one that does not exist.

    Raises:
        WarmStartError: one does not exist, or nothing of what it has found can be used.
    """
    there = {trial.spec.observation.source for trial in trials if trial.spec.observation is not None}
    index = trials[-1].spec.index + 1 if trials else 0
    new = list[NASTrial]()
    for name, other in others.items():
        if other is None:
            raise WarmStartError(
                f"warmStartFrom: there is no experiment {name!r} here; create it, or create this one without it"
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
                index += 1
    return new


def _copy(experiment: NASExperiment, trial: NASTrial, index: int) -> NASTrial:
    state = trial.status.state if trial.status.state in {"Succeeded", "Infeasible"} else "Failed"
    observation = Observation(state=state, metrics=dict(trial.status.metrics), source=trial.name)
    return new_trial(experiment, index, trial.spec.parameters, origin="User", observation=observation)
