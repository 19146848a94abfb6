"""Expected hypervolume improvement, exactly and in the logarithm.

For independent Gaussian outcomes the expectation over the boxes that are not dominated yet is a sum of products
of one-dimensional terms (Yang et al. 2019, "Efficient computation of expected hypervolume improvement"). We
take it in the logarithm (Ament et al. 2023, "Unexpected improvements to expected improvement"): far from the
front it still ranks points. No Monte Carlo error over the candidate's outcome; only pending points are sampled,
and their fronts differ per sample. With one objective it is the logarithm of expected improvement.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from paretonas.search.boxes import Corners, boxes

TERMS_AT_ONCE = 2**17
"""Numbers that are summed at a time, boxes times points: they stay in the processor's cache."""
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


class LogExpectedImprovement:
    """The criterion for each point, given fantasies of the pending ones."""

    def __init__(self, fronts: list[Tensor], reference: Tensor) -> None:
        """Decompose the space above each front.

        Args:
            fronts: For each fantasy, the outcomes so far, shape (points, objectives); maximised.
            reference: Shape (objectives,).
        """
        self._sides = [_sides(*boxes(front.numpy(), reference.numpy())) for front in fronts]

    def __call__(self, means: list[Tensor], deviations: list[Tensor]) -> Tensor:
        """The logarithm of the expected improvement under each fantasy, shape (points, fantasies).

        Args:
            means: For each objective, shape (points, fantasies).
            deviations: For each objective, shape (points,).
        """
        return torch.stack(
            [
                _log_sum(sides, [mean[:, i] for mean in means], deviations)
                for i, sides in enumerate(self._sides)
            ],
            1,
        )


@dataclass(frozen=True)
class _Sides:
    """The sides of all boxes along one objective: far fewer than boxes, and their ends still fewer."""

    ends: Tensor
    """Increasing, shape (ends,); the last one is infinite."""
    lower: Tensor
    """Each side's lower end, as a position in `ends`, shape (sides,)."""
    upper: Tensor
    of_box: Tensor
    """Each box's side, shape (boxes,)."""

    def log_improvements(self, mean: Tensor, deviation: Tensor) -> Tensor:
        """The logarithm of what a point is expected to cover of each side, shape (sides, points)."""
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
