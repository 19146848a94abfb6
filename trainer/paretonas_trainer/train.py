"""A trial, from its data to its metrics."""

import logging
import math
import os
import sys
import time
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from paretonas_trainer.arguments import Trial
from paretonas_trainer.cnn.architecture import METRICS
from paretonas_trainer.cnn.arguments import CnnTrial
from paretonas_trainer.command_line import reject
from paretonas_trainer.dataset import Order, share
from paretonas_trainer.model import Classifier
from paretonas_trainer.place import LARGEST_SEED
from paretonas_trainer.ranks import Ranks
from paretonas_trainer.saved import SavedModel, find, save
from paretonas_trainer.task import Task, cnn_task, perceptron_task


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

    def __init__(self, trial: Trial | CnnTrial, ranks: Ranks, logger: EpochLogger, earlier: SavedModel | None) -> None:
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
        """Resume the optimizer and the schedule of its rate."""
        if self._earlier is not None and self._earlier.training is not None:
            trainer.optimizers[0].load_state_dict(self._earlier.training["optimizer"])
            for config, state in zip(trainer.lr_scheduler_configs, self._earlier.training["schedules"], strict=True):
                config.scheduler.load_state_dict(state)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep what the last epoch has led to: only now, all of it is logged."""
        if trainer.current_epoch:
            training = {
                "optimizer": trainer.optimizers[0].state_dict(),
                "schedules": [config.scheduler.state_dict() for config in trainer.lr_scheduler_configs],
                "random": _random_states(pl_module.device),
            }
            self.keep(cast(Classifier, pl_module), training)
        elif self._earlier is not None and self._earlier.training is not None and self._ranks.world == 1:
            _set_random_states(self._earlier.training["random"], pl_module.device)

    def keep(self, model: Classifier, training: dict[str, Any] | None = None) -> None:
        """Write the network; with the state of its training if epochs are left. Raises OSError."""
        if self._trial.output_dir is None or not self._ranks.first:
            return
        history = self._logger.history
        parameters, state = self._trial.hyperparameters, model.layers.state_dict()
        save(SavedModel(parameters, state, len(history), history, self.train_time, training), self._trial.output_dir)


def train(trial: Trial | CnnTrial, ranks: Ranks) -> dict[str, float]:
    """Train the network of a trial and write its metrics; return the final ones, on the first rank only.

    Written to `trial.log_dir` after each epoch: val_acc, val_loss, train_loss, learning_rate; once, under step 0:
    num_params and what else is known of the network before it is trained, and train_time: the seconds of training and
    validation; after the last epoch: what is measured of the network. The network is kept in `trial.output_dir`, if
    that is not None; what an earlier attempt has kept there is resumed, and its metrics are written once more.

    Raises:
        ModelError: the output folder has the network of another trial.
        ImpossibleError: the parameters describe no network.
        DataError: the data set has too few images, or they cannot be read.
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
    order = torch.randperm if ranks.world == 1 else share(ranks.rank, ranks.world, trial.seed, skip=done)
    task = _task(trial, ranks, order, device)
    model = task.model
    if earlier is not None:
        sys.stdout.write(f"resumed after {done} of {trial.epochs} epochs\n" if ranks.first else "")
        model.layers.load_state_dict(earlier.state_dict)
    with SummaryWriter(trial.log_dir) if ranks.first else nullcontext() as writer:
        logger = EpochLogger(writer, earlier.history if earlier else [])
        keeper = Keeper(trial, ranks, logger, earlier)
        costs = model.costs() if ranks.first else {}
        for tag, value in costs.items():
            logger.write(tag, value, 0)
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
            trainer.fit(model, task.epoch, task.validation)
        train_time = keeper.train_time
        keeper.keep(model)
        if ranks.first:
            model.to(device)  # Lightning has taken it from a GPU
            costs |= (measured := model.costs_after())
            for tag, value in measured.items():
                logger.write(tag, value, trial.epochs)
        logger.write("train_time", train_time, 0)
    if not ranks.first:
        return {}
    return logger.history[-1] | costs | {"train_time": train_time}


def _task(trial: Trial | CnnTrial, ranks: Ranks, order: Order, device: torch.device) -> Task:
    if isinstance(trial, Trial):
        return perceptron_task(trial, order, device)
    return cnn_task(trial, ranks, order, device)


def log_infeasible(log_dir: Path) -> None:
    """Write that a point of the space is no network: all that could be an objective is NaN."""
    with SummaryWriter(log_dir) as writer:
        for tag in METRICS:
            writer.add_scalar(tag, math.nan, 0)


def _random_states(device: torch.device) -> dict[str, Tensor]:
    """The states of the generators that shuffle the images and choose the units to leave out."""
    cuda = {"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {}
    return {"cpu": torch.get_rng_state(), **cuda}


def _set_random_states(states: dict[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)


def _device(trial: Trial | CnnTrial, ranks: Ranks) -> torch.device:
    """One GPU for each rank if there are enough, unless `--accelerator` says otherwise; else the CPU."""
    gpus = 0 if trial.accelerator == "cpu" else torch.cuda.device_count()
    if gpus >= ranks.local_world:
        return torch.device("cuda", ranks.local_rank)
    if trial.accelerator == "gpu":
        found = f"{gpus} for {ranks.local_world} processes" if gpus else "no 'gpu' here"
        reject(f"argument --accelerator: torch finds {found}: give cpu or auto")
    return torch.device("cpu")
