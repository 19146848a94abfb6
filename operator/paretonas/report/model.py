"""A model of the trials: how well it predicts them, and what it has learnt about the parameters."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from paretonas.api import ExperimentSpec, NASTrial
from paretonas.extras import Extra, require
from paretonas.report.figure import ACCENT, COLORSCALE, FAINT, INK, Plot
from paretonas.report.sections import Section
from paretonas.search.runtime import quiet
from paretonas.search.types import KnownTrial, SearchError

if TYPE_CHECKING:
    from paretonas.search.analyses import Card

_HEIGHT = 400

_PARTS = {
    "Sensitivity": (
        "What each metric depends on",
        "The share of a metric's variation that Ax's model puts down to each parameter, interactions included.",
    ),
    "Contour": (
        "Metrics over their two most important parameters",
        "What Ax's model predicts; crosses are trials. Parameter constraints are not drawn.",
    ),
    "CrossValidation": (
        "How well the model predicts a trial it has not seen",
        "Each trial is predicted from all others (leave-one-out), with a 95 % interval; on the line it is right.",
    ),
}


def model_sections(spec: ExperimentSpec, trials: Sequence[NASTrial]) -> list[Section]:
    """Ax's analyses of the succeeded trials: a section each, with a figure for each metric. Raises MissingExtra."""
    require(Extra.LOCAL)
    known = [
        KnownTrial(trial.spec.index, trial.spec.parameters, "Observed", trial.status.metrics)
        for trial in trials
        if trial.status.state == "Succeeded"
    ]
    with quiet(logging.CRITICAL):  # what fails comes back in a card
        from paretonas.search import analyses  # noqa: PLC0415 # imports Ax and torch, seconds that few pages need

        try:
            cards = analyses.analyse(spec, known)
        except SearchError as reason:
            return [Section("model", "Model", "", [], str(reason))]
    given = analyses.MOST_TRIALS
    note = f" Of {len(known)} trials the model is given {given}, evenly chosen." if len(known) > given else ""
    sections = []
    for kind, (title, lead) in _PARTS.items():
        plots = [_plot(card) for card in cards if card.kind == kind]
        sections.append(Section(kind.lower(), title, lead + note, plots, "It takes two parameters that have an order."))
    return sections


def _plot(card: "Card") -> Plot:
    """Ax's figure in the colours of the page."""
    if not card.figure:
        return Plot({}, 0, card.title, note=f"Ax could not draw this: {card.subtitle}")
    first, layout = card.figure["data"][0], card.figure["layout"]
    layout.pop("margin", None)
    if card.kind == "Sensitivity":
        layout |= {"showlegend": True}
        layout["xaxis"]["title"], layout["yaxis"]["title"] = {"text": "share of the variation"}, {"text": ""}
    elif card.kind == "Contour":
        first["colorscale"] = COLORSCALE
        card.figure["data"][1]["marker"] = {"symbol": "x", "color": "white", "line": {"color": INK, "width": 1}}
    else:
        first["marker"] = {"color": ACCENT}
        first["error_x"]["visible"] = False  # measured values have no interval
        first["error_y"]["color"] = FAINT
    return Plot(card.figure, _HEIGHT, card.title, explanation=card.subtitle)
