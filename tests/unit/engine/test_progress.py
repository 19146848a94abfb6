"""For how long attempts have logged nothing new."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.builders import attempt, experiment, trial
from tests.unit.engine.fakes import Run, World, run

from paretonas.api import NASTrial
from paretonas.engine.progress import Growth
from paretonas.jobs.job import Job, Phase

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUNNING = trial(0, "Running", attempts=(attempt(start_time=NOW),))


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def quiet(growth: Growth, trial: NASTrial, now: datetime) -> float:
    """Seconds for which the trial's job is noted to have been quiet."""
    assert trial.attempt is not None
    job = Job(trial.attempt.job, Phase.RUNNING)
    return growth.noted({job.name: job}, [trial], now)[job.name].quiet.total_seconds()


def test_the_time_is_counted_from_the_last_growth_that_was_seen() -> None:
    sizes = iter([0, 100, 100, 100, 200])
    growth = Growth(lambda *_: next(sizes))
    seen = [quiet(growth, RUNNING, at(t)) for t in (0, 5, 10, 15, 20)]
    assert seen == [0, 0, 5, 10, 0]


def test_while_nobody_can_look_an_attempt_is_not_quiet_any_longer() -> None:
    sizes = iter([None, 100, 100, None, None, 100, None, 200, None])
    growth = Growth(lambda *_: next(sizes))
    seen = [quiet(growth, RUNNING, at(t)) for t in (0, 5, 10, 15, 20, 25, 30, 35, 40)]
    assert seen == [0, 0, 5, 5, 5, 20, 20, 0, 0]


def test_attempts_that_do_not_run_are_not_looked_at() -> None:
    growth = Growth(lambda *_: 1 // 0)
    others = [trial(1), trial(2, attempts=(attempt(2),)), trial(3, "Succeeded")]
    jobs = {"nas-2-a1": Job("nas-2-a1", Phase.PENDING)}
    assert growth.noted(jobs, others, NOW) == jobs


def test_a_new_attempt_has_its_own_time() -> None:
    growth = Growth(lambda *_: 7)
    quiet(growth, RUNNING, NOW)
    second = trial(0, "Running", attempts=(attempt(reason="Crashed", end_time=NOW), attempt(0, 2, start_time=at(1))))
    assert quiet(growth, second, at(60)) == 0


def hangs(_: int, number: int) -> Run:
    """The first attempt says nothing any more after three seconds, the second ends."""
    return Run(seconds=1000, speaks=3) if number == 1 else Run()


def test_an_attempt_without_progress_is_stopped_and_tried_again() -> None:
    template: dict[str, Any] = {"command": ["python"], "progressDeadlineSeconds": 5}
    world = World(experiment(maxTrials=2, trial=template), hangs)
    snapshot = run(world)
    for one in snapshot.trials:
        first, second = one.status.attempts
        assert (first.reason, second.reason) == ("NoProgress", "Completed")
        assert first.start_time is not None
        assert first.end_time is not None
        assert timedelta(seconds=8) <= first.end_time - first.start_time <= timedelta(seconds=11)


def test_it_is_charged_to_the_candidate_so_that_it_does_not_go_on_for_ever() -> None:
    template: dict[str, Any] = {"command": ["python"], "progressDeadlineSeconds": 5}
    world = World(experiment(maxTrials=1, parallelism=1, trial=template), lambda *_: Run(seconds=1000, speaks=3))
    [one] = run(world).trials
    assert [a.reason for a in one.status.attempts] == ["NoProgress"] * 3
    assert one.status.state == "Failed"
    assert one.status.message.startswith("logged nothing new for 5 s")


def test_without_the_deadline_nobody_minds() -> None:
    world = World(experiment(maxTrials=1, parallelism=1), lambda *_: Run(seconds=100, speaks=3))
    [one] = run(world).trials
    assert [a.reason for a in one.status.attempts] == ["Completed"]
