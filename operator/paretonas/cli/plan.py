"""`paretonas plan`: the first candidates of an experiment, without running any."""

from typing import Any

import click

from paretonas.api import NASExperiment
from paretonas.search import SearchError, SearchWorker


def candidates(experiment: NASExperiment, number: int) -> list[dict[str, Any]]:
    """The points that a run would begin with, as records. Raises ClickException when the search has no answer."""
    search = SearchWorker()  # as a run asks, and Ax's own messages stay in that process
    try:
        suggestion = search.suggest(experiment.spec, [], number)
    except SearchError as error:
        raise click.ClickException(str(error)) from error
    finally:
        search.close()
    return [
        {"index": index, "origin": candidate.origin, "parameters": dict(candidate.parameters)}
        for index, candidate in enumerate(suggestion.candidates)
    ]
