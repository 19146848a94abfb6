"""The engine's world: its ports, the user, and somebody who kills its process."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

from tests.builders import experiment
from tests.simulation.jobs import SimulatedJobs
from tests.simulation.network import Network, Trace
from tests.simulation.outputs import SimulatedOutputs
from tests.simulation.promises import Promises
from tests.simulation.schedule import Fault, Kind, Scenario, Schedule
from tests.simulation.search import SimulatedSearch
from tests.simulation.store import SimulatedStore
from tests.simulation.truth import EXPERIMENT, OTHER, Truth, result

from paretonas.api import (
    NASExperiment,
    NASTrial,
    Observation,
    Retry,
    StopWhen,
    TrialMetadata,
    TrialSpec,
    read_trial,
    trial_name,
)

_SECONDS_A_JUMP = 2

_BAD: tuple[dict[str, Any], ...] = ({"x": [0.5]}, {"x": "far" * 100}, {"x": {"y": {}}}, {"x": 0.5, "y": "\0"})
"""Points of trials that cannot be read."""


class World:
    """Everything that the engine meets, under a schedule."""

    def __init__(self, schedule: Schedule, trace: Trace | None = None) -> None:
        self._scenario = schedule.scenario
        self.truth = Truth({EXPERIMENT: (0, _experiment(schedule.scenario))})
        self.network = Network(schedule, self._meet, trace)
        self.promises = Promises(self.truth)
        self.store = SimulatedStore(self.truth, self.network, self.promises)
        self.promises.known = self.store.known
        self.jobs = SimulatedJobs(self.truth, self.network, self.promises, schedule, self.store.cached)
        self.outputs = SimulatedOutputs(self.truth, self.network, self.promises)
        self.search = SimulatedSearch(self.network, self.promises, schedule.scenario, self.store.counted)
        self.drained, self.woken = 0, 0
        """So many passes stop what runs; so many are made at once."""
        self._skew = timedelta()

    def clock(self) -> datetime:
        """The engine's clock, which need not be right."""
        return self.network.call("clock", lambda: self.truth.now + self._skew)

    def restart(self) -> None:
        """The process has died, and the next one begins."""
        self.store.restart()
        self.jobs.restart()

    def end_faults(self) -> None:
        """From now on nothing goes wrong, and the user leaves it alone."""
        self.network.end_faults()
        self.store.lag.begin(0)
        self.jobs.lag.begin(0)
        self.drained = 0
        if self.truth.experiment.spec.suspend:
            self._suspend(False)
        if self.truth.experiment.spec.stop:
            self._end(False)

    def _meet(self, fault: Fault) -> None:
        """What a fault does to the world; what it does to the call itself the network knows."""
        happens: dict[Kind, Callable[[int], None]] = {
            Kind.CONFLICT: lambda _: self.store.touch(),
            Kind.LOST_ANSWER: lambda size: self.store.lag.begin(self.network.number + size),
            Kind.STALE_RESOURCES: lambda size: self.store.lag.begin(self.network.number + size),
            Kind.STALE_JOBS: lambda size: self.jobs.lag.begin(self.network.number + size),
            Kind.REORDERED_RESOURCES: lambda size: self.store.lag.begin(self.network.number + size, some=True),
            Kind.REORDERED_JOBS: lambda size: self.jobs.lag.begin(self.network.number + size, some=True),
            Kind.WOKEN_AGAIN: self._wake,
            Kind.CLOCK_JUMPS: self._jump,
            Kind.SUSPENDED: lambda _: self._suspend(not self.truth.experiment.spec.suspend),
            Kind.STOPPED: self._stop,
            Kind.RAISED: lambda _: self._raise(),
            Kind.USER_TRIAL: self._add_trial,
            Kind.USER_RESULT: self._add_result,
            Kind.RETRIED: self._retry,
            Kind.GOALS_CHANGED: lambda _: self._change_goals(),
            Kind.ENDED_BY_USER: lambda _: self._end(not self.truth.experiment.spec.stop),
            Kind.JOB_DELETED: self.jobs.delete,
            Kind.BAD_TRIAL: self._add_bad,
            Kind.STRANGER: self._add_stranger,
        }
        if fault.kind in happens:
            happens[fault.kind](fault.size)

    def _wake(self, size: int) -> None:
        self.woken += 1 + size % 3

    def _jump(self, size: int) -> None:
        self._skew = timedelta(seconds=_SECONDS_A_JUMP * (size % 5 - 2))

    def _stop(self, size: int) -> None:
        self.drained += 1 + size % 4

    def _suspend(self, suspend: bool) -> None:
        self._edit(suspend=suspend)

    def _end(self, stop: bool) -> None:
        self.truth.stopped += 1
        self._edit(stop=stop)

    def _raise(self) -> None:
        self.truth.raised += 1
        self._edit(max_trials=self.truth.experiment.spec.max_trials + 1)

    def _retry(self, size: int) -> None:
        generation = self.truth.experiment.spec.retry.generation + 1
        retry = Retry(generation=generation, infeasible=size % 3 == 0)
        self.truth.retries.append(retry)
        self._edit(retry=retry)

    def _change_goals(self) -> None:
        """The user removes all goals, and sets them again when there are none."""
        spec = self.truth.experiment.spec
        given = _experiment(self._scenario).spec
        none = spec.replace(objectives=spec.without_targets().objectives, stop_when=StopWhen())
        goals = given if spec == none else none
        if given.objectives != given.without_targets().objectives or given.stop_when != StopWhen():
            self.truth.goals_changed += 1
            self._edit(objectives=goals.objectives, stop_when=goals.stop_when)

    def _edit(self, **spec: object) -> None:
        """The user changes the spec."""
        of = self.truth.experiment
        self.truth.put(EXPERIMENT, of.replace(spec=of.spec.replace(**spec)))

    def _add_trial(self, size: int) -> None:
        """The user tries a point of their own, under an index that leaves a gap."""
        trials, of = self.truth.trials, self.truth.experiment
        if self.truth.added_by_user or len(trials) >= of.spec.max_trials or of.status.finished:
            return
        self.truth.added_by_user += 1
        self._create(0.123456, size)

    def _add_result(self, size: int) -> None:
        """The user brings a result, good or bad."""
        state: Literal["Succeeded", "Failed"] = "Failed" if size % 3 == 0 else "Succeeded"
        if not any(t.spec.observation and not t.spec.observation.source for t in self.truth.trials):
            metrics = result(0.654321) if state == "Succeeded" else {}
            self._create(0.654321, size, Observation(state=state, metrics=metrics))

    def _add_bad(self, size: int) -> None:
        """Somebody stores what nobody can read, under an index that a candidate may be about to get."""
        of, index = self.truth.experiment, self._last() + 1 + size % 3
        spec = {"experiment": of.name, "index": index, "parameters": _BAD[size % len(_BAD)]}
        document = {"apiVersion": of.api_version, "kind": "NASTrial", "spec": spec}
        trial = read_trial({**document, "metadata": {"name": trial_name(of.name, index)}})
        if trial.name not in self.truth.resources and trial.name not in self.truth.strangers:
            self.truth.put(trial.name, trial)

    def _add_stranger(self, size: int) -> None:
        """Somebody's trial of another experiment has a name that a candidate is about to get."""
        name = trial_name(self.truth.experiment.name, self._last() + 1 + size % 3)
        if name not in self.truth.resources:
            self.truth.strangers[name] = OTHER

    def _last(self) -> int:
        """The last index."""
        return self.truth.trials[-1].spec.index if self.truth.trials else -1

    def _create(self, x: float, size: int, observation: Observation | None = None) -> None:
        of, index = self.truth.experiment, self._last() + 2 + size % 2
        while trial_name(of.name, index) in self.truth.strangers:
            index += 1
        trial = NASTrial(
            metadata=TrialMetadata(name=trial_name(of.name, index)),
            spec=TrialSpec(experiment=of.name, index=index, parameters={"x": x}, observation=observation),
        )
        self.truth.put(trial.name, trial)


