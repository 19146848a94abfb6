"""The engine keeps its promises whatever goes wrong; `make simulate` does the same for longer."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, find, given, settings
from tests.simulation.mutants import catch, mutated
from tests.simulation.planted import MUTANTS, Mutant
from tests.simulation.promises import Violation
from tests.simulation.schedule import End, Fault, Kind, Scenario, Schedule, schedule
from tests.simulation.simulate import simulate
from tests.simulation.strategies import schedules

from paretonas.engine.engine import Engine

SEEDS = 300
BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


def test_every_promise_is_kept_under_hundreds_of_schedules() -> None:
    for seed in range(SEEDS):
        try:
            simulate(schedule(seed))
        except Violation as violation:
            pytest.fail(f"{violation}; replay it: make simulate SEED={seed}")


@given(schedules)
@settings(max_examples=100)
def test_every_promise_is_kept_under_any_schedule(drawn: Schedule) -> None:
    simulate(drawn)


@pytest.mark.parametrize("kind", Kind, ids=str)
def test_a_fault_at_any_single_call_is_mended(kind: Kind) -> None:
    small = Scenario(max_trials=2)
    calls = range(1, simulate(Schedule(small)).calls + 1)
    injected = sum(simulate(Schedule(small, faults={n: Fault(kind, 12)})).faults[kind] for n in calls)
    assert injected > 0.75 * len(calls), "all but those after the end, which nothing disturbs"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_bug_can_still_be_planted(mutant: Mutant) -> None:
    mutated(mutant)  # raises where its line is no longer there


def test_an_experiment_ends_exactly_as_without_bad_objects_beside_it() -> None:
    """The same points, ends, Pareto set and hypervolume. One at a time: a question a pass later knows no more then.

    Nothing is stopped early: when a verdict is reached depends on when curves are read.
    """
    bad = (Kind.BAD_TRIAL, Kind.STRANGER)
    met = Counter[Kind]()
    simple: dict[str, Any] = {"parallelism": 1, "ahead": 0, "warm": False, "early_stopping": None}
    for seed in range(150):
        drawn = schedule(seed)
        alone = replace(drawn, scenario=replace(drawn.scenario, **simple), faults={})
        calls = range(2 + seed % 7, 120, 3 + seed % 5)
        beset = simulate(replace(alone, faults={call: Fault(bad[n % 2], n) for n, call in enumerate(calls)}))
        assert beset.found == simulate(alone).found, f"seed {seed}"
        met += beset.faults
    assert all(met[kind] > 100 for kind in bad)


def test_a_seed_replays_exactly() -> None:
    for seed in range(20):
        first, again = list[str](), list[str]()
        assert simulate(schedule(seed), trace=first.append) == simulate(schedule(seed), trace=again.append)
        assert first == again


@pytest.mark.parametrize(
    ("name", "promise"),
    [
        ("a job is submitted before its attempt is stored", "write-ahead"),
        ("the search is not told of waiting trials", "no point twice"),
        ("more start than there are slots", "slots"),
        ("a lost job is the candidate's failure", "true verdict"),
        ("the reference point moves with every trial", "fixed reference"),
    ],
)
def test_a_planted_bug_is_found(name: str, promise: str) -> None:
    caught = catch(BY_NAME[name], most=100)
    assert caught is not None
    assert caught.violation.promise == promise


def test_a_failing_schedule_is_shrunk_to_what_it_takes() -> None:
    engine = mutated(BY_NAME["a lost job is the candidate's failure"])
    untraced = settings(max_examples=300, phases=(Phase.generate, Phase.shrink))  # explaining is slow
    smallest = find(schedules, lambda drawn: _breaks(drawn, engine), settings=untraced)
    assert not smallest.faults
    assert [fate.end for fate in smallest.fates] in ([End.LOST], [End.DELETED])


def test_a_bug_that_cannot_be_planted_any_more_is_an_error() -> None:
    with pytest.raises(ValueError, match="is not there once"):
        mutated(Mutant("old", "decide", "this line was rewritten", ""))


def test_planting_a_bug_leaves_the_engine_alone() -> None:
    assert mutated(MUTANTS[0]) is not Engine
    simulate(Schedule())


def _breaks(drawn: Schedule, engine: type[Engine]) -> bool:
    try:
        simulate(drawn, engine)
    except Violation:
        return True
    return False
