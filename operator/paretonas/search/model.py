"""The next candidate according to Ax's model. Importing this module imports Ax."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from paretonas.search.ax_hooks import FittedAdapter, ask, fit_adapter
from paretonas.search.criterion import KnownOutcome, criterion
from paretonas.search.fitted import FittedExperiment
from paretonas.search.optimize import maximise
from paretonas.search.problem import experiment, known_outcomes, pending_features, point_of
from paretonas.search.sampling import Sampler
from paretonas.search.space import Space
from paretonas.search.types import Candidate, KnownTrial, SearchError


@dataclass(frozen=True)
class Model:
    """What is known about an experiment after some trials.

    Attributes:
        adapter: Ax's adapter, fitted to the metrics without a formula.
        known: The needed metrics with a formula.
    """

    adapter: FittedAdapter
    known: Mapping[str, KnownOutcome]


def fit(space: Space, ended: Sequence[KnownTrial]) -> Model:
    """Fit Ax's adapter to the ended trials."""
    ax_experiment, data = experiment(space, ended)
    known = known_outcomes(space, ended)
    return Model(fit_adapter(ax_experiment, data, torch.tensor(space.feature_groups), known), known)


def best_candidate(model: Model, sampler: Sampler, trials: Sequence[KnownTrial]) -> Candidate | None:
    """The best unknown point; None if the optimiser finds only known points.

    Args:
        model: What was fitted to the ended trials.
        sampler: The points of the space.
        trials: All known trials.

    Raises:
        SearchError: The point breaks a constraint, which is a bug.
    """
    space = sampler.space
    seed = [space.spec.search.seed, len(trials)]
    draw = int(np.random.default_rng(seed).integers(2**31))
    avoid = set(space.identities(space.encode([trial.parameters for trial in trials])))
    scattered = sampler.scatter(draw) if sampler.points is None else sampler.points

    def choose(fitted: FittedExperiment) -> tuple[Tensor, float] | None:
        evaluate, best = criterion(fitted, space, seed, model.known)
        found = maximise(evaluate, sampler, scattered, best, avoid, np.random.default_rng(seed))
        if found is None:
            return None
        point, value = found
        return torch.tensor(space.features(point[None])[0]), value

    arm = ask(model.adapter, pending_features(space, trials), choose)
    if arm is None:
        return None
    parameters = point_of(space, arm)
    if not space.allows(parameters):
        raise SearchError(f"the search made a point that breaks a constraint: {parameters}")
    return Candidate(parameters, "BayesianOptimization")
