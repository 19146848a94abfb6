"""What the search maximises: the expected improvement, times the probability that the outcome constraints hold."""

import numpy as np
import numpy.typing as npt
import torch
from botorch.utils.multi_objective.pareto import is_non_dominated
from torch import Tensor
from torch.quasirandom import SobolEngine

from paretonas.search.ehvi import LogExpectedImprovement
from paretonas.search.encoding.codes import Codes
from paretonas.search.fitted import FittedExperiment
from paretonas.search.gp import Posterior
from paretonas.search.optimize import Criterion
from paretonas.search.space import Space

FANTASIES, FEWER_FANTASIES = 8, 4
"""Joint draws of the outcomes of pending points, with up to two objectives and with more. Each draw has boxes of its
own, which are dozens of times as many with more objectives. No difference was found between 1 and 8 draws
(docs/adr/0002)."""
FEW_BEST = 5
"""The number of known points that the optimiser starts from when there is one objective."""


def criterion(fitted: FittedExperiment, space: Space, seed: list[int]) -> tuple[Criterion, Codes]:
    """The logarithm of the constrained expected improvement, and the known points to search around.

    Args:
        fitted: What was learned of the experiment.
        space: Its search space, whose features the models take.
        seed: The seed of the draws of pending outcomes.
    """
    positions = [position for position, _ in fitted.objectives]
    signs = [factor for _, factor in fitted.objectives]
    pending = fitted.pending
    fantasies = FANTASIES if len(positions) <= 2 else FEWER_FANTASIES  # noqa: PLR2004 # see FANTASIES
    normals = _draw_normals(len(fitted.outcomes), len(pending), fantasies, seed)
    posteriors = [
        Posterior(outcome.x, outcome.y, outcome.groups, outcome.hyper, pending, normals[i])
        for i, outcome in enumerate(fitted.outcomes)
    ]
    x = fitted.outcomes[positions[0]].x
    outcomes = torch.stack([s * posteriors[j].fitted for s, j in zip(signs, positions, strict=True)], 2)
    bounds = [(posteriors[b.outcome], b.factor, b.bound) for b in fitted.bounds]
    allowed = torch.ones(outcomes.shape[:2], dtype=torch.bool)
    for posterior, factor, bound in bounds:
        allowed &= factor * posterior.means(torch.cat([x, pending])) <= bound
    reference = fitted.reference
    if reference is None:  # with one objective, the worst outcome so far
        reference = outcomes.amin((0, 1))
    fronts = [outcomes[allowed[:, i], i] for i in range(outcomes.shape[1])]
    improvement = LogExpectedImprovement(fronts, reference)

    def evaluate(codes: Codes) -> npt.NDArray[np.float64]:
        features = torch.tensor(space.features(codes))
        predicted = [posteriors[j].predict(features) for j in positions]
        means = [s * mean for s, (mean, _) in zip(signs, predicted, strict=True)]
        value = improvement(means, [deviation for _, deviation in predicted])
        for posterior, factor, bound in bounds:
            mean, deviation = posterior.predict(features)
            value = value + torch.special.log_ndtr((bound - factor * mean) / (abs(factor) * deviation[:, None]))
        return np.asarray(torch.logsumexp(value, 1).numpy())

    return evaluate, _best(space, x, outcomes[: len(x)].mean(1), allowed[: len(x)].all(1))


def _draw_normals(outcomes: int, pending: int, fantasies: int, seed: list[int]) -> Tensor:
    """Draw quasi-random standard normal numbers, shape (outcomes, pending, fantasies).

    If nothing is pending there is one fantasy, since all would be the same.
    """
    if not pending:
        return torch.zeros(outcomes, 0, 1, dtype=torch.double)
    state = int(np.random.default_rng(seed).integers(2**31))
    engine = SobolEngine(outcomes * pending, scramble=True, seed=state)  # type: ignore[no-untyped-call] # torch's
    unit = engine.draw(fantasies, dtype=torch.double)
    normals: Tensor = torch.special.ndtri(unit.clamp(1e-6, 1 - 1e-6))
    return normals.T.reshape(outcomes, pending, fantasies)


def _best(space: Space, x: Tensor, outcomes: Tensor, allowed: Tensor) -> Codes:
    """The codes of the known points that are not dominated, or of the `FEW_BEST` with one objective."""
    if bool(allowed.any()):
        x, outcomes = x[allowed], outcomes[allowed]
    if outcomes.shape[1] == 1:
        rows = outcomes[:, 0].argsort(descending=True, stable=True)[:FEW_BEST]
    else:
        rows = is_non_dominated(outcomes).nonzero()[:, 0]
    return space.from_features(x[rows].numpy())
