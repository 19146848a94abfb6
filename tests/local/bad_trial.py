"""Trials that do what trials should not, each by the number in its name; the others are good."""

import os
import resource
import signal
import sys
from pathlib import Path

from tests.local.quick_trial import write_scalars


def folder() -> str:
    return os.environ["PARETONAS_LOG_DIR"]


def write(**values: float) -> None:
    write_scalars(Path(folder()), values)


def good() -> None:
    from tensorboardX import SummaryWriter  # noqa: PLC0415 # it takes seconds, which the others can do without

    with SummaryWriter(folder()) as writer:
        writer.add_scalar("accuracy", 0.75, 1)
        writer.add_scalar("size", 40.0, 1)


def writes_nothing() -> None:
    sys.stdout.write("I forgot to log\n")


def writes_another_tag() -> None:
    write(Accuracy=0.5, size=40.0)


def writes_two_folders() -> None:
    write(size=40.0)
    for name in ("train", "test"):
        Path(folder(), name).mkdir()
        write_scalars(Path(folder(), name), {"accuracy": 0.5})


def writes_nan() -> None:
    write(accuracy=float("nan"), size=40.0)


def crashes() -> None:
    write(accuracy=0.99, size=1.0)
    raise ValueError("hidden size is 0")


def is_killed() -> None:
    sys.stderr.write("about to use all memory\n")
    os.kill(os.getpid(), signal.SIGKILL)


def fills_the_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    Path(folder(), "checkpoint").write_bytes(bytes(1_000_000))


def cannot_write_at_all() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    write(accuracy=0.75, size=40.0)  # nor does it find room for its last words


def leaves_by_itself() -> None:
    sys.exit("bad argument: --hidden-size 0")


TRIALS = [
    *(good, writes_nothing, writes_another_tag, writes_two_folders, writes_nan, crashes),
    *(is_killed, fills_the_disk, cannot_write_at_all, leaves_by_itself, good),
]

if __name__ == "__main__":
    number = int(os.environ["PARETONAS_TRIAL"].rpartition("-")[2])
    TRIALS[number]()
