"""`paretonas plan`: the first candidates of an experiment, without running them."""

from datetime import UTC, datetime
from typing import Any

import click

from paretonas.api import Loaded
from paretonas.engine.consequences import settle_trial
from paretonas.engine.engine import known_trial
from paretonas.search import SearchError, SearchWorker


def candidates(begin: Loaded, number: int) -> list[dict[str, Any]]:
    """The first points that a run would try, as records. Raises ClickException and MissingExtra."""
    spec, trials, now = begin.experiment.spec, begin.trials, datetime.now(UTC)
    known = [known_trial(settle_trial(trial, spec, now)) for trial in trials]
    search = SearchWorker()  # asked as in a run; Ax's own messages stay in that process
    try:
        suggestion = search.suggest(spec, known, number)
    except SearchError as error:
        raise click.ClickException(str(error)) from error
    finally:
        search.close()
    return [
        {"index": index, "origin": candidate.origin, "parameters": dict(candidate.parameters)}
        for index, candidate in enumerate(suggestion.candidates, trials[-1].spec.index + 1 if trials else 0)
    ]
