"""The MNIST trial the tutorial's way: what `paretonas_trainer` is measured against by benchmarks/mnist.py.

`mnist_train_nas.py` of the PyTorch tutorial "Multi-Objective NAS with Ax", brought to current versions and no
further: torchvision's MNIST with a transform for each image, a DataLoader, Lightning as it comes, a log of what
is left at the end. Differences, none of which makes it slower: the arguments are those of `paretonas_trainer`;
a seed can be set; `Trainer(gpus=)`, which is gone, has become `accelerator=`; IPython, which only silenced a
table, has made way for contextlib; `val_acc` is the plain accuracy, so that the hypervolumes of both compare
(the tutorial's call takes the mean over the classes in each batch).

    python benchmarks/tutorial_trial.py --hidden-size-1 64 --epochs 3 --log-dir DIR [--data-dir DIR]
"""

import contextlib
import io
import logging
import sys
import time
import warnings

import torch
from pytorch_lightning import LightningModule, Trainer, seed_everything
from pytorch_lightning import loggers as pl_loggers
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torchmetrics.functional.classification.accuracy import multiclass_accuracy
from torchvision import transforms
from torchvision.datasets import MNIST
from typing_extensions import override

from paretonas_trainer.arguments import Trial, parse, reject

warnings.filterwarnings("ignore")  # Disable data logger warnings
logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)  # Disable GPU/TPU prints

Batch = tuple[Tensor, Tensor]


class MnistModel(LightningModule):
    """The tutorial's network with its data, as the tutorial has it."""

    def __init__(self, trial: Trial) -> None:
        super().__init__()
        self.learning_rate = trial.learning_rate
        self.batch_size = trial.batch_size
        self.data_dir = trial.data_dir
        self.num_classes = 10
        self.dims = (1, 28, 28)
        channels, width, height = self.dims
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])

        layers: list[nn.Module] = [nn.Flatten()]
        width = channels * width * height
        num_params = 0
        for hidden_size in (trial.hidden_size_1, trial.hidden_size_2):
            layers += [nn.Linear(width, hidden_size), nn.ReLU(), nn.Dropout(trial.dropout)]
            num_params += width * hidden_size
            width = hidden_size
        layers.append(nn.Linear(width, self.num_classes))
        num_params += width * self.num_classes
        self.num_params = num_params
        self.model = nn.Sequential(*layers)

    @override
    def forward(self, x: Tensor) -> Tensor:
        return functional.log_softmax(self.model(x), dim=1)

    @override
    def training_step(self, batch: Batch) -> Tensor:
        x, y = batch
        return functional.nll_loss(self(x), y)

    @override
    def validation_step(self, batch: Batch) -> Tensor:
        x, y = batch
        logits = self(x)
        preds = torch.argmax(logits, dim=1)
        acc = multiclass_accuracy(preds, y, num_classes=self.num_classes, average="micro")
        self.log("val_acc", acc, prog_bar=False)
        return functional.nll_loss(logits, y)

    @override
    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate)

    @override
    def prepare_data(self) -> None:
        MNIST(self.data_dir, train=True, download=True)
        MNIST(self.data_dir, train=False, download=True)

    @override
    def setup(self, stage: str | None = None) -> None:
        self.mnist_train = MNIST(self.data_dir, train=True, transform=self.transform)
        self.mnist_val = MNIST(self.data_dir, train=False, transform=self.transform)

    @override
    def train_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(self.mnist_train, batch_size=self.batch_size)

    @override
    def val_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(self.mnist_val, batch_size=self.batch_size)


def run_training_job(trial: Trial) -> None:
    """Train, validate once more, and log the end, as the tutorial does."""
    seed_everything(trial.seed, verbose=False)
    mnist_model = MnistModel(trial)

    # Initialize a trainer (don't log anything since things get so slow...)
    trainer = Trainer(
        logger=False,
        accelerator=trial.accelerator,
        devices=1,
        max_epochs=trial.epochs,
        enable_progress_bar=False,
        deterministic=True,  # Do we want a bit of noise?
        default_root_dir=trial.log_dir,
    )
    logger = pl_loggers.TensorBoardLogger(trial.log_dir)
    print(f"Logging to path: {trial.log_dir}.")

    # Train the model and log time
    start = time.time()
    trainer.fit(model=mnist_model)
    train_time = time.time() - start
    logger.log_metrics({"train_time": train_time})

    # Compute the validation accuracy once and log the score
    with contextlib.redirect_stdout(io.StringIO()):
        val_accuracy = trainer.validate()[0]["val_acc"]
    logger.log_metrics({"val_acc": val_accuracy})

    # Log the number of model parameters
    logger.log_metrics({"num_params": mnist_model.num_params})
    logger.save()

    print(f"train time: {train_time}, val acc: {val_accuracy}, num_params: {mnist_model.num_params}")


if __name__ == "__main__":
    asked = parse(sys.argv[1:])
    if not isinstance(asked, Trial) or asked.optimizer != "adam":
        reject("argument --optimizer: the tutorial's trial knows adam only: leave it out")
    run_training_job(asked)
