"""The table of this benchmark: 512 small networks, each trained for 50 epochs on scikit-learn's handwritten digits.

`python -m benchmarks.stopping.digits` makes digits.npz again, in some ten minutes of one core. The networks are points
of a Sobol sequence, and everything that is random follows from SEED. The learning rate is constant, so a network that
is trained for fewer epochs has the first part of the same curve.
"""

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.tables import Choice, Range, Space
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

FILE = Path(__file__).with_name("digits.npz")
SEED = 0
NETWORKS, EPOCHS = 512, 50
SPACE: Space = (
    Range("width_1", 4, 256, integer=True, log=True),
    Range("width_2", 4, 256, integer=True, log=True),
    Range("learning_rate", 1e-4, 1e-1, log=True),
    Range("dropout", 0.0, 0.6),
    Choice("batch_size", (16, 32, 64, 128, 256), ordered=True),
    Choice("optimizer", ("adam", "sgd"), ordered=False),
)
Split = tuple[Tensor, Tensor, Tensor, Tensor]


def value_at(parameter: Choice | Range, share: float) -> Any:
    """The value of a parameter at a share of its range, 0 to 1."""
    if isinstance(parameter, Choice):
        return parameter.values[min(int(share * len(parameter.values)), len(parameter.values) - 1)]
    low, high = parameter.low, parameter.high
    value = low * (high / low) ** share if parameter.log else low + (high - low) * share
    return round(value) if parameter.integer else value


def split() -> Split:
    """Training and validation images (n, 64), from 0 to 1, and their digits; 898 and 899 of them."""
    images, digits = load_digits(return_X_y=True)
    parts = train_test_split(images / 16.0, digits, test_size=0.5, stratify=digits, random_state=SEED)
    x, x_val, y, y_val = map(torch.tensor, parts)
    return x.float(), y, x_val.float(), y_val


def train(parameters: dict[str, Any], data: Split, seed: int) -> tuple[list[float], list[float], int]:
    """Train one network.

    Returns:
        Its validation loss (mean cross-entropy) and accuracy after each epoch, and its number of parameters.
    """
    torch.manual_seed(seed)
    x, y, x_val, y_val = data
    network = nn.Sequential(
        nn.Linear(64, parameters["width_1"]),
        nn.ReLU(),
        nn.Dropout(parameters["dropout"]),
        nn.Linear(parameters["width_1"], parameters["width_2"]),
        nn.ReLU(),
        nn.Dropout(parameters["dropout"]),
        nn.Linear(parameters["width_2"], 10),
    )
    kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[parameters["optimizer"]]
    optimizer = kind(network.parameters(), lr=parameters["learning_rate"])
    losses, accuracies = [], []
    for _ in range(EPOCHS):
        network.train()
        for batch in torch.randperm(len(x)).split(parameters["batch_size"]):
            optimizer.zero_grad()
            cross_entropy(network(x[batch]), y[batch]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            scores = network(x_val)
            losses.append(float(cross_entropy(scores, y_val)))
            accuracies.append(float((scores.argmax(1) == y_val).double().mean()))
    return losses, accuracies, sum(weights.numel() for weights in network.parameters())


def main() -> None:
    """Train all networks, and write the table."""
    torch.set_num_threads(1)
    data = split()
    shares = torch.quasirandom.SobolEngine(len(SPACE), scramble=True, seed=SEED).draw(NETWORKS, dtype=torch.float64)
    points = [{p.name: value_at(p, share) for p, share in zip(SPACE, row, strict=True)} for row in shares.tolist()]
    results = []
    for number, parameters in enumerate(points):
        results.append(train(parameters, data, SEED + number))
        losses, accuracies, size = results[-1]
        if not all(map(math.isfinite, losses)):
            raise ArithmeticError(f"network {number} diverged: {parameters}")
        print(f"[{number + 1}/{NETWORKS}] {size} {losses[-1]:.4f} {accuracies[-1]:.4f}", file=sys.stderr, flush=True)
    losses, accuracies, sizes = zip(*results, strict=True)
    columns = {p.name: np.array([point[p.name] for point in points]) for p in SPACE}
    np.savez_compressed(
        FILE,
        seed=SEED,
        val_loss=np.array(losses, dtype=np.float32),
        val_acc=np.array(accuracies, dtype=np.float32),
        num_params=np.array(sizes),
        **columns,
    )


if __name__ == "__main__":
    main()
