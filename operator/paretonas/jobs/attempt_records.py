"""The records of attempts on this machine, apart from their logs.

A trial may do anything with its own log folder, even remove it. The records of an attempt are therefore kept beside
the folders of the trials::

    runs/<experiment>/jobs/<attempt>/job.json      who runs it, and since when; locked while it runs
    runs/<experiment>/jobs/<attempt>/exit.json     how it ended
    runs/<experiment>/jobs/<attempt>/output.log    what it printed
    runs/<experiment>/jobs/<attempt>/devices.json  its devices, if it was given any

The supervisor writes them. Version 0.1.0 kept them in the log folder; attempts that started with it are still read
from there.
"""

import contextlib
import fcntl
import json
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from paretonas.api import job_name
from paretonas.jobs import log_tail
from paretonas.jobs.attempt_folder import attempt_folder
from paretonas.jobs.supervisor import EXIT, JOB, KILL, OUTPUT, own, record_exit

DEVICES = "devices.json"
JOBS = "jobs"
"""The folder of records; no trial has this name, since each ends with its index."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How an attempt ended."""

    code: int
    """Negative for a signal."""
    time: datetime


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """The records of one attempt."""

    folder: Path
    logs: Path
    """The log folder of the attempt, by which its processes are identified."""
    earlier_version: bool = False
    """Whether its supervisor is of version 0.1.0, and thus in the process group that it terminates."""

    @property
    def has_begun(self) -> bool:
        """Whether the attempt has started (or was withdrawn), so that it must not be started again."""
        return _read_json(self.folder / JOB) is not None

    @property
    def started(self) -> datetime | None:
        """When it started; None before."""
        job = _read_json(self.folder / JOB)
        return _time(job["startTime"]) if job is not None else None

    @property
    def exit(self) -> Exit | None:
        """How it ended; None if that is not known yet."""
        ended = _read_json(self.folder / EXIT)
        return Exit(int(ended["exitCode"]), _time(ended["endTime"])) if ended is not None else None

    @property
    def locked(self) -> bool:
        """Whether any process of the attempt is running."""
        return is_locked(self.folder / JOB)

    @property
    def tail(self) -> str:
        """The last lines of the output."""
        path = self.folder / OUTPUT
        try:
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - log_tail.MAX_BYTES))
                text = file.read().decode(errors="replace")
        except OSError:
            return ""
        return log_tail.tail(text)

    @property
    def devices(self) -> frozenset[str]:
        """The keys of the attempt's devices."""
        return frozenset(_read_json(self.folder / DEVICES) or ())

    def give(self, devices: Iterable[str]) -> None:
        """Record its devices, before anything can start on them. Raises OSError."""
        temporary = self.folder / f"{DEVICES}.tmp"
        with temporary.open("w") as file:
            json.dump(sorted(devices), file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.folder / DEVICES)

    def withdraw(self) -> None:
        """Mark an attempt that has not started as ended, so that no supervisor starts it.

        Raises:
            OSError: its folder cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = own(str(self.folder))
        if lock is not None:
            try:
                record_exit(str(self.folder), -signal.SIGTERM)
            finally:
                os.close(lock)

    def terminate(self) -> None:
        """Send SIGTERM to the attempt's processes."""
        self._signal_group(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the attempt's processes and all of their descendants."""
        if self.earlier_version or not self._signal_supervisor(KILL):
            self._signal_group(signal.SIGKILL)
            self.end_strays()

    def end_strays(self) -> None:
        """Kill the remaining processes of an attempt whose supervisor was killed (on Linux)."""
        mark = f"PARETONAS_LOG_DIR={self.logs}".encode()
        for process in Path("/proc").glob("[0-9]*"):
            # OSError: it has ended in the meantime, or belongs to another user
            with contextlib.suppress(OSError):
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    os.kill(int(process.name), signal.SIGKILL)

    def _signal_supervisor(self, signum: signal.Signals) -> bool:
        """Signal the supervisor, which can also reach processes outside the group. False if it is gone."""
        job = _read_json(self.folder / JOB)
        if job is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(job["pid"], signum)
                return True
        return False

    def _signal_group(self, signum: signal.Signals) -> None:
        job = _read_json(self.folder / JOB)
        if job is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(job["pid"], signum)


def record(root: Path, experiment: str, trial: str, attempt: int) -> AttemptRecord:
    """The records of an attempt, whether or not they exist yet."""
    folder = root / experiment / JOBS / job_name(trial, attempt)
    logs = attempt_folder(root, experiment, trial, attempt)
    if not folder.exists() and (logs / JOB).exists():
        return AttemptRecord(logs, logs, earlier_version=True)
    return AttemptRecord(folder, logs)


def is_locked(file: Path) -> bool:
    """Whether a process holds the lock on a file."""
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _read_json(path: Path) -> Any:
    """The content of a file; None if it is absent, incomplete or unreadable."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
