"""Candidates for an experiment from Ax, as a pure function of its spec and its known trials.

Importing this package imports neither torch nor Ax: only the worker's process does.
"""

from collections.abc import Sequence

from paretonas.api import ExperimentSpec
from paretonas.extras import Extra, require
from paretonas.search.runtime import quiet
from paretonas.search.types import Candidate, KnownTrial, SearchError, Suggestion
from paretonas.search.worker import SearchWorker

__all__ = ["Candidate", "KnownTrial", "SearchError", "SearchWorker", "Suggestion", "suggest_here"]


def suggest_here(spec: ExperimentSpec, known: Sequence[KnownTrial], count: int) -> Suggestion:
    """Suggest candidates in this process, into which torch and Ax are imported.

    See `paretonas.search.suggest.suggest_here`.

    Raises:
        MissingExtra: The search is not installed.
        SearchError: There is no answer; the message says why.
    """
    require(Extra.LOCAL)
    with quiet():
        from paretonas.search.suggest import suggest_here as compute  # noqa: PLC0415 # heavy; see above

        return compute(spec, known, count)
