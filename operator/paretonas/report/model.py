"""What a model of the trials says about the parameters, or why there is none."""

from collections.abc import Sequence
from dataclasses import asdict

from paretonas.api import ExperimentSpec, NASTrial
from paretonas.extras import Extra, MissingExtra, require
from paretonas.report.document import Document
from paretonas.search.types import KnownTrial, SearchError

FEWEST_TRIALS = 5
"""The fewest results that are explained: with fewer, a model of several parameters would only repeat them."""


def model_document(spec: ExperimentSpec, trials: Sequence[NASTrial], *, required: bool = False) -> Document:
    """An explanation of each metric under ``metrics``, or under ``missing`` a sentence that says why there is none.

    Raises:
        MissingExtra: The model is required, and the search is not installed.
    """
    known = [
        KnownTrial(trial.spec.index, trial.spec.parameters, "Observed", trial.status.metrics)
        for trial in trials
        if trial.status.state == "Succeeded"
    ]
    try:
        require(Extra.LOCAL)
        if len(known) < FEWEST_TRIALS:
            return {"missing": f"A model needs {FEWEST_TRIALS} results; there are {len(known)} yet."}
        from paretonas.search import explain  # noqa: PLC0415 # imports torch, seconds that few commands need

        found = explain.explain(spec, known)
    except MissingExtra as reason:
        if required:
            raise
        return {"missing": f"A model of the trials is not shown: {reason}."}
    except SearchError as reason:
        return {"missing": str(reason)}
    given = len(found[0].cross_validation) if found else 0
    note = f"Of {len(known)} trials the model is given {given}, evenly chosen." if given < len(known) else ""
    return {"note": note, "metrics": [asdict(each) for each in found]}