@lru_cache(maxsize=4096)
def _experiment(scenario: Scenario) -> NASExperiment:
    thresholds: list[dict[str, object]] = [{"threshold": 0.0}, {"threshold": 100.0}]
    limits = thresholds if scenario.thresholds else [{}, {}]
    keep = "ParetoSet" if scenario.keep_pareto_set else "All"
    stalls: dict[str, object] = {}
    if scenario.stalls and scenario.stalls[0] <= scenario.max_trials:
        stalls = {"hypervolumeStalls": {"trials": scenario.stalls[0], "within": scenario.stalls[1]}}
    trial: dict[str, object] = {"command": ["python", "trial.py"], "keepOutputs": keep}
    if scenario.deadline:
        trial["activeDeadlineSeconds"] = scenario.deadline
    if scenario.progress_deadline:
        trial["progressDeadlineSeconds"] = scenario.progress_deadline
    stopping = {"strategy": "OptimisticDominance", "minCurves": 1, "graceSteps": 1}
    if scenario.early_stopping is not None:
        stopping["auditFraction"] = scenario.early_stopping
    return experiment(
        earlyStopping=stopping if scenario.early_stopping is not None else None,
        objectives=[
            {"metric": "accuracy", "goal": "Maximize", "target": scenario.targets[0], **limits[0]},
            {"metric": "size", "goal": "Minimize", "target": scenario.targets[1], **limits[1]},
        ],
        stopWhen=stalls,
        maxTrials=scenario.max_trials,
        parallelism=scenario.parallelism,
        warmStartFrom=[{"name": OTHER}] if scenario.warm else [],
        search={"initialTrials": min(2, scenario.max_trials)},
        failurePolicy={
            "retries": scenario.retries,
            "maxFailureRatio": scenario.failure_ratio,
            "afterTrials": min(3, scenario.max_trials),
        },
        trial=trial,
    )
