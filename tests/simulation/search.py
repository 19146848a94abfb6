"""A search that costs nothing: a function of the known trials, as the real one is."""

import random
from collections.abc import Callable, Sequence

from tests.simulation.network import Network
from tests.simulation.promises import Promises
from tests.simulation.schedule import Scenario

from paretonas.api import ExperimentSpec
from paretonas.api.reasons import EndReason
from paretonas.search import Candidate, KnownTrial, SearchError, Suggestion


class SimulatedSearch:
    """The port Search: free points of a grid."""

    def __init__(self, network: Network, promises: Promises, scenario: Scenario, counted: Callable[[], int]) -> None:
        """``counted`` tells how many trials this process knows that are in the budget."""
        self._network, self._promises, self._ahead = network, promises, scenario.ahead
        self._grid = [i / scenario.points for i in range(scenario.points)]
        self._counted = counted
        self.meanwhile: Callable[[], None] = lambda: None
        """What happens while it thinks."""

    def suggest(self, spec: ExperimentSpec, known: Sequence[KnownTrial], count: int) -> Suggestion:
        def suggest() -> Suggestion:
            missing = spec.max_trials - self._counted()
            self._promises.kept("budget", 0 < count <= missing, f"{count} are asked for, {missing} are missing")
            waiting, most = sum(k.state == "Pending" for k in known), spec.parallelism + self._ahead
            hoard = f"{count} are asked for beside {waiting}, for {most} places"
            self._promises.told(known)
            self._promises.kept("no hoard", waiting + count <= most, hoard)
            self.meanwhile()
            return self._suggestion(spec, known, count)

        return self._network.call(f"suggest {count}", suggest, refused=SearchError)

    def _suggestion(self, spec: ExperimentSpec, known: Sequence[KnownTrial], count: int) -> Suggestion:
        """As the real one: the order of the trials counts and not their indices; asking for two is asking twice."""
        in_order = sorted(known, key=lambda k: k.index)
        seen = [(k.parameters["x"], k.state, sorted(k.metrics.items())) for k in in_order]
        free = [x for x in self._grid if x not in {x for x, _, _ in seen}]
        chosen = list[float]()
        while free and len(chosen) < count:
            x = random.Random(repr((spec.search.seed, seen))).choice(free)  # noqa: S311 # no secret
            free.remove(x)
            seen.append((x, "Pending", []))
            chosen.append(x)
        candidates = tuple(Candidate({"x": x}, "Sobol") for x in chosen)
        return Suggestion(candidates, None if free else EndReason.SEARCH_SPACE_EXHAUSTED, seconds=0.0)
