"""Which of several folders counts."""

from collections.abc import Sequence

import pytest

from paretonas.metrics.run_choice import choose_runs, example


@pytest.mark.parametrize(
    "folders",
    [
        ["lightning_logs/version_3", "lightning_logs/version_4"],
        ["lightning_logs/version_9", "lightning_logs/version_10"],
        ["version_0/sub", "version_1/sub"],
        ["runs/Nov24_23-59-12_node7", "runs/Nov25_00-00-03_node7"],  # torch, tensorboardX
        ["logs/fit/20260131-235900", "logs/fit/20260201-000104"],  # TensorBoard's tutorials
        ["2026-01-31T09:45:00", "2026-01-31T09:46:00"],
        ["exp_2026-01-31_09-45-00.123", "exp_2026-01-31_09-46-00.5"],
        ["outputs/2026-01-31/09-45-00", "outputs/2026-02-01/08-00-00"],  # Hydra
        ["1795575037.9179702", "1795575038.0777328"],  # add_hparams
        ["1795575037917", "1795575038077"],
    ],
)
def test_a_later_run_takes_the_place_of_an_earlier_one(folders: Sequence[str]) -> None:
    assert choose_runs(folders) == folders[1:]
    assert choose_runs(folders[::-1]) == folders[:1], "whichever was written to last, whatever its name"


@pytest.mark.parametrize(
    "folders",
    [
        ["train", "validation"],  # Keras
        ["loss_train", "loss_val"],  # add_scalars
        [".", "1795575037.9179702"],  # add_hparams with the metric's own tag
        ["fold_0", "fold_1"],
        ["seed_1", "seed_2"],
        ["PPO_1", "PPO_2"],
        ["rank0", "rank1"],
        ["width_128", "width_256"],
        ["12345678", "12345679"],
        ["a/version_0", "b/version_1"],
        ["version_0", "version_1/sub"],
    ],
)
def test_folders_that_differ_in_anything_but_a_version_or_a_time_are_different_things(
    folders: Sequence[str],
) -> None:
    assert choose_runs(folders) == folders


def test_the_latest_run_of_each_thing_is_left() -> None:
    folders = ["version_0/train", "version_0/val", "version_1/train", "version_1/val", "version_2/train"]
    assert choose_runs(folders) == ["version_2/train", "version_1/val"]


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ("validation", ["20260202-000000/validation"]),
        ("train", ["20260131-000000/train"]),
        (".", ["."]),
        ("20260131-000000/validation", ["20260131-000000/validation"]),
        ("valid", []),
        ("20260131-000000", []),
        ("test", []),
    ],
)
def test_a_run_is_named_by_its_path_or_the_last_parts_of_it(run: str, expected: list[str]) -> None:
    folders = ["20260131-000000/train", "20260131-000000/validation", ".", "20260202-000000/validation"]
    assert choose_runs(folders, run) == expected


def test_a_path_that_is_named_in_full_counts_before_paths_that_end_so() -> None:
    assert choose_runs(["old/train", "train"], "train") == ["train"]
    assert choose_runs(["old/train", "new/train"], "train") == ["old/train", "new/train"], "which is not told yet"


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["train", "validation"], "train"),
        (["20260131-000000/train", "20260131-000000/validation"], "train"),
        (["old/train", "new/train"], "old/train"),
        ([".", "1795575037.9179702"], "."),
        (["1795575037.9179702", "version_3"], "1795575037.9179702"),
    ],
)
def test_the_run_that_is_proposed_names_one_folder_and_no_time_if_it_can(folders: list[str], expected: str) -> None:
    assert example(folders) == expected
    assert len(choose_runs(folders, expected)) == 1
