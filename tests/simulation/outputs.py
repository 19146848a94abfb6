"""The output folders of trials, each of which keeps something as soon as it runs."""

from collections.abc import Sequence

from tests.simulation.network import Network
from tests.simulation.promises import Promises
from tests.simulation.truth import Truth

from paretonas.api import NASExperiment, NASTrial
from paretonas.jobs.job import Removal


class SimulatedOutputs:
    """The port Outputs."""

    def __init__(self, truth: Truth, network: Network, promises: Promises) -> None:
        self._truth, self._network, self._promises = truth, network, promises

    def find(self, trial: NASTrial) -> str | None:
        """Look at the disk; no call, so that schedules that count calls mean what they did."""
        return f"{trial.spec.experiment}/{trial.name}/output" if self._truth.has_output(trial.name) else None

    def remove(self, experiment: NASExperiment, trials: Sequence[NASTrial]) -> Removal:  # noqa: ARG002 # of the port
        names = [trial.name for trial in trials]

        def remove() -> Removal:
            for name in names:
                self._promises.output_removed(name)
                self._truth.outputs_removed.add(name)
            return Removal(frozenset(names))

        return self._network.call(f"remove {len(names)} outputs", remove)
