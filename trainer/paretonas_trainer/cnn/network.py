"""The networks of the space, built from PyTorch's and torchvision's modules. Copy this page for a space of your own.

An image passes a stem, then the stages, each at half the resolution of the one before, then the head. `build` is all
that the trainer needs: it returns a module, or raises `ImpossibleError` with the one line that a user should read.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from torch import Tensor, nn
from torchvision.ops.misc import Conv2dNormActivation

from paretonas_trainer.cnn.architecture import Activation, Architecture, ImpossibleError, Norm, Stage

MODULES: dict[Activation, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "hardswish": nn.Hardswish,
}

Layer = Callable[..., nn.Module]
"""Makes a convolution with its norm and activation, from its inputs, outputs and what `Conv2dNormActivation` takes."""


class ImageShape(NamedTuple):
    """The images of a data set: `channels` of `size` x `size` pixels."""

    channels: int
    size: int


class Residual(nn.Module):
    """Adds what its body makes of an input to that input, brought to the same shape where it has another one."""

    def __init__(self, body: nn.Module, shortcut: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut, self.activation = body, shortcut, activation

    def forward(self, images: Tensor) -> Tensor:
        """The sum, of shape (n, width, side, side)."""
        added: Tensor = self.activation(self.body(images) + self.shortcut(images))
        return added


def build(architecture: Architecture, image: ImageShape, classes: int) -> nn.Sequential:
    """A network from images (n, channels, size, size) to logits (n, classes).

    Its children are `stem`, `stage_1` and so on, and `head`, in the order in which an image passes them.

    Raises:
        ImpossibleError: there is no such network.
    """
    layer = partial(
        Conv2dNormActivation,
        norm_layer=_norm(architecture.norm, architecture.norm_groups),
        activation_layer=MODULES[architecture.activation],
        inplace=None,  # GELU knows no such argument
    )
    activation = MODULES[architecture.activation]
    network, side, inputs = nn.Sequential(), image.size, architecture.stem_width
    with _saying("the stem"):
        side = _smaller(side, architecture.stem_stride)
        network.add_module("stem", layer(image.channels, inputs, 3, stride=architecture.stem_stride))
    for number, stage in enumerate(architecture.stages, 1):
        with _saying(f"stage {number}"):
            stride = 1 if number == 1 else 2
            side = _smaller(side, stride)
            blocks = [_block(stage, inputs, stride, layer, activation)]
            blocks += [_block(stage, stage.width, 1, layer, activation) for _ in range(1, stage.blocks)]
        network.add_module(f"stage_{number}", nn.Sequential(*blocks))
        inputs = stage.width
    network.add_module("head", _head(architecture, inputs, classes))
    return network


def _block(stage: Stage, inputs: int, stride: int, layer: Layer, activation: Callable[[], nn.Module]) -> nn.Module:
    """One block. The stride is that of its first convolution with the stage's kernel."""
    width, kernel = stage.width, stage.kernel
    same = stride == 1 and inputs == width
    match stage.op:
        case "conv":
            return layer(inputs, width, kernel, stride=stride)
        case "separable":  # MobileNet
            return nn.Sequential(layer(inputs, inputs, kernel, stride=stride, groups=inputs), layer(inputs, width, 1))
        case "inverted":  # MobileNetV2
            middle = inputs * (stage.expansion or 1)
            body = nn.Sequential(
                layer(inputs, middle, 1),
                layer(middle, middle, kernel, stride=stride, groups=middle),
                layer(middle, width, 1, activation_layer=None),
            )
            return Residual(body, nn.Identity(), nn.Identity()) if same else body
        case "residual":  # ResNet
            body = nn.Sequential(
                layer(inputs, width, kernel, stride=stride), layer(width, width, kernel, activation_layer=None)
            )
            shortcut = nn.Identity() if same else layer(inputs, width, 1, stride=stride, activation_layer=None)
            return Residual(body, shortcut, activation())


def _head(architecture: Architecture, inputs: int, classes: int) -> nn.Sequential:
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    if architecture.head_width:
        head.extend([nn.Linear(inputs, architecture.head_width), MODULES[architecture.activation]()])
        inputs = architecture.head_width
    return head.extend([nn.Dropout(architecture.dropout), nn.Linear(inputs, classes)])


def _norm(norm: Norm, groups: int | None) -> Callable[[int], nn.Module] | None:
    """What makes the normalisation of so many channels."""

    def group_norm(channels: int) -> nn.Module:
        if channels % (groups or 1):
            raise ImpossibleError(f"{channels} channels cannot be divided into norm_groups {groups}")
        return nn.GroupNorm(groups or 1, channels)

    made: dict[Norm, Callable[[int], nn.Module] | None] = {
        "batch": nn.BatchNorm2d,
        "group": group_norm,
        "none": None,
    }
    return made[norm]


def _smaller(side: int, stride: int) -> int:
    """The side of a feature map behind a convolution with this stride."""
    if side < stride:
        raise ImpossibleError(f"a feature map of {side} x {side} cannot be made {stride} times smaller")
    return -(-side // stride)


@contextmanager
def _saying(where: str) -> Iterator[None]:
    """Begin the message of an `ImpossibleError` with the place in the network."""
    try:
        yield
    except ImpossibleError as error:
        raise ImpossibleError(f"{where}: {error}") from error
