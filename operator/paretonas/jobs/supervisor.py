"""Runs one attempt of a trial on this machine and writes down how it ended.

Started as a plain script (``python -I -S supervisor.py FOLDER -- COMMAND …``) in a session of its own, so it imports
nothing but the standard library and takes some 25 ms to start. It outlives the `paretonas run` that started it, which
is why everything that the next one must know is in the folder of the attempt's records, where no trial writes:

- ``job.json`` is created once and locked (flock) for as long as the supervisor or the trial lives. Whoever finds it
  written does not run the attempt again; whoever can lock it knows that nothing of the attempt runs any more.
- ``exit.json`` says how the trial ended; a folder with an unlocked job.json and no exit.json was lost.
- ``output.log`` is what the trial printed.

All that the trial has started ends with it, as in a container. On Linux the supervisor becomes the parent of every
descendant that loses its own (PR_SET_CHILD_SUBREAPER), so that none can leave, not by a session of its own nor by a
second fork; other systems have only the trial's process group.
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
"""Characters of the exit record, padded with spaces: more than the longest number takes."""

LOCK_TRIES = 100
"""A second's worth: whoever looks at a lock holds it for microseconds."""

KILL = signal.SIGUSR1
"""Has the supervisor end at once, with all that runs below it, and leave no exit record."""

PR_SET_CHILD_SUBREAPER = 36
"""From linux/prctl.h."""

KILL_SECONDS = 5.0
"""How long the end of killed processes is waited for: one that hangs in the kernel must not hold the attempt's end."""

_told_to_end: list[int] = []
"""The signals that asked the attempt to end. They go to its whole process group, so nothing is passed on."""


def main() -> int:
    """Run the attempt, unless its folder says that somebody has; the trial's exit code comes back."""
    folder, command = sys.argv[1], sys.argv[3:]
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda number, _: _told_to_end.append(number))
    signal.signal(KILL, _kill)
    signal.signal(
        signal.SIGCHLD, signal.SIG_DFL
    )  # whoever ignores it has the system collect exit codes unseen
    try:
        lock = own(folder)
        if lock is None:
            return 0
        _write_aside(folder, "")  # room for the exit record, should the trial fill the disk
        output = os.open(os.path.join(folder, OUTPUT), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)  # noqa: PTH118 # pathlib costs 10 ms here
    except OSError:  # without a word: the terminal is not ours, and whoever observes the attempt says why
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
    """Take an attempt that nobody has taken yet: its lock as a descriptor, else None.

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
    """Put exit.json in place whole, on disk."""
    written = _write_aside(folder, json.dumps({"exitCode": code, "endTime": time.time()}))
    os.replace(written, os.path.join(folder, EXIT))  # noqa: PTH105, PTH118 # as above


def _write_aside(folder: str, text: str) -> str:
    """Write what will be exit.json, always as long: to write it again needs no further room on the disk."""
    path = os.path.join(folder, EXIT + ".tmp")  # noqa: PTH118 # as above
    file = os.open(path, os.O_CREAT | os.O_WRONLY, 0o644)
    try:
        os.write(file, text.ljust(EXIT_BYTES).encode())
        os.fsync(file)
    finally:
        os.close(file)
    return path


def _locked(lock: int) -> bool:
    """Lock the job.json of an attempt that nobody has taken."""
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if os.fstat(lock).st_size:
                return False  # another supervisor has this attempt
            time.sleep(0.01)  # somebody only looks whether it is locked
        else:
            return os.fstat(lock).st_size == 0  # else it has been run
    return False


def _run(command: list[str], lock: int) -> int:
    """The exit code, negative for a signal. The trial inherits the lock, so that it is seen to live on alone too."""
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=(lock,))  # noqa: S603 # the user's command
    except OSError as error:
        print(f"cannot start {command[0]!r}: {error.strerror}", file=sys.stderr, flush=True)  # noqa: T201 # the log
        return CANNOT_START
    if _told_to_end:  # it was not there yet to be told itself
        os.kill(child.pid, signal.SIGTERM)  # Popen.terminate would collect it, were it dead by now
    code = _ended(child)
    # A trial that ends well because it was told to end has done only a part of its work.
    return -signal.SIGTERM if code == 0 and _told_to_end else code


def _ended(child: subprocess.Popen[bytes]) -> int:
    """The trial's exit code, once it has ended. Orphans that end before it are collected."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child.pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return child.returncode


def _adopt_orphans() -> None:
    """Become the parent of each descendant that loses its own."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_descendants() -> None:
    """Kill what is left of the trial, until there is nothing: whoever is killed leaves us its children."""
    end = time.monotonic() + KILL_SECONDS
    while time.monotonic() < end:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:  # there is none
            return
        if not pid:
            for child in _children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            time.sleep(0.001)


def _children() -> list[int]:
    """The processes whose parent is this one, as Linux tells; elsewhere none."""
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():  # noqa: PTH112, PTH208 # pathlib costs 10 ms here
        with contextlib.suppress(OSError):  # one that has ended meanwhile
            if name.isdecimal():
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123 # as above
                    parent = file.read().rpartition(b")")[2].split()[1]
                if int(parent) == os.getpid():
                    found.append(int(name))
    return found


def _end_group() -> None:
    """Kill the process group, this process included: all that can be reached where orphans cannot be adopted."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)


def _kill(*_: object) -> NoReturn:
    """End at once, with all that runs below."""
    _end_descendants()
    _end_group()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
