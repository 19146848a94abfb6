"""Reducing the curves of a trial to one value per metric, with a reason for each metric without a value."""

import difflib
import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from paretonas.metrics.curve import Curve
from paretonas.metrics.run_choice import choose_runs, example

_MOST_LISTED = 20  # tags or folders that a sentence lists
_LONGEST_NAME = 200  # characters of a tag or a path that a sentence shows
_MOST_COMPARED = 1000  # tags among which the one that was meant is sought: it takes a tenth of a second

_NOT_A_LETTER = re.compile(r"[\W_]+")

Reduction = Literal["Last", "Min", "Max", "Mean"]
"""`reduce` of a metric. Written out here, since the process that reads logs does not wait for `api`."""
CurvesByTag = Mapping[str, Mapping[str, Curve]]
"""tag → folder → curve; the folders in the order in which they were written to."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One metric to read.

    Attributes:
        name: the metric's name in the experiment.
        tag: the TensorBoard tag, matched exactly.
        reduce: which value counts: the last, the least, the greatest, or the mean of all that were written.
        run: the folder that is meant where several hold the tag, or the last parts of its path; "." is the log folder.
        optional: whether the metric is known without the logs, so that it is no problem if they have no value for it.
    """

    name: str
    tag: str
    reduce: Reduction = "Last"
    run: str | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Logged:
    """How long a trial logged a metric, in the folder that its value is taken from.

    Attributes:
        steps: the number of its values.
        last_step: the step of the last one.
    """

    steps: int
    last_step: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What the logs say about the wanted metrics.

    Each is in exactly one of `values` and `problems`, but for an optional one without a value, which is in neither.

    Attributes:
        values: metric → value, always finite.
        problems: one sentence for each metric that has no value.
        not_finite: those of them whose value is NaN or infinite: the trial ran, its result is infeasible.
        notes: what is wrong with the logs but did not stop the reading.
        ambiguous: those of them whose tag is in several folders, any of which could be meant.
        logged: how long each metric that was found was logged, be its value finite or not.
    """

    values: Mapping[str, float]
    problems: tuple[str, ...]
    not_finite: tuple[str, ...]
    notes: tuple[str, ...]
    ambiguous: tuple[str, ...] = ()
    logged: Mapping[str, Logged] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unread:
    """There is no reading yet.

    Attributes:
        why: what is in the way, "" while the logs are just being read.
    """

    why: str = ""


_ALL_READ: Mapping[str, str] = {}

_REDUCTIONS: Mapping[Reduction, Callable[[NDArray[np.float64]], np.float64]] = {
    "Last": lambda values: values[-1],
    "Min": np.min,
    "Max": np.max,
    "Mean": np.mean,
}


def summarise(
    curves: CurvesByTag,
    wanted: Sequence[Wanted],
    notes: Sequence[str],
    *,
    nothing: str,
    found: Collection[str] | None = None,
    unread: Mapping[str, str] = _ALL_READ,
) -> Reading:
    """Reduce each wanted curve to one value.

    NaN and infinity affect the reductions that use them: `Last` fails only if the last value is one; `Min`, `Max` and
    `Mean` fail on any, since a minimum that skips the steps where training diverged would mislead.

    Args:
        curves: what was written.
        wanted: the metrics.
        notes: passed on.
        nothing: the reason to give for each metric when there is no curve at all.
        found: the tags that there are; those of the curves when not given.
        unread: why some tags' values were not read, by tag.
    """
    values = {}
    problems = []
    not_finite = []
    ambiguous = []
    logged = {}
    tags = curves if found is None else found
    for metric in wanted:
        of_tag = curves.get(metric.tag, {})
        runs = choose_runs(list(of_tag), metric.run)
        if metric.tag in unread:
            why = unread[metric.tag]
        elif not runs:
            why = _what_is_missing(metric, of_tag, tags) + in_brackets(notes) if tags else nothing
        elif len(runs) > 1:
            ambiguous.append(metric.name)
            why = _which_there_are(metric, runs)
        else:
            [run] = runs
            steps = of_tag[run].steps
            logged[metric.name] = Logged(steps.size, int(steps[-1]))
            value = _reduce(metric, of_tag[run])
            if value is not None:
                values[metric.name] = value
                continue
            not_finite.append(metric.name)
            why = _what_is_not_finite(metric, of_tag[run])
        if not metric.optional:
            problems.append(f"metric {quote(metric.name)}: {why}")
    return Reading(values, tuple(problems), tuple(not_finite), tuple(notes), tuple(ambiguous), logged)


def unread(wanted: Sequence[Wanted], why: str, notes: Sequence[str] = ()) -> Reading:
    """Logs that have no value for any metric, for one and the same reason."""
    needed = [metric for metric in wanted if not metric.optional]
    return Reading({}, tuple(f"metric {quote(metric.name)}: {why}" for metric in needed), (), tuple(notes))


def quote(text: str) -> str:
    """Return a name from a log as it may stand in a sentence: in quotes, on one line, not endless."""
    return repr(text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…")


def quote_names(names: Iterable[str]) -> str:
    """Return names as a sentence may list them: sorted, and not all if they are very many."""
    ordered = sorted(names)
    more = f" and {len(ordered) - _MOST_LISTED} more" if len(ordered) > _MOST_LISTED else ""
    return ", ".join(quote(name) for name in ordered[:_MOST_LISTED]) + more


def in_brackets(notes: Sequence[str]) -> str:
    """The first note as it may follow a sentence: what is missing may be where something could not be read."""
    return f" ({notes[0]})" if notes else ""


def _reduce(metric: Wanted, curve: Curve) -> float | None:
    """The value, None if it is not finite."""
    with np.errstate(over="ignore"):  # a mean that overflows is infinite, and said to be
        value = float(_REDUCTIONS[metric.reduce](curve.values))
    seen = curve.values[-1:] if metric.reduce == "Last" else curve.values
    return value if math.isfinite(value) and np.isfinite(seen).all() else None


def _what_is_missing(metric: Wanted, folders: Collection[str], tags: Iterable[str]) -> str:
    if folders:
        folder, others = quote(metric.run or ""), quote_names(folders)
        return f"the tag {quote(metric.tag)} is not in a folder {folder}, only in {others}"
    near = _nearest(metric.tag, tags)
    remedy = f"; if {quote(near)} is meant, say so in spec.metrics: {_entry(metric, tag=near)}" if near else ""
    return f"no scalar has the tag {quote(metric.tag)}; tags found: {quote_names(tags)}{remedy}"


def _which_there_are(metric: Wanted, folders: Sequence[str]) -> str:
    entry = _entry(metric, tag=metric.tag, run=example(sorted(folders)))
    return (
        f"the tag {quote(metric.tag)} is in several folders: {quote_names(folders)}; "
        f"say in spec.metrics which one counts, as {entry}"
    )


def _entry(metric: Wanted, **fields: str) -> str:
    """An entry of spec.metrics, as YAML."""
    words = (f"{field}: {json.dumps(text, ensure_ascii=not text.isprintable())}" for field, text in fields.items())
    return f"{{name: {metric.name}, {', '.join(words)}}}"


def _nearest(tag: str, tags: Iterable[str]) -> str | None:
    """The tag that was probably meant, whatever its case and whatever separates its words; None if none is near."""
    short = [name for name in sorted(tags) if len(name) <= _LONGEST_NAME][:_MOST_COMPARED]
    plain = {_NOT_A_LETTER.sub("", name.casefold()): name for name in short}
    close = difflib.get_close_matches(_NOT_A_LETTER.sub("", tag.casefold()), plain, n=1)
    return plain[close[0]] if close else None


def _what_is_not_finite(metric: Wanted, curve: Curve) -> str:
    bad = np.flatnonzero(~np.isfinite(curve.values))
    if not bad.size:
        return f"the mean of tag {quote(metric.tag)} is too large for a number"
    at = -1 if metric.reduce == "Last" else bad[0]
    return f"tag {quote(metric.tag)} is {curve.values[at]} at step {curve.steps[at]}"
