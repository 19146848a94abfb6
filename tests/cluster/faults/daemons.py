"""The test cluster's daemons, killed and started again, or frozen: processes of this machine, with a pid file each."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STATE = Path(os.environ.get("BED_STATE", "/nowhere"))
NETWORK = "--net=/var/run/netns/bed"


class Daemon:
    """One of them, by the name of its pid file: etcd, apiserver, kcm, kubelet, vc-controller …"""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pid_file = STATE / f"{name}.pid"

    @property
    def pid(self) -> int:
        return int(self.pid_file.read_text())

    @contextmanager
    def down(self) -> Iterator[None]:
        """Killed, and started again as it was."""
        process = Path("/proc", str(self.pid))
        command = process.joinpath("cmdline").read_bytes().decode().split("\0")[:-1]
        folder = process.joinpath("cwd").readlink()
        mounts = process.joinpath("ns/mnt")
        kept = os.open(mounts, os.O_RDONLY)  # the kubelet lives in the mounts of containerd
        os.kill(self.pid, signal.SIGKILL)
        try:
            yield
        finally:
            with STATE.joinpath("log", f"{self.name}.log").open("a") as log:
                started = subprocess.Popen(
                    ["nsenter", NETWORK, f"--mount=/proc/self/fd/{kept}", f"--wd={folder}", *command],
                    pass_fds=[kept],
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env={**os.environ, "DEBUG_SOCKET_DIR": str(STATE)},
                )
            os.close(kept)
            self.pid_file.write_text(f"{started.pid}\n")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stopped, so that who asks it waits for an answer; then let go on."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)


def processes(*words: str) -> list[int]:
    """The pids of the processes in whose command all these words stand, oldest first; those of containers too."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = folder.joinpath("cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:  # it has just ended
            continue
        if all(word in command for word in words) and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return sorted(found)


def kill_processes(*words: str) -> None:
    """SIGKILL to all of them; fails where there is none."""
    pids = processes(*words)
    assert pids, f"no process has {words} in its command"
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
