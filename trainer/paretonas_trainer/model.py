"""A network in training as a Lightning module, and the tutorial's."""

from collections.abc import Iterator
from typing import cast

import pytorch_lightning as pl
import torch
from torch import Tensor, nn, optim
from torch.nn.functional import cross_entropy

from paretonas_trainer.arguments import Trial
from paretonas_trainer.dataset import Batches
from paretonas_trainer.network import build_network


class Classifier(pl.LightningModule):
    """A network that learns to classify images.

    Its training data is a `WholeEpoch`: Lightning sees one batch, and `training_step` goes over the real ones,
    because Lightning's loop takes 0.5 ms a batch, as long as a step of so small a network. Where several processes
    train it, `manual_backward` has Lightning's DDP average their gradients.
    """

    layers: nn.Module
    """The network, whose `state_dict` is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def costs(self) -> dict[str, float]:
        """What is known of the network before it is trained, by tag."""
        raise NotImplementedError

    def costs_after(self) -> dict[str, float]:
        """What is measured of the trained network, by tag."""
        return {}

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, classes) of images (n, ...)."""
        logits: Tensor = self.layers(images)
        return logits

    def augmented(self, images: Tensor) -> Tensor:
        """The images of a batch as they are trained on."""
        return images

    def training_step(self, epoch: Batches) -> None:
        """Train for an epoch; log its mean loss and the learning rate."""
        optimizer = cast(optim.Optimizer, self.optimizers(use_pl_optimizer=False))
        schedule = cast(optim.lr_scheduler.LRScheduler | None, self.lr_schedulers())
        total, count = torch.zeros((), device=self.device), 0
        rate = optimizer.param_groups[0]["lr"]
        for images, labels in epoch:
            loss = cross_entropy(self(self.augmented(images)), labels)
            optimizer.zero_grad()
            self.manual_backward(loss)
            rate = optimizer.param_groups[0]["lr"]
            optimizer.step()
            if schedule is not None:
                schedule.step()
            total += loss.detach() * len(labels)
            count += len(labels)
        of_epoch = {"train_loss": total / count, "learning_rate": rate}
        self.log_dict(of_epoch, on_step=False, on_epoch=True, batch_size=1, sync_dist=True)

    def validation_step(self, batch: tuple[Tensor, Tensor]) -> None:
        """Log loss and accuracy, of the whole set on every rank: their weights are the same."""
        images, labels = batch
        logits = self(images)
        accuracy = (logits.argmax(1) == labels).float().mean()
        of_set = {"val_acc": accuracy, "val_loss": cross_entropy(logits, labels)}
        self.log_dict(of_set, batch_size=len(labels), sync_dist=True)  # else Lightning warns of it


class MnistModel(Classifier):
    """Two hidden layers with dropout, trained by Adam, or by SGD with momentum."""

    def __init__(self, trial: Trial) -> None:
        super().__init__()
        self.trial = trial
        self.layers = build_network(trial.hidden_size_1, trial.hidden_size_2, trial.dropout)

    def costs(self) -> dict[str, float]:
        """The number of weights, without biases, as the tutorial counts: 784 h1 + h1 h2 + 10 h2."""
        return {"num_params": sum(weights.numel() for weights in self.parameters() if weights.dim() > 1)}

    def configure_optimizers(self) -> optim.Optimizer:
        """Adam or SGD, fused: one call into C++ for all layers."""
        rate = self.trial.learning_rate
        if self.trial.optimizer == "sgd":
            return optim.SGD(self.parameters(), rate, momentum=self.trial.momentum or 0.0, fused=True)
        return optim.Adam(self.parameters(), rate, fused=True)


class WholeEpoch:
    """Gives Lightning a pass over all batches as one batch of its own."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Batches]:
        yield self.batches
