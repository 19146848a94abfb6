"""A whole day of passes: neither the engine's memory nor the store grows with time, only with trials."""

import gc
import tracemalloc
from datetime import timedelta

from tests.simulation.schedule import Fate, Scenario, Schedule
from tests.simulation.world import World

from paretonas.engine.engine import Engine

DAY = timedelta(hours=24)
STEP = 60.0
"""Seconds between two passes; the operator's are 10 s apart."""


def started(schedule: Schedule) -> tuple[World, Engine]:
    world = World(schedule)
    ahead = schedule.scenario.ahead
    return world, Engine(world.store, world.jobs, world.jobs, world.outputs, world.search, world.clock, ahead=ahead)


def passes(world: World, engine: Engine, time: timedelta) -> None:
    end = world.truth.now + time
    while world.truth.now < end:
        engine.run_pass()
        world.truth.wait(STEP)


def test_a_trial_that_runs_for_a_day_costs_neither_memory_nor_a_write() -> None:
    long = Fate(runs=2 * int(DAY.total_seconds()))
    world, engine = started(Schedule(Scenario(max_trials=1, progress_deadline=60), fates=(long,)))
    passes(world, engine, timedelta(hours=1))
    gc.collect()
    tracemalloc.start()
    before, version = tracemalloc.get_traced_memory()[0], world.truth.version
    passes(world, engine, DAY)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert world.truth.version == version, "something is written although nothing happens"
    assert grown < 100_000, f"{grown:,} bytes more after {DAY / timedelta(seconds=STEP):,.0f} passes"


def test_a_day_of_trials_writes_each_a_few_times_and_no_more() -> None:
    count = 96
    fates = tuple(Fate(runs=1700) for _ in range(count))
    world, engine = started(Schedule(Scenario(max_trials=count, parallelism=2, points=256, ahead=1), fates=fates))
    passes(world, engine, DAY + timedelta(hours=1))
    trials = world.truth.trials
    assert [t.status.state for t in trials] == ["Succeeded"] * count
    written = world.truth.version / count
    # created, opened, seen to run, ended, marked as in the Pareto set or not any more; the status beside each
    assert written < 10, f"{written:.1f} writes a trial"
