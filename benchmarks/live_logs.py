"""What early stopping reads: the curves of 8 running trials, and those of 200 completed ones after a restart.

`python -m benchmarks.live_logs`, from the root of the repository. Running trials have logged 100,000 values each, by
torch's writer, and log 100 more before each look; completed ones have logged 1,000. On a laptop logs are read in place,
on a cluster by the two processes that read all logs; either way from files, without a request to Kubernetes.
"""

import math
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from statistics import median

from torch.utils.tensorboard import SummaryWriter

from paretonas.backends.cluster import logs as cluster_logs
from paretonas.backends.cluster.log_queue import LogQueue
from paretonas.backends.cluster.logs import ClusterLogs
from paretonas.backends.local.logs import FolderLogs
from paretonas.engine.ports import LogSource
from paretonas.metrics import Wanted

RUNNING, LONG = 8, 100_000
COMPLETED, SHORT = 200, 1_000
NEW = 100  # values between two looks
LOOKS = 20
WANTED = [Wanted("accuracy", "val_acc")]


def write(folder: Path, steps: Iterable[int]) -> None:
    """Writes a value at each of these steps, to a file of its own."""
    with SummaryWriter(str(folder)) as writer:
        for step in steps:
            writer.add_scalar("val_acc", 1 - 1 / (2 + step), step)


def copy(first: Path, root: Path, trials: Iterable[str]) -> None:
    """Gives each trial the logs of the first one."""
    for trial in trials:
        shutil.copytree(first, root / "nas" / trial / "a1")


def append(root: Path, trials: Iterable[str], records: bytes) -> None:
    """Lets each trial log some more."""
    for trial in trials:
        [file] = (root / "nas" / trial / "a1").iterdir()
        with file.open("ab") as stream:
            stream.write(records)


def look(logs: LogSource, trials: Iterable[str]) -> tuple[float, float]:
    """Asks for the curves of trials until all are told. Returns the seconds, and those of this process' processor."""
    begin, processor = time.perf_counter(), time.process_time()
    waiting = list(trials)
    while waiting:
        waiting = [trial for trial in waiting if logs.curves(trial, 1, WANTED) is None]
        if waiting:
            time.sleep(0.001)
    return time.perf_counter() - begin, time.process_time() - processor


def measure(name: str, open_logs: Callable[[], LogSource], root: Path, records: list[bytes]) -> None:
    """Prints a row of the table."""
    running = [f"running-{number}" for number in range(RUNNING)]
    completed = [f"completed-{number}" for number in range(COMPLETED)]
    restart = look(open_logs(), completed)
    logs = open_logs()
    first = look(logs, running)
    idle = [look(logs, running) for _ in range(LOOKS)]
    grown = []
    for more in records:
        append(root, running, more)
        grown.append(look(logs, running))
    for column, number in ("seconds", 0), ("of this process' processor", 1):
        figures = (median(look[number] for look in looks) for looks in ([first], grown, idle, [restart]))
        print(f"| {name} | {column} | {' | '.join(f'{figure:.4f}' for figure in figures)} |")


def main() -> None:
    """Prints the table."""
    cluster_logs.LOOKS = 0.0  # type: ignore[misc] # look as often as asked
    print(f"{RUNNING} running trials of {LONG:,} values and {COMPLETED} completed ones of {SHORT:,}\n")
    print(f"| | | first look | {NEW} new values each | nothing new | restart: completed |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root / "short", range(SHORT))
        copy(root / "short", root, (f"completed-{number}" for number in range(COMPLETED)))
        write(root / "long", range(LONG + 2 * LOOKS * NEW))
        [file] = (root / "long").iterdir()
        content = file.read_bytes()
        size = math.ceil(len(content) / (LONG + 2 * LOOKS * NEW))  # of the last records; the first ones are shorter
        ends = [len(content) - size * NEW * number for number in range(2 * LOOKS, -1, -1)]
        file.write_bytes(content[: ends[0]])
        copy(root / "long", root, (f"running-{number}" for number in range(RUNNING)))
        more = [content[begin:end] for begin, end in pairwise(ends)]
        measure("laptop", lambda: FolderLogs(root, "nas"), root, more[:LOOKS])
        queue = LogQueue()
        try:
            measure("cluster", lambda: ClusterLogs(lambda: root, "nas", queue), root, more[LOOKS:])
        finally:
            queue.close()


if __name__ == "__main__":
    main()
