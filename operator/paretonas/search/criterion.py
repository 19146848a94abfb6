"""What the search maximises: the expected improvement, times the probability that the outcome constraints hold."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import torch
from botorch.utils.multi_objective.pareto import is_non_dominated
from torch import Tensor
from torch.quasirandom import SobolEngine

from paretonas.search.ehvi import LogExpectedImprovement
from paretonas.search.encoding.codes import Codes
from paretonas.search.fitted import FittedExperiment, FittedOutcome
from paretonas.search.gp import Posterior
from paretonas.search.optimize import Criterion
from paretonas.search.space import Space

FANTASIES, FEWER_FANTASIES = 8, 4
"""Joint draws of the outcomes of pending points, with up to two objectives and with more. Each draw has boxes of its
own, which are dozens of times as many with more objectives. No difference was found between 1 and 8 draws
(docs/adr/0002)."""
LEAST = -1e9
"""The smallest logarithm of an improvement; far below those that are computed for points far from the front."""
FEW_BEST = 5
"""The number of known points that the optimiser starts from when there is one objective."""


KnownOutcome = Callable[[Codes], npt.NDArray[np.float64]]
"""A function from codes, shape (points, columns), to a metric on the scale of the model, shape (points,)."""


class Exact:
    """The values of a metric that has a formula, in the form of a `Posterior` without any doubt."""

    def __init__(self, outcome: FittedOutcome, known: KnownOutcome, space: Space, pending: Tensor, count: int) -> None:
        """Compute the values of pending points; those of the data are known.

        Args:
            outcome: The data.
            known: The metric's values.
            space: The space, whose features the outcome has.
            pending: Features of the pending points, shape (p, features).
            count: The number of fantasies, which are all the same here.
        """
        self._known, self._space, self._count = known, space, count
        self.fitted = torch.cat([outcome.y[:, None].expand(-1, count), self.means(pending)])
        """The values at the data and then the pending points, shape (n + p, fantasies)."""

    def means(self, x: Tensor) -> Tensor:
        """The values, shape (points, fantasies)."""
        values = torch.tensor(self._known(self._space.from_features(x.numpy())), dtype=torch.double)
        return values[:, None].expand(-1, self._count)

    def predict(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The values and their standard deviation, which is zero: shapes (points, fantasies) and (points,)."""
        return self.means(x), torch.zeros(len(x), dtype=torch.double)


def criterion(
    fitted: FittedExperiment, space: Space, seed: list[int], known: Mapping[str, KnownOutcome] = {}
) -> tuple[Criterion, Codes]:
    """The logarithm of the constrained expected improvement, and the known points to search around.

    Args:
        fitted: What was learned of the experiment.
        space: Its search space, whose features the models take.
        seed: The seed of the draws of pending outcomes.
        known: The metrics that have a formula.
    """
    positions = [position for position, _ in fitted.objectives]
    signs = [factor for _, factor in fitted.objectives]
    pending = fitted.pending
    fantasies = FANTASIES if len(positions) <= 2 else FEWER_FANTASIES  # noqa: PLR2004 # see FANTASIES
    normals = _draw_normals(len(fitted.outcomes), len(pending), fantasies, seed)
    posteriors: list[Posterior | Exact] = [
        Exact(outcome, known[outcome.metric], space, pending, normals.shape[2])
        if outcome.hyper is None
        else Posterior(outcome.x, outcome.y, outcome.groups, outcome.hyper, pending, normals[i])
        for i, outcome in enumerate(fitted.outcomes)
    ]
    x = fitted.outcomes[positions[0]].x
    outcomes = torch.stack([s * posteriors[j].fitted for s, j in zip(signs, positions, strict=True)], 2)
    allowed = torch.ones(outcomes.shape[:2], dtype=torch.bool)
    for b in fitted.bounds:
        posterior = posteriors[b.outcome]
        found = posterior.fitted if isinstance(posterior, Exact) else posterior.means(torch.cat([x, pending]))
        allowed &= b.factor * found <= b.bound
    # feasible points keep the bounds on formulas
    bounds = [(p, b.factor, b.bound) for b in fitted.bounds if isinstance(p := posteriors[b.outcome], Posterior)]
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
        # what certainly gains nothing has the logarithm of zero, which Ax refuses
        return np.asarray(torch.logsumexp(value, 1).clamp_min(LEAST).numpy())

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
