"""The loop of a local run, in a world in memory."""

import errno
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.builders import experiment
from tests.unit.engine.fakes import Run, World

from paretonas.api.reasons import Hindrance
from paretonas.cli import session as session_module
from paretonas.cli.interrupts import Interrupts, LeaveAtOnce
from paretonas.cli.session import Ending, Session
from paretonas.engine.engine import Engine, Snapshot
from paretonas.engine.events import Event
from paretonas.engine.trouble import Trouble
from paretonas.jobs.job import Launch, SubmitError

SHORT = 0.5
"""Seconds of the world between two looks."""


@dataclass
class Watched(World):
    """The world, with the one thing that only a local run asks of jobs."""

    killed: list[str] = field(default_factory=list)

    def kill(self, trial: str, attempt: int) -> None:
        self.cancel(trial, attempt)
        self.killed.append(trial)

    @property
    def alive(self) -> int:
        return sum(self.now < started.ends for started in self.jobs_.values())


class Heard:
    """A display that remembers."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.lines: list[str] = []

    def show(self, snapshot: Snapshot, happened: Sequence[Event]) -> None:
        del snapshot
        self.events += happened

    def say(self, line: str) -> None:
        self.lines.append(line)


class Stage:
    """A session on a world; `each_look` is called between two looks."""

    def __init__(self, world: Watched, each_look: Callable[["Stage"], None] = lambda _: None) -> None:
        self.world, self.heard, self.interrupts, self.looks = world, Heard(), Interrupts(), 0
        self._each_look = each_look
        self.engine = world.engine()

    def run(self) -> tuple[Ending, Snapshot]:
        start = Snapshot(self.world.experiment_, tuple(self.world.trials()))
        session = Session(self.engine, self.world, self.world.trials, self.heard, self.interrupts, pause=self._pause)
        return session.run(start)

    def _pause(self, _seconds: float) -> None:
        self.looks += 1
        assert self.looks < 5000, f"the run does not end; it said {self.heard.lines}"
        self.world.wait(SHORT)
        time.sleep(0.001)  # lets the thread that asks go on
        self._each_look(self)


def world(script: Callable[[int, int], Run] = lambda *_: Run(), **spec: Any) -> Watched:
    return Watched(experiment(**{"maxTrials": 6, "parallelism": 2, **spec}), script)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(session_module, "PASS_SECONDS", 0.01)


def test_a_run_goes_on_until_the_experiment_is_finished() -> None:
    stage = Stage(world())
    ending, snapshot = stage.run()
    assert ending is Ending.FINISHED
    assert [t.status.state for t in snapshot.trials] == ["Succeeded"] * 6
    assert stage.heard.events[-1].reason == "Succeeded"


def test_an_interrupted_run_stops_its_trials_and_says_so() -> None:
    def interrupt(stage: Stage) -> None:
        if stage.world.alive == 2:
            stage.interrupts.requested = True

    stage = Stage(world(lambda *_: Run(seconds=10_000)), interrupt)
    ending, snapshot = stage.run()
    assert ending is Ending.INTERRUPTED
    assert stage.world.alive == 0
    assert [t.status.attempts[-1].reason for t in snapshot.trials] == ["Stopped", "Stopped"]
    assert [line for line in stage.heard.lines if line.startswith("stopping")] == stage.heard.lines


def test_a_run_that_was_interrupted_goes_on_to_the_same_end() -> None:
    def interrupt(stage: Stage) -> None:
        stage.interrupts.requested = stage.interrupts.requested or stage.world.alive == 2

    of = world()
    assert Stage(of, interrupt).run()[0] is Ending.INTERRUPTED
    ending, snapshot = Stage(of).run()
    assert ending is Ending.FINISHED
    assert len(snapshot.trials) == 6
    assert all(t.status.state == "Succeeded" for t in snapshot.trials)


def test_a_second_interrupt_kills_what_runs() -> None:
    def interrupt(stage: Stage) -> None:
        if stage.world.alive == 2:
            raise LeaveAtOnce

    stage = Stage(world(lambda *_: Run(seconds=10_000)), interrupt)
    ending, snapshot = stage.run()
    assert ending is Ending.LEFT
    assert stage.world.killed == ["nas-0", "nas-1"]
    assert snapshot.running == 2, "what is told is what was last seen, not what was at the start"


def test_a_search_that_fails_now_and_then_is_asked_again() -> None:
    of = world()
    of.search_fails = 2
    stage = Stage(of)
    assert stage.run()[0] is Ending.FINISHED
    assert [e.message for e in stage.heard.events if e.reason == "SearchFailed"] == ["the model does not fit"]


def test_a_search_that_fails_three_times_ends_a_run_in_which_nothing_runs() -> None:
    of = world()
    of.search_fails = 10
    ending, snapshot = Stage(of).run()
    assert ending is Ending.GAVE_UP
    assert of.calls.count("suggest") == session_module.TRIES_IN_VAIN
    condition = snapshot.status.condition("Progressing")
    assert condition is not None
    assert condition.message == "the model does not fit"


def test_a_failing_search_does_not_end_a_run_while_a_trial_runs() -> None:
    of = world(lambda index, _: Run(seconds=60 if index == 1 else 2), maxTrials=3)

    def fail_until_the_long_trial_ended(_: Stage) -> None:
        if len(of.trials_) == 2:
            of.search_fails = 0 if of.trials_["nas-1"].ended else 1

    stage = Stage(of, fail_until_the_long_trial_ended)
    assert stage.run()[0] is Ending.FINISHED
    assert of.calls.count("suggest") > 2 + session_module.TRIES_IN_VAIN


def test_a_warm_start_from_what_is_not_there_ends_a_run_with_the_reason() -> None:
    of = world(warmStartFrom=[{"name": "elsewhere"}])
    stage = Stage(of)
    ending, snapshot = stage.run()
    assert ending is Ending.GAVE_UP
    assert snapshot.trouble is not None
    assert snapshot.trouble.reason is Hindrance.WARM_START_FAILED
    assert "there is no experiment 'elsewhere' here" in snapshot.trouble.message
    assert [e.reason for e in stage.heard.events] == ["WarmStartFailed"], "it is said once"


def refuse(of: Watched, times: float) -> list[str]:
    """Have submissions fail for so many times; those that did are in the list."""
    submit, refused = of.submit, list[str]()

    def failing(launch: Launch) -> None:
        if len(refused) < times:
            refused.append(launch.name)
            raise SubmitError(f"cannot start {launch.name}: Permission denied")
        submit(launch)

    of.submit = failing  # type: ignore[method-assign] # a folder that cannot be made
    return refused


def test_trials_that_cannot_be_started_end_a_run_in_which_nothing_runs() -> None:
    of = world()
    refused = refuse(of, float("inf"))
    ending, snapshot = Stage(of).run()
    assert ending is Ending.GAVE_UP
    assert snapshot.trouble == Trouble(Hindrance.SUBMIT_FAILED, "cannot start nas-1-a1: Permission denied")
    assert len(refused) <= 2 * (session_module.TRIES_IN_VAIN + 1)


def test_trials_that_cannot_be_started_for_a_while_are_started_then() -> None:
    of = world()
    refused = refuse(of, 2 * (session_module.TRIES_IN_VAIN - 1))
    ending, snapshot = Stage(of).run()
    assert ending is Ending.FINISHED
    assert refused[:2] == ["nas-0-a1", "nas-1-a1"]
    assert all(t.status.state == "Succeeded" for t in snapshot.trials)


def test_a_trial_that_cannot_be_started_does_not_end_a_run_while_another_runs() -> None:
    of = world(lambda index, _: Run(seconds=60 if index == 0 else 1), maxTrials=2)
    submit = of.submit

    def failing(launch: Launch) -> None:
        if launch.trial.name == "nas-1" and not of.trials_["nas-0"].ended:
            raise SubmitError("cannot start nas-1-a1: not yet")
        submit(launch)

    of.submit = failing  # type: ignore[method-assign] # the other one has the room
    assert Stage(of).run()[0] is Ending.FINISHED


def test_a_run_that_gave_up_goes_on_once_the_reason_is_gone() -> None:
    of = world()
    submit = of.submit
    refuse(of, float("inf"))
    assert Stage(of).run()[0] is Ending.GAVE_UP
    of.submit = submit  # type: ignore[method-assign] # as it was
    ending, snapshot = Stage(of).run()
    assert ending is Ending.FINISHED
    assert len(snapshot.trials) == 6


def full_disk(path: str | None) -> OSError:
    return OSError(errno.ENOSPC, "No space left on device", path)


def test_a_store_that_cannot_be_written_is_tried_again_and_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(world())
    run_pass, failures = stage.engine.run_pass, iter(range(4))

    def failing(**options: bool) -> Snapshot:
        if stage.looks > 10 and next(failures, None) is not None:
            raise full_disk("runs/nas/trials/nas-1.json")
        return run_pass(**options)

    monkeypatch.setattr(stage.engine, "run_pass", failing)
    assert stage.run()[0] is Ending.FINISHED
    trouble, relief = stage.heard.lines
    assert "runs/nas/trials/nas-1.json: No space left on device; free some space" in trouble
    assert relief == "the folder can be written again; continuing"


def test_an_interrupt_ends_the_trials_even_while_nothing_can_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(stage: Stage) -> None:
        if stage.world.alive == 2:
            stage.interrupts.requested = True
            monkeypatch.setattr(stage.engine, "run_pass", cannot_write)

    def cannot_write(**_: bool) -> Snapshot:
        raise full_disk(None)

    stage = Stage(world(lambda *_: Run(seconds=10_000)), interrupt)
    assert stage.run()[0] is Ending.INTERRUPTED
    assert stage.world.alive == 0


def test_a_candidate_that_cannot_be_stored_is_a_trouble_of_the_store() -> None:
    of = world()
    create, failures = of.create_trial, iter(range(3))

    def failing(trial: Any) -> None:
        if next(failures, None) is not None:
            raise full_disk("runs/nas/trials/nas-0.json")
        create(trial)

    of.create_trial = failing  # type: ignore[method-assign] # a full disk for a while
    stage = Stage(of)
    ending, snapshot = stage.run()
    assert ending is Ending.FINISHED
    assert len(snapshot.trials) == 6
    assert "nas-0.json: No space left" in stage.heard.lines[0]


def test_what_is_no_trouble_of_the_disk_is_not_swallowed() -> None:
    of = world()

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("a mistake of ours")

    of.suggest = broken  # type: ignore[method-assign,assignment] # raises in the thread that asks
    with pytest.raises(ZeroDivisionError, match="a mistake of ours"):
        Stage(of).run()


def test_trials_end_and_are_stored_while_the_search_computes() -> None:
    of = world(lambda index, _: Run(seconds=3 if index else 1))
    suggest, release = of.suggest, threading.Event()

    def slow(*arguments: Any) -> Any:
        if len(of.trials_) == 2:
            assert release.wait(60), "the second trial was not seen to end while the search computed"
        return suggest(*arguments)

    of.suggest = slow  # type: ignore[method-assign,assignment] # a search that takes until it is released

    def release_when_both_ended(_: Stage) -> None:
        if sum(t.ended for t in of.trials_.values()) == 2:
            release.set()

    assert Stage(of, release_when_both_ended).run()[0] is Ending.FINISHED


def test_no_pass_is_made_while_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "PASS_SECONDS", 1e6)
    stage = Stage(world(lambda *_: Run(seconds=100), maxTrials=2))
    passes, run_pass = list[int](), stage.engine.run_pass

    def counted(**options: bool) -> Snapshot:
        passes.append(stage.looks)
        return run_pass(**options)

    monkeypatch.setattr(stage.engine, "run_pass", counted)
    assert stage.run()[0] is Ending.FINISHED
    assert stage.looks >= 200, "two trials of 100 s are looked at every half second"
    assert len(passes) <= 8, f"a pass a change is enough; they were made at the looks {passes}"


class FailingSearch:
    """An engine whose search fails, for whatever reason; a trial of it runs all the time."""

    def __init__(self, reason: Hindrance) -> None:
        self.asked, self._trouble = 0, Trouble(reason, "no answer")
        self._world = world()
        self._experiment = self._world.experiment_

    def run_pass(self, *, draining: bool = False, ask: bool = True) -> Snapshot:
        del draining, ask
        trouble = self._trouble if self.asked else None
        return Snapshot(self._experiment, (), missing=1, trouble=trouble, search_trouble=trouble)

    def ask(self) -> None:
        self.asked += 1


@pytest.mark.parametrize("reason", list(Hindrance))
def test_a_search_that_fails_for_any_reason_is_asked_again_only_after_a_pause(
    reason: Hindrance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "RETRY_SECONDS", 1e6)
    monkeypatch.setattr(session_module, "PASS_SECONDS", 0.0)
    engine, interrupts, looks = FailingSearch(reason), Interrupts(), 0

    def pause(_seconds: float) -> None:
        nonlocal looks
        looks += 1
        time.sleep(0.001)  # lets the thread that asks go on
        interrupts.requested = looks == 50

    session = Session(engine, world(), lambda: (), Heard(), interrupts, pause=pause)
    ending, _ = session.run(Snapshot(experiment(), ()))
    assert ending is Ending.INTERRUPTED
    assert engine.asked == 1


def test_a_run_on_this_machine_ignores_which_controller_manages_the_experiment() -> None:
    ending, snapshot = Stage(world(managedBy="example.com/another-controller")).run()
    assert ending is Ending.FINISHED
    assert len(snapshot.trials) == 6


@pytest.mark.parametrize("limit", [1, 3])
def test_a_run_with_a_limit_ends_once_so_many_attempts_have_ended(limit: int) -> None:
    of = world(lambda index, number: Run(exit_code=1 if (index, number) == (0, 1) else 0))
    stage = Stage(of)
    stage.engine = Engine(of, of, of, of, of, lambda: of.now, limit=limit)
    ending, snapshot = stage.run()
    assert ending is Ending.LIMIT_REACHED
    assert sum(len(t.status.attempts) for t in snapshot.trials) == limit
    assert not snapshot.status.finished
    assert Stage(of).run()[0] is Ending.FINISHED
