"""Runs one attempt of a trial on this machine and writes down how it ended.

Started as a plain script (``python -I -S supervise.py FOLDER -- COMMAND …``) in a session of its own, so it imports
nothing but the standard library and takes some 20 ms to start. It outlives the `paretonas run` that started it, which
is why everything that the next one must know is in the attempt's folder:

- ``job.json`` is created once and locked (flock) for as long as the supervisor or the trial lives. Whoever finds it
  written does not run the attempt again; whoever can lock it knows that nothing of the attempt runs any more.
- ``exit.json`` says how the trial ended; a folder with an unlocked job.json and no exit.json was lost.
- ``output.log`` is what the trial printed.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time

JOB, EXIT, OUTPUT = "job.json", "exit.json", "output.log"

CANNOT_START = 127
"""The exit code that a shell gives to a command that cannot be started."""


LOCK_TRIES = 100
"""A second's worth: whoever looks at a lock holds it for microseconds."""


def main() -> int:
    """Run the attempt, unless its folder says that somebody has; the trial's exit code comes back."""
    folder, command = sys.argv[1], sys.argv[3:]
    lock = os.open(os.path.join(folder, JOB), os.O_CREAT | os.O_RDWR, 0o644)  # noqa: PTH118 # pathlib costs 10 ms here
    if not _owned(lock):
        return 0
    os.write(lock, json.dumps({"pid": os.getpid(), "startTime": time.time()}).encode())
    os.fsync(lock)
    output = os.open(os.path.join(folder, OUTPUT), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)  # noqa: PTH118 # as above
    os.dup2(output, 1)
    os.dup2(output, 2)
    code = _run(command, lock)
    _write(os.path.join(folder, EXIT), {"exitCode": code, "endTime": time.time()})  # noqa: PTH118 # as above
    return max(code, 0)


def _owned(lock: int) -> bool:
    """Take the lock of an attempt that nobody has run yet."""
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

    def forward(signum: int, _: object) -> None:
        child.send_signal(signum)

    signal.signal(signal.SIGTERM, forward)
    signal.signal(signal.SIGINT, forward)
    return child.wait()


def _write(path: str, content: dict[str, float]) -> None:
    """Put the file in place whole, on disk."""
    with open(path + ".tmp", "w") as file:  # noqa: PTH123 # as above
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".tmp", path)  # noqa: PTH105 # as above


if __name__ == "__main__":
    sys.exit(main())
