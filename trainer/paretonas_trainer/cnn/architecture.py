"""An architecture as values: what a search chooses, without anything that builds or trains it."""

from dataclasses import dataclass
from typing import Literal, get_args

Operation = Literal["conv", "separable", "inverted", "residual"]
Norm = Literal["batch", "group", "none"]
Activation = Literal["relu", "gelu", "silu", "hardswish"]

OPERATIONS: tuple[Operation, ...] = get_args(Operation)
NORMS: tuple[Norm, ...] = get_args(Norm)
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)

MOST_STAGES = 4

METRICS = ("val_acc", "macs", "num_params", "latency_ms")
"""What can be an objective. They are NaN for a point of the space that is no network."""


class ImpossibleError(Exception):
    """There is no such network; the message is one line that says why, in the words of the parameters."""


@dataclass(frozen=True)
class Stage:
    """Equal blocks at one resolution; the first of them brings the width and, but for stage 1, halves the image.

    Attributes:
        op: What a block is: a convolution, a depthwise separable one, an inverted bottleneck, or a residual pair.
        width: The number of channels.
        kernel: The side of the convolutions, odd.
        blocks: How many blocks there are.
        expansion: How many times wider the middle of an inverted bottleneck is; None for any other operation.
    """

    op: Operation
    width: int
    kernel: int
    blocks: int
    expansion: int | None = None


@dataclass(frozen=True)
class Architecture:
    """A stem, one stage to four, and a head.

    Attributes:
        stem_width: The number of channels of the first convolution.
        stem_stride: How many times smaller it makes the image: 1, 2 or 4.
        stages: In the order in which an image passes them.
        norm: What normalises after each convolution.
        norm_groups: The number of groups of channels for `norm` "group", each normalised by itself; else None.
        activation: What follows each normalisation.
        head_width: The width of a hidden layer before the classes; 0 for none.
        dropout: The share of the head's inputs that is left out in training.
    """

    stem_width: int
    stem_stride: int
    stages: tuple[Stage, ...]
    norm: Norm
    norm_groups: int | None
    activation: Activation
    head_width: int
    dropout: float

    @property
    def parameters(self) -> dict[str, int | float | str | None]:
        """The architecture by the names of the command line, as in `width_2`."""
        of_stages = {
            f"{name}_{number}": value
            for number, stage in enumerate(self.stages, 1)
            for name, value in vars(stage).items()
        }
        return {**vars(self), "stages": len(self.stages), **of_stages}
