"""A network as a picture, drawn from the module that was built: what it is, not what it was asked to be."""

import math
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import torch
from torch import Tensor, nn

from paretonas_trainer.cnn.network import ImageShape, Residual

BOX, GAP, LEFT, TOP = 132, 22, 16, 74
"""Pixels: the width of a column and between two, and the margins."""
LARGEST = 96
"""Pixels of a feature map's side, for the image itself."""
LINE = 15
"""Pixels from one line of text to the next."""
SHADES = {"stem": "#d9e2ec", "head": "#f0e4d0"}
STAGE_SHADE = "#bcd4e6"
DEPTH = 0.9
"""Pixels that a channel is deep, under a root: 64 channels are drawn 7 pixels deep, 256 are 14."""


@dataclass(frozen=True)
class Column:
    """What an image becomes in one part of the network.

    Attributes:
        name: The part's, as in `stage_2`.
        lines: Its layers in words.
        shape: (channels, side, side) or (features,), behind it.
        params: How many numbers it learns.
        residual: Whether something is added to its own input.
    """

    name: str
    lines: tuple[str, ...]
    shape: tuple[int, ...]
    params: int
    residual: bool


def columns(network: nn.Sequential, image: ImageShape) -> list[Column]:
    """The parts of a network in the order in which an image passes them, with what it is behind each."""
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str) -> Any:
        def hook(_: nn.Module, __: object, output: Tensor) -> None:
            shapes[name] = tuple(output.shape[1:])

        return hook

    hooks = [part.register_forward_hook(note(name)) for name, part in network.named_children()]
    training, device = network.training, next(network.parameters()).device
    network.eval()
    try:
        with torch.inference_mode():
            network(torch.zeros(1, image.channels, image.size, image.size, device=device))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return [
        Column(
            name,
            _words(part),
            shapes[name],
            sum(weights.numel() for weights in part.parameters()),
            any(isinstance(module, Residual) for module in part.modules()),
        )
        for name, part in network.named_children()
    ]


def sketch(network: nn.Sequential, image: ImageShape) -> str:
    """An SVG document: each part of a network with its layers, its feature maps and its size."""
    parts = columns(network, image)
    rows = max(len(part.lines) for part in parts)
    height = TOP + LARGEST + 2 * LINE + rows * LINE + 16
    width = 2 * LEFT + (len(parts) + 1) * (BOX + GAP) - GAP
    total = sum(part.params for part in parts)
    title = f"{total:,} parameters, {image.channels} x {image.size} x {image.size} to {parts[-1].shape[0]} classes"
    drawn = [_map(0, "image", (image.channels, image.size, image.size), image.size, "#ffffff")]
    for number, part in enumerate(parts, 1):
        drawn.append(_map(number, part.name, part.shape, image.size, SHADES.get(part.name, STAGE_SHADE)))
        texts = [*part.lines, f"{part.params:,} params"]
        x, y = _middle(number), TOP + LARGEST + 3 * LINE
        drawn += [_text(x, y + row * LINE, text, "#52606d") for row, text in enumerate(texts[:-1])]
        drawn.append(_text(x, y - LINE, texts[-1], "#829ab1"))
        if part.residual:
            drawn.append(_arc(number))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' font-family="sans-serif" font-size="11" role="img"><title>{escape(title)}</title>'
        f'<rect width="100%" height="100%" fill="#ffffff"/>'
        f'<text x="{LEFT}" y="22" font-size="13" fill="#102a43">{escape(title)}</text>{"".join(drawn)}</svg>\n'
    )


def _words(part: nn.Module) -> tuple[str, ...]:
    """The layers of a part: convolutions and linear layers, equal ones that follow each other as one."""
    lines: list[tuple[str, int]] = []
    for module in part.modules():
        text = _layer(module)
        if text and lines and lines[-1][0] == text:
            lines[-1] = (text, lines[-1][1] + 1)
        elif text:
            lines.append((text, 1))
    return tuple(text if times == 1 else f"{text}, {times} times" for text, times in lines)


def _layer(module: nn.Module) -> str:
    match module:
        case nn.Conv2d():
            side, stride = module.kernel_size[0], module.stride[0]
            kind = "depthwise" if module.groups == module.in_channels > 1 else f"to {module.out_channels}"
            return f"{side}x{side} {kind}" + (f", /{stride}" if stride > 1 else "")
        case nn.Linear():
            return f"linear to {module.out_features}"
        case nn.Dropout() if module.p:
            return f"dropout {module.p:.2g}"
        case _:
            return ""


def _middle(number: int) -> float:
    return LEFT + number * (BOX + GAP) + BOX / 2


def _map(number: int, name: str, shape: tuple[int, ...], largest: int, shade: str) -> str:
    """The name of a part, the feature map behind it as a block, and its shape."""
    x, y = _middle(number), TOP + LARGEST / 2
    if len(shape) == 1:
        side, depth = 8.0, min(LARGEST, 6.0 * math.sqrt(shape[0]))
        block = f'<rect x="{x - side / 2}" y="{y - depth / 2:.1f}" width="{side}" height="{depth:.1f}"'
    else:
        side = max(6.0, LARGEST * shape[1] / largest)
        depth = DEPTH * math.sqrt(shape[0])
        back = f'<rect x="{x - side / 2 + depth:.1f}" y="{y - side / 2 - depth:.1f}" width="{side:.1f}"'
        back += f' height="{side:.1f}" fill="{shade}" stroke="#486581" opacity="0.55"/>'
        block = f'{back}<rect x="{x - side / 2:.1f}" y="{y - side / 2:.1f}" width="{side:.1f}" height="{side:.1f}"'
    block += f' fill="{shade}" stroke="#486581"/>'
    arrow = ""
    if number:
        tip = x - BOX / 2
        arrow = f'<path d="M{tip - GAP + 4} {y}h{GAP - 8}m-5 -4l5 4l-5 4" fill="none" stroke="#829ab1"/>'
    under = TOP + LARGEST + LINE
    return f"{arrow}{block}{_text(x, 48, name, '#102a43')}{_text(x, under, ' x '.join(map(str, shape)), '#243b53')}"


def _arc(number: int) -> str:
    """The way around a part that adds to its input."""
    left, right, y = _middle(number) - BOX / 2, _middle(number) + BOX / 2, TOP + LARGEST / 2
    return (
        f'<path d="M{left} {y}C{left + 8} {TOP - 16} {right - 8} {TOP - 16} {right} {y}" fill="none"'
        ' stroke="#bb8b3c" stroke-dasharray="4 3"/>'
    )


def _text(x: float, y: float, text: str, colour: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="middle" fill="{colour}">{escape(text)}</text>'
