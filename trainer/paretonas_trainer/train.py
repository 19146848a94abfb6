"""A trial, from its data to its metrics."""

import logging
import os
import time
import warnings

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from torch.utils.tensorboard import SummaryWriter

from paretonas_trainer.arguments import Trial, reject
from paretonas_trainer.dataset import Batches, load
from paretonas_trainer.model import MnistModel, WholeEpoch

VALIDATION_BATCH = 10_000  # the whole set: it needs no gradients, and fits any device that can train


class EpochLogger(Logger):
    """Writes Lightning's metrics for TensorBoard, each epoch's at once, for who reads along.

    Lightning's own TensorBoardLogger adds a tag `epoch` and a file, and counts steps, not epochs.
    """

    name = version = ""  # the logs lie in the folder that they were asked for in

    def __init__(self, writer: SummaryWriter) -> None:
        super().__init__()
        self.writer = writer

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:  # noqa: ARG002
        """Write the metrics of an epoch under the number of epochs done, which Lightning passes among them."""
        epochs_done = int(metrics["epoch"]) + 1
        for tag, value in metrics.items():
            if tag != "epoch":
                self.writer.add_scalar(tag, value, epochs_done)
        self.writer.flush()

    def log_hyperparams(self, *_: object, **__: object) -> None:
        """Write nothing: the parameters are in the trial's record."""


def train(trial: Trial) -> dict[str, float]:
    """Train the network of a trial and write its metrics; return those of the end.

    Written to `trial.log_dir` after each epoch: val_acc, val_loss, train_loss, learning_rate; once, under step 0:
    num_params, and train_time: the seconds of training and validation.
    """
    # A trial's log is for what went wrong: no list of devices that were not found, and no news from torch to
    # Lightning 2.6 of a name that changed.
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=r".*LeafSpec.* is deprecated", category=FutureWarning)
    gpu = trial.accelerator != "cpu" and torch.cuda.is_available()
    if trial.accelerator == "gpu" and not gpu:
        reject("argument --accelerator: torch finds no 'gpu' here: give cpu or auto")
    device = torch.device("cuda" if gpu else "cpu")
    if not gpu:
        # Lightning has CUDA's availability looked up through NVML, and every step of an optimizer asks for it:
        # 0.16 ms each time where there is no driver, for a step of 0.6 ms.
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
    pl.seed_everything(trial.seed, verbose=False)
    model = MnistModel(trial)
    epoch = WholeEpoch(Batches(*load(trial.data_dir, "train", device), trial.batch_size, shuffled=True))
    validation = Batches(*load(trial.data_dir, "t10k", device), VALIDATION_BATCH)
    with SummaryWriter(trial.log_dir) as writer:
        writer.add_scalar("num_params", model.num_params, 0)
        trainer = pl.Trainer(
            accelerator="cuda" if gpu else "cpu",
            devices=1,
            max_epochs=trial.epochs,
            # On a CPU every operation here is deterministic as it is, and to demand it imports a compiler (1 s).
            deterministic=True if gpu else None,
            logger=EpochLogger(writer),
            log_every_n_steps=1,
            num_sanity_val_steps=0,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=False,
        )
        start = time.perf_counter()
        trainer.fit(model, epoch, validation)
        train_time = time.perf_counter() - start
        writer.add_scalar("train_time", train_time, 0)
    validated = {name: trainer.callback_metrics[name].item() for name in ("val_acc", "val_loss")}
    return validated | {"num_params": model.num_params, "train_time": train_time}
