"""Learning curves: every scalar that the trials logged over their steps, thinned for the page. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from paretonas.report.results import Results

StepValues = Sequence[tuple[int, float]]
"""(step, value), by step."""
LoggedCurves = Mapping[str, StepValues]
"""The scalars logged by one trial, by TensorBoard tag."""

MAX_TAGS = 12
"""The most tags that are drawn: more cannot be read."""
_POINTS = 60_000
"""The most points of all curves together: about 1 MB of page."""
_FEWEST, MOST_POINTS = 5, 300
"""The fewest points that a curve keeps, and the most that can be distinguished in the width of a panel."""
_DIGITS = 6
"""Significant digits. TensorBoard stores single precision, which would take 17 digits as a double."""


def curve_panels(results: Results, curves: Mapping[str, LoggedCurves]) -> dict[str, Any]:
    """The tags as panels, first those of the objectives, each with the curves of all trials that logged it.

    A tag is left out if it has no curve of two steps, or if it has the same value everywhere.

    Args:
        results: The trials.
        curves: What they have logged, by the trial's name.
    """
    logged = {i: curves[trial.name] for i, trial in enumerate(results.trials) if trial.name in curves}
    tags, constant = _tags(results, logged)
    shown, objectives = tags[:MAX_TAGS], _objective_tags(results)
    drawn = sum(tag in of_trial for of_trial in logged.values() for tag in shown)
    limit = min(MOST_POINTS, max(_FEWEST, _POINTS // max(drawn, 1)))
    notes = []
    if len(tags) > len(shown):
        notes.append(f"{len(shown)} of {len(tags)} tags are drawn.")
    if constant:
        notes.append(f"Never changed: {', '.join(constant)}.")
    if any(len(of_trial.get(tag, ())) > limit for of_trial in logged.values() for tag in shown):
        notes.append(f"Longer curves are thinned to {limit} points.")
    return {
        "missing": "" if shown else "No trial has logged a scalar over several steps yet.",
        "note": " ".join(notes),
        "panels": [
            {
                "tag": tag,
                "log": objectives.get(tag, False),
                "lines": [
                    {"trial": i, **_line(of_trial[tag], limit)} for i, of_trial in logged.items() if tag in of_trial
                ],
            }
            for tag in shown
        ],
    }


def _tags(results: Results, curves: Mapping[int, LoggedCurves]) -> tuple[list[str], list[str]]:
    """The tags that are worth a panel, and the constant ones, which would fill panels with flat lines.

    Those of the objectives come first, then those of most trials.
    """
    count = Counter(tag for of_trial in curves.values() for tag in of_trial)
    curved = {tag for of_trial in curves.values() for tag, curve in of_trial.items() if len(curve) > 1}
    values = {tag: {v for of_trial in curves.values() for _, v in of_trial.get(tag, ())} for tag in curved}
    constant = sorted(tag for tag in curved if len(values[tag]) == 1)
    objectives = _objective_tags(results)
    tags = sorted(curved.difference(constant), key=lambda tag: (tag not in objectives, -count[tag], tag))
    return tags, constant


def _objective_tags(results: Results) -> dict[str, bool]:
    """The tags from which objectives are read, and whether each has a Log scale."""
    log = {objective.metric: objective.scale == "Log" for objective in results.objectives}
    sources = [s for s in results.experiment.spec.metric_sources if s.name in log]
    return {s.tag if s.run is None else f"{s.tag} ({s.run})": log[s.name] for s in sources}


def _line(curve: StepValues, limit: int) -> dict[str, Any]:
    """At most `limit` points, evenly along the curve, including its ends; a value that is not finite is a gap."""
    places: Sequence[int] = range(len(curve))
    if len(curve) > limit:
        places = [round(i * (len(curve) - 1) / (limit - 1)) for i in range(limit)]
    points = [curve[place] for place in places]
    return {
        "x": [step for step, _ in points],
        "y": [float(f"{value:.{_DIGITS}g}") if isfinite(value) else None for _, value in points],
    }
