"""Logs by the writers that people use, each read without its help."""

import os
from pathlib import Path

import numpy as np
import pytest
from pytorch_lightning.loggers import TensorBoardLogger
from tensorboard.summary import Writer as TensorBoardWriter
from tensorboardX import SummaryWriter as TensorBoardXWriter
from torch.utils.tensorboard import SummaryWriter as TorchWriter

from paretonas.metrics import LogReader

STEPS = 300  # steps take one byte, then two
EXPECTED = {
    "val/acc": tuple((step, step / 1024) for step in range(STEPS)),
    "loss": tuple((step, 1024.0 - step) for step in range(STEPS)),
}


def torch(folder: Path) -> None:
    with TorchWriter(str(folder)) as writer:
        for step in range(STEPS):
            writer.add_scalar("val/acc", step / 1024, step)
            writer.add_scalar("loss", 1024 - step, step, new_style=step % 2 == 0)  # simple value or tensor


def tensorboard_x(folder: Path) -> None:
    with TensorBoardXWriter(str(folder)) as writer:
        for step in range(STEPS):
            writer.add_scalar("val/acc", step / 1024, step)
            writer.add_scalar("loss", 1024 - step, step)


def lightning(folder: Path) -> None:
    logger = TensorBoardLogger(folder)
    for step in range(STEPS):
        logger.log_metrics({"val/acc": step / 1024, "loss": 1024 - step}, step)
    logger.finalize("success")
    [log] = folder.rglob("*tfevents*")
    assert log.parent == folder / "lightning_logs/version_0"


def tensorboard(folder: Path) -> None:
    writer = TensorBoardWriter(str(folder))
    for step in range(STEPS):
        writer.add_scalar("val/acc", step / 1024, step)
        writer.add_scalar("loss", 1024 - step, step)
    writer.close()


@pytest.mark.parametrize("write", [torch, tensorboard_x, lightning, tensorboard])
def test_the_scalars_of_a_writer_are_read(write, tmp_path):
    write(tmp_path)
    reader = LogReader(tmp_path)
    reader.poll()
    curves = dict(reader.curves())
    curves.pop("epoch", None)  # Lightning adds it
    assert curves == EXPECTED
    assert reader.reading([]).notes == ()


@pytest.mark.parametrize("form", ["plain", "tensor"])
def test_the_scalars_of_tensorflow_and_jax_are_read(form, logs, write, tmp_path):
    # TensorFlow is too large to install for this: `tensor` builds its bytes. TensorFlow 1 wrote the plain form.
    event = getattr(logs, form)
    write([event(step, **{tag: curve[step][1] for tag, curve in EXPECTED.items()}) for step in range(STEPS)])
    reader = LogReader(tmp_path)
    reader.poll()
    assert reader.curves() == EXPECTED


def test_a_log_is_read_while_its_writer_goes_on(tmp_path):
    reader = LogReader(tmp_path)
    with TorchWriter(str(tmp_path)) as writer:
        for step in range(3):
            writer.add_scalar("acc", step, step)
            writer.flush()
            assert reader.poll()
            assert reader.curves()["acc"][-1] == (step, float(step))


def test_hyperparameters_images_and_text_are_no_scalars(tmp_path):
    with TorchWriter(str(tmp_path)) as writer:
        writer.add_text("text", "hello", 1)
        writer.add_histogram("histogram", np.arange(3.0), 1)
        writer.add_hparams({"lr": 0.1}, {}, run_name=os.curdir)
        writer.add_scalar("acc", 0.5, 1)
    reader = LogReader(tmp_path)
    reader.poll()
    assert reader.curves() == {"acc": ((1, 0.5),)}
