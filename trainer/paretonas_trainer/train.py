"""A trial, from its data to its metrics."""

import logging
import os
import time
import warnings
from contextlib import nullcontext

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from torch.utils.tensorboard import SummaryWriter

from paretonas_trainer.arguments import LARGEST_SEED, Trial, reject
from paretonas_trainer.dataset import Batches, load, share
from paretonas_trainer.model import MnistModel, WholeEpoch
from paretonas_trainer.ranks import Ranks

VALIDATION_BATCH = 10_000  # the whole set: it needs no gradients, and fits any device that can train


class EpochLogger(Logger):
    """Writes Lightning's metrics for TensorBoard after each epoch, so that others can follow.

    Lightning's own TensorBoardLogger adds a tag `epoch` and a file, and counts steps, not epochs.
    """

    name = version = ""  # the logs lie in the folder that they were asked for in

    def __init__(self, writer: SummaryWriter | None) -> None:
        super().__init__()
        self.writer = writer  # None on all ranks but the first, which writes for them

    def write(self, tag: str, value: float, step: int) -> None:
        """Write one value."""
        if self.writer:
            self.writer.add_scalar(tag, value, step)

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:  # noqa: ARG002 # Lightning's signature
        """Write the metrics of an epoch under the number of epochs done, which Lightning passes among them."""
        epochs_done = int(metrics["epoch"]) + 1
        for tag, value in metrics.items():
            if tag != "epoch":
                self.write(tag, value, epochs_done)
        if self.writer:
            self.writer.flush()

    def log_hyperparams(self, *_: object, **__: object) -> None:
        """Write nothing: the parameters are in the trial's record."""


def train(trial: Trial, ranks: Ranks) -> dict[str, float]:
    """Train the network of a trial and write its metrics; return the final ones, on the first rank only.

    Written to `trial.log_dir` after each epoch: val_acc, val_loss, train_loss, learning_rate; once, under step 0:
    num_params, and train_time: the seconds of training and validation.
    """
    # A trial's log is for what went wrong: no list of devices or ranks, and no news from torch to
    # Lightning 2.6 of a name that changed.
    for talkative in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=r".*LeafSpec.* is deprecated", category=FutureWarning)
    device = _device(trial, ranks)
    gpu = device.type == "cuda"
    if not gpu:
        # Lightning has CUDA's availability looked up through NVML, and every step of an optimizer asks for it:
        # 0.16 ms each time where there is no driver, for a step of 0.6 ms.
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
    # Each rank leaves out other units; the weights to begin with are the first's, from which DDP sets out.
    pl.seed_everything((trial.seed + ranks.rank) % (LARGEST_SEED + 1), verbose=False)
    model = MnistModel(trial)
    order = torch.randperm if ranks.world == 1 else share(ranks.rank, ranks.world, trial.seed)
    epoch = WholeEpoch(Batches(*load(trial.data_dir, "train", device), trial.batch_size, order))
    validation = Batches(*load(trial.data_dir, "t10k", device), VALIDATION_BATCH)
    with SummaryWriter(trial.log_dir) if ranks.first else nullcontext() as writer:
        logger = EpochLogger(writer)
        logger.write("num_params", model.num_params, 0)
        trainer = pl.Trainer(
            accelerator="cuda" if gpu else "cpu",
            strategy="auto" if ranks.world == 1 else "ddp",
            devices=ranks.local_world,
            num_nodes=ranks.nodes,
            max_epochs=trial.epochs,
            # On a CPU every operation here is deterministic as it is, and to demand it imports a compiler (1 s).
            deterministic=True if gpu else None,
            logger=logger,
            log_every_n_steps=1,
            num_sanity_val_steps=0,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=False,
        )
        start = time.perf_counter()
        trainer.fit(model, epoch, validation)
        train_time = time.perf_counter() - start
        logger.write("train_time", train_time, 0)
    if not ranks.first:
        return {}
    validated = {name: trainer.callback_metrics[name].item() for name in ("val_acc", "val_loss")}
    return validated | {"num_params": model.num_params, "train_time": train_time}


def _device(trial: Trial, ranks: Ranks) -> torch.device:
    """One GPU for each rank if there are enough, unless `--accelerator` says otherwise; else the CPU."""
    gpus = 0 if trial.accelerator == "cpu" else torch.cuda.device_count()
    if gpus >= ranks.local_world:
        return torch.device("cuda", ranks.local_rank)
    if trial.accelerator == "gpu":
        found = f"{gpus} for {ranks.local_world} processes" if gpus else "no 'gpu' here"
        reject(f"argument --accelerator: torch finds {found}: give cpu or auto")
    return torch.device("cpu")
