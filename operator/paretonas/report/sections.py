"""The sections of the page that contain figures, each with a text for when it has none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from paretonas.report.curves import LoggedCurves, learning_curves
from paretonas.report.figure import Plot
from paretonas.report.history import hypervolume
from paretonas.report.parallel_coordinates import parallel_coordinates
from paretonas.report.pareto_plot import best_so_far, tradeoff
from paretonas.report.results import Results
from paretonas.report.text import goals


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        name: Its anchor.
        title: Its heading.
        lead: How to read it.
        plots: Its figures.
        empty: The text shown when there are no figures.
        width: ``whole``, or ``most`` and ``rest`` beside each other on a wide page.
        key: The names of the three marks of trials, where they are used: in the Pareto set, dominated, ruled out.
    """

    name: str
    title: str
    lead: str
    plots: Sequence[Plot]
    empty: str
    width: str = "whole"
    key: tuple[str, ...] = ()


NO_RESULT = "No trial has succeeded yet."
RULED_OUT = "outside a threshold or constraint"


def sections(results: Results, curves: Mapping[str, LoggedCurves]) -> list[Section]:
    """All figures of a search; `curves` are by the trial's name."""
    return [*_objectives(results), _parameters(results), _curves(results, curves)]


def _objectives(results: Results) -> list[Section]:
    found = bool(results.succeeded)
    if len(results.objectives) == 1:
        lead = f"Each mark is a trial, the line the best until then: {goals(results.objectives)}."
        plots = [best_so_far(results)] if found else []
        return [Section("objectives", "Best trial", lead, plots, NO_RESULT, key=("best", "other", RULED_OUT))]
    pairs = list(combinations(results.objectives, 2))
    two = len(pairs) == 1
    lead = f"Each mark is a trial; no other beats one of the Pareto set in {'both' if two else 'all'} objectives."
    plots = [tradeoff(results, x, y) for y, x in pairs] if found else []
    volume = [hypervolume(results)] if found and results.reference else []
    waits = "The reference point is fixed when the initial trials have ended." if found else NO_RESULT
    wide, narrow = ("most", "rest") if two else ("whole", "whole")
    below = "What the Pareto set dominates, up to the reference point."
    return [
        Section("objectives", "Pareto front", lead, plots, NO_RESULT, wide, ("Pareto set", "dominated", RULED_OUT)),
        Section("hypervolume", "Hypervolume", below, volume, waits, narrow),
    ]


def _parameters(results: Results) -> Section:
    return Section(
        "parameters",
        "Parameters and objectives",
        "A line is a trial; on every objective's axis better is up. Drag along an axis to pick trials, "
        "drag its name to move it.",
        [parallel_coordinates(results)] if results.succeeded else [],
        NO_RESULT,
    )


def _curves(results: Results, curves: Mapping[str, LoggedCurves]) -> Section:
    plot = learning_curves(results, curves)
    return Section(
        "curves",
        "Learning curves",
        "The Pareto set in colour, other trials in grey. Click a name to hide it, double-click to see it alone.",
        [plot] if plot else [],
        "No trial has logged a scalar over several steps yet.",
    )
