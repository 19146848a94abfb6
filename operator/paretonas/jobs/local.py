"""Jobs on this machine, through TorchX's ``local_cwd`` scheduler.

TorchX keeps a local job in the memory of the process that started it. To survive that process, each attempt runs
under `supervise`, and its state is read from its folder alone.
"""

import contextlib
import fcntl
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
from torchx.schedulers.local_scheduler import create_scheduler

from paretonas.api import job_name
from paretonas.jobs.appdef import ROLE, trial_app
from paretonas.jobs.job import Job, Launch, Phase, SubmitError, attempt_folder
from paretonas.jobs.supervise import EXIT, JOB, OUTPUT

SCHEDULER = "local_cwd"

_TAIL_LINES, _TAIL_BYTES = 20, 4096
"""What a failed trial shows of its output: enough for a Python traceback, little enough for a status."""

_GRACE_SECONDS = 5.0
"""From SIGTERM to SIGKILL: long enough to flush a TensorBoard file, short enough to wait for."""

_SUPERVISOR = (sys.executable, "-I", "-S", str(Path(__file__).with_name("supervise.py")))
"""Without the environment's site-packages it starts in some 20 ms."""

_CACHE = 2000
"""Jobs that TorchX remembers: above any number of attempts of one run (1,000 trials and their retries)."""


class LocalJobs:
    """Submits, observes and cancels the attempts of one experiment below a folder of logs."""

    def __init__(self, root: Path, experiment: str) -> None:
        self._root = root.resolve()
        self._experiment = experiment
        self._handles: dict[str, str] = {}
        self._cancelled: set[str] = set()
        logging.getLogger("torchx").setLevel(logging.WARNING)
        with _signal_handlers_kept():
            scheduler = create_scheduler(
                "paretonas", cache_size=_CACHE, extra_paths=[str(Path(sys.executable).parent)]
            )
            self._runner = Runner("paretonas", {SCHEDULER: lambda **_: scheduler})
            self._runner.scheduler_run_opts(SCHEDULER)

    def observe(self, trials: Iterable[tuple[str, int]]) -> dict[str, Job]:
        """The jobs of these (trial, attempt) pairs, by job name; one that never started is absent."""
        jobs = {}
        for trial, attempt in trials:
            job = self._observe(
                job_name(trial, attempt), attempt_folder(self._root, self._experiment, trial, attempt)
            )
            if job is not None:
                jobs[job.name] = job
        return jobs

    def submit(self, launch: Launch) -> None:
        """Start the attempt; one that was started before stays as it is.

        Raises:
            SubmitError: its folder cannot be made, or its supervisor cannot be started.
        """
        folder = launch.folder(self._root)
        app = trial_app(launch, str(folder))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            info: Any = self._runner.dryrun(app, SCHEDULER, {"log_dir": str(folder / "torchx"), **_gpus(app)})
            for replica in info.request.role_params[ROLE]:
                replica.args = [*_SUPERVISOR, str(folder), "--", *replica.args]
                replica.stdout = replica.stderr = replica.combined = None  # the supervisor writes output.log
            self._handles[launch.name] = self._runner.schedule(info)
        except OSError as error:
            raise SubmitError(f"cannot start {launch.name}: {error}") from error

    def cancel(self, trial: str, attempt: int) -> None:
        """End the attempt's processes: SIGTERM, then SIGKILL in the background for what does not heed it."""
        folder = attempt_folder(self._root, self._experiment, trial, attempt)
        name = job_name(trial, attempt)
        if name in self._cancelled:
            return
        self._cancelled.add(name)
        pid = _locked_by(folder)
        if name in self._handles:
            self._runner.cancel(self._handles[name])
        elif pid is not None:
            _signal_group(pid, signal.SIGTERM)
        threading.Thread(target=_kill_later, args=(folder,), name=f"kill-{name}", daemon=True).start()

    def _observe(self, name: str, folder: Path) -> Job | None:
        ended = self._reap(name)
        started = _read_json(folder / JOB)
        if started is None:
            failed = ended and name in self._handles
            message = "its supervisor could not write to its folder; is the disk full or read-only?"
            return Job(name, Phase.LOST, message=message) if failed else None
        start = _time(started["startTime"])
        exit_record = _read_json(folder / EXIT)
        if exit_record is not None:
            code = int(exit_record["exitCode"])
            phase = Phase.SUCCEEDED if code == 0 else Phase.FAILED
            return Job(name, phase, code, start, _time(exit_record["endTime"]), _tail(folder / OUTPUT))
        if _locked_by(folder) is not None:
            return Job(name, Phase.RUNNING, started=start)
        if (exit_record := _read_json(folder / EXIT)) is not None:  # it ended between the two looks
            return self._observe(name, folder)
        message = "its processes are gone and left no exit code"
        return Job(name, Phase.LOST, started=start, log_tail=_tail(folder / OUTPUT), message=message)

    def _reap(self, name: str) -> bool:
        """Let TorchX collect the exit of a process of ours; whether it has ended."""
        handle = self._handles.get(name)
        status = self._runner.status(handle) if handle else None
        return status is not None and status.is_terminal()


def _locked_by(folder: Path) -> int | None:
    """The supervisor's process id while anything of the attempt lives, else None."""
    try:
        descriptor = os.open(folder / JOB, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        record = os.pread(descriptor, 4096, 0)
        return int(json.loads(record)["pid"]) if record else None
    finally:
        os.close(descriptor)
    return None


def _kill_later(folder: Path) -> None:
    deadline = time.monotonic() + _GRACE_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.05)
        if _locked_by(folder) is None:
            return
    pid = _locked_by(folder)
    if pid is not None:
        _signal_group(pid, signal.SIGKILL)


def _signal_group(pid: int, signum: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signum)


def _read_json(path: Path) -> dict[str, Any] | None:
    """A file's content; None while it is absent or not written yet."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    record: dict[str, Any] | None = json.loads(text) if text else None
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
