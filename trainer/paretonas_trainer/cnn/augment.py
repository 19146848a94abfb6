"""Training images, changed at random on the device where they are: each image of a batch by itself."""

import torch
from torch import Tensor
from torch.nn import functional

SHARE = 8
"""An image is shifted by up to an eighth of its side: 4 of CIFAR-10's 32 pixels, as is usual there."""


def augment(images: Tensor, kind: str) -> Tensor:
    """Images (n, channels, size, size), shifted (`shift`), and half of them mirrored as well (`shift-flip`)."""
    if kind == "none":
        return images
    shifted = _shift(images)
    if kind == "shift":
        return shifted
    mirrored = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5  # noqa: PLR2004 # half of them
    return torch.where(mirrored, shifted.flip(3), shifted)


def _shift(images: Tensor) -> Tensor:
    """Shift each image up or down and left or right; what comes in is the mean of the training images."""
    count, channels, side, _ = images.shape
    most = max(1, side // SHARE)
    padded = functional.pad(images, (most,) * 4)
    # drawn on the CPU, so that a seed means the same on any device
    down, right = torch.randint(0, 2 * most + 1, (2, count, 1)).to(images.device)
    pixels = torch.arange(side, device=images.device)
    image = torch.arange(count, device=images.device)[:, None, None, None]
    channel = torch.arange(channels, device=images.device)[:, None, None]
    return padded[image, channel, (down + pixels)[:, None, :, None], (right + pixels)[:, None, None, :]]
