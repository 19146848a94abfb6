"""Jobs on this machine, through TorchX's ``local_cwd`` scheduler.

TorchX keeps a local job in the memory of the process that started it. To survive that process, each attempt runs
under `supervise`, and its state is read from its folder alone.
"""

import contextlib
import fcntl
import functools
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from torchx.runner import Runner
from torchx.schedulers.local_scheduler import CWDImageProvider, LocalScheduler

from paretonas.api import job_name
from paretonas.jobs.appdef import ROLE, trial_app
from paretonas.jobs.job import GRACE_SECONDS, Job, Launch, Phase, SubmitError, attempt_folder
from paretonas.jobs.supervise import EXIT, JOB, OUTPUT, own, record_exit

SCHEDULER = "local_cwd"

_TAIL_LINES, _TAIL_BYTES = 20, 4096
"""What a failed trial shows of its output: enough for a Python traceback, little enough for a status."""

_SUPERVISOR = (sys.executable, "-I", "-S", str(Path(__file__).with_name("supervise.py")))
"""Without the environment's site-packages it starts in some 20 ms."""

_CACHE = 2000
"""Jobs that TorchX remembers: above what can run at once (1,000); of those that have ended it forgets the oldest."""


class _Scheduler(LocalScheduler):  # type: ignore[misc] # TorchX ships no types
    """TorchX's own, for jobs that outlive it: they are left to whoever runs the experiment next."""

    @functools.cache  # noqa: B019 # there is one scheduler, and it lives as long as the process
    def run_opts(self) -> Any:
        """Its options, which TorchX would read out of its own source text twice for every submission: 25 ms."""
        return super().run_opts()

    def close(self) -> None:
        """Leave the jobs alone.

        TorchX would signal the process group of every job that it has ever started, and by then the numbers of
        some belong to others.
        """


