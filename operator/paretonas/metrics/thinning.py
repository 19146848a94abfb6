"""Thinning a long curve so that early stopping concludes no more from what is left.

The rule (`engine/early_stopping`) looks at four things: the best value up to a step, in either direction; the gain from
a step to the end; the median change of neighbouring values in the last third of the points, on a linear or a
logarithmic scale; and whether the curve can be used at all. What is left of a curve, in this order:

1. The first value, and of each *stretch* of the values that follow its smallest and its largest, where they were
   logged. These are values of the curve, so at no step is the best one so far better than it was: no gain from there
   looks smaller. After a stretch, it is the same.
2. On the last 157 steps, *swings*: two neighbouring values of the last third, in turn; then the smallest and the
   largest value of these steps, and the last one. The two were logged before, so the best value so far is no better
   than it was. Of the last 300 changes more than half are swings, so the median is one, too. The two are chosen such
   that their change is not less than the median change of the last third, on both scales. There are such changes: half
   of 333 are that large, and no more than 157 of these can be on the last steps. Where no two neighbours are that far
   apart on both scales, the smallest and the largest value of the last third take their place.

So the best value of all, the last value and its step are what they were. The number of values is what it was up to 900:
whoever asks for more finds too few, and waits.

A curve that cannot be used (a value that is not finite; a step that does not ascend) still cannot be used.

A mean so far has no such form: it goes up and down, and whichever value stood for a stretch, the gain would be smaller
than it was for one of the two goals. So a metric that is a mean has no curve if it has more values.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from paretonas.metrics.curve import Curve, Points, Values

MOST_POINTS = 1_000
"""A curve of so many values is left as it is."""
_THINNED = 900  # points of a longer one; so few that the changes of its last third can be told before the swings
_SWINGS = 154  # points, and so 153 changes, which are more than half of a third of those points
_END = _SWINGS + 3  # and the smallest, the largest and the last value
_STRETCHES = (_THINNED - _END - 1) // 2


def thin(curve: Curve) -> Points:
    """Return (step, value) of a curve, at most 1,000 of them; a curve that is longer is thinned as said above.

    Args:
        curve: not the mean of its values, if it is long.
    """
    steps, values = curve.steps, curve.values
    if len(steps) > MOST_POINTS:
        # at or just before a value that is not finite, or a step that does not ascend
        unusable = np.flatnonzero(~np.isfinite(values[:-1]) | ~np.isfinite(values[1:]) | (steps[1:] <= steps[:-1]))
        if unusable.size:
            kept = np.union1d(np.linspace(0, len(steps) - 1, _THINNED).astype(np.int64), unusable[0] + np.arange(2))
            steps, values = steps[kept], values[kept]
        else:
            end = len(steps) - _END
            kept = np.append(_extremes(values[:end]), np.arange(end, len(steps)))
            steps, values = steps[kept], np.append(values[kept[:-_END]], _ending(values))
    return tuple(zip(steps.tolist(), values.tolist(), strict=True))


def _extremes(values: Values) -> NDArray[np.int64]:
    """Return the index of the first value, and of the smallest and the largest one of each stretch behind it."""
    kept = [0]
    edges = np.linspace(1, len(values), _STRETCHES + 1).astype(int).tolist()
    for start, stop in pairwise(edges):
        stretch = values[start:stop]
        low, high = start + int(stretch.argmin()), start + int(stretch.argmax())
        kept += sorted((low, high)) if low != high else (start, stop - 1)
    return np.array(kept, np.int64)


def _ending(values: Values) -> Values:
    """Return what is told at the last steps instead of their values."""
    late = values[-(len(values) // 3) - 1 :]  # its changes are those of the last third
    told = late[:-_END]
    swings = np.resize(_usual_change(late, told), _SWINGS)
    end = values[-_END:-1]
    first, last = sorted((int(end.argmin()), int(end.argmax())))
    return np.concatenate([swings, end[[first, last]], values[-1:]])


def _usual_change(late: Values, told: Values) -> Values:
    """Return two values of `told`, whose change is at least as large as the median one of `late` on both scales.

    If possible, they are neighbours, the ones that exceed it by the smallest factor.
    """
    with np.errstate(over="ignore"):  # an infinite change is the largest
        change = np.abs(np.diff(late))
        usual = np.median(change)
        enough, excess = change >= usual, change
        if (late > 0).all():
            ratio = np.abs(np.diff(np.log10(late)))
            usual_ratio = np.median(ratio)
            enough &= ratio >= usual_ratio
            excess = np.maximum(change * usual_ratio, ratio * usual)  # no division: both may be 0
    candidates = np.flatnonzero(enough[: len(told) - 1])
    if not candidates.size:
        return np.array([told.min(), told.max()])
    at = candidates[np.lexsort((change[candidates], excess[candidates]))[0]]
    return told[at : at + 2]
