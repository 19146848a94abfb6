"""A trial, from its data to its metrics."""

import logging
import os
import sys
import time
import warnings
from contextlib import nullcontext
from typing import Any, cast

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from paretonas_trainer.arguments import LARGEST_SEED, Trial, reject
from paretonas_trainer.dataset import Batches, load, share
from paretonas_trainer.model import MnistModel, WholeEpoch
from paretonas_trainer.ranks import Ranks
from paretonas_trainer.saved import SavedModel, find, save

VALIDATION_BATCH = 10_000  # the whole set: it needs no gradients, and fits any device that can train


class EpochLogger(Logger):
    """Writes Lightning's metrics for TensorBoard after each epoch, so that others can follow.

    Lightning's own TensorBoardLogger adds a tag `epoch` and a file, and counts steps, not epochs.
    """

    name = version = ""  # the logs lie in the folder that they were asked for in

    def __init__(self, writer: SummaryWriter | None, earlier: list[dict[str, float]]) -> None:
        """Write the epochs of earlier attempts again, so that the log is that of the whole training."""
        super().__init__()
        self.writer = writer  # None on all ranks but the first, which writes for them
        self.history = [dict(of_epoch) for of_epoch in earlier]
        self._earlier = len(earlier)
        for epochs_done, of_epoch in enumerate(earlier, 1):
            for tag, value in of_epoch.items():
                self.write(tag, value, epochs_done)

    def write(self, tag: str, value: float, step: int) -> None:
        """Write one value."""
        if self.writer:
            self.writer.add_scalar(tag, value, step)

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:  # noqa: ARG002 # Lightning's signature
        """Write the metrics of an epoch under the number of epochs done, which Lightning passes among them."""
        epochs_done = self._earlier + int(metrics.pop("epoch")) + 1
        if len(self.history) < epochs_done:
            self.history.append({})
        self.history[-1] |= metrics
        for tag, value in metrics.items():
            self.write(tag, value, epochs_done)
        if self.writer:
            self.writer.flush()

    def log_hyperparams(self, *_: object, **__: object) -> None:
        """Write nothing: the parameters are in the trial's record."""


class Keeper(pl.Callback):
    """Keeps the network after each epoch, and resumes what an earlier attempt has kept.

    The state of the random generators is kept with it, so that a training that was interrupted ends with the same
    network as one that was not. (Only those of a single process are: the ranks of a gang draw anew.)
    """

    def __init__(self, trial: Trial, ranks: Ranks, logger: EpochLogger, earlier: SavedModel | None) -> None:
        self._trial, self._ranks, self._logger, self._earlier = trial, ranks, logger, earlier
        self._start = time.perf_counter()

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:  # noqa: ARG002 # Lightning's signature
        """Start the clock."""
        self._start = time.perf_counter()

    @property
    def train_time(self) -> float:
        """Seconds of training and validation so far, in all attempts."""
        return (self._earlier.train_time if self._earlier else 0.0) + time.perf_counter() - self._start

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002 # as above
        """Resume the optimizer."""
        if self._earlier is not None and self._earlier.training is not None:
            trainer.optimizers[0].load_state_dict(self._earlier.training["optimizer"])

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep what the last epoch has led to: only now, all of it is logged."""
        if trainer.current_epoch:
            training = {"optimizer": trainer.optimizers[0].state_dict(), "random": _random_states(pl_module.device)}
            self.keep(cast(MnistModel, pl_module), training)
        elif self._earlier is not None and self._earlier.training is not None and self._ranks.world == 1:
            _set_random_states(self._earlier.training["random"], pl_module.device)

    def keep(self, model: MnistModel, training: dict[str, Any] | None = None) -> None:
        """Write the network; with the state of its training if epochs are left. Raises OSError."""
        if self._trial.output_dir is None or not self._ranks.first:
            return
        history = self._logger.history
        parameters, state = self._trial.hyperparameters, model.layers.state_dict()
        save(SavedModel(parameters, state, len(history), history, self.train_time, training), self._trial.output_dir)


def train(trial: Trial, ranks: Ranks) -> dict[str, float]:
    """Train the network of a trial and write its metrics; return the final ones, on the first rank only.

    Written to `trial.log_dir` after each epoch: val_acc, val_loss, train_loss, learning_rate; once, under step 0:
    num_params, and train_time: the seconds of training and validation. The network is kept in `trial.output_dir`, if
    that is not None; what an earlier attempt has kept there is resumed, and its metrics are written once more.

    Raises:
        ModelError: the output folder has the network of another trial.
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
    earlier = find(trial.output_dir, trial.hyperparameters) if trial.output_dir else None
    done = earlier.epochs_done if earlier else 0
    # Each rank leaves out other units, and after a restart others than before; the weights to begin with are the
    # first's, from which DDP sets out.
    pl.seed_everything((trial.seed + ranks.rank + ranks.world * done) % (LARGEST_SEED + 1), verbose=False)
    model = MnistModel(trial)
    if earlier is not None:
        sys.stdout.write(f"resumed after {done} of {trial.epochs} epochs\n" if ranks.first else "")
        model.layers.load_state_dict(earlier.state_dict)
    images, labels = load(trial.data_dir, "train", device)
    order = torch.randperm if ranks.world == 1 else share(ranks.rank, ranks.world, trial.seed, skip=done)
    epoch = WholeEpoch(Batches(images, labels, trial.batch_size, order))
    validation = Batches(*load(trial.data_dir, "t10k", device), VALIDATION_BATCH)
    with SummaryWriter(trial.log_dir) if ranks.first else nullcontext() as writer:
        logger = EpochLogger(writer, earlier.history if earlier else [])
        keeper = Keeper(trial, ranks, logger, earlier)
        logger.write("num_params", model.num_params, 0)
        trainer = pl.Trainer(
            accelerator="cuda" if gpu else "cpu",
            strategy="auto" if ranks.world == 1 else "ddp",
            devices=ranks.local_world,
            num_nodes=ranks.nodes,
            max_epochs=trial.epochs - done,
            callbacks=keeper,
            # On a CPU every operation here is deterministic as it is, and to demand it imports a compiler (1 s).
            deterministic=True if gpu else None,
            logger=logger,
            log_every_n_steps=1,
            num_sanity_val_steps=0,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=False,
        )
        if done < trial.epochs:
            trainer.fit(model, epoch, validation)
        train_time = keeper.train_time
        keeper.keep(model)
        logger.write("train_time", train_time, 0)
    if not ranks.first:
        return {}
    return logger.history[-1] | {"num_params": model.num_params, "train_time": train_time}


def _random_states(device: torch.device) -> dict[str, Tensor]:
    """The states of the generators that shuffle the images and choose the units to leave out."""
    cuda = {"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {}
    return {"cpu": torch.get_rng_state(), **cuda}


def _set_random_states(states: dict[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)


def _device(trial: Trial, ranks: Ranks) -> torch.device:
    """One GPU for each rank if there are enough, unless `--accelerator` says otherwise; else the CPU."""
    gpus = 0 if trial.accelerator == "cpu" else torch.cuda.device_count()
    if gpus >= ranks.local_world:
        return torch.device("cuda", ranks.local_rank)
    if trial.accelerator == "gpu":
        found = f"{gpus} for {ranks.local_world} processes" if gpus else "no 'gpu' here"
        reject(f"argument --accelerator: torch finds {found}: give cpu or auto")
    return torch.device("cpu")