class LocalJobs:
    """Submits, observes and cancels the attempts of one experiment below a folder of logs."""

    def __init__(self, root: Path, experiment: str) -> None:
        self._root = root.resolve()
        self._experiment = experiment
        self._supervisors: dict[str, str] = {}  # TorchX's handles of those that have not been seen to end
        self._ended: set[str] = set()
        self._kill_at: dict[str, float] = {}
        logging.getLogger("torchx").setLevel(logging.WARNING)
        with _signal_handlers_kept():
            scheduler = _Scheduler(
                "paretonas", CWDImageProvider, _CACHE, extra_paths=[str(Path(sys.executable).parent)]
            )
        self._runner = Runner("paretonas", {SCHEDULER: lambda *_, **__: scheduler})

    def observe(self, trials: Iterable[tuple[str, int]]) -> dict[str, Job]:
        """The jobs of these (trial, attempt) pairs, by job name; one that never started is absent."""
        self._reap()
        seen = (self._observe(trial, attempt) for trial, attempt in trials)
        return {job.name: job for job in seen if job is not None}

    def submit(self, launch: Launch) -> None:
        """Start the attempt; one that was started before stays as it is.

        Raises:
            SubmitError: its folder cannot be made, or its supervisor cannot be started.
        """
        folder = launch.folder(self._root)
        if launch.name in self._supervisors or _read_json(folder / JOB) is not None:
            return
        try:
            app = trial_app(launch, str(folder))
            folder.mkdir(parents=True, exist_ok=True)
            info: Any = self._runner.dryrun(app, SCHEDULER, {"log_dir": str(folder / "torchx"), **_gpus(app)})
            for replica in info.request.role_params[ROLE]:
                replica.args = [*_SUPERVISOR, str(folder), "--", *replica.args]
                replica.stdout = replica.stderr = replica.combined = None  # the supervisor writes output.log
            self._supervisors[launch.name] = self._runner.schedule(info)
        except (OSError, ValueError) as error:  # ValueError: a command without a program, or with a NUL in it
            raise SubmitError(f"cannot start {launch.name}: {error}") from error

    def cancel(self, trial: str, attempt: int) -> None:
        """End the attempt's processes: SIGTERM, then SIGKILL when asked again after a grace of some seconds.

        An attempt that has not begun never will, and is then seen as ended.

        Raises:
            OSError: it has not begun, and its folder cannot be written.
        """
        name, folder = job_name(trial, attempt), self._folder(trial, attempt)
        record = _read_json(folder / JOB)
        if record is None:
            _withdraw(folder)
        elif not _locked(folder):
            return
        elif name not in self._kill_at:
            self._kill_at[name] = time.monotonic() + GRACE_SECONDS
            _signal_group(record["pid"], signal.SIGTERM)
        elif time.monotonic() >= self._kill_at[name]:
            _signal_group(record["pid"], signal.SIGKILL)

    def kill(self, trial: str, attempt: int) -> None:
        """End the attempt's processes at once. One that has not begun never will."""
        folder = self._folder(trial, attempt)
        record = _read_json(folder / JOB)
        if record is None:
            with contextlib.suppress(OSError):  # where we cannot write, no supervisor can begin either
                _withdraw(folder)
        elif _locked(folder):
            _signal_group(record["pid"], signal.SIGKILL)

    def _observe(self, trial: str, attempt: int) -> Job | None:
        name, folder = job_name(trial, attempt), self._folder(trial, attempt)
        # In this order: a supervisor takes the lock before it writes job.json, and keeps it until exit.json is there.
        started, locked, ended = _read_json(folder / JOB), _locked(folder), _read_json(folder / EXIT)
        if started is None:
            if locked or name in self._supervisors:
                return Job(name, Phase.PENDING)
            message = "its supervisor could not write to its folder; is the disk full or read-only?"
            return Job(name, Phase.LOST, message=message) if name in self._ended else None
        start = _time(started["startTime"])
        if ended is not None:
            code = int(ended["exitCode"])
            phase = Phase.SUCCEEDED if code == 0 else Phase.FAILED
            return Job(name, phase, code, start, _time(ended["endTime"]), _tail(folder / OUTPUT))
        if locked:
            return Job(name, Phase.RUNNING, started=start)
        message = "its processes are gone and left no exit code"
        return Job(name, Phase.LOST, started=start, log_tail=_tail(folder / OUTPUT), message=message)

    def _reap(self) -> None:
        """Let TorchX collect the supervisors that have ended."""
        for name, handle in list(self._supervisors.items()):
            try:
                status = self._runner.status(handle)
                ended = status is None or status.is_terminal()
            except (OSError, ValueError):  # TorchX reads and writes files of its own when a job has ended
                ended = True
            if ended:
                del self._supervisors[name]
                self._ended.add(name)

    def _folder(self, trial: str, attempt: int) -> Path:
        return attempt_folder(self._root, self._experiment, trial, attempt)


def _locked(folder: Path) -> bool:
    """Whether anything of the attempt lives."""
    try:
        descriptor = os.open(folder / JOB, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _withdraw(folder: Path) -> None:
    """Take an attempt that has not begun: a supervisor that is about to start finds it taken."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = own(str(folder))
    if lock is not None:
        try:
            record_exit(str(folder), -signal.SIGTERM)
        finally:
            os.close(lock)


def _signal_group(pid: int, signum: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signum)


def _read_json(path: Path) -> dict[str, Any] | None:
    """A file's content; None while it is absent or not written yet, or when it cannot be read."""
    try:
        record: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return record


def _tail(path: Path) -> str:
    """The last lines of an output."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-_TAIL_LINES:])


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _gpus(app: Any) -> dict[str, Any]:
    return {"auto_set_cuda_visible_devices": app.roles[0].resource.gpu > 0}


@contextlib.contextmanager
def _signal_handlers_kept() -> Iterator[None]:
    """TorchX installs handlers of its own for SIGINT and SIGTERM; ours stop trials and keep the state."""
    signals = (signal.SIGINT, signal.SIGTERM)
    kept = [signal.getsignal(s) for s in signals]
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for signum, handler in zip(signals, kept, strict=True):
                signal.signal(signum, handler)
