"""What a trial keeps: its network, which another attempt resumes and which classifies images."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.unit.trainer.small_mnist import SmallMnist
from tests.unit.trainer.trials import TORCHRUN, run, run_trials, scalars, without_time

from paretonas_trainer.network import build_network, normalise
from paretonas_trainer.predict import read_image

EPOCHS = 4
TRIAL = f"--hidden-size-1 16 --hidden-size-2 8 --epochs {EPOCHS} --batch-size 32 --dropout 0.1 --learning-rate 0.01"

INTERRUPT = """
import os
from paretonas_trainer import __main__ as trainer
def interrupt_after(epochs):
    from paretonas_trainer import train
    from pytorch_lightning import Callback
    kept = train.Keeper.on_train_epoch_start
    def interrupted(self, trainer, model):
        kept(self, trainer, model)
        if trainer.current_epoch == epochs:
            os._exit(9)
    train.Keeper.on_train_epoch_start = interrupted
real = trainer._train
def _train(trial):
    from paretonas_trainer.quick_import import import_lightning
    import_lightning()
    interrupt_after({epochs})
    return real(trial)
trainer._train = _train
"""
"""Ends the process without a word, as an eviction does, when so many epochs are done."""


def interrupt(epochs: int) -> str:
    return INTERRUPT.replace("{epochs}", str(epochs))


@pytest.fixture(scope="module")
def folder(small_mnist: SmallMnist, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The logs and the output of a trial that ran through, and of one that was interrupted twice."""
    folder = tmp_path_factory.mktemp("trials")
    whole = run_trials(small_mnist, f"{TRIAL} --log-dir {folder}/whole/a1 --output-dir {folder}/whole/output")
    assert whole.returncode == 0, whole.stderr
    for attempt, epochs in ((1, 1), (2, 2)):  # after one, and after two more
        words = f"{TRIAL} --log-dir {folder}/torn/a{attempt}"
        torn = run_trials(small_mnist, words, before=interrupt(epochs), PARETONAS_OUTPUT_DIR=f"{folder}/torn/output")
        assert torn.returncode == 9, torn.stderr
        kept = torch.load(folder / "torn/output/model.pt", weights_only=True)
        assert kept["epochs_done"] == (1, 3)[attempt - 1]
    shutil.copytree(folder / "torn/output", folder / "half")
    last = run_trials(small_mnist, f"{TRIAL} --log-dir {folder}/torn/a3 --output-dir {folder}/torn/output")
    assert last.returncode == 0, last.stderr
    assert last.stdout.startswith(f"resumed after 3 of {EPOCHS} epochs\n")
    return folder


