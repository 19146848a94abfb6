"""Jobs on this machine, through TorchX's ``local_cwd`` scheduler.

TorchX keeps a local job in the memory of the process that started it. To survive that process, each attempt runs
under `supervisor`, and its state is read from its folder alone.
"""

import contextlib
import functools
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torchx.runner import Runner
from torchx.schedulers.local_scheduler import CWDImageProvider, LocalScheduler

from paretonas.api import job_name
from paretonas.jobs.appdef import trial_app
from paretonas.jobs.attempt_folder import output_folder
from paretonas.jobs.attempt_records import AttemptRecord, record
from paretonas.jobs.devices import DeviceKind, Slots, free, limits, requests
from paretonas.jobs.job import GRACE_SECONDS, ROLE, Job, Launch, Phase, SubmitError

LOCAL_SCHEDULER = "local_cwd"

_SUPERVISOR = (sys.executable, "-I", "-S", str(Path(__file__).with_name("supervisor.py")))
"""The command of the supervisor. Without site-packages it starts in about 20 ms."""

_CACHE = 2000
"""Jobs that TorchX remembers: more than can run at once (1,000). It forgets the oldest that have ended."""


class _WorkingFolder(CWDImageProvider):  # type: ignore[misc] # TorchX ships no types
    """The folder that trials run in, instead of an image; TorchX would use the current folder."""

    def __init__(self, cfg: Any, folder: Path) -> None:
        super().__init__(cfg)
        self._folder = str(folder)

    def fetch(self, image: str) -> str:  # noqa: ARG002 # one for all
        """The folder."""
        return self._folder

    def get_cwd(self, image: str) -> str | None:  # noqa: ARG002 # one for all
        """The folder."""
        return self._folder


class _Scheduler(LocalScheduler):  # type: ignore[misc] # TorchX ships no types
    """TorchX's scheduler for jobs that outlive it: they are left to the next run of the experiment."""

    @functools.cache  # noqa: B019 # there is one scheduler, and it lives as long as the process
    def run_opts(self) -> Any:
        """The options. TorchX would parse them from its source text twice for each submission (25 ms)."""
        return super().run_opts()

    def close(self) -> None:
        """Leave the jobs running.

        TorchX would signal the process group of every job that it has started, but some of these numbers may belong to
        other processes by now.
        """


