"""What a trial's logs hold, and which of the values counts, for the person who tries a training for the first time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from paretonas.metrics.curve import Curve
from paretonas.metrics.reduction import CurvesByTag, Reduction, Wanted, quote
from paretonas.metrics.run_choice import HERE, choose_runs

_PLACES: Mapping[Reduction, tuple[str, Callable[[NDArray[np.float64]], int]]] = {
    "Last": ("last", lambda values: len(values) - 1),
    "Min": ("smallest", lambda values: int(np.argmin(values))),
    "Max": ("largest", lambda values: int(np.argmax(values))),
}
"""The word for the value that a reduction takes, and its position. A mean has none."""


@dataclass(frozen=True, slots=True)
class Series:
    """The values of one tag in one folder, in figures."""

    tag: str
    run: str
    """The folder below the log folder; ``.`` is the log folder itself."""
    values: int
    steps: tuple[int, int]
    """The lowest and the highest step."""
    last: float


def list_series(curves: CurvesByTag) -> list[Series]:
    """Every tag in every folder, by name."""
    return [
        Series(tag, run, curve.values.size, (int(curve.steps.min()), int(curve.steps.max())), float(curve.values[-1]))
        for tag, of_tag in sorted(curves.items())
        for run, curve in sorted(of_tag.items())
    ]


def explain_value(metric: Wanted, curves: CurvesByTag) -> str:
    """Which value of the logs a metric is, as in ``the last of 200 values of the tag 'loss', at step 199``.

    Empty if the metric has no value there.
    """
    of_tag = curves.get(metric.tag, {})
    runs = choose_runs(list(of_tag), metric.run)
    if len(runs) != 1:
        return ""
    [run] = runs
    curve, where = of_tag[run], "" if run == HERE else f" in the run {quote(run)}"
    return _explain(metric.reduce, curve, f"the tag {quote(metric.tag)}{where}")


def _explain(reduce: Reduction, curve: Curve, tag: str) -> str:
    count = curve.values.size
    if count == 1:
        return f"the only value of {tag}"
    if reduce == "Mean":
        return f"the mean of the {count:,} values of {tag}"
    word, place = _PLACES[reduce]
    at = f"at step {curve.steps[place(curve.values)]:,}"
    if reduce == "Last" and (curve.steps[1:] <= curve.steps[:-1]).any():
        at = f"{at}; some steps repeat, so the value that was written last counts"
    return f"the {word} of {count:,} values of {tag}, {at}"
