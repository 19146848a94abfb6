"""Candidates for an experiment from Ax, as a pure function of its spec and its known trials.

Importing this imports neither torch nor Ax: they live in the worker's process.
"""

import logging
import warnings
from collections.abc import Sequence

from paretonas.api import ExperimentSpec
from paretonas.search.types import Candidate, KnownTrial, NoMore, Search, SearchError, Suggestion
from paretonas.search.worker import SearchWorker

__all__ = [
    "Candidate",
    "KnownTrial",
    "NoMore",
    "Search",
    "SearchError",
    "SearchWorker",
    "Suggestion",
    "suggest_here",
]


def suggest_here(spec: ExperimentSpec, known: Sequence[KnownTrial], count: int) -> Suggestion:
    """Suggest in this process, importing torch and Ax into it; see `paretonas.search.suggest`. Raises SearchError."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # Ax tells about every step, and about settings that are deliberate
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from paretonas.search.suggest import suggest_here as compute  # noqa: PLC0415 # heavy; see above

            return compute(spec, known, count)
    finally:
        logging.disable(before)
