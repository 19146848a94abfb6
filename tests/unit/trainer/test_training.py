"""Trials as the operator runs them: processes, of which only the exit code, the output and the logs are seen."""

from pathlib import Path

import pytest
from tests.unit.trainer.small_mnist import SmallMnist
from tests.unit.trainer.trials import Scalars, run, run_trials, scalars, without_time

from paretonas_trainer.data import default_data_dir

BROKEN = """
import sys
from paretonas_trainer import __main__ as trainer, data
data.prepare = lambda *_: 1 / 0
sys.argv[1:] = ["prepare"]
trainer.main()
"""
PER_EPOCH = {"val_acc", "val_loss", "train_loss", "learning_rate"}
ONCE = {"num_params", "train_time"}
SGD = "--optimizer sgd --learning-rate 0.1 --momentum 0.9"


@pytest.fixture(scope="module")
def logs(small_mnist: SmallMnist, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scalars]:
    """What different trials wrote, all of one process but the one that repeats the first."""
    folder = tmp_path_factory.mktemp("logs")
    first = "--hidden-size-1 16 --hidden-size-2 8 --epochs 3 --batch-size 32 --dropout 0.1 --learning-rate 0.01"
    trials = {
        "first": first,
        "another_seed": f"{first} --seed 1",
        "sgd": f"--epochs 3 --batch-size 32 {SGD}",
        "sgd_without_momentum": f"--epochs 3 --batch-size 32 {SGD.partition(' --momentum')[0]}",
        "one_batch": "--epochs 1 --batch-size 1000",
    }
    together = run_trials(small_mnist, *(f"{trial} --log-dir {folder / name}" for name, trial in trials.items()))
    assert together.returncode == 0, together.stderr
    again = run_trials(small_mnist, f"{first} --log-dir {folder / 'again'}")
    assert again.returncode == 0, again.stderr
    return {name: scalars(folder / name) for name in (*trials, "again")}


def test_each_epoch_is_logged_under_its_number_and_the_rest_once(logs: dict[str, Scalars]) -> None:
    steps = {tag: [step for step, _ in values] for tag, values in logs["first"].items()}
    assert steps == {tag: [1, 2, 3] for tag in PER_EPOCH} | {tag: [0] for tag in ONCE}


def test_the_logged_values_are_those_of_the_trial(logs: dict[str, Scalars]) -> None:
    final = {tag: values[-1][1] for tag, values in logs["first"].items()}
    assert final["num_params"] == 784 * 16 + 16 * 8 + 8 * 10, "weights, without biases, as the tutorial counts"
    assert final["learning_rate"] == pytest.approx(0.01)
    assert final["train_time"] > 0
    assert final["val_acc"] * 200 == pytest.approx(round(final["val_acc"] * 200)), "a share of 200 images"


def test_the_network_learns(logs: dict[str, Scalars]) -> None:
    for trial in ("first", "sgd"):
        losses = [loss for _, loss in logs[trial]["train_loss"]]
        assert losses == sorted(losses, reverse=True), trial
        assert logs[trial]["val_acc"][-1][1] > 0.9, trial


def test_the_same_seed_gives_the_same_metrics_to_the_bit(logs: dict[str, Scalars]) -> None:
    assert without_time(logs["again"]) == without_time(logs["first"])
    assert logs["another_seed"]["val_loss"] != logs["first"]["val_loss"]


def test_momentum_is_used(logs: dict[str, Scalars]) -> None:
    assert logs["sgd"]["val_loss"] != logs["sgd_without_momentum"]["val_loss"]


def test_a_batch_may_be_larger_than_the_set(logs: dict[str, Scalars]) -> None:
    assert set(logs["one_batch"]) == PER_EPOCH | ONCE


def test_real_mnist_is_learnt_in_one_epoch(tmp_path: Path) -> None:
    data_dir = default_data_dir()
    prepared = run(["-m", "paretonas_trainer", "prepare", "--data-dir", str(data_dir)])
    assert prepared.returncode == 0, prepared.stderr
    trial = run(
        ["-m", "paretonas_trainer", "--epochs", "1", "--batch_size", "256", "--data-dir", str(data_dir)],
        PARETONAS_LOG_DIR=str(tmp_path),
    )
    assert trial.returncode == 0, trial.stderr
    assert trial.stderr == "", "a trial that goes well has nothing to say there"
    final = {tag: values[-1][1] for tag, values in scalars(tmp_path).items()}
    assert 0.9 < final["val_acc"] < 1
    assert trial.stdout == (
        f"val_acc: {final['val_acc']:.4f}, val_loss: {final['val_loss']:.4f}, num_params: 52544,"
        f" train_time: {final['train_time']:.1f} s\n"
    )


def test_a_gpu_that_is_not_there_is_a_wrong_argument(small_mnist: SmallMnist, tmp_path: Path) -> None:
    done = run_trials(small_mnist, f"--accelerator gpu --log-dir {tmp_path}", CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 2
    line = "paretonas_trainer: argument --accelerator: torch finds no 'gpu' here: give cpu or auto\n"
    assert done.stderr.startswith(line)


@pytest.mark.parametrize("argument", ["--data-dir", "--log-dir"])
def test_a_folder_that_cannot_be_used_is_one_line_before_anything_slow(
    argument: str, small_mnist: SmallMnist, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    folders = {"--data-dir": small_mnist.data_dir, "--log-dir": tmp_path / "logs"}
    folders[argument] = tmp_path / "file" / "folder"
    done = run_trials(small_mnist, " ".join(f"{name} {folder}" for name, folder in folders.items()))
    assert done.returncode == 3
    assert argument in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_a_disk_that_is_full_is_told_at_the_end(small_mnist: SmallMnist, tmp_path: Path) -> None:
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))  # bytes a file may have\n"
    done = run_trials(small_mnist, f"--log-dir {tmp_path}", before=limit)
    assert done.returncode == 3
    assert "paretonas_trainer: [Errno 27] File too large: check --log-dir and --output-dir" in done.stderr


def test_an_unexpected_error_is_shown_and_ends_with_1() -> None:
    done = run(["-c", BROKEN])
    assert done.returncode == 1
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")
