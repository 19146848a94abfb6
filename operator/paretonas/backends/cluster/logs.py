"""The TensorBoard logs on the shared claim, as the operator sees them."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from paretonas.jobs.job import attempt_folder, free_attempt
from paretonas.metrics import Reading, Wanted, logged, read

_TRIES: Final = 3
_PAUSE: Final = 0.5
"""A network file system may show another node's last bytes late (NFS caches attributes for some seconds), so that
missing metrics are looked for again before a trial is failed for them."""


class ClusterLogs:
    """Reads what the attempts of one experiment have logged."""

    def __init__(self, root: Callable[[], Path], experiment: str) -> None:
        self._root, self._experiment = root, experiment

    def read(self, trial: str, attempt: int, wanted: Sequence[Wanted]) -> Reading:
        """The metrics of an attempt that has ended."""
        folder = attempt_folder(self._root(), self._experiment, trial, attempt)
        if link := self._link(folder):
            return Reading(
                {},
                (f"{link} is a symbolic link, which is not followed: it may lead out of the claim",),
                (),
                (),
            )
        reading = read(folder, wanted)
        for _ in range(_TRIES - 1):
            if len(reading.values) + len(reading.not_finite) >= len(wanted):
                break
            time.sleep(_PAUSE)
            reading = read(folder, wanted)
        return reading

    def size(self, trial: str, attempt: int) -> int:
        """Bytes that an attempt has logged so far."""
        folder = attempt_folder(self._root(), self._experiment, trial, attempt)
        return 0 if self._link(folder) else logged(folder)

    def free_attempt(self, trial: str, number: int) -> int:
        """The first number from this one on whose folder does not exist yet."""
        return free_attempt(self._root(), self._experiment, trial, number)

    def _link(self, folder: Path) -> Path | None:
        """The first link on the way from the root to an attempt's folder: whoever runs a trial can put one there."""
        root = self._root()
        way = [folder, *folder.parents]
        return next((path for path in reversed(way[: way.index(root)]) if path.is_symlink()), None)
