"""`paretonas plan`: the first candidates of an experiment, without running any."""

from typing import Any

import click

from paretonas.api import NASExperiment
from paretonas.search import SearchError, suggest_here


def candidates(experiment: NASExperiment, number: int) -> list[dict[str, Any]]:
    """The points that a run would begin with, as records. Raises ClickException when the search has no answer."""
    try:
        suggestion = suggest_here(experiment.spec, [], number)
    except SearchError as error:
        raise click.ClickException(str(error)) from error
    return [
        {"index": index, "origin": candidate.origin, "parameters": dict(candidate.parameters)}
        for index, candidate in enumerate(suggestion.candidates)
    ]
