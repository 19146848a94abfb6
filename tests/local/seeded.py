"""`paretonas` with a search that answers at once, for tests that start it many times: Ax takes seconds to import.

All else is the real thing. The candidates depend on everything that is known, as those of Ax do.
"""

from collections.abc import Sequence

from tests.unit.engine.fakes import suggestion

from paretonas.api import ExperimentSpec
from paretonas.cli import run
from paretonas.cli.main import main
from paretonas.search import KnownTrial, Suggestion

POINTS = 4096
"""Candidates of the search: many more than trials."""


class SeededSearch:
    """In the place of `SearchWorker`."""

    def warm_up(self) -> None:
        """Nothing takes time here."""

    def suggest(self, spec: ExperimentSpec, known: Sequence[KnownTrial], count: int) -> Suggestion:
        """Points of a grid."""
        return suggestion(spec, known, count, POINTS)


if __name__ == "__main__":
    vars(run)["SearchWorker"] = SeededSearch
    main()
