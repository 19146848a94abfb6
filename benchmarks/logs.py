"""Reading the logs of 48 trials, each 1,000 steps of 2 tags written by torch, against TensorBoard's own reader.

`python -m benchmarks.logs`, from the root of the repository. Everything is read, checksums are verified, and all
readers must find the same values. They take turns, so that a busy machine slows all of them; the ratio is that of
processor time.
"""

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.util.tensor_util import make_ndarray
from torch.utils.tensorboard import SummaryWriter

from paretonas.metrics import LogReader

TRIALS = 48
STEPS = 1000
ROUNDS = 5
RELOAD_THREADS = 20  # as Ax 1.3.1 sets it (ax/metrics/tensorboard.py)

Curves = Mapping[str, tuple[tuple[int, float], ...]]


def write(root: Path) -> None:
    """Writes the logs of trial k to the folder k."""
    for trial in range(TRIALS):
        with SummaryWriter(str(root / str(trial))) as writer:
            for step in range(STEPS):
                writer.add_scalar("val_acc", 1 - 1 / (1 + trial + step), step)
                writer.add_scalar("train_loss", trial / (1 + step), step)


def paretonas(root: Path) -> dict[str, Curves]:
    """Reads all curves of all trials."""
    curves = {}
    for folder in root.iterdir():
        reader = LogReader(folder)
        reader.poll()
        curves[folder.name] = reader.curves()
    return curves


def tensorboard(root: Path, **options: Mapping[str, int]) -> dict[str, Curves]:
    """Reads them with an EventMultiplexer."""
    multiplexer = EventMultiplexer(max_reload_threads=RELOAD_THREADS, **options)
    multiplexer.AddRunsFromDirectory(str(root))
    multiplexer.Reload()
    return {
        run: {
            tag: tuple((event.step, make_ndarray(event.tensor_proto).item()) for event in multiplexer.Tensors(run, tag))
            for tag in found["tensors"]
        }
        for run, found in multiplexer.Runs().items()
    }


def every_point(root: Path) -> dict[str, Curves]:
    """Reads them with an EventMultiplexer that does not sample."""
    return tensorboard(root, tensor_size_guidance={"scalars": 2 * STEPS})


READERS: dict[str, Callable[[Path], dict[str, Curves]]] = {
    "paretonas.metrics": paretonas,
    "EventMultiplexer, as Ax calls it": tensorboard,
    "EventMultiplexer, every point": every_point,
}


def main() -> None:
    """Prints the table."""
    seconds: dict[str, list[float]] = {name: [] for name in READERS}
    processor: dict[str, list[float]] = {name: [] for name in READERS}
    points = {}
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        for _ in range(ROUNDS):
            found = {}
            for name, read in READERS.items():
                start, processor_start = time.perf_counter(), time.process_time()
                found[name] = read(Path(folder))
                seconds[name].append(time.perf_counter() - start)
                processor[name].append(time.process_time() - processor_start)
                points[name] = sum(len(curve) for run in found[name].values() for curve in run.values())
            ours, sampled, theirs = found.values()
            assert ours == theirs  # noqa: S101 # the benchmark's own check, not an argument's
            assert all(set(sampled[run][tag]) <= set(ours[run][tag]) for run in ours for tag in ours[run])  # noqa: S101 # as above
    print(f"{TRIALS} logs of {STEPS} steps and 2 tags; seconds of {ROUNDS} rounds\n")
    print("| reader | points | least | median | processor, median | times ours |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name in READERS:
        used = median(processor[name])
        ratio = used / median(processor["paretonas.metrics"])
        wall = f"{min(seconds[name]):.3f} | {median(seconds[name]):.3f}"
        print(f"| {name} | {points[name]} | {wall} | {used:.3f} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
