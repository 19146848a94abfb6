"""`paretonas` with a random search in the place of Ax, which would cost each test seconds; as a script, the command."""

import random
from collections.abc import Sequence

from paretonas.api import ExperimentSpec
from paretonas.cli import main, run
from paretonas.search import Candidate, KnownTrial, Suggestion


class RandomSearch:
    """As SearchWorker, for experiments whose only parameter is ``x`` from 0 to 1."""

    def warm_up(self) -> None:
        """Nothing to import."""

    def close(self) -> None:
        """Nothing to end."""

    def suggest(self, spec: ExperimentSpec, known: Sequence[KnownTrial], count: int) -> Suggestion:
        def candidate(index: int) -> Candidate:
            draw = random.Random(spec.search.seed * 1000 + index)  # noqa: S311 # no secret
            return Candidate({"x": draw.random()}, "Sobol")

        first = len(known)
        return Suggestion(tuple(map(candidate, range(first, first + count))), no_more=None, seconds=0.0)


if __name__ == "__main__":
    setattr(run, "SearchWorker", RandomSearch)  # noqa: B010 # for this process only; mypy would not allow it
    main.main()