class LocalJobs:
    """Submits, observes and cancels the attempts of one experiment below a folder of logs."""

    def __init__(
        self,
        root: Path,
        experiment: str,
        folder: Path | None = None,
        slots: Mapping[DeviceKind, Slots] = MappingProxyType({}),
    ) -> None:
        """Prepare to run jobs; none is started.

        Args:
            root: the folder of all runs.
            experiment: the name of the experiment.
            folder: the folder that trials run in; by default the current one.
            slots: the devices that trials may use, by kind.
        """
        self._root, self._working, self._slots = root.resolve(), folder, slots
        self._waiting: dict[str, Launch] = {}  # for devices, in order of submission
        self._held: dict[str, frozenset[str]] = {}  # keys of devices, by job
        self._experiment = experiment
        self._supervisors: dict[str, str] = {}  # TorchX's handles of those not known to have ended
        self._ended: set[str] = set()
        self._kill_at: dict[str, float] = {}
        logging.getLogger("torchx").setLevel(logging.WARNING)
        with _signal_handlers_kept():
            scheduler = _Scheduler(
                "paretonas",
                lambda cfg: _WorkingFolder(cfg, self._working or Path.cwd()),
                _CACHE,
                extra_paths=[str(Path(sys.executable).parent)],
            )
        self._runner = Runner("paretonas", {LOCAL_SCHEDULER: lambda *_, **__: scheduler})

    def observe(self, trials: Iterable[tuple[str, int]]) -> dict[str, Job]:
        """The jobs of these (trial, attempt) pairs, by job name; one that never started is absent."""
        self._reap()
        jobs = dict[str, Job]()
        for trial, attempt in trials:
            name, job = job_name(trial, attempt), self._observe(trial, attempt)
            if job is not None:
                jobs[name] = job
            if job is not None and job.over:
                self._held.pop(name, None)
            elif job is None or name not in self._held:  # only its records know its devices
                self._held[name] = self._record(trial, attempt).devices
        self._start_waiting()
        return jobs

    def submit(self, launch: Launch) -> None:
        """Start the attempt as soon as devices are free for it; one that was started before is left as it is.

        Raises:
            SubmitError: its folders cannot be created, or its supervisor cannot be started.
        """
        kept = self._record(launch.trial.name, launch.attempt)
        if launch.name in self._supervisors or launch.name in self._waiting or kept.has_begun:
            return
        try:
            if not self._start(launch, kept):
                self._waiting[launch.name] = launch
        except (OSError, ValueError) as error:  # ValueError: a command without a program, or with a NUL in it
            raise SubmitError(f"cannot start {launch.name}: {error}") from error

    def _start(self, launch: Launch, kept: AttemptRecord) -> bool:
        """Start the attempt, unless it has to wait for devices. False if it waits."""
        chosen = self._choose(launch, kept)
        if chosen is None:
            return False
        output = output_folder(self._root, self._experiment, launch.trial.name, launch.first_attempt)
        app = trial_app(launch, str(kept.logs), str(output))
        for folder in (kept.folder, kept.logs):
            folder.mkdir(parents=True, exist_ok=True)
        if chosen:
            kept.give(slot.key for slots in chosen.values() for slot in slots)
            self._held[launch.name] = kept.devices
            limited = limits(launch.experiment.spec.trial, os.environ)
            for kind, slots in chosen.items():
                app.roles[0].env.update(kind.environment(slots, limited))
        info: Any = self._runner.dryrun(app, LOCAL_SCHEDULER, {"log_dir": str(kept.folder / "torchx")})
        for replica in info.request.role_params[ROLE]:
            replica.args = [*_SUPERVISOR, str(kept.folder), "--", *replica.args]
            replica.stdout = replica.stderr = replica.combined = None  # the supervisor writes output.log
        self._supervisors[launch.name] = self._runner.schedule(info)
        return True

    def _choose(self, launch: Launch, kept: AttemptRecord) -> dict[DeviceKind, Slots] | None:
        """The devices for the attempt; None while too few are free.

        It keeps devices that it was given before: a run that was killed may just have started it on them.
        """
        held = frozenset[str]().union(*(keys for name, keys in self._held.items() if name != launch.name))
        chosen = dict[DeviceKind, Slots]()
        for kind, count in requests(launch.experiment.spec.trial).items():
            if kind not in self._slots:
                continue
            own = tuple(slot for slot in self._slots[kind] if slot.key in kept.devices - held)
            slots = own if len(own) == count else free(self._slots[kind], held, count)
            if slots is None:
                return None
            chosen[kind] = slots
        return chosen

    def _start_waiting(self) -> None:
        for name, launch in list(self._waiting.items()):
            try:
                if not self._start(launch, self._record(launch.trial.name, launch.attempt)):
                    return  # the others wait too, so that none is overtaken
            except (OSError, ValueError):  # reported when it is submitted again
                pass
            del self._waiting[name]

    def cancel(self, trial: str, attempt: int) -> None:
        """End the attempt's processes: by SIGTERM, and in a call `GRACE_SECONDS` later by SIGKILL.

        If the attempt has not started yet, make sure that it never starts; it is then observed as ended.

        Raises:
            OSError: it has not started, and its folder cannot be written.
        """
        name, kept = job_name(trial, attempt), self._record(trial, attempt)
        self._waiting.pop(name, None)
        if not kept.has_begun:
            kept.withdraw()
        elif not kept.locked:
            return
        elif name not in self._kill_at:
            self._kill_at[name] = time.monotonic() + GRACE_SECONDS
            kept.terminate()
        elif time.monotonic() >= self._kill_at[name]:
            kept.kill()

    def kill(self, trial: str, attempt: int) -> None:
        """Kill the attempt's processes. If it has not started yet, make sure that it never starts."""
        kept = self._record(trial, attempt)
        self._waiting.pop(job_name(trial, attempt), None)
        if not kept.has_begun:
            with contextlib.suppress(OSError):  # if it cannot be written, no supervisor can start either
                kept.withdraw()
        elif kept.locked:
            kept.kill()

    def _observe(self, trial: str, attempt: int) -> Job | None:
        name, kept = job_name(trial, attempt), self._record(trial, attempt)
        # In this order: a supervisor locks job.json, then writes it, and unlocks it after exit.json exists.
        started, locked, ended = kept.started, kept.locked, kept.exit
        if started is None and name in self._waiting:
            asked = requests(self._waiting[name].experiment.spec.trial)
            return Job(name, Phase.PENDING, message=f"waits for {_listed(asked)}")
        if started is None:
            if locked or name in self._supervisors:
                return Job(name, Phase.PENDING)
            message = "its supervisor could not write to its folder; is the disk full or read-only?"
            return Job(name, Phase.LOST, message=message) if name in self._ended else None
        if ended is not None:
            phase = Phase.SUCCEEDED if ended.code == 0 else Phase.FAILED
            return Job(name, phase, ended.code, started, ended.time, kept.tail)
        if locked:
            return Job(name, Phase.RUNNING, started=started)
        kept.end_strays()
        message = "its processes are gone and left no exit code"
        return Job(name, Phase.LOST, started=started, log_tail=kept.tail, message=message)

    def _reap(self) -> None:
        """Let TorchX collect the supervisors that have ended."""
        for name, handle in list(self._supervisors.items()):
            try:
                status = self._runner.status(handle)
                ended = status is None or status.is_terminal()
            except (OSError, ValueError):  # TorchX reads and writes its own files when a job has ended
                ended = True
            if ended:
                del self._supervisors[name]
                self._ended.add(name)

    def _record(self, trial: str, attempt: int) -> AttemptRecord:
        return record(self._root, self._experiment, trial, attempt)


def _listed(asked: Mapping[DeviceKind, int]) -> str:
    """The requested devices, as in ``2 NVIDIA GPUs``."""
    return ", ".join(f"{count} {kind.words}{'s' * (count > 1)}" for kind, count in asked.items())


@contextlib.contextmanager
def _signal_handlers_kept() -> Iterator[None]:
    """Keep our handlers of SIGINT and SIGTERM, which stop trials and keep the state; TorchX replaces them."""
    signals = (signal.SIGINT, signal.SIGTERM)
    kept = [signal.getsignal(s) for s in signals]
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for signum, handler in zip(signals, kept, strict=True):
                signal.signal(signum, handler)
