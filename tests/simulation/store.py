"""The store as on a cluster: a server with versions, and a process' cache that a watch brings up to date."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.simulation.network import Conflict, Lag, Network
from tests.simulation.promises import Promises
from tests.simulation.truth import EXPERIMENT, Truth, Versioned, elsewhere, trials_of

from paretonas.api import NASExperiment, NASTrial, UnreadableTrial


class SimulatedStore:
    """Reads from the cache, writes to the server, and puts what it wrote into the cache at once, as ClusterStore."""

    def __init__(self, truth: Truth, network: Network, promises: Promises) -> None:
        self._truth, self._network, self._promises = truth, network, promises
        self._cache, self._read = dict(truth.resources), dict(truth.resources)
        self._strangers: Mapping[str, str] = {}
        """Those that this process has met: as a watch that lags as long as it can."""
        self.lag = Lag()

    # --- the port

    def experiment(self) -> NASExperiment:
        def read() -> NASExperiment:
            self._watch()
            self._read[EXPERIMENT] = self._cache[EXPERIMENT]
            value: NASExperiment = self._read[EXPERIMENT][1]
            return value

        return self._network.call("experiment", read)

    def trials(self) -> Sequence[NASTrial]:
        def read() -> Sequence[NASTrial]:
            self._watch()
            self._read = self._cache | {EXPERIMENT: self._read[EXPERIMENT]}
            return trials_of(self._read)

        return self._network.call("trials", read)

    def create_trial(self, trial: NASTrial) -> None:
        def create() -> Versioned:
            if trial.name in self._truth.strangers:
                self._strangers = dict(self._truth.strangers)
                raise Conflict(f"create {trial.name}: it is of another experiment")
            if trial.name not in self._truth.resources:
                self._promises.trial_created(trial)
                self._truth.put(trial.name, trial)
            return self._truth.resources[trial.name]

        self._network.call(f"create {trial.name}", create, receive=lambda answer: self._learn(trial.name, answer))

    def strangers(self) -> Mapping[str, str]:
        return self._strangers

    def save_trial(self, trial: NASTrial) -> NASTrial:
        def save(before: NASTrial) -> NASTrial:
            self._promises.trial_written(before, trial)
            return trial

        self._write(trial.name, save, f"save {trial.name}")
        return trial

    def save_status(self, experiment: NASExperiment) -> None:
        def save(before: NASExperiment) -> NASExperiment:
            self._promises.status_written(before.status, experiment.status)
            return before.replace(status=experiment.status)

        self._write(EXPERIMENT, save, "save status")

    def read_finished(self, name: str) -> Sequence[NASTrial] | None:
        return self._network.call(f"read_finished {name}", lambda: elsewhere(self._truth.now))

    # --- the world behind it

    def cached(self, name: str) -> NASTrial | None:
        """A trial as the engine's process knows it."""
        found = self._cache.get(name)
        return found[1] if found else None

    def known(self) -> Sequence[NASTrial]:
        """Trials that the engine's process knows."""
        return trials_of(self._read)

    def counted(self) -> int:
        """Trials that the engine's process knows and that are in the budget."""
        trials = trials_of(self._read)
        return sum(t.spec.observation is None and not isinstance(t, UnreadableTrial) for t in trials)

    def touch(self) -> None:
        """Somebody else changes something of everything, which the cache does not know yet."""
        self._watch()
        for key, (_, value) in list(self._truth.resources.items()):
            self._truth.put(key, value)
        self.lag.begin(self._network.number + 1)

    def restart(self) -> None:
        """A new process lists everything."""
        self._cache, self._read = dict(self._truth.resources), dict(self._truth.resources)
        self._strangers = dict(self._truth.strangers)
        self.lag.begin(0)

    def _watch(self) -> None:
        """What has happened arrives, but for what lags behind."""
        number = self._network.number
        for key, entry in self._truth.resources.items():
            if self._cache.get(key) is not entry and not self.lag.behind(key, number):
                self._cache[key] = entry

    def _learn(self, key: str, answer: Versioned) -> None:
        self._cache[key] = self._read[key] = answer

    def _write(self, key: str, change: Any, what: str) -> None:
        """Put a value in the place of the version that was read."""

        def write() -> Versioned:
            version, _ = self._read[key]
            current, before = self._truth.resources[key]
            if version != current:
                raise Conflict(f"{what}: version {version} was read, but it is {current}")
            self._truth.put(key, change(before))
            return self._truth.resources[key]

        self._network.call(what, write, receive=lambda answer: self._learn(key, answer))
