"""What a network costs: its parameters, its multiplications, and the time that it takes for one image."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.benchmark import Timer
from torch.utils.flop_counter import FlopCounterMode

from paretonas_trainer.cnn.network import ImageShape

WARM_UP = 10
"""Images before those that are timed: the first ones choose algorithms and fill caches."""
SECONDS = 0.5
"""How long is measured: some hundred times for a network of a few milliseconds."""


class Latency(NamedTuple):
    """Milliseconds for one image: the median, and the range of the middle half of the measurements."""

    median: float
    spread: float


def count_params(network: nn.Module) -> int:
    """The number of trainable numbers, with those of norms and biases."""
    return sum(weights.numel() for weights in network.parameters())


def count_macs(network: nn.Module, image: ImageShape) -> int:
    """The number of multiply-accumulates for one image, by PyTorch's counter: convolutions and linear layers.

    It counts two operations for each; norms and activations are not counted.
    """
    counter = FlopCounterMode(display=False)
    with _evaluating(network), torch.inference_mode(), counter:
        network(torch.zeros(1, *_shape(image)))
    return int(counter.get_total_flops()) // 2


def measure_latency(network: nn.Module, image: ImageShape, device: torch.device) -> Latency:
    """Measure the time for one image, by PyTorch's benchmark timer: one thread, or a GPU that is waited for each time.

    The random state is left as it is.
    """
    wait = torch.cuda.synchronize if device.type == "cuda" else _nothing
    names = {"network": network, "images": torch.zeros(1, *_shape(image), device=device), "wait": wait}
    with _evaluating(network), torch.inference_mode():
        timer = Timer("network(images); wait()", globals=names, num_threads=1)
        timer.timeit(WARM_UP)
        measured = timer.blocked_autorange(min_run_time=SECONDS)
    return Latency(1e3 * measured.median, 1e3 * measured.iqr)


def _shape(image: ImageShape) -> tuple[int, int, int]:
    return image.channels, image.size, image.size


def _nothing() -> None:
    """A CPU is never ahead of the program."""


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Has a network evaluate, and then do what it did before."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)
