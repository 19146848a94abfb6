"""The command line of a convolutional network: what a choice leaves without a use is an error."""

import pytest

from paretonas_trainer.arguments import parse
from paretonas_trainer.cnn.architecture import Stage
from paretonas_trainer.cnn.arguments import CnnTrial


def cnn(words: str) -> CnnTrial:
    trial = parse(["--model", "cnn", "--log-dir", "logs", "--data-dir", "sets", *words.split()])
    assert isinstance(trial, CnnTrial)
    return trial


def test_parameters_are_taken_under_their_own_names() -> None:
    trial = cnn("--stages=2 --op_1=separable --width_1=12 --kernel_1=5 --op_2=inverted --blocks_2=3 --expansion_2=6")
    assert trial.architecture.stages == (Stage("separable", 12, 5, 1), Stage("inverted", 32, 3, 3, 6))
    known = trial.hyperparameters
    assert (known["stages"], known["op_1"], known["expansion_1"], known["expansion_2"]) == (2, "separable", None, 6)
    assert "width_3" not in known


def test_stages_that_there_are_not_have_no_place_among_the_hyperparameters() -> None:
    for stages in (1, 2, 3, 4):
        known = cnn(f"--stages {stages}").hyperparameters
        assert {name[-1] for name in known if name[:-1] == "width_"} == set("1234"[:stages])


def test_what_is_conditional_has_a_default_where_it_is_used() -> None:
    assert cnn("--norm group").architecture.norm_groups == 4
    assert cnn("--norm batch").architecture.norm_groups is None
    assert cnn("--op-1 inverted").architecture.stages[0].expansion == 4
    assert cnn("--dataset folder").image_size == 32
    assert cnn("--dataset cifar10").image_size is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--width_3 32", "--width-3: 32 is of no use to --stages 2: leave it out, or give --stages 3 or 4"),
        (
            "--stages 1 --op-2 conv",
            "--op-2: conv is of no use to --stages 1: leave it out, or give --stages 2 or 3 or 4",
        ),
        ("--expansion-1 3", "--expansion-1: 3 is of no use without --op-1: leave it out, or give --op-1 inverted"),
        ("--op-2 residual --expansion-2 3", "--expansion-2: 3 is of no use to --op-2 residual"),
        ("--stages 3 --expansion-4 2", "--expansion-4: 2 is of no use to --stages 3"),
        ("--momentum 0.5", "--momentum: 0.5 is of no use to --optimizer adam: leave it out, or give --optimizer sgd"),
        ("--weight-decay 0", "--weight-decay: 0.0 is of no use to --optimizer adam"),
        ("--norm-groups 2", "--norm-groups: 2 is of no use to --norm batch"),
        ("--image-size 64", "--image-size: 64 is of no use to --dataset mnist"),
        ("--kernel-1 4", "--kernel-1: '4' is wrong: give an odd number"),
        ("--batch-size 1", "--batch-size: '1' is wrong: give a whole number of at least 2"),
        ("--stages 5", "--stages: invalid choice: 5"),
        ("--stages 0", "--stages: invalid choice: 0"),
        ("--train-images 1", "--train-images: '1' is wrong"),
        ("--weight-decay -1 --optimizer sgd", "--weight-decay: '-1' is wrong: give a number of at least 0"),
        ("--widht-1 8", "--widht-1: is unknown: did you mean --width-1?"),
        ("--hidden-size-1 8", "--hidden-size-1: is unknown"),
        ("--model mlp", "--model: invalid choice: 'mlp'"),
    ],
)
def test_a_wrong_argument_is_one_line_with_its_value_and_the_remedy(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cnn(words)
    line = capsys.readouterr().err
    assert ended.value.code == 2
    assert line.startswith(f"paretonas_trainer: argument {said}"), line
    assert line.count("\n") == 1
