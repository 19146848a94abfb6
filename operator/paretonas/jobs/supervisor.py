"""Runs one attempt of a trial on this machine and writes down how it ended.

It is started as a plain script (``python -I -S supervisor.py FOLDER -- COMMAND …``) in its own session. It
imports only the standard library, so it starts in some 25 ms. It outlives the `paretonas run` that started
it. Everything that the next run must know is in the folder of the attempt's records, where no trial writes:

- ``job.json`` is created once and locked (flock) while the supervisor or the trial lives. If it has content,
  the attempt is not run again; if it can be locked, no process of the attempt is running.
- ``exit.json`` says how the trial ended. Without it, and with an unlocked job.json, the attempt was lost.
- ``output.log`` is what the trial printed.

Everything that the trial has started ends with it, as in a container. On Linux, the supervisor becomes the
parent of every descendant that loses its own (PR_SET_CHILD_SUBREAPER), so that none can escape, neither by a
new session nor by a second fork. Other systems have only the trial's process group.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from typing import NoReturn

JOB, EXIT, OUTPUT = "job.json", "exit.json", "output.log"

CANNOT_START = 127
"""The exit code that a shell gives to a command that cannot be started."""

CANNOT_WRITE = 73
"""The supervisor's own exit code when it cannot write to the folder (EX_CANTCREAT of sysexits.h)."""

EXIT_BYTES = 100
"""The length of the exit record, which is padded with spaces; its longest numbers need less."""

LOCK_TRIES = 100
"""How often locking is tried, in one second; a process that only checks a lock holds it for microseconds."""

KILL = signal.SIGUSR1
"""The signal that ends the supervisor and all of its descendants at once, without an exit record."""

PR_SET_CHILD_SUBREAPER = 36
"""From linux/prctl.h."""

KILL_SECONDS = 5.0
"""How long to wait for killed processes: one that hangs in the kernel must not delay the attempt's end."""

_told_to_end: list[int] = []
"""The signals that asked the attempt to end. They go to its whole process group, so none is forwarded."""


def main() -> int:
    """Run the attempt, unless its folder shows that it was run before. Returns the trial's exit code."""
    folder, command = sys.argv[1], sys.argv[3:]
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda number, _: _told_to_end.append(number))
    signal.signal(KILL, _kill)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if our parent ignored it, the system would discard exit codes
    try:
        lock = own(folder)
        if lock is None:
            return 0
        _write_aside(folder, "")  # room for the exit record, in case the trial fills the disk
        output = os.open(os.path.join(folder, OUTPUT), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)  # noqa: PTH118 # pathlib costs 10 ms here
    except OSError:  # no message: the terminal is not ours, and the attempt's observer reports it
        return CANNOT_WRITE
    os.dup2(output, 1)
    os.dup2(output, 2)
    _adopt_orphans()
    code = _run(command, lock)
    _end_descendants()
    record_exit(folder, code)
    _end_group()
    return max(code, 0)


def own(folder: str) -> int | None:
    """Take an attempt that nobody has taken yet. Returns the descriptor of its lock; None if it is taken.

    Raises:
        OSError: the folder cannot be written.
    """
    lock = os.open(os.path.join(folder, JOB), os.O_CREAT | os.O_RDWR, 0o644)  # noqa: PTH118 # as above
    if not _locked(lock):
        os.close(lock)
        return None
    try:
        os.write(lock, json.dumps({"pid": os.getpid(), "startTime": time.time()}).encode())
        os.fsync(lock)
    except OSError:
        os.close(lock)
        raise
    return lock


def record_exit(folder: str, code: int) -> None:
    """Write exit.json to disk; it appears complete or not at all."""
    written = _write_aside(folder, json.dumps({"exitCode": code, "endTime": time.time()}))
    os.replace(written, os.path.join(folder, EXIT))  # noqa: PTH105, PTH118 # as above


def _write_aside(folder: str, text: str) -> str:
    """Write what will be exit.json, always of the same length, so that rewriting it needs no more space."""
    path = os.path.join(folder, EXIT + ".tmp")  # noqa: PTH118 # as above
    file = os.open(path, os.O_CREAT | os.O_WRONLY, 0o644)
    try:
        os.write(file, text.ljust(EXIT_BYTES).encode())
        os.fsync(file)
    finally:
        os.close(file)
    return path


def _locked(lock: int) -> bool:
    """Lock the job.json of an attempt that nobody has taken; False if somebody has."""
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if os.fstat(lock).st_size:
                return False  # another supervisor has this attempt
            time.sleep(0.01)  # a process is only checking whether it is locked
        else:
            return os.fstat(lock).st_size == 0  # if it has content, the attempt was run
    return False


def _run(command: list[str], lock: int) -> int:
    """Run the trial, and return its exit code, negative for a signal.

    The trial inherits the lock, so that it counts as running even if only the supervisor has died.
    """
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=(lock,))  # noqa: S603 # the user's command
    except OSError as error:
        print(f"cannot start {command[0]!r}: {error.strerror}", file=sys.stderr, flush=True)  # noqa: T201 # the log
        return CANNOT_START
    if _told_to_end:  # the signal may have come before the trial existed
        os.kill(child.pid, signal.SIGTERM)  # Popen.terminate would collect its exit code if it has ended
    code = _ended(child)
    # A trial that exits with 0 because it was asked to end has done only a part of its work.
    return -signal.SIGTERM if code == 0 and _told_to_end else code


def _ended(child: subprocess.Popen[bytes]) -> int:
    """Wait for the trial, and return its exit code. Orphans that end before it are collected."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child.pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return child.returncode


def _adopt_orphans() -> None:
    """Become the parent of each descendant that loses its own parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_descendants() -> None:
    """Kill the trial's descendants until none is left: the children of a killed one become our own."""
    end = time.monotonic() + KILL_SECONDS
    while time.monotonic() < end:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:  # none is left
            return
        if not pid:
            for child in _children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            time.sleep(0.001)


def _children() -> list[int]:
    """The children of this process on Linux; none on other systems."""
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():  # noqa: PTH112, PTH208 # pathlib costs 10 ms here
        with contextlib.suppress(OSError):  # it has ended in the meantime
            if name.isdecimal():
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123 # as above
                    parent = file.read().rpartition(b")")[2].split()[1]
                if int(parent) == os.getpid():
                    found.append(int(name))
    return found


def _end_group() -> None:
    """Kill the process group, with this process: all that can be reached if orphans cannot be adopted."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)


def _kill(*_: object) -> NoReturn:
    """End at once, with all descendants."""
    _end_descendants()
    _end_group()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
