"""The tutorial's network, without anything that trains it."""

import torch
from torch import Tensor, nn

SIDE, CLASSES = 28, 10
PIXELS = SIDE * SIDE

MEAN, STD = 0.1307, 0.3081  # of the training set's pixels, scaled to 0..1, as in the tutorial


def build_network(hidden_size_1: int, hidden_size_2: int, dropout: float) -> nn.Sequential:
    """Two hidden layers with dropout: from normalised images (n, 784) to logits (n, 10)."""
    return nn.Sequential(
        nn.Linear(PIXELS, hidden_size_1),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden_size_1, hidden_size_2),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden_size_2, CLASSES),
    )


def normalise(images: Tensor) -> Tensor:
    """Normalise images (n, 28, 28) of uint8 to float32 (n, 784)."""
    return images.flatten(1).to(torch.float32).mul_(1 / (255 * STD)).sub_(MEAN / STD)  # (x / 255 - MEAN) / STD
