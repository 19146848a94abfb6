"""The TensorBoard logs of attempts below a folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from paretonas.jobs.attempt_folder import attempt_folder, free_attempt, has_folders
from paretonas.jobs.attempt_records import record
from paretonas.metrics import LiveCurves, LogFolder, Points, Reading, Wanted, count_logged, read


class FolderLogs:
    """Reads the logs of one experiment's attempts."""

    def __init__(self, root: Path, experiment: str) -> None:
        self._root, self._experiment = root, experiment
        self._live = LiveCurves()

    def read(self, trial: str, attempt: int, wanted: Sequence[Wanted]) -> Reading:
        """The metrics of an attempt that has ended."""
        return read(attempt_folder(self._root, self._experiment, trial, attempt), wanted)

    def curves(self, trial: str, attempt: int, wanted: Sequence[Wanted]) -> Mapping[str, Points]:
        """What an attempt has logged so far; the same object as before if nothing is new."""
        return self._live.look(LogFolder(attempt_folder(self._root, self._experiment, trial, attempt)), wanted)

    def size(self, trial: str, attempt: int) -> int:
        """Bytes that an attempt has logged so far."""
        return count_logged(attempt_folder(self._root, self._experiment, trial, attempt))

    def free_attempt(self, trial: str, number: int) -> int:
        """The first attempt number, from ``number`` on, that has neither folders nor records. Raises SubmitError."""
        logs = LogFolder(self._root / self._experiment / trial)

        def is_taken(attempt: int) -> bool:
            records = record(self._root, self._experiment, trial, attempt).folder
            return has_folders(logs.has, attempt) or records.exists()

        return free_attempt(is_taken, logs.path, number)
