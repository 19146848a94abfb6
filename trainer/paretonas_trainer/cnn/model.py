"""A convolutional network in training."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn, optim

from paretonas_trainer.cnn import costs
from paretonas_trainer.cnn.arguments import CnnTrial
from paretonas_trainer.cnn.augment import augment
from paretonas_trainer.cnn.network import ImageShape, build
from paretonas_trainer.cnn.sketch import sketch
from paretonas_trainer.model import Classifier

SKETCH = "architecture.svg"


class CnnModel(Classifier):
    """A network of `network.build`, on its device.

    Its feature maps are laid out channels last: tensor cores want that, and it saves a CPU a quarter to a third of the
    time of an epoch of examples/cnn-nas.yaml.

    Raises:
        ImpossibleError: there is no such network.
    """

    layers: nn.Sequential

    def __init__(self, trial: CnnTrial, image: ImageShape, classes: int, batches: int, device: torch.device) -> None:
        """Build it; an epoch has so many batches."""
        super().__init__()
        self.trial, self._image, self._batches = trial, image, batches
        self.layers = build(trial.architecture, image, classes)
        self._counted = {
            "num_params": float(costs.count_params(self.layers)),
            "macs": float(costs.count_macs(self.layers, image)),
        }
        on_gpu = device.type == "cuda"
        half = trial.precision == "bf16" or (trial.precision == "auto" and on_gpu and torch.cuda.is_bf16_supported())
        self._half = torch.bfloat16 if half else None
        self.layers.to(device).to(memory_format=torch.channels_last)
        if trial.compile:
            self.layers.compile()

    def draw(self, folder: Path) -> None:
        """Write a sketch of the network to a folder, which is created. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SKETCH).write_text(sketch(self.layers, self._image), encoding="utf-8")

    def costs(self) -> dict[str, float]:
        """Parameters, multiplications and a first measurement of the latency, which is logged again in the end."""
        return self._counted | self.costs_after()

    def costs_after(self) -> dict[str, float]:
        """The latency and its spread in milliseconds."""
        device = next(self.layers.parameters()).device
        latency = costs.measure_latency(self, self._image, device)
        return {"latency_ms": latency.median, "latency_spread_ms": latency.spread}

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, classes), float32, of images (n, channels, size, size)."""
        # Autocast keeps the weights that it has cast until it is left: it must not be around an optimizer's step.
        with torch.autocast(images.device.type, self._half, enabled=self._half is not None):
            logits: Tensor = self.layers(images.contiguous(memory_format=torch.channels_last))
        return logits.float()

    def augmented(self, images: Tensor) -> Tensor:
        """The images of a batch as they are trained on."""
        return augment(images, self.trial.training.augmentation)

    def configure_optimizers(self) -> Any:
        """The optimizer, fused: one call into C++ or one kernel for all layers; and the schedule of its rate."""
        optimizer = self._optimizer()
        training = self.trial.training
        scheduled: optim.lr_scheduler.LRScheduler
        steps = training.epochs * self._batches
        match training.schedule:
            case "cosine":
                scheduled = optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
            case "onecycle":
                scheduled = optim.lr_scheduler.OneCycleLR(
                    optimizer, training.learning_rate, total_steps=steps, cycle_momentum=False
                )
            case _:
                return optimizer
        return [optimizer], [scheduled]

    def _optimizer(self) -> optim.Optimizer:
        training, weights = self.trial.training, self.layers.parameters()
        rate, decay = training.learning_rate, training.weight_decay or 0.0
        match training.optimizer:
            case "sgd":
                return optim.SGD(weights, rate, momentum=training.momentum or 0.0, weight_decay=decay, fused=True)
            case "adamw":
                return optim.AdamW(weights, rate, weight_decay=decay, fused=True)
            case _:
                return optim.Adam(weights, rate, fused=True)
