"""Convolutional trials as the operator runs them: processes, of which only exit code, output and logs are seen."""

import math
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import torch
from tests.unit.trainer.small_mnist import SmallMnist
from tests.unit.trainer.test_output import interrupt
from tests.unit.trainer.trials import TORCHRUN, Scalars, run, run_trials, scalars

EPOCHS = 3
CNN = f"--model cnn --train-images 400 --epochs {EPOCHS} --batch-size 32 --stem-width 4 --stem-stride 4 --width-1 4"
DEEP = (
    f"{CNN} --stages 2 --op-1 residual --width-2 8 --op-2 inverted --expansion-2 2 --dropout 0.1 --augmentation shift"
    " --optimizer sgd --momentum 0.9 --learning-rate 0.2 --schedule onecycle"
)
MEASURED = {"train_time", "latency_ms", "latency_spread_ms"}
"""What is not the same when the same trial runs again."""


def computed(logs: Scalars) -> Scalars:
    return {tag: values for tag, values in logs.items() if tag not in MEASURED}


@pytest.fixture(scope="module")
def folder(small_mnist: SmallMnist, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The logs and outputs of a trial, of the same one interrupted after two epochs, and of one that is no network."""
    folder = tmp_path_factory.mktemp("cnn")
    words = [
        f"{DEEP} --log-dir {folder}/whole/a1 --output-dir {folder}/whole/output",
        f"{CNN} --stages 1 --precision bf16 --log-dir {folder}/half/a1",
        f"{CNN} --norm group --norm-groups 3 --log-dir {folder}/none/a1 --output-dir {folder}/none/output",
    ]
    done = run_trials(small_mnist, *words)
    assert done.returncode == 0, done.stderr
    (folder / "stdout").write_text(done.stdout)
    torn = f"{DEEP} --output-dir {folder}/torn/output --log-dir {folder}/torn"
    first = run_trials(small_mnist, f"{torn}/a1", before=interrupt(2))
    assert first.returncode == 9, first.stderr
    second = run_trials(small_mnist, f"{torn}/a2")
    assert second.returncode == 0, second.stderr
    return folder


def test_costs_are_logged_before_the_first_epoch_and_the_latency_again_after_the_last(folder: Path) -> None:
    steps = {tag: [step for step, _ in values] for tag, values in scalars(folder / "whole/a1").items()}
    assert steps == {
        **{tag: list(range(1, EPOCHS + 1)) for tag in ("val_acc", "val_loss", "train_loss", "learning_rate")},
        **{tag: [0] for tag in ("macs", "num_params", "train_time")},
        **{tag: [0, EPOCHS] for tag in ("latency_ms", "latency_spread_ms")},
    }


def test_the_network_learns_and_its_costs_are_those_of_the_module(folder: Path) -> None:
    logs = scalars(folder / "whole/a1")
    losses = [loss for _, loss in logs["train_loss"]]
    assert losses[-1] < losses[0]
    assert 7 * 7 * 9 * 4 < logs["macs"][-1][1] < 100_000
    kept = torch.load(folder / "whole/output/model.pt", weights_only=True)
    learnt = [value for name, value in kept["state_dict"].items() if name.endswith((".weight", ".bias"))]
    assert logs["num_params"] == [(0, sum(value.numel() for value in learnt))]


def test_one_cycle_raises_the_learning_rate_and_lowers_it_to_almost_nothing(folder: Path) -> None:
    rates = [rate for _, rate in scalars(folder / "whole/a1")["learning_rate"]]
    assert max(rates) <= 0.2
    assert rates[-1] < 0.001


def test_a_training_that_was_interrupted_ends_with_the_same_network_and_the_same_logs(folder: Path) -> None:
    whole, torn = (torch.load(folder / name / "output/model.pt", weights_only=True) for name in ("whole", "torn"))
    assert computed(scalars(folder / "torn/a2")) == computed(scalars(folder / "whole/a1"))
    for name, weights in whole["state_dict"].items():
        assert torch.equal(torn["state_dict"][name], weights), name


def test_only_what_the_network_has_is_among_its_hyperparameters(folder: Path) -> None:
    known = torch.load(folder / "whole/output/model.pt", weights_only=True)["hyperparameters"]
    assert (known["model"], known["stages"], known["op_2"], known["expansion_2"]) == ("cnn", 2, "inverted", 2)
    assert known["expansion_1"] is None
    assert [name for name in known if name.endswith(("_3", "_4"))] == []


def test_the_sketch_is_a_picture_in_the_output_folder(folder: Path) -> None:
    drawn = ET.parse(folder / "whole/output/architecture.svg").getroot()  # noqa: S314 # our own
    texts = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"image", "stem", "stage_1", "stage_2", "head", "1 x 28 x 28", "8 x 4 x 4"} <= set(texts)


def test_half_precision_trains_too(folder: Path) -> None:
    losses = [loss for _, loss in scalars(folder / "half/a1")["train_loss"]]
    assert losses[-1] < losses[0]


def test_a_network_that_cannot_be_is_infeasible_with_one_line(folder: Path) -> None:
    lines = [line for line in (folder / "stdout").read_text().splitlines() if not line.startswith("val_acc")]
    assert lines == ["infeasible: the stem: 4 channels cannot be divided into norm_groups 3"]
    logs = scalars(folder / "none/a1")
    assert set(logs) == {"val_acc", "macs", "num_params", "latency_ms"}
    assert all(math.isnan(value) for [(_, value)] in logs.values())
    assert not (folder / "none/output").exists()


def test_predict_says_that_it_reads_perceptrons(folder: Path) -> None:
    model = folder / "whole/output/model.pt"
    done = run(["-m", "paretonas_trainer", "predict", "--model", str(model), "x.png"])
    assert done.returncode == 3
    assert f"{model} is a convolutional network, and only perceptrons are read here" in done.stderr


def test_two_processes_train_one_network(small_mnist: SmallMnist, tmp_path: Path) -> None:
    words = f"{CNN} --batch-size 16 --stages 1 --learning-rate 0.01 --log-dir {tmp_path}/a1 --output-dir {tmp_path}/o"
    done = run_trials(small_mnist, words, launcher=TORCHRUN, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("val_acc") == 1
    logs = scalars(tmp_path / "a1")
    losses = [loss for _, loss in logs["train_loss"]]
    assert losses[-1] < losses[0]
    accuracy = logs["val_acc"][-1][1]
    assert accuracy * 200 == pytest.approx(round(accuracy * 200), abs=1e-3), (
        "of the whole set, with the same statistics"
    )


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--train-images 700", "the data set has 600 training images, not 700: give --train-images at most 600"),
        ("--dataset folder", "has no folder train: give --data-dir a folder that has train/CLASS and val/CLASS"),
    ],
)
# What else is on stderr is triton's, where an interpreter ends that does not end as `__main__.main` has it.
def test_data_that_is_not_there_is_one_line(words: str, line: str, small_mnist: SmallMnist, tmp_path: Path) -> None:
    done = run_trials(small_mnist, f"{CNN} {words} --log-dir {tmp_path}")
    assert done.returncode == 3
    [told] = [line for line in done.stderr.splitlines() if not line.startswith(("nanobind", " - ", "See https"))]
    assert told.startswith("paretonas_trainer: ")
    assert line in told
