"""Each metric on the scale of the model: without a unit, near 0 and of unit spread, whatever the user's numbers are.

Values, thresholds and bounds are mapped alike, so that what is better or allowed stays so. The map depends on no
absolute size: results in 1e-12 or 1e9 of a unit give the same candidates.
"""

import math
import sys
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from paretonas.api import ExperimentSpec
from paretonas.search.types import KnownTrial

Vector = npt.NDArray[np.float64]

SUCCEEDED = "succeeded"
"""A metric that the search adds: 1 for a trial with a result, 0 for a failed one. It is modelled once a trial
has failed."""
LIKELY = 0.5
"""The bound that `SUCCEEDED` should exceed: it lies between the two outcomes."""

NEAR_TAIL = 2.0
"""The number of median deviations from the median beyond which bad values are compressed: for a normal
metric, the worst 9 %."""
FAR_TAIL = 1e6
"""The same for good values. Only a value that would leave no digits to the others is that far out."""
FAR_ABOVE = 5.0
"""The distance from the start of a tail, on its logarithmic scale, beyond which values are compressed once
more: about 150 median deviations."""
FARTHEST = 1e6
"""The largest modelled value; one beyond it, such as a threshold of 1e30, counts as this. Differences from it
then keep their digits, and so do their logarithms."""
DECIMALS = 9
"""The number of decimals of modelled values: finer than any noise that the model knows, and coarser than the
rounding by which 3e-9 * 1e9 differs from 3."""
TOP_EXPONENT = 1000
"""Numbers are multiplied by a power of two, which changes no digit, so that the largest is about 2 to this
power. Then no difference of two of them overflows, and the smallest doubles have all their digits."""


class MetricScale:
    """The map of one metric to the scale of the model: increasing, compressed at its tails, standardised."""

    def __init__(self, values: Sequence[float], low_tail: float, high_tail: float) -> None:
        """Learn the scale.

        Args:
            values: The observed values of the metric; at least one, and all finite.
            low_tail: Median deviations below the median beyond which values count by their logarithm.
            high_tail: The same above it.
        """
        self._exponent = TOP_EXPONENT - math.frexp(max(map(abs, values)))[1]
        self._low_tail, self._high_tail = low_tail, high_tail
        numbers = np.ldexp(values, self._exponent)
        self._middle = float(np.median(numbers))
        apart = np.abs(numbers - self._middle)
        # if most values are equal, the distance of the farthest one; if all are, their size
        self._unit = float(np.median(apart)) or float(apart.max()) or abs(self._middle) or 1.0
        drawn = self._compress_tails(values)
        self._mean = float(drawn.mean())
        self._deviation = float(drawn.std(ddof=1)) if len(values) > 1 else 0.0

    def __call__(self, value: float) -> float:
        """The value on the scale of the model."""
        [scaled] = self.map([value])
        return float(scaled)

    def map(self, values: Sequence[float]) -> Vector:
        """The values on the scale of the model."""
        standard = (self._compress_tails(values) - self._mean) / (self._deviation or 1.0)
        return np.asarray(np.round(np.clip(standard, -FARTHEST, FARTHEST), DECIMALS), dtype=np.float64)

    def _compress_tails(self, values: Sequence[float]) -> Vector:
        with np.errstate(over="ignore"):  # a bound may be infinite
            z = (np.ldexp(np.asarray(values, dtype=np.float64), self._exponent) - self._middle) / self._unit
        z = np.clip(z, -sys.float_info.max, sys.float_info.max)
        return -_compress(-_compress(z, self._high_tail), self._low_tail)


def _compress(z: Vector, tail: float) -> Vector:
    """Replace what exceeds a tail by its logarithm, and what still exceeds it by far once more.

    The second time is for values such as a loss of 1e300.
    """
    for start in (tail, tail + FAR_ABOVE):
        z = np.where(z > start, start + np.log1p(np.maximum(z - start, 0.0)), z)
    return z


def scales(spec: ExperimentSpec, ended: Iterable[KnownTrial]) -> dict[str, MetricScale]:
    """The scale of each metric and of `SUCCEEDED`; objectives are `comparable` values, so smaller is better.

    If a few trials diverge, their values would determine the scale of the model, which has to distinguish
    good ones. So a value that is worse than the median by more than `NEAR_TAIL` median deviations counts by
    its logarithm (like Ax's Winsorize, but the order is kept). On the FCNet losses, the fifty points
    predicted best out of 1,500 are better by 5 to 20 % of their rank. For a metric with a bound, worse means
    farther in the direction that the bound limits.
    """
    trials = list(ended)
    observed = [trial.metrics for trial in trials if trial.state == "Observed"]
    found = {SUCCEEDED: MetricScale([float(t.state == "Observed") for t in trials], FAR_TAIL, FAR_TAIL)}
    for constraint in spec.outcomes:
        sides = [c.upper for c in spec.outcomes if c.metric == constraint.metric]
        found[constraint.metric] = MetricScale(
            [metrics[constraint.metric] for metrics in observed],
            low_tail=NEAR_TAIL if False in sides else FAR_TAIL,
            high_tail=NEAR_TAIL if True in sides else FAR_TAIL,
        )
    for o in spec.objectives:
        values = [o.comparable(metrics[o.metric]) for metrics in observed]
        found[o.metric] = MetricScale(values, low_tail=FAR_TAIL, high_tail=NEAR_TAIL)
    return found
