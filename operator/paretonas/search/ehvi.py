"""Expected hypervolume improvement, exactly and in the logarithm.

For independent Gaussian outcomes the expectation over the boxes that are not dominated yet is a sum of products
of one-dimensional terms (Yang et al. 2019, "Efficient computation of expected hypervolume improvement"). We
take it in the logarithm (Ament et al. 2023, "Unexpected improvements to expected improvement"): far from the
front it still ranks points. No Monte Carlo error over the candidate's outcome; only pending points are sampled,
and their fronts differ per sample. With one objective it is the logarithm of expected improvement.
"""

import math

import torch
from botorch.utils.multi_objective.box_decompositions.non_dominated import FastNondominatedPartitioning
from torch import Tensor

FAR = 1e20
"""Stands for infinity in the boxes: infinity minus infinity has no value."""
TAIL = -6.0
"""From here on down the two terms of the direct formula cancel; the series errs by 1e-3, falling as z^-6."""
_LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)


def log_improvement(z: Tensor) -> Tensor:
    """Give log E[max(Z + z, 0)] for standard normal Z, which is log(pdf(z) + z cdf(z)); shape as z."""
    direct = torch.exp(-0.5 * z * z - _LOG_ROOT_2PI) + 0.5 * z * torch.erfc(z * -math.sqrt(0.5))
    square = z.clamp(max=TAIL).square()
    # three terms of the asymptotic series
    tail = -0.5 * square - _LOG_ROOT_2PI - square.log() + torch.log1p(-3.0 / square + 15.0 / square.square())
    return torch.where(z < TAIL, tail, direct.clamp_min(1e-300).log())


def boxes(outcomes: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """The region that beats the reference and is dominated by no outcome, as disjoint boxes (all maximised).

    Args:
        outcomes: Shape (points, objectives).
        reference: Shape (objectives,).

    Returns:
        Lower and upper corners, each of shape (boxes, objectives); `FAR` where unbounded.
    """
    outcomes = outcomes[(outcomes > reference).all(1)]
    if reference.shape[0] == 1:
        best = torch.cat([outcomes, reference.unsqueeze(0)]).max(0, keepdim=True).values
        return best, torch.full_like(best, FAR)
    lower, upper = FastNondominatedPartitioning(ref_point=reference, Y=outcomes).get_hypercell_bounds()
    return lower, upper.clamp(max=FAR)


class LogExpectedImprovement:
    """The criterion for each point, given fantasies of the pending ones."""

    def __init__(self, fronts: list[Tensor], reference: Tensor) -> None:
        """Decompose the space above each front.

        Args:
            fronts: For each fantasy, the outcomes so far, shape (points, objectives); maximised.
            reference: Shape (objectives,).
        """
        cells = [boxes(front, reference) for front in fronts]
        most = max(len(lower) for lower, _ in cells)
        # a box that lies FAR away and has no improvement fills up the shorter lists
        self._lower = torch.stack([_filled(lower, most, FAR) for lower, _ in cells])
        self._upper = torch.stack([_filled(upper, most, 2 * FAR) for _, upper in cells])

    def __call__(self, means: list[Tensor], deviations: list[Tensor]) -> Tensor:
        """The logarithm of the expected improvement under each fantasy, shape (points, fantasies).

        Args:
            means: For each objective, shape (points, fantasies).
            deviations: For each objective, shape (points,).
        """
        total = torch.zeros((), dtype=torch.double)
        for m, (mean, deviation) in enumerate(zip(means, deviations, strict=True)):
            mu, sd = mean.unsqueeze(2), deviation[:, None, None]
            upper = self._upper[:, :, m]
            gain = log_improvement((mu - self._lower[:, :, m]) / sd)
            if bool((upper < FAR).any()):
                beyond = log_improvement((mu - upper) / sd)
                gain = gain + torch.log(-torch.expm1((beyond - gain).clamp(max=-1e-15)))
            total = total + gain + sd.log()
        return torch.logsumexp(total, 2)


def _filled(corners: Tensor, count: int, value: float) -> Tensor:
    rows = torch.full((count - len(corners), corners.shape[1]), value, dtype=torch.double)
    return torch.cat([corners, rows])
