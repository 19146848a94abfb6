"""Between the engine and its ports: every call passes here, is counted, and may meet with a fault."""

from collections import Counter
from collections.abc import Callable
from typing import TypeVar
from zlib import crc32

from tests.simulation.schedule import Fault, Kind, Schedule

T = TypeVar("T")

Trace = Callable[[str], None]


class Crash(Exception):  # noqa: N818 # not an error of the code under test
    """The engine's process dies here."""


class TimedOut(OSError):  # noqa: N818 # an error of the network, by its usual name
    """No answer came; whether the request arrived is not known."""


class Conflict(Exception):  # noqa: N818 # the API server's word
    """The resource has changed since it was read."""


class Network:
    """Counts calls and injects the faults of a schedule."""

    def __init__(self, schedule: Schedule, meet: Callable[[Fault], None], trace: Trace | None) -> None:
        self._faults, self._last, self._meet, self._trace = schedule.faults, schedule.last, meet, trace
        self.number = 0
        self.injected: Counter[Kind] = Counter()
        self._calm = False

    @property
    def calm(self) -> bool:
        """Whether nothing goes wrong any more."""
        return self._calm or self.number >= self._last

    def end_faults(self) -> None:
        """From now on nothing goes wrong."""
        self._calm = True

    def say(self, line: str) -> None:
        """Add a line to the trace."""
        if self._trace:
            self._trace(line)

    def call(
        self,
        what: str,
        request: Callable[[], T],
        *,
        receive: Callable[[T], object] = lambda _: None,
        refused: type[Exception] = TimedOut,
    ) -> T:
        """Make a call: the request has its effect out there, its answer then arrives in this process, or not."""
        self.number += 1
        fault = None if self._calm else self._faults.get(self.number)
        kind = fault.kind if fault else None
        if self._trace:
            self._trace(f"{self.number:5} {what:26} {f'<- {fault.kind} ({fault.size})' if fault else ''}".rstrip())
        if fault:
            self.injected[fault.kind] += 1
            self._meet(fault)
        if kind is Kind.CRASH_BEFORE:
            raise Crash
        if kind is Kind.LOST_REQUEST:
            raise refused(f"{what}: the request was lost")
        answer = request()
        if kind is Kind.CRASH_AFTER:
            raise Crash
        if kind is Kind.LOST_ANSWER:
            raise refused(f"{what}: the answer was lost")
        if kind is Kind.DONE_TWICE:
            answer = request()
        receive(answer)
        return answer


class Lag:
    """Whether a cache is behind: for a number of calls, in all that it holds or in some of it."""

    def __init__(self) -> None:
        self._until, self._some = 0, False

    def begin(self, until: int, *, some: bool = False) -> None:
        """Be behind until this call; ``some``: only in a part, so that changes arrive in another order."""
        self._until, self._some = until, some

    def behind(self, key: str, number: int) -> bool:
        """Whether what has happened to this is not known yet."""
        return number < self._until and (not self._some or crc32(f"{key} {self._until}".encode()) % 2 == 0)
