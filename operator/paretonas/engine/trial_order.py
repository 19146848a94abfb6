"""The order in which trials have ended. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime

from paretonas.api import NASTrial

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


def in_order_of_end(trials: Iterable[NASTrial]) -> list[NASTrial]:
    """The trials that have ended, in the order in which they did.

    A trial ends with its last attempt; known results, which have none, come first. Of several at the same time,
    the one with the lowest index comes first.
    """
    return sorted((t for t in trials if t.ended), key=lambda t: (_ended_at(t), t.spec.index))


def _ended_at(trial: NASTrial) -> datetime:
    times = [attempt.end_time for attempt in trial.status.attempts if attempt.end_time]
    return max(times, default=_BEFORE_ALL)
