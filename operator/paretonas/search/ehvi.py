"""The logarithm of the expected hypervolume improvement, computed exactly.

For independent Gaussian outcomes, or outcomes that are known exactly, the expectation over the boxes that are not
dominated yet is a sum of products of one-dimensional terms (Yang et al. 2019, "Efficient computation of expected
hypervolume improvement"). Its logarithm is computed (Ament et al. 2023, "Unexpected improvements to expected
improvement"), because it still ranks points far from the front. The candidate's outcome is not sampled, only those of
pending points; each sample has its own front. With one objective this is the logarithm of the expected improvement.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from paretonas.search.boxes import Corners, boxes

TERMS_AT_ONCE = 2**17
"""How many numbers, boxes times points, are summed at a time: as many as stay in the processor's cache."""
TAIL = -6.0
"""The argument below which a series is used, because the two terms of the direct formula cancel. The error of the
series is 1e-3 there, and falls as z^-6."""
_LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)


def log_improvement(z: Tensor) -> Tensor:
    """The logarithm of E[max(Z + z, 0)] for standard normal Z: log(pdf(z) + z cdf(z)), in the shape of z."""
    direct = torch.exp(-0.5 * z * z - _LOG_ROOT_2PI) + 0.5 * z * torch.erfc(z * -math.sqrt(0.5))
    square = z.clamp(max=TAIL).square()
    # three terms of the asymptotic series
    tail = -0.5 * square - _LOG_ROOT_2PI - square.log() + torch.log1p(-3.0 / square + 15.0 / square.square())
    return torch.where(z < TAIL, tail, direct.clamp_min(1e-300).log())


class LogExpectedImprovement:
    """The expected improvement of points, given fantasies of the pending ones."""

    def __init__(self, fronts: list[Tensor], reference: Tensor) -> None:
        """Decompose the space above each front.

        Args:
            fronts: For each fantasy, the outcomes so far, where more is better, shape (points, objectives).
            reference: The reference point, shape (objectives,).
        """
        self._sides = [_sides(*boxes(front.numpy(), reference.numpy())) for front in fronts]

    def __call__(self, means: list[Tensor], deviations: list[Tensor]) -> Tensor:
        """The logarithm of the expected improvement under each fantasy, shape (points, fantasies).

        Args:
            means: The predicted means of each objective, shape (points, fantasies).
            deviations: The standard deviations of each objective, shape (points,).
        """
        return torch.stack(
            [_log_sum(sides, [mean[:, i] for mean in means], deviations) for i, sides in enumerate(self._sides)], 1
        )


@dataclass(frozen=True)
class _Sides:
    """The different sides of all boxes along one objective, which are far fewer than the boxes."""

    ends: Tensor
    """The ends of sides in increasing order, shape (ends,). The last one is infinite."""
    lower: Tensor
    """The position in `ends` of each side's lower end, shape (sides,)."""
    upper: Tensor
    """The position in `ends` of each side's upper end, shape (sides,)."""
    of_box: Tensor
    """The position of each box's side, shape (boxes,)."""

    def log_improvements(self, mean: Tensor, deviation: Tensor) -> Tensor:
        """The logarithm of the expected length of each side that a point dominates, shape (sides, points).

        The deviation is zero for all points or for none: an outcome is known exactly, or it is not.
        """
        if not deviation.any():
            gained = torch.minimum(mean, self.ends[self.upper, None]) - self.ends[self.lower, None]
            return gained.clamp_min(0.0).log()
        gain = log_improvement((mean - self.ends[:-1, None]) / deviation) + deviation.log()
        gain = torch.cat([gain, torch.full_like(mean, -math.inf)[None]])
        low, high = gain[self.lower], gain[self.upper]
        return low + torch.log(-torch.expm1((high - low).clamp(max=-1e-15)))


def _sides(lower: Corners, upper: Corners) -> list[_Sides]:
    found = []
    for low, high in zip(lower.T, upper.T, strict=True):
        ends = np.unique(np.concatenate([low, high, [math.inf]]))
        pairs = np.searchsorted(ends, np.stack([low, high]))
        sides, of_box = np.unique(pairs, axis=1, return_inverse=True)
        found.append(_Sides(*map(torch.tensor, (ends, sides[0], sides[1], of_box))))
    return found


def _log_sum(sides: list[_Sides], means: list[Tensor], deviations: list[Tensor]) -> Tensor:
    """The logarithm of the expected improvement, summed over the boxes, shape (points,)."""
    parts = []
    step = max(1, TERMS_AT_ONCE // len(sides[0].of_box))
    for start in range(0, len(means[0]), step):
        block = slice(start, start + step)
        total = torch.zeros((), dtype=torch.double)
        for side, mean, deviation in zip(sides, means, deviations, strict=True):
            total = total + side.log_improvements(mean[block], deviation[block])[side.of_box]
        parts.append(torch.logsumexp(total, 0))
    return torch.cat(parts)