def model_of(output: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(output / "model.pt", weights_only=True)
    return content


def test_a_training_that_was_interrupted_ends_with_the_same_network_and_the_same_logs(folder: Path) -> None:
    whole, torn = model_of(folder / "whole/output"), model_of(folder / "torn/output")
    assert without_time(scalars(folder / "torn/a3")) == without_time(scalars(folder / "whole/a1"))
    for name, weights in whole["state_dict"].items():
        assert torch.equal(torn["state_dict"][name], weights), name
    assert torn["train_time"] > 0


def test_the_log_of_a_resumed_attempt_has_every_epoch(folder: Path) -> None:
    steps = {tag: [step for step, _ in values] for tag, values in scalars(folder / "torn/a3").items()}
    assert steps["val_acc"] == steps["train_loss"] == list(range(1, EPOCHS + 1))
    assert steps["num_params"] == steps["train_time"] == [0]


def test_a_finished_model_is_a_state_dict_with_its_hyperparameters(folder: Path, small_mnist: SmallMnist) -> None:
    kept = model_of(folder / "whole/output")
    assert kept["hyperparameters"] == {
        "hidden_size_1": 16,
        "hidden_size_2": 8,
        "learning_rate": 0.01,
        "epochs": EPOCHS,
        "dropout": 0.1,
        "batch_size": 32,
        "optimizer": "adam",
        "momentum": None,
        "seed": 0,
    }
    assert kept["training"] is None, "the optimizer's state is of no use any more"
    assert [path.name for path in (folder / "whole/output").iterdir()] == ["model.pt"]
    network = build_network(16, 8, 0.0)
    network.load_state_dict(kept["state_dict"])
    raw = small_mnist.raw / "t10k-images-idx3-ubyte"
    images = torch.from_numpy(np.fromfile(raw, np.uint8)[16:].reshape(-1, 28, 28))
    labels = np.fromfile(small_mnist.raw / "t10k-labels-idx1-ubyte", np.uint8)[8:]
    right = (network.eval()(normalise(images)).argmax(1).numpy() == labels).mean()
    assert right == pytest.approx(kept["history"][-1]["val_acc"])


def test_an_attempt_after_the_last_epoch_only_logs_again(folder: Path, small_mnist: SmallMnist, tmp_path: Path) -> None:
    again = run_trials(small_mnist, f"{TRIAL} --log-dir {tmp_path} --output-dir {folder}/whole/output")
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith(f"resumed after {EPOCHS} of {EPOCHS} epochs\n")
    assert without_time(scalars(tmp_path)) == without_time(scalars(folder / "whole/a1"))


def test_the_network_of_another_trial_is_left_alone(folder: Path, small_mnist: SmallMnist, tmp_path: Path) -> None:
    shutil.copytree(folder / "half", tmp_path / "output")
    before = (tmp_path / "output/model.pt").read_bytes()
    other = TRIAL.replace("--dropout 0.1", "--dropout 0.2")
    done = run_trials(small_mnist, f"{other} --log-dir {tmp_path}/a1 --output-dir {tmp_path}/output")
    assert done.returncode == 3
    assert "model.pt was trained with dropout 0.1, not 0.2: give another --output-dir, or remove it\n" in done.stderr
    assert (tmp_path / "output/model.pt").read_bytes() == before


def test_a_damaged_file_is_told_and_replaced(folder: Path, small_mnist: SmallMnist, tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    (tmp_path / "output/model.pt").write_bytes((folder / "half/model.pt").read_bytes()[:-900])
    done = run_trials(small_mnist, f"{TRIAL} --log-dir {tmp_path}/a1 --output-dir {tmp_path}/output")
    assert done.returncode == 0, done.stderr
    assert "model.pt is not a model of this trainer: the training starts from the beginning\n" in done.stderr
    assert model_of(tmp_path / "output")["epochs_done"] == EPOCHS


def test_a_gang_resumes_too(small_mnist: SmallMnist, tmp_path: Path) -> None:
    words = f"{TRIAL} --output-dir {tmp_path}/output --log-dir {tmp_path}"
    torn = run_trials(small_mnist, f"{words}/a1", before=interrupt(2), launcher=TORCHRUN)
    assert torn.returncode != 0
    assert model_of(tmp_path / "output")["epochs_done"] == 2
    done = run_trials(small_mnist, f"{words}/a2", launcher=TORCHRUN)
    assert done.returncode == 0, done.stderr
    assert [step for step, _ in scalars(tmp_path / "a2")["val_acc"]] == list(range(1, EPOCHS + 1))


def test_a_disk_that_is_full_is_told_and_the_old_file_stays(
    folder: Path, small_mnist: SmallMnist, tmp_path: Path
) -> None:
    shutil.copytree(folder / "half", tmp_path / "output")
    before = (tmp_path / "output/model.pt").read_bytes()
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # bytes a file may have\n"
    words = f"{TRIAL} --log-dir {tmp_path}/a1 --output-dir {tmp_path}/output"
    done = run_trials(small_mnist, words, before=limit)
    assert done.returncode == 3, done.stderr
    assert "File too large" in done.stderr
    assert "check --log-dir and --output-dir, their access and free space" in done.stderr
    assert (tmp_path / "output/model.pt").read_bytes() == before


def digits(small_mnist: SmallMnist) -> tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]:
    images = np.fromfile(small_mnist.raw / "t10k-images-idx3-ubyte", np.uint8)[16:].reshape(-1, 28, 28)
    return images, np.fromfile(small_mnist.raw / "t10k-labels-idx1-ubyte", np.uint8)[8:]


def predict(*words: Any) -> tuple[int, list[str], str]:
    done = run(["-m", "paretonas_trainer", "predict", *map(str, words)])
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_images_are_classified_and_a_bad_one_is_named(folder: Path, small_mnist: SmallMnist, tmp_path: Path) -> None:
    images, labels = digits(small_mnist)
    for index in range(5):
        Image.fromarray(images[index]).save(tmp_path / f"{index}.{('png', 'pgm')[index % 2]}")
    (tmp_path / "notes.png").write_text("not an image")
    paths = sorted([*tmp_path.glob("*.png"), *tmp_path.glob("*.pgm"), tmp_path / "missing.png"])
    code, lines, told = predict("--model", folder / "whole/output/model.pt", *paths)
    assert code == 3
    assert [line.split(" (")[0] for line in lines] == [
        f"{path}: {labels[int(path.stem)]}" for path in paths if path.stem.isdigit()
    ]
    assert f"paretonas_trainer: {tmp_path}/missing.png is no image that can be read (No such file" in told
    assert f"paretonas_trainer: {tmp_path}/notes.png is no image that can be read (cannot identify" in told
    assert told.count("\n") == 2


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04half"])
def test_a_file_that_is_no_model_is_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(content)
    code, lines, told = predict("--model", tmp_path / "model.pt", "x.png")
    assert (code, lines) == (3, [])
    assert told == (
        f"paretonas_trainer: {tmp_path}/model.pt is not a model of this trainer:"
        " give --model the file model.pt of a trial's output folder\n"
    )


@pytest.mark.parametrize("content", [{"state_dict": {}}, [1, 2], torch.zeros(3)])
def test_something_else_that_torch_has_saved_is_no_model_either(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "other.pt")
    code, _, told = predict("--model", tmp_path / "other.pt", "x.png")
    assert code == 3
    assert told.startswith(f"paretonas_trainer: {tmp_path}/other.pt is not a model of this trainer: ")


def test_a_prediction_needs_a_model_and_an_image(tmp_path: Path) -> None:
    assert predict("x.png")[0] == 2
    code, _, told = predict("--model", tmp_path / "none.pt")
    assert (code, told) == (2, "paretonas_trainer: argument IMAGE: is missing: give one image file or more\n")
    code, _, told = predict("--model", tmp_path / "none.pt", "x.png")
    assert (code, "none.pt cannot be read (No such file or directory): give --model" in told) == (3, True)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "I;16", "LA"])
