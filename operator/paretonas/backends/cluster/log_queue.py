"""Questions about logs, answered beside the passes: one experiment's do not keep the others' waiting."""

import threading
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Protocol

from paretonas.metrics.reader_process import LogProcess, Question, ReaderAnswer


class Answers(Protocol):
    """Whoever answers, one question after the other."""

    def ask(self, question: Question) -> ReaderAnswer:
        """The answer, which may take minutes."""

    def close(self) -> None:
        """Release what was held for answering."""


class Turns:
    """Answers questions in a few threads, in turn for each asker: of each the oldest."""

    def __init__(self, answers: Callable[[], Answers] = LogProcess, workers: int = 2) -> None:
        """Nothing is started before the first question.

        Args:
            answers: makes what answers, once a thread.
            workers: how many questions are answered at once; the reading of logs takes one processor each.
        """
        self._answers, self._workers = answers, workers
        self._changed = threading.Condition()
        self._waiting: dict[Hashable, deque[tuple[Question, Future[ReaderAnswer]]]] = {}
        """By who asks; whose turn it is comes first."""
        self._threads: list[threading.Thread] = []
        self._idle, self._closed = 0, False

    @property
    def idle(self) -> bool:
        """Whether a question would be answered at once."""
        with self._changed:
            return len(self._threads) < self._workers or self._idle > self._count

    def ask(self, asker: Hashable, question: Question) -> Future[ReaderAnswer]:
        """The answer to come."""
        answer: Future[ReaderAnswer] = Future()
        with self._changed:
            self._waiting.setdefault(asker, deque()).append((question, answer))
            if self._idle < self._count and len(self._threads) < self._workers:
                number = len(self._threads) + 1
                thread = threading.Thread(target=self._run, name=f"logs-{number}", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify()
        return answer

    @property
    def _count(self) -> int:
        """Questions that nobody has begun to answer."""
        return sum(map(len, self._waiting.values()))

    def close(self) -> None:
        """Answer nothing more. What is being read is left to its end, which nobody waits for."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        answers = self._answers()
        try:
            while (next_one := self._next()) is not None:
                question, answer = next_one
                try:
                    answer.set_result(answers.ask(question))
                except Exception as error:  # noqa: BLE001 # whoever asked is told
                    answer.set_exception(error)
        finally:
            answers.close()

    def _next(self) -> tuple[Question, Future[ReaderAnswer]] | None:
        with self._changed:
            self._idle += 1
            while not self._closed and not self._waiting:
                self._changed.wait()
            self._idle -= 1
            if self._closed:
                return None
            asker, questions = next(iter(self._waiting.items()))
            del self._waiting[asker]
            first = questions.popleft()
            if questions:
                self._waiting[asker] = questions  # behind the others
            return first
