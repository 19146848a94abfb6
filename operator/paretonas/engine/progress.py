"""How long attempts have logged nothing new."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from paretonas.api import NASTrial
from paretonas.jobs.job import Job


class _Seen(NamedTuple):
    size: int
    since: datetime
    quiet: timedelta


class Growth:
    """The size of each attempt's logs, and when it was last seen to change.

    Times are read from the engine's own clock, since those of the files come from other machines. They are
    kept in memory only, so a new engine gives every attempt its whole time again.
    """

    def __init__(self, size: Callable[[str, int], int | None]) -> None:
        """``size`` returns how many bytes an attempt of a trial has logged; None if that is not known now."""
        self._size = size
        self._seen: dict[str, _Seen] = {}

    def noted(self, jobs: Mapping[str, Job], trials: Sequence[NASTrial], now: datetime) -> dict[str, Job]:
        """The jobs, each running attempt's with the time for which it was seen to log nothing new."""
        seen, found = {}, dict(jobs)
        for trial in trials:
            attempt = trial.attempt
            if attempt is None or attempt.start_time is None or attempt.job not in jobs:
                continue
            size, before = self._size(trial.name, attempt.number), self._seen.get(attempt.job)
            if size is not None:
                grown = before is None or before.size != size
                since = now if before is None or grown else before.since
                before = _Seen(size, since, now - since)
            if before is not None:
                seen[attempt.job] = before
                found[attempt.job] = replace(jobs[attempt.job], quiet=before.quiet)
        self._seen = seen
        return found
