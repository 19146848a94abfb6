"""Questions about logs, answered in the background; one experiment does not block the others."""

import threading
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Protocol

from paretonas.metrics.reader_process import LogProcess, Question, ReaderAnswer


class Answers(Protocol):
    """Answers questions, one after the other."""

    def ask(self, question: Question) -> ReaderAnswer:
        """The answer, which may take minutes."""

    def close(self) -> None:
        """Release all resources."""


class LogQueue:
    """Answers questions in a few threads, taking the oldest question of each asker in turn."""

    def __init__(
        self, answers: Callable[[], Answers] = LogProcess, workers: int = 2, idle_seconds: float | None = None
    ) -> None:
        """Nothing is started before the first question is asked.

        Args:
            answers: creates what answers the questions, once for each thread.
            workers: how many questions are answered at once; each takes one processor.
            idle_seconds: after how long without a question a thread ends, and what answers its questions with it: a
                process of 30 MB, which starts in 0.3 s. None: never.
        """
        self._answers, self._workers, self._idle_seconds = answers, workers, idle_seconds
        self._changed = threading.Condition()
        self._waiting: dict[Hashable, deque[tuple[Question, Future[ReaderAnswer]]]] = {}
        """By asker; the one whose turn it is comes first."""
        self._threads: list[threading.Thread] = []
        self._idle, self._closed = 0, False

    @property
    def idle(self) -> bool:
        """Whether a new question would be answered immediately."""
        with self._changed:
            return len(self._threads) < self._workers or self._idle > self._count

    def ask(self, asker: Hashable, question: Question) -> Future[ReaderAnswer]:
        """A future for the answer."""
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
        """The number of questions that no thread has taken."""
        return sum(map(len, self._waiting.values()))

    def close(self) -> None:
        """Answer no further questions. Current ones run to their end, but nothing waits for them."""
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
                except Exception as error:  # noqa: BLE001 # the asker gets the error
                    answer.set_exception(error)
        finally:
            answers.close()

    def _next(self) -> tuple[Question, Future[ReaderAnswer]] | None:
        with self._changed:
            self._idle += 1
            asked = self._changed.wait_for(lambda: self._closed or self._waiting, self._idle_seconds)
            self._idle -= 1
            if self._closed or not asked:
                self._threads.remove(threading.current_thread())
                return None
            asker, questions = next(iter(self._waiting.items()))
            del self._waiting[asker]
            first = questions.popleft()
            if questions:
                self._waiting[asker] = questions  # behind the others
            return first
