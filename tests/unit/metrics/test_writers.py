"""Logs by the writers that people use, each read without its help."""

import os
from pathlib import Path

import numpy as np
import pytest
from pytorch_lightning.loggers import TensorBoardLogger
from tensorboard.summary import Writer as TensorBoardWriter
from tensorboardX import SummaryWriter as TensorBoardXWriter
from torch.utils.tensorboard import SummaryWriter as TorchWriter

from paretonas.metrics import LogReader, Wanted, read

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


# Restarts, runs and folders, as these writers make them


def reduced(folder: Path, tag: str, *, run: str | None = None) -> dict[str, float]:
    """The value of a tag by each reduction; {} where there is none."""
    wanted = [Wanted(reduce, tag, reduce, run) for reduce in ("Last", "Min", "Max", "Mean")]
    return dict(read(folder, wanted).values)


def scalars(writer: TorchWriter | TensorBoardXWriter, tag: str, points: dict[int, float]) -> None:
    with writer:
        for step, value in points.items():
            writer.add_scalar(tag, value, step)


WRITERS = pytest.mark.parametrize("writer", [TorchWriter, TensorBoardXWriter])


@WRITERS
def test_a_writer_that_purges_steps_drops_what_was_written_there(writer, tmp_path):
    scalars(writer(str(tmp_path)), "acc", {step: step / 4 for step in range(13)})
    scalars(writer(str(tmp_path), purge_step=8, filename_suffix=".2"), "acc", {8: 1.0, 9: 0.5})
    assert reduced(tmp_path, "acc") == {"Last": 0.5, "Min": 0.0, "Max": 1.75, "Mean": 0.85}


@WRITERS
def test_a_writer_that_purges_steps_and_has_written_nothing_yet_has_dropped_them_too(writer, tmp_path):
    scalars(writer(str(tmp_path)), "acc", {5: 0.25, 6: 0.75})
    scalars(writer(str(tmp_path), purge_step=6, filename_suffix=".2"), "loss", {6: 1.0})
    assert reduced(tmp_path, "acc")["Last"] == 0.25


@WRITERS
def test_a_writer_that_begins_again_in_the_folder_takes_the_earlier_ones_place(writer, tmp_path):
    scalars(writer(str(tmp_path)), "acc", dict.fromkeys(range(20), 0.75))
    scalars(writer(str(tmp_path), filename_suffix=".2"), "acc", {0: 0.25, 1: 0.5})
    assert reduced(tmp_path, "acc") == {"Last": 0.5, "Min": 0.25, "Max": 0.5, "Mean": 0.375}


@WRITERS
def test_without_a_step_every_value_counts(writer, tmp_path):
    with writer(str(tmp_path)) as log:
        for value in (0.5, 0.875, 0.625, 0.75):
            log.add_scalar("acc", value)
    assert reduced(tmp_path, "acc") == {"Last": 0.75, "Min": 0.5, "Max": 0.875, "Mean": 0.6875}


@WRITERS
def test_batches_counted_anew_in_each_epoch_all_count(writer, tmp_path):
    with writer(str(tmp_path)) as log:
        for epoch, batches in enumerate([4, 4, 2]):
            for batch in range(batches):
                log.add_scalar("loss", 8.0 - 2 * epoch - batch / 4, batch)
    assert reduced(tmp_path, "loss") == {"Last": 3.75, "Min": 3.75, "Max": 8.0, "Mean": 6.075}


@WRITERS
def test_add_scalars_makes_a_folder_for_each_and_the_metric_says_which(writer, tmp_path):
    with writer(str(tmp_path)) as log:
        for step in range(3):
            log.add_scalars("loss", {"val": step + 0.5, "train": step + 0.25}, step)
    folders = {str(path.parent.relative_to(tmp_path)) for path in tmp_path.rglob("*/*tfevents*")}
    found = read(tmp_path, [Wanted("loss", "loss")])
    assert (found.values, found.ambiguous) == ({}, ("loss",))
    assert all(repr(folder) in found.problems[0] for folder in folders)
    assert {reduced(tmp_path, "loss", run=folder)["Last"] for folder in folders} == {2.25, 2.5}


@WRITERS
def test_add_hparams_with_the_tag_of_a_curve_leaves_open_which_is_meant(writer, tmp_path):
    with writer(str(tmp_path)) as log:
        log.add_scalar("acc", 0.5, 1)
        log.add_hparams({"lr": 0.1}, {"acc": 0.25, "hparam/acc": 0.75})
    wanted = [Wanted("acc", "acc"), Wanted("curve", "acc", run="."), Wanted("hparam", "hparam/acc")]
    found = read(tmp_path, wanted)
    assert (found.values, found.ambiguous) == ({"curve": 0.5, "hparam": 0.75}, ("acc",))
    assert found.problems[0].endswith('as {name: acc, tag: "acc", run: "."}')


def lightning_run(folder: Path, steps: range, value: float, version: int | None = None) -> None:
    logger = TensorBoardLogger(folder, version=version)
    for step in steps:
        logger.log_metrics({"acc": value}, step)
    logger.finalize("success")


def test_a_later_version_of_lightning_takes_the_place_of_an_earlier_one(tmp_path):
    lightning_run(tmp_path, range(12), 0.75)
    lightning_run(tmp_path, range(4), 0.25)
    assert reduced(tmp_path, "acc") == dict.fromkeys(("Last", "Min", "Max", "Mean"), 0.25)
    assert reduced(tmp_path, "acc", run="version_0")["Max"] == 0.75


def test_a_version_of_lightning_that_is_resumed_goes_on(tmp_path):
    lightning_run(tmp_path, range(6), 0.75)
    lightning_run(tmp_path, range(4, 8), 0.25, version=0)
    assert reduced(tmp_path, "acc") == {"Last": 0.25, "Min": 0.25, "Max": 0.75, "Mean": 0.5}


def test_a_version_of_lightning_that_is_resumed_after_a_later_one_is_the_latest_run(tmp_path):
    for value, version in ((0.25, None), (0.5, None), (0.75, 0)):
        lightning_run(tmp_path, range(3), value, version)
    assert reduced(tmp_path, "acc")["Max"] == 0.75


@pytest.mark.parametrize("last", ["train", "validation"])
def test_keras_folders_are_told_apart_whichever_was_written_last(last, logs, write, tmp_path):
    for name, value in (("train", 0.75), ("validation", 0.5)):
        log = f"{name}/events.out.tfevents.{1700000000 + (name == last)}.host.7.0.v2"
        write([logs.tensor(step, epoch_acc=value) for step in range(3)], log)
    assert reduced(tmp_path, "epoch_acc") == {}
    assert reduced(tmp_path, "epoch_acc", run="train")["Last"] == 0.75
    assert reduced(tmp_path, "epoch_acc", run="validation")["Last"] == 0.5
