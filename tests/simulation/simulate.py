"""One simulated run: passes under a schedule until the experiment is finished, and what is to be true then."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.simulation.goals import area, reached, within
from tests.simulation.network import Conflict, Crash, TimedOut, Trace
from tests.simulation.promises import Violation
from tests.simulation.schedule import Kind, Schedule
from tests.simulation.truth import ELSEWHERE, LATE, OTHER
from tests.simulation.world import World

from paretonas.api import NASTrial, UnreadableTrial
from paretonas.engine.engine import Engine, Snapshot

MOST_PASSES = 800
"""With no more faults, in so many passes, a second apart, the longest schedule must have come to its end: each of a
dozen jobs may be aborted, and waits half a minute then."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run that kept every promise consisted of."""

    passes: int
    calls: int
    faults: Counter[Kind]
    checks: Counter[str]
    found: tuple[object, ...]
    """What the experiment has come to: points, how they ended, the best of them, the hypervolume."""


def simulate(schedule: Schedule, engine: type[Engine] = Engine, trace: Trace | None = None) -> Report:
    """Run a schedule to its end. Raises Violation."""
    return _Run(schedule, engine, trace).run()


class _Run:
    def __init__(self, schedule: Schedule, engine: type[Engine], trace: Trace | None) -> None:
        self._scenario, self._type = schedule.scenario, engine
        self._world = World(schedule, trace)
        self._engine = self._start()
        self._passes = 0

    def run(self) -> Report:
        world, calm_passes = self._world, 0
        while True:
            calm = world.network.calm
            if calm:
                world.end_faults()
                calm_passes += 1
                late = f"{calm_passes} passes without a fault: {_words(world.truth.trials)}"
                world.promises.kept("progress", calm_passes <= MOST_PASSES, late)
            before = world.truth.version
            last = self._pass_and_its_faults()
            if last and last.status.finished and calm and world.truth.version == before:
                break
            if world.woken:
                world.woken -= 1
            else:
                world.truth.wait()
        self._check_end(last)
        self._check_rest()
        network, checks = world.network, world.promises.checks
        return Report(self._passes, network.number, network.injected, checks, _found(last))

    def _start(self) -> Engine:
        world = self._world
        ports = world.store, world.jobs, world.jobs, world.outputs, world.search
        engine = self._type(*ports, world.clock, ahead=self._scenario.ahead)
        world.search.meanwhile = self._pass_beside
        return engine

    def _pass_and_its_faults(self) -> Snapshot | None:
        """One pass, and the search asked beside it; None when a fault has ended it."""
        world = self._world
        draining = world.drained > 0
        world.drained -= draining
        try:
            last = self._pass(draining=draining, ask=self._scenario.beside is None)
            if last.missing and not draining and self._scenario.beside is not None:
                self._engine.ask()
        except Crash:
            world.network.say("      the process dies; a new one begins")
            world.restart()
            self._engine = self._start()
        except (TimedOut, Conflict) as error:
            world.network.say(f"      the pass ends: {error}")
        except Violation:
            raise
        except Exception as error:
            raise Violation("no error of its own", repr(error)) from error
        else:
            return last
        return None

    def _pass_beside(self) -> None:
        """Passes that are made while the search thinks."""
        for _ in range(self._scenario.beside or 0):
            self._world.truth.wait()
            try:
                self._pass(draining=False, ask=False)
            except (TimedOut, Conflict) as error:
                self._world.network.say(f"      the pass beside ends: {error}")

    def _pass(self, **options: Any) -> Snapshot:
        self._passes += 1
        network = self._world.network
        network.say(f"pass {self._passes} {options}")
        last = self._engine.run_pass(**options)
        network.say(f"      {_words(last.trials)}; {len(last.status.pareto_set)} best")
        self._check_result(last)
        return last

    def _check_result(self, last: Snapshot) -> None:
        """The Pareto set and the hypervolume, against the definition."""
        kept = self._world.promises.kept
        best = _best(last)
        shown = sorted(point.index for point in last.status.pareto_set)
        kept("Pareto set", shown == best, f"{shown} is shown, {best} are not dominated")
        marked = [t.spec.index for t in last.trials if t.status.pareto]
        kept("Pareto set", marked == best, f"{marked} are marked, {best} are not dominated")
        if last.status.reference_point:
            members = [t for t in last.trials if t.spec.index in best]
            volume = area(last.experiment.spec, members, last.status.reference_point)
            same = abs((last.status.hypervolume or 0.0) - volume) < 1e-9 * max(1.0, volume)
            kept("Pareto set", same, f"the hypervolume is {volume}, {last.status.hypervolume} is shown")

    def _check_end(self, last: Snapshot) -> None:
        truth, kept, spec = self._world.truth, self._world.promises.kept, last.experiment.spec
        kept("progress", list(last.trials) == truth.trials, "the last pass does not show what is stored")
        kept("progress", last.status == truth.experiment.status, "the last pass does not show what is stored")
        alive = [job.name for job in truth.alive()]
        kept("no orphan", not alive, f"{alive} run after the end")
        if spec.trial.keep_outputs == "ParetoSet" and truth.front and last.status.reference_point:
            outside = [t for t in truth.trials if t.status.state == "Succeeded" and t.name not in truth.front]
            left = [t.name for t in outside if truth.has_output(t.name)]
            kept("outputs", not left, f"{left} are outside the Pareto set, and their output is still there")
            untold = [t.name for t in outside if t.status.attempts and not t.status.output_removed]
            kept("outputs", not untold, f"that the output of {untold} was removed is not in their status")
        asked = spec.retry
        states = {"Failed", "Infeasible"} if asked.infeasible else {"Failed"}
        forgotten = [
            t.name
            for t in truth.trials
            if t.status.state in states
            and t.status.attempts
            and t.status.attempts[-1].retry_generation < asked.generation
        ]
        kept("retry", not forgotten, f"{forgotten} were to be taken up again")
        kept("retry", last.status.retry_generation == asked.generation, "the last retry is not in the status")
        counted = [t for t in truth.own if t.spec.observation is None]
        condition = last.status.condition("Succeeded")
        if condition and condition.reason == "TooManyFailures":
            failed = sum(t.status.state == "Failed" for t in counted)
            ended = sum(t.ended for t in counted)
            too_many = failed > spec.failure_policy.max_failure_ratio * ended
            kept("budget", too_many, f"{failed} of {ended} are not too many failures")
            return
        goals = reached(last.experiment, truth.trials)
        told = [condition.reason] if condition and condition.reason in {"TargetReached", "HypervolumeStalled"} else []
        kept("goal", told == goals[:1], f"it ends with {condition and condition.reason}, reached are {goals}")
        if goals:
            return
        kept("budget", all(t.ended for t in truth.trials), f"not all have ended: {_words(truth.trials)}")
        # a point of the grid that was brought along is not asked for
        brought = sum(t.spec.observation is not None and self._on_grid(t) for t in truth.trials)
        points = self._scenario.points - brought + truth.added_by_user
        least = min(spec.max_trials, points)
        count = len(counted)
        sources = {t.spec.observation.source for t in truth.trials if t.spec.observation} - {None}
        everything = {t.name for t in ELSEWHERE} if self._scenario.warm else set()
        # where the user's points are enough, the search is never asked, and needs to know nothing
        asked = any(t.spec.origin != "User" for t in truth.trials)
        whole = sources - {LATE.name} == everything or not asked
        kept("warm start", whole, f"of {OTHER} it knows {sorted(map(str, sources))}")
        kept("budget", least <= count <= least + truth.added_by_user, f"{count} trials, should be {least}")

    def _on_grid(self, trial: NASTrial) -> bool:
        return (float(trial.spec.parameters["x"]) * self._scenario.points).is_integer()

    def _check_rest(self) -> None:
        """A process that comes later leaves it alone."""
        before = self._world.truth.version
        self._world.restart()
        self._engine = self._start()
        self._pass(draining=False, ask=False)
        untouched = self._world.truth.version == before
        self._world.promises.kept("rest", untouched, "a new process writes to what is finished")


def _best(last: Snapshot) -> list[int]:
    """The trials that no other dominates, in index order: the definition, pair by pair."""
    rows = [
        (t.spec.index, t.status.metrics["accuracy"], t.status.metrics["size"])
        for t in last.trials
        if t.status.state == "Succeeded" and within(last.experiment.spec, t)
    ]
    return [
        index
        for index, accuracy, size in rows
        if not any(a >= accuracy and s <= size and (a, s) != (accuracy, size) for _, a, s in rows)
    ]


def _found(last: Snapshot) -> tuple[object, ...]:
    own = [t for t in last.trials if not isinstance(t, UnreadableTrial)]
    points = tuple((t.spec.parameters["x"], t.status.state, len(t.status.attempts)) for t in own)
    best = tuple(p.parameters["x"] for p in last.status.pareto_set)
    return points, best, last.status.hypervolume, last.status.trials


def _words(trials: "tuple[NASTrial, ...] | list[NASTrial]") -> str:
    return " ".join(f"{t.spec.index}:{t.status.state}/{len(t.status.attempts)}" for t in trials)
