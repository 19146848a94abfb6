"""From the curves of a trial to one value per metric, with a reason for each that could not be had."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

_MOST_LISTED = 20  # tags or folders that a sentence lists
_LONGEST_NAME = 200  # characters of a tag or a path that a sentence shows

Reduce = Literal["Last", "Min", "Max", "Mean"]
Writes = tuple[NDArray[np.int64], NDArray[np.float64]]  # steps and values, in the order of writing


@dataclass(frozen=True, slots=True)
class Wanted:
    """One metric to read.

    Attributes:
        name: the metric's name in the experiment.
        tag: the TensorBoard tag, matched exactly.
        reduce: which value counts: that of the highest step, the least, the greatest, or the mean over steps.
    """

    name: str
    tag: str
    reduce: Reduce = "Last"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the logs say about the wanted metrics. Each is in exactly one of `values` and `problems`.

    Attributes:
        values: metric → value, always finite.
        problems: one sentence for each metric that has no value.
        not_finite: those of them whose value is NaN or infinite: the trial ran, its result is infeasible.
        notes: what is wrong with the logs but did not stop the reading.
    """

    values: Mapping[str, float]
    problems: tuple[str, ...]
    not_finite: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """The values of one tag.

    Attributes:
        steps: (n,) strictly ascending, n at least 1.
        values: (n,) may hold NaN and infinity.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def from_writes(cls, writes: Sequence[Writes]) -> Self:
        """Orders what was written by step. Of several values at one step the last written counts."""
        steps = np.concatenate([steps for steps, _ in writes])
        values = np.concatenate([values for _, values in writes])
        order = np.argsort(steps, kind="stable")
        steps = steps[order]
        last = np.append(steps[1:] != steps[:-1], True)
        return cls(steps[last], values[order][last])


_ALL_READ: Mapping[str, str] = {}

_REDUCTIONS: Mapping[Reduce, Callable[[NDArray[np.float64]], np.float64]] = {
    "Last": lambda values: values[-1],
    "Min": np.min,
    "Max": np.max,
    "Mean": np.mean,
}


def summarise(
    curves: Mapping[str, Curve],
    wanted: Sequence[Wanted],
    notes: Sequence[str],
    *,
    nothing: str,
    found: Collection[str] | None = None,
    unread: Mapping[str, str] = _ALL_READ,
) -> Reading:
    """Reduces each wanted curve to one value.

    NaN and infinities matter to the reductions that see them: `Last` fails only if the last value is one;
    `Min`, `Max` and `Mean` fail on any, for a least value that skips where training diverged misleads.

    Args:
        curves: tag → curve.
        wanted: the metrics.
        notes: passed on.
        nothing: the reason to give for each metric when there is no curve at all.
        found: the tags that there are; those of the curves when not given.
        unread: why some tags' values were not read, by tag.
    """
    values = {}
    problems = []
    not_finite = []
    tags = curves if found is None else found
    for metric in wanted:
        curve = curves.get(metric.tag)
        if curve is None:
            missing = f"no scalar has the tag {quoted(metric.tag)}; tags found: {listed(tags)}"
            why = unread.get(metric.tag, missing if tags else nothing)
            problems.append(f"metric {quoted(metric.name)}: {why}")
            continue
        with np.errstate(over="ignore"):  # a mean that overflows is infinite, and said to be
            value = float(_REDUCTIONS[metric.reduce](curve.values))
        seen = curve.values[-1:] if metric.reduce == "Last" else curve.values
        if math.isfinite(value) and np.isfinite(seen).all():
            values[metric.name] = value
        else:
            not_finite.append(metric.name)
            problems.append(f"metric {quoted(metric.name)}: {_what_is_not_finite(metric, curve)}")
    return Reading(values, tuple(problems), tuple(not_finite), tuple(notes))


def quoted(text: str) -> str:
    """Returns a name from a log as it may stand in a sentence: in quotes, on one line, not endless."""
    return repr(text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…")


def listed(names: Iterable[str]) -> str:
    """Returns names as a sentence may list them: sorted, and not all if they are very many."""
    ordered = sorted(names)
    more = f" and {len(ordered) - _MOST_LISTED} more" if len(ordered) > _MOST_LISTED else ""
    return ", ".join(quoted(name) for name in ordered[:_MOST_LISTED]) + more


def _what_is_not_finite(metric: Wanted, curve: Curve) -> str:
    bad = np.flatnonzero(~np.isfinite(curve.values))
    if not bad.size:
        return f"the mean of tag {quoted(metric.tag)} is too large for a number"
    at = -1 if metric.reduce == "Last" else bad[0]
    return f"tag {quoted(metric.tag)} is {curve.values[at]} at step {curve.steps[at]}"