@pytest.mark.parametrize("size", [(28, 28), (280, 280), (20, 60), (1, 1)])
def test_an_image_of_any_kind_and_size_becomes_one_of_mnist(mode: str, size: tuple[int, int], tmp_path: Path) -> None:
    pixels = np.zeros(size[::-1], np.uint8)
    pixels[size[1] // 3 : size[1] // 2, size[0] // 3 : size[0] // 2] = 255
    image = Image.fromarray(pixels)
    image = Image.fromarray(pixels.astype(np.uint16) * 200) if mode == "I;16" else image.convert(mode)
    image.save(tmp_path / "image.png")
    seen = read_image(tmp_path / "image.png")
    assert (seen.shape, seen.dtype) == ((28, 28), torch.uint8)
    if size != (1, 1):
        assert seen.max() > 200
        assert seen[0].max() == 0, "the border is dark"


def test_a_dark_digit_on_light_is_inverted(small_mnist: SmallMnist, tmp_path: Path) -> None:
    digit = digits(small_mnist)[0][0]
    Image.fromarray(digit).save(tmp_path / "dark.png")
    Image.fromarray(255 - digit).save(tmp_path / "light.png")
    assert torch.equal(read_image(tmp_path / "light.png"), read_image(tmp_path / "dark.png"))


def test_the_arguments_of_an_experiment_keep_nothing_without_a_folder(small_mnist: SmallMnist, tmp_path: Path) -> None:
    done = run_trials(small_mnist, f"--epochs 1 --log-dir {tmp_path}/a1", PARETONAS_OUTPUT_DIR="")
    assert done.returncode == 0, done.stderr
    assert json.dumps([path.name for path in tmp_path.iterdir()]) == '["a1"]'
