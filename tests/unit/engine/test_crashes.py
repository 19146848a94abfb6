"""An engine that dies anywhere: the next one goes on as if nothing had been."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import experiment
from tests.unit.engine.fakes import Crash, Moment, Run, World, one_pass, run

from paretonas.engine.engine import Snapshot

RETRIES = 1


def script(index: int, attempt: int) -> Run:
    """Trials of different lengths and ends; two of them are tried again."""
    runs = {
        (1, 1): Run(1, exit_code=1),
        (2, 1): Run(3, exit_code=None),
        (4, 1): Run(2, not_finite=("accuracy",), values={"size": 1.0}),
        (5, 1): Run(1, exit_code=1),
        (5, 2): Run(1, exit_code=1),
    }
    return runs.get((index, attempt), Run(seconds=1 + index % 3))


def world(**fields: object) -> World:
    of = experiment(maxTrials=7, parallelism=2, failurePolicy={"retries": RETRIES})
    return World(of, script, **fields)  # type: ignore[arg-type] # whatever the test says


def outcome(of: World) -> tuple[object, ...]:
    """Everything that must not depend on crashes."""
    status = of.experiment_.status
    ends = [
        (t.spec.parameters, t.status.state, [(a.job, a.reason) for a in t.status.attempts], t.status.metrics)
        for t in sorted(of.trials_.values(), key=lambda t: t.spec.index)
    ]
    return ends, status.pareto_set, status.hypervolume, status.reference_point, status.completion_time


def check(of: World, last: Snapshot) -> None:
    points = [point["x"] for point in of.asked]
    assert len(points) == of.experiment_.spec.max_trials, "exactly maxTrials"
    assert len(set(points)) == len(points), f"a point was asked twice: {points}"
    opened = {a.job for t in of.trials_.values() for a in t.status.attempts}
    assert of.jobs_.keys() == opened, "a job for each attempt and no other"
    assert last.status == of.experiment_.status, "what the pass says is what is stored"
    assert not any(t.attempt for t in of.trials_.values())


UNDISTURBED = {beside: world() for beside in (False, True)}
PASSES = {beside: run(undisturbed, beside=beside) for beside, undisturbed in UNDISTURBED.items()}


@pytest.mark.parametrize("beside", [False, True])
def test_undisturbed_every_trial_comes_to_its_end(beside: bool) -> None:
    check(UNDISTURBED[beside], PASSES[beside])
    states = Counter(t.status.state for t in PASSES[beside].trials)
    assert states == {"Succeeded": 5, "Infeasible": 1, "Failed": 1}


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    ("fault", "beside"),
    [(Crash, False), (Crash, True), (OSError, True)],
    ids=["new engine", "new engine, asked beside", "same engine, asked beside"],
)
def test_a_crash_at_any_call_changes_nothing(beside: bool, moment: Moment, fault: type[Exception]) -> None:
    """Every call to every port in turn; the clock stands still meanwhile, so trials end in the same order."""
    expected = outcome(UNDISTURBED[beside])
    for at in range(1, len(UNDISTURBED[beside].calls) + 1):
        disturbed = world(crash_at=at, crash=moment, fault=fault)
        last = run(disturbed, beside=beside)
        where = f"{moment} call {at}, {disturbed.calls[at - 1]}"
        check(disturbed, last)
        assert outcome(disturbed) == expected, where
        extra = len(disturbed.calls) - len(UNDISTURBED[beside].calls)
        assert extra <= 20, f"{where}: {extra} calls more than undisturbed: it does not come to an end"


@given(st.lists(st.integers(1, 25), max_size=25), st.sampled_from(["before", "after"]), st.booleans())
def test_crash_after_crash_changes_nothing(gaps: list[int], moment: Moment, beside: bool) -> None:
    """Each engine lives for so many calls only."""
    disturbed = world(crash=moment)
    engine = disturbed.engine()
    lives = iter(gaps)
    disturbed.crash_at = next(lives, None)
    for _ in range(200):
        try:
            snapshot = one_pass(engine, beside=beside)
        except Crash:
            engine = disturbed.engine()
            gap = next(lives, None)
            disturbed.crash_at = None if gap is None else len(disturbed.calls) + gap
            continue
        if snapshot.status.finished:
            break
        disturbed.wait()
    check(disturbed, snapshot)
    assert outcome(disturbed) == outcome(UNDISTURBED[beside])


def test_a_submission_that_arrived_but_seemed_to_fail_is_not_made_twice() -> None:
    disturbed = world(broken_submissions={"nas-0-a1", "nas-1-a2", "nas-6-a1"})
    check(disturbed, run(disturbed))
    assert outcome(disturbed) == outcome(UNDISTURBED[False])


def test_a_search_that_fails_now_and_then_is_asked_again() -> None:
    disturbed = world(search_fails=3)
    check(disturbed, run(disturbed))
    assert disturbed.asked[0] == UNDISTURBED[False].asked[0]
