"""The tutorial's network as a Lightning module."""

from collections.abc import Iterator
from typing import cast

import pytorch_lightning as pl
import torch
from torch import Tensor, optim
from torch.nn.functional import cross_entropy

from paretonas_trainer.arguments import Trial
from paretonas_trainer.dataset import Batches
from paretonas_trainer.network import build_network


class MnistModel(pl.LightningModule):
    """Two hidden layers with dropout, trained by Adam, or by SGD with momentum.

    Its training data is a `WholeEpoch`: Lightning sees one batch, and `training_step` goes over the real ones,
    because Lightning's loop takes 0.5 ms a batch, as long as a step of so small a network. Where several processes
    train it, `manual_backward` has Lightning's DDP average their gradients.
    """

    def __init__(self, trial: Trial) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.trial = trial
        self.layers = build_network(trial.hidden_size_1, trial.hidden_size_2, trial.dropout)

    @property
    def num_params(self) -> int:
        """The number of weights, without biases, as the tutorial counts: 784 h1 + h1 h2 + 10 h2."""
        return sum(weights.numel() for weights in self.parameters() if weights.dim() > 1)

    def configure_optimizers(self) -> optim.Optimizer:
        """Adam or SGD, fused: one call into C++ for all layers."""
        rate = self.trial.learning_rate
        if self.trial.optimizer == "sgd":
            return optim.SGD(self.parameters(), rate, momentum=self.trial.momentum or 0.0, fused=True)
        return optim.Adam(self.parameters(), rate, fused=True)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, 10) of images (n, 784)."""
        logits: Tensor = self.layers(images)
        return logits

    def training_step(self, epoch: Batches) -> None:
        """Train for an epoch; log its mean loss and the learning rate."""
        optimizer = cast(optim.Optimizer, self.optimizers(use_pl_optimizer=False))
        total, count = torch.zeros((), device=self.device), 0
        for images, labels in epoch:
            loss = cross_entropy(self(images), labels)
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()
            total += loss.detach() * len(labels)
            count += len(labels)
        of_epoch = {"train_loss": total / count, "learning_rate": optimizer.param_groups[0]["lr"]}
        self.log_dict(of_epoch, on_step=False, on_epoch=True, batch_size=1, sync_dist=True)

    def validation_step(self, batch: tuple[Tensor, Tensor]) -> None:
        """Log loss and accuracy, of the whole set on every rank: their weights are the same, and it takes 20 ms."""
        images, labels = batch
        logits = self(images)
        accuracy = (logits.argmax(1) == labels).float().mean()
        of_set = {"val_acc": accuracy, "val_loss": cross_entropy(logits, labels)}
        self.log_dict(of_set, batch_size=len(labels), sync_dist=True)  # else Lightning warns of it


class WholeEpoch:
    """Gives Lightning a pass over all batches as one batch of its own."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Batches]:
        yield self.batches
