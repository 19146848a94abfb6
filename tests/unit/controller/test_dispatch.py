import threading
from collections.abc import Callable, Iterator

import pytest
from tests.waiting import eventually

from paretonas.controller.dispatch import Dispatcher


class Work:
    """Records what is worked on, and by how many at once."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.at_once: dict[str, int] = {}
        self.most_at_once = 0
        self.gate = threading.Event()
        self.gate.set()
        self.failures = 0

    def __call__(self, key: str) -> None:
        self.at_once[key] = self.at_once.get(key, 0) + 1
        self.most_at_once = max(self.most_at_once, self.at_once[key])
        self.gate.wait(10)
        self.at_once[key] -= 1
        self.done.append(key)
        if self.failures:
            self.failures -= 1
            raise RuntimeError("planted")


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def dispatcher(work: Work) -> Iterator[Dispatcher[str]]:
    dispatcher = Dispatcher[str](work, name="test", workers=3)
    dispatcher.start()
    yield dispatcher
    work.gate.set()
    dispatcher.stop(5)


def test_marks_that_come_together_make_one_run(dispatcher: Dispatcher[str], work: Work) -> None:
    work.gate.clear()
    dispatcher.mark("a")
    eventually(lambda: work.at_once.get("a") == 1, "a is worked on")
    for _ in range(20):
        dispatcher.mark("a")
    work.gate.set()
    eventually(lambda: len(work.done) == 2, "what was marked meanwhile is worked on once more")
    dispatcher.mark("b")
    eventually(lambda: "b" in work.done, "b is worked on")
    assert work.done == ["a", "a", "b"], "20 marks during a run must make exactly one more"


def test_no_key_is_worked_on_twice_at_once_and_others_go_on(dispatcher: Dispatcher[str], work: Work) -> None:
    work.gate.clear()
    dispatcher.mark("a")
    eventually(lambda: work.at_once.get("a") == 1, "a is worked on")
    dispatcher.mark("a")
    dispatcher.mark("b")
    eventually(lambda: work.at_once.get("b") == 1, "b is worked on beside a")
    work.gate.set()
    eventually(lambda: sorted(work.done) == ["a", "a", "b"], "all is done")
    assert work.most_at_once == 1, "one key was worked on by two threads"


def test_a_failed_key_is_tried_again(dispatcher: Dispatcher[str], work: Work) -> None:
    work.failures = 1
    dispatcher.mark("a")
    eventually(lambda: work.done == ["a", "a"], "a is tried again")


def test_a_delayed_mark_waits_and_an_earlier_one_counts(dispatcher: Dispatcher[str], work: Work) -> None:
    dispatcher.mark("later", 60)
    dispatcher.mark("sooner", 60)
    dispatcher.mark("sooner")
    eventually(lambda: work.done == ["sooner"], "the earlier mark is worked on")
    dispatcher.mark("sooner", 60)
    assert "later" not in work.done


def test_a_forgotten_key_is_not_worked_on(work: Work) -> None:
    dispatcher = Dispatcher[str](work, name="test", workers=1)
    dispatcher.mark("gone")
    dispatcher.mark("here")
    dispatcher.forget("gone")
    dispatcher.start()
    eventually(lambda: work.done == ["here"], "only what is still marked is worked on")
    dispatcher.stop(5)


def test_lateness_shows_work_that_hangs(dispatcher: Dispatcher[str], work: Work) -> None:
    assert dispatcher.lateness() == 0.0
    work.gate.clear()
    dispatcher.mark("a")
    late: Callable[[], bool] = lambda: dispatcher.lateness() > 0.05  # noqa: E731 # said where it is used
    eventually(late, "a run that does not end shows as lateness")
