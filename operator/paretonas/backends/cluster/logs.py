"""The TensorBoard logs on the shared claim, as the operator sees them."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from paretonas.jobs.job import attempt_folder, free_attempt
from paretonas.metrics import Reading, Wanted, read

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
        reading = read(folder, wanted)
        for _ in range(_TRIES - 1):
            if len(reading.values) + len(reading.not_finite) >= len(wanted):
                break
            time.sleep(_PAUSE)
            reading = read(folder, wanted)
        return reading

    def free_attempt(self, trial: str, number: int) -> int:
        """The first number from this one on whose folder does not exist yet."""
        return free_attempt(self._root(), self._experiment, trial, number)
