"""The curves of logs that are still written to: of each log, only what is new is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from paretonas.metrics.curve import Points
from paretonas.metrics.log_folder import LogFolder
from paretonas.metrics.reader import LogReader
from paretonas.metrics.reduction import Wanted
from paretonas.metrics.thinning import MOST_POINTS, thin

MOST_KEPT: Final = 8_000_000
"""Values of all logs together, 16 bytes each; another reading takes some 150 MB beside them."""
MOST_LOGS: Final = 100
"""Logs of which is kept what was read; each may have the names of 1,000 files."""


@dataclass(slots=True)
class _Log:
    reader: LogReader
    curves: Mapping[str, Points] | None = None


class LiveCurves:
    """Reads the curves of logs, and keeps what it read of those that were asked for last, `MOST_KEPT` values in total.

    Not safe for use by several threads at once.
    """

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._logs: dict[tuple[LogFolder, tuple[Wanted, ...]], _Log] = {}  # the one asked for last is the last

    def look(self, folder: LogFolder, wanted: Sequence[Wanted]) -> Mapping[str, Points]:
        """Return what was logged so far, by metric, thinned where it is long; as `LogReader.chosen` chooses.

        A mean of more values than a thinned curve has is left out. Where nothing is new, the answer is the same object.
        """
        key = folder, tuple(wanted)
        log = self._logs.pop(key, None) or _Log(LogReader(folder, {metric.tag for metric in wanted}))
        self._logs[key] = log
        if log.reader.poll() or log.curves is None or not log.reader.is_whole:
            means = {metric.name for metric in wanted if metric.reduce == "Mean"}
            log.curves = {
                metric: thin(curve)
                for metric, curve in log.reader.chosen(wanted).items()
                if metric not in means or curve.steps.size <= MOST_POINTS
            }
        curves = log.curves
        if not log.reader.is_whole:
            log.curves = None  # what was in the way may be gone next time, without anything new
        self._forget()
        return curves

    def clear(self) -> bool:
        """Forget all that was read. Return whether there was anything."""
        had_any = bool(self._logs)
        self._logs.clear()
        return had_any

    def _forget(self) -> None:
        """Forget the logs that were asked for the longest ago, except the last one."""
        kept = sum(log.reader.kept for log in self._logs.values())
        for key in list(self._logs)[:-1]:
            if kept <= MOST_KEPT and len(self._logs) <= MOST_LOGS:
                return
            kept -= self._logs.pop(key).reader.kept


KEPT: Final = LiveCurves()
"""What a process that answers questions about logs has read. One that takes its place reads it again."""
