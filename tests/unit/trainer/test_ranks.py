"""A trial trained by several processes together, as torchrun starts them."""

import math
from pathlib import Path

import pytest
import torch
from tests.unit.trainer.small_mnist import SmallMnist
from tests.unit.trainer.trials import TORCHRUN, Scalars, run_trials, scalars, without_time

from paretonas_trainer.dataset import Batches, share
from paretonas_trainer.ranks import Ranks

TRIAL = "--hidden-size-1 16 --hidden-size-2 8 --epochs 3 --batch-size 16 --dropout 0.1 --learning-rate 0.01"


@pytest.fixture(scope="module")
def together(small_mnist: SmallMnist, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of two equal trials of two processes, and what was printed."""
    folder = tmp_path_factory.mktemp("logs")
    trials = [f"{TRIAL} --log-dir {folder / name}" for name in ("first", "again")]
    done = run_trials(small_mnist, *trials, launcher=TORCHRUN, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    assert "lightning" not in done.stderr, "no warnings; what torchrun itself says does not count"
    return folder, done.stdout


def logged(folder: Path) -> Scalars:
    [_] = folder.iterdir()  # the one event file
    return scalars(folder)


def test_one_of_two_processes_writes_and_prints_what_both_have_learnt(together: tuple[Path, str]) -> None:
    folder, printed = together
    assert printed.count("val_acc") == printed.count("\n") == 2, "one line for each trial"
    logs = logged(folder / "first")
    assert logs["num_params"] == [(0, 784 * 16 + 16 * 8 + 8 * 10)]
    losses = [loss for _, loss in logs["train_loss"]]
    assert len(losses) == 3
    assert losses == sorted(losses, reverse=True)
    accuracy = logs["val_acc"][-1][1]
    assert 0.8 < accuracy <= 1
    assert accuracy * 200 == pytest.approx(round(accuracy * 200)), "of the whole validation set"
    assert math.isfinite(logs["val_loss"][-1][1])


def test_the_same_seed_gives_two_processes_the_same_metrics(together: tuple[Path, str]) -> None:
    folder, _ = together
    assert without_time(logged(folder / "again")) == without_time(logged(folder / "first"))


def test_every_pass_is_shared_out_anew_in_as_many_steps_for_each() -> None:
    images = torch.arange(11.0).unsqueeze(1)
    parts = [Batches(images, torch.arange(11), 2, share(rank, 3, seed=5)) for rank in range(3)]
    passes = [[torch.cat([labels for _, labels in part]).tolist() for part in parts] for _ in range(2)]
    for seen in passes:
        assert [len(part) for part in seen] == [3, 3, 3]
        assert len({image for part in seen for image in part}) == 9, "none twice; two are left out"
    assert passes[0] != passes[1]


def test_only_torchrun_makes_ranks() -> None:
    told = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    ranks = Ranks.told_by(told)
    assert ranks == Ranks(rank=3, world=4, local_rank=1, local_world=2)
    assert (ranks.nodes, ranks.first) == (2, False)
    assert Ranks.told_by({"WORLD_SIZE": "4"}) == Ranks(), "another program's variable"
