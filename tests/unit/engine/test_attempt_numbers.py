"""A deleted experiment's logs are left alone: attempts get the next numbers, and by those they are known everywhere."""

import pytest
from tests.builders import attempt, experiment, trial
from tests.unit.engine.fakes import BEGIN, Run, World, run

from paretonas.api import NASTrial
from paretonas.engine.engine import Snapshot
from paretonas.engine.events import events

LEFT = {"nas-0-a1", "nas-0-a2", "nas-0-a4", "nas-1-a1"}


def jobs(trial: NASTrial) -> list[str]:
    return [a.job for a in trial.status.attempts]


@pytest.mark.parametrize(("numbers", "last"), [((), 0), ((1,), 1), ((3,), 3), ((3, 5), 5), ((2, 10), 10)], ids=str)
def test_the_last_attempt_is_known_by_its_number_and_not_by_their_count(numbers: tuple[int, ...], last: int) -> None:
    attempts = tuple(attempt(number=number) for number in numbers)
    assert trial(attempts=attempts).last_attempt == last


def test_attempts_get_the_next_numbers_that_are_free_and_their_results_are_found() -> None:
    world = World(experiment(), lambda index, number: Run(exit_code=int((index, number) == (0, 3))), left=LEFT)
    snapshot = run(world)
    assert [jobs(t) for t in snapshot.trials[:3]] == [["nas-0-a3", "nas-0-a5"], ["nas-1-a2"], ["nas-2-a1"]]
    assert [t.status.state for t in snapshot.trials] == ["Succeeded"] * 8
    for one in snapshot.trials:
        assert one.status.metrics["accuracy"] == one.spec.parameters["x"]


def test_what_is_stopped_is_the_attempt_of_that_number() -> None:
    world = World(experiment(), lambda *_: Run(seconds=100), left=LEFT)
    engine = world.engine()
    engine.run_pass()
    world.wait()
    engine.run_pass(draining=True)
    world.wait()
    assert engine.run_pass(draining=True).running == 0
    assert world.jobs_.keys() == {"nas-0-a3", "nas-1-a2"}
    assert not world.withdrawn, "the job of another number was withdrawn, and nothing was ended"


def test_an_attempt_that_was_stored_keeps_its_number_when_its_submission_is_made_again() -> None:
    """The process died between the two; meanwhile the folder that it had found free may have come to be."""
    world = World(experiment(), left=LEFT)
    world.engine().run_pass()
    world.jobs_.clear()
    snapshot = world.engine().run_pass()
    assert [jobs(t) for t in snapshot.trials] == [["nas-0-a3"], ["nas-1-a2"]]
    assert world.jobs_.keys() == {"nas-0-a3", "nas-1-a2"}


def test_events_tell_the_numbers() -> None:
    crashed = attempt(number=3, end_time=BEGIN, reason="Crashed")
    before, after = (
        Snapshot(experiment(), (trial(attempts=attempts),))
        for attempts in ((attempt(number=3),), (crashed, attempt(number=5)))
    )
    assert [e.message for e in events(before, after)] == ["attempt 3 Crashed", "attempt 5: x 0.5"]
