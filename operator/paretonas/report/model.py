"""What a model of the trials says: how well it predicts them, and what it has learnt of the parameters."""

from collections.abc import Sequence

from paretonas.api import ExperimentSpec, NASTrial
from paretonas.report.plot import Plot
from paretonas.report.sections import Section
from paretonas.search.types import KnownTrial

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
    """Ax's analyses of the succeeded trials: a section each, with a figure for each metric."""
    from paretonas.search import analyses  # noqa: PLC0415 # imports Ax and torch, seconds that few pages need

    known = [
        KnownTrial(trial.spec.index, trial.spec.parameters, "Observed", trial.status.metrics)
        for trial in trials
        if trial.status.state == "Succeeded"
    ]
    if len(known) < analyses.FEWEST_TRIALS:
        empty = f"Ax's model needs {analyses.FEWEST_TRIALS} succeeded trials; there are {len(known)} yet."
        return [Section("model", "Model", "", [], empty)]
    cards = analyses.analyse(spec, known)
    sections = []
    for kind, (title, lead) in _PARTS.items():
        plots = [Plot(card.figure, _HEIGHT, card.title, card.subtitle) for card in cards if card.kind == kind]
        sections.append(Section(kind.lower(), title, lead, plots, "It takes two parameters with an order."))
    return sections
