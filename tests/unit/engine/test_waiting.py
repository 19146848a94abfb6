from datetime import UTC, datetime, timedelta

import pytest
from tests.builders import attempt, experiment, trial
from tests.unit.engine.fakes import BEGIN, Run, World, one_pass

from paretonas.api import NASTrial
from paretonas.api.reasons import Hindrance
from paretonas.engine.engine import Snapshot
from paretonas.engine.events import events
from paretonas.engine.waiting import find_wait
from paretonas.jobs.job import Job, Launch, Phase, SubmitError

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)

REASON = "waits in queue gpus: queue resource quota insufficient: insufficient cpu"


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def waiting(index: int, message: str = REASON) -> NASTrial:
    return trial(index, attempts=(attempt(index),)).with_status(message=message)


def job(index: int, waits: float | None = 90.0, phase: Phase = Phase.PENDING) -> dict[str, Job]:
    name = attempt(index).job
    return {name: Job(name, phase, created=None if waits is None else ago(waits))}


def said(trials: list[NASTrial], jobs: dict[str, Job]) -> str:
    trouble = find_wait(trials, jobs, NOW)
    return "" if trouble is None else trouble.message


def test_trials_that_have_waited_for_a_minute_are_told_by_reason() -> None:
    trials = [waiting(0), waiting(1, "ErrImagePull: no such image"), waiting(2), trial(3, "Succeeded")]
    trouble = find_wait(trials, job(0) | job(1) | job(2, waits=5), NOW)
    assert trouble is not None
    assert trouble.reason is Hindrance.TRIALS_WAITING
    assert trouble.message == (
        f"no trial has run for more than a minute; nas-0, nas-2: {REASON}; nas-1: ErrImagePull: no such image"
    )


def test_a_hundred_trials_with_one_reason_are_not_all_named() -> None:
    trials = [waiting(index) for index in range(100)]
    jobs = {name: found for index in range(100) for name, found in job(index).items()}
    assert said(trials, jobs).endswith(f"; nas-0, nas-1, nas-2 and 97 more: {REASON}")


@pytest.mark.parametrize(("seconds", "told"), [(59.9, False), (60.0, True), (86_400.0, True)])
def test_a_minute_is_waited(seconds: float, told: bool) -> None:
    assert bool(said([waiting(0)], job(0, waits=seconds))) is told


def test_nothing_is_told_while_a_trial_runs_and_for_a_minute_afterwards() -> None:
    started = attempt(1, start_time=ago(500))
    assert not said([waiting(0), trial(1, "Running", attempts=(started,))], job(0))
    for seconds, told in ((30, False), (70, True)):
        ended = trial(1, "Succeeded", attempts=(started.replace(end_time=ago(seconds)),))
        assert bool(said([waiting(0), ended], job(0))) is told, seconds


def test_an_attempt_that_ended_without_having_started_is_no_sign_of_progress() -> None:
    lost = attempt(0, 1, end_time=ago(1), reason="Lost")
    again = attempt(0, 2)
    jobs = {again.job: Job(again.job, Phase.PENDING, created=ago(90))}
    assert said([trial(0, attempts=(lost, again))], jobs) == (
        "no trial has run for more than a minute; nas-0: no reason is known"
    )


def test_without_a_job_that_waits_on_a_cluster_there_is_nothing_to_tell() -> None:
    assert not said([], {})
    assert not said([trial(0)], {}), "it waits for a slot"
    assert not said([waiting(0)], {}), "its job does not exist yet"
    assert not said([waiting(0)], job(0, waits=None)), "on this machine trials wait for each other"
    assert not said([waiting(0)], job(0, phase=Phase.SUCCEEDED)), "its end was just seen"


class Queued(World):
    """A world whose jobs wait in a queue until it opens."""

    opens: datetime = BEGIN + timedelta(seconds=100)

    def _job(self, name: str) -> Job | None:
        found = super()._job(name)
        if found is None or self.now >= self.opens:
            return found
        return Job(name, Phase.PENDING, message=REASON, created=self.jobs_[name].at)


def progressing(snapshot: Snapshot) -> tuple[str, str, str]:
    condition = snapshot.status.condition("Progressing")
    assert condition is not None
    return condition.status, condition.reason, condition.message


def test_the_condition_comes_after_a_minute_is_one_event_and_goes_when_a_trial_starts() -> None:
    world = Queued(experiment(maxTrials=2), lambda *_: Run(seconds=500))
    engine, seen, happened = world.engine(), list[tuple[str, str, str]](), list[tuple[str, str]]()
    before = None
    for _ in range(13):
        after = one_pass(engine)
        happened += [(e.reason, e.message) for e in (events(before, after) if before else ()) if e.warning]
        seen.append(progressing(after))
        before = after
        world.wait(10)
    told = f"no trial has run for more than a minute; nas-0, nas-1: {REASON}"
    fine = ("True", "TrialsRunning", "")
    assert seen == [fine] * 6 + [("False", "TrialsWaiting", told)] * 4 + [fine] * 3
    assert happened == [("TrialsWaiting", told)]


def test_a_suspended_experiment_is_called_suspended_whatever_its_trials_wait_for() -> None:
    world = Queued(experiment(maxTrials=2), lambda *_: Run(seconds=500))
    engine = world.engine()
    one_pass(engine)
    world.wait(90)
    world.experiment_ = world.experiment_.replace(spec=world.experiment_.spec.replace(suspend=True))
    assert progressing(one_pass(engine)) == ("False", "Suspended", "")


class Refusing(World):
    """A world in which no job is admitted, as by a queue that is closed or does not exist."""

    def submit(self, launch: Launch) -> None:
        if self.now < BEGIN + timedelta(seconds=5):
            raise SubmitError(f"cannot submit {launch.name}: denied the request: unable to find job queue: late")
        super().submit(launch)


def test_a_trial_whose_job_is_refused_says_so_until_it_runs() -> None:
    world = Refusing(experiment(maxTrials=1, parallelism=1), lambda *_: Run(seconds=500))
    engine, seen = world.engine(), list[str]()
    for _ in range(8):
        [only] = one_pass(engine).trials
        seen.append(only.status.message)
        world.wait()
    refused = "cannot submit nas-0-a1: denied the request: unable to find job queue: late"
    assert seen == [refused] * 6 + [""] * 2
    assert world.calls.count("save_trial") == 3, "its attempt, the refusal, and that it runs"
