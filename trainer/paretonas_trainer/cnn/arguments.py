"""The command line of a convolutional network; what a choice does not need is refused, not ignored."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paretonas_trainer.cnn.architecture import (
    ACTIVATIONS,
    MOST_STAGES,
    NORMS,
    OPERATIONS,
    Architecture,
    Operation,
    Stage,
)
from paretonas_trainer.command_line import Parser, above_zero, adder, fraction, number, parse_all, whole
from paretonas_trainer.place import add_place, place
from paretonas_trainer.sets import DATASETS

CNN = "cnn"
OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "cosine", "onecycle")
AUGMENTATIONS = ("none", "shift", "shift-flip")
PRECISIONS = ("auto", "fp32", "bf16")
FOLDER_SIDE = 32  # pixels, of the images of a folder unless --image-size says otherwise: as CIFAR-10's


@dataclass(frozen=True)
class Training:
    """How a network is trained.

    `momentum` is for `sgd` and `weight_decay` for `sgd` and `adamw`; either is None where it is not used.
    """

    optimizer: str
    learning_rate: float
    momentum: float | None
    weight_decay: float | None
    schedule: str
    epochs: int
    batch_size: int
    augmentation: str


@dataclass(frozen=True)
class CnnTrial:
    """A convolutional network, how it is trained, on what and where.

    Attributes:
        architecture: The network.
        training: How it is trained.
        dataset: One of `sets.DATASETS`.
        image_size: The side in pixels to which the images of a folder are brought; None for the other data sets.
        train_images: How many of the training images are used; None for all.
        precision: `fp32`, `bf16`, or `auto`: bf16 on a GPU that has it.
        compile: Whether torch.compile compiles the network.
    """

    architecture: Architecture
    training: Training
    dataset: str
    image_size: int | None
    train_images: int | None
    precision: str
    compile: bool
    seed: int
    accelerator: str
    log_dir: Path
    data_dir: Path
    output_dir: Path | None = None

    @property
    def epochs(self) -> int:
        """Passes over the training set."""
        return self.training.epochs

    @property
    def hyperparameters(self) -> dict[str, int | float | str | None]:
        """Everything that the trained network depends on, by name; None for what is not used."""
        return {
            "model": CNN,
            **self.architecture.parameters,
            **vars(self.training),
            "dataset": self.dataset,
            "image_size": self.image_size,
            "train_images": self.train_images,
            "seed": self.seed,
        }


def parse_cnn(argv: Sequence[str]) -> CnnTrial:
    """The trial that the arguments describe.

    Raises:
        SystemExit: code 2 after one line on stderr that names the argument, its value and the remedy.
    """
    parser = Parser(
        prog="paretonas_trainer --model cnn",
        description="Train a convolutional network and write its metrics for TensorBoard.",
        allow_abbrev=False,
    )
    _add_architecture(parser)
    _add_training(parser)
    _add_data(parser)
    add_place(parser)
    given = parse_all(parser, argv)
    _refuse_what_is_not_needed(parser, given)
    stages = tuple(_stage(given, number) for number in range(1, given.stages + 1))
    of_groups = (given.norm_groups or 4) if given.norm == "group" else None
    architecture = Architecture(
        stem_width=given.stem_width,
        stem_stride=given.stem_stride,
        stages=stages,
        norm=given.norm,
        norm_groups=of_groups,
        activation=given.activation,
        head_width=given.head_width,
        dropout=given.dropout,
    )
    training = Training(**{name: getattr(given, name) for name in Training.__dataclass_fields__})
    if given.dataset == "folder" and given.image_size is None:
        given.image_size = FOLDER_SIDE
    return CnnTrial(
        architecture=architecture,
        training=training,
        dataset=given.dataset,
        image_size=given.image_size,
        train_images=given.train_images,
        precision=given.precision,
        compile=given.compile,
        **place(parser, given),
    )


def _add_architecture(parser: Parser) -> None:
    add, count = adder(parser), whole(1)
    add("--stem-width", 16, "channels of the first convolution", type=count)
    add("--stem-stride", 1, "how many times smaller it makes the image", type=int, choices=(1, 2, 4))
    add("--stages", 2, "each but the first halves the image", type=int, choices=range(1, MOST_STAGES + 1))
    for stage in range(1, MOST_STAGES + 1):
        only = f"of stage {stage}"
        parser.add_argument(f"--op-{stage}", choices=OPERATIONS, help=f"the blocks {only} (default: conv)")
        parser.add_argument(f"--width-{stage}", type=count, help=f"channels {only} (default: {_width(stage)})")
        parser.add_argument(f"--kernel-{stage}", type=_odd, help=f"side of the convolutions {only} (default: 3)")
        parser.add_argument(f"--blocks-{stage}", type=count, help=f"how many blocks {only} (default: 1)")
        parser.add_argument(
            f"--expansion-{stage}", type=count, help=f"with --op-{stage} inverted: its wider middle (default there: 4)"
        )
    add("--norm", "batch", "what normalises after each convolution", choices=NORMS)
    parser.add_argument("--norm-groups", type=count, help="with --norm group: how many (default there: 4)")
    add("--activation", "relu", "after each normalisation", choices=ACTIVATIONS)
    add("--head-width", 0, "width of a hidden layer before the classes; 0: none", type=whole(0))
    add("--dropout", 0.0, "share of the head's inputs that is left out", type=fraction)


def _add_training(parser: Parser) -> None:
    add = adder(parser)
    add("--optimizer", "adam", "adam, adamw or sgd", choices=OPTIMIZERS)
    add("--learning-rate", 1e-3, "the optimizer's, at its highest", type=above_zero)
    parser.add_argument("--momentum", type=fraction, help="for --optimizer sgd only (default there: 0)")
    not_negative = number("of at least 0", lambda x: x >= 0)
    parser.add_argument("--weight-decay", type=not_negative, help="for --optimizer sgd or adamw (default there: 0)")
    add("--schedule", "constant", "of the learning rate, over all epochs", choices=SCHEDULES)
    add("--epochs", 3, "passes over the training set", type=whole(1))
    # of one image, batch normalisation could not tell how a channel varies
    add("--batch-size", 64, "images to a step, of each process", type=whole(2))
    add("--augmentation", "none", "what changes training images", choices=AUGMENTATIONS)


def _add_data(parser: Parser) -> None:
    add = adder(parser)
    add("--dataset", "mnist", "what is classified; folder: train/CLASS/*.png, val/CLASS/*.png", choices=DATASETS)
    parser.add_argument("--image-size", type=whole(1), help=f"for --dataset folder (default there: {FOLDER_SIDE})")
    parser.add_argument("--train-images", type=whole(2), help="train on so many images only (default: all)")
    add("--precision", "auto", "fp32, bf16, or auto: bf16 on a GPU that has it", choices=PRECISIONS)
    parser.add_argument("--compile", action="store_true", help="compile the network, which pays for long trainings")


def _stage(given: argparse.Namespace, stage: int) -> Stage:
    op: Operation = getattr(given, f"op_{stage}") or "conv"
    return Stage(
        op=op,
        width=getattr(given, f"width_{stage}") or _width(stage),
        kernel=getattr(given, f"kernel_{stage}") or 3,
        blocks=getattr(given, f"blocks_{stage}") or 1,
        expansion=(getattr(given, f"expansion_{stage}") or 4) if op == "inverted" else None,
    )


def _width(stage: int) -> int:
    """The channels of a stage by default: twice as many where the image is half as large, as in most networks."""
    return 16 << (stage - 1)


def _refuse_what_is_not_needed(parser: Parser, given: argparse.Namespace) -> None:
    """End with an error if an argument was given that the others leave without a use."""
    needs: list[tuple[str, str, tuple[str | int, ...]]] = [
        ("momentum", "optimizer", ("sgd",)),
        ("weight_decay", "optimizer", ("sgd", "adamw")),
        ("norm_groups", "norm", ("group",)),
        ("image_size", "dataset", ("folder",)),
    ]
    for stage in range(1, MOST_STAGES + 1):
        deep_enough = tuple(range(stage, MOST_STAGES + 1))
        needs += [(f"{name}_{stage}", "stages", deep_enough) for name in Stage.__dataclass_fields__]
        needs += [(f"expansion_{stage}", f"op_{stage}", ("inverted",))]
    for name, other, wanted in needs:
        value, chosen = getattr(given, name), getattr(given, other)
        if value is not None and chosen not in wanted:
            flag, its = (f"--{word.replace('_', '-')}" for word in (name, other))
            parser.error(
                f"argument {flag}: {value} is of no use {f'to {its} {chosen}' if chosen else f'without {its}'}:"
                f" leave it out, or give {its} {' or '.join(map(str, wanted))}"
            )


def _odd(text: str) -> int:
    value = whole(1)(text)
    if value % 2 == 0:  # an even one would shift the image by half a pixel
        raise argparse.ArgumentTypeError(f"{text!r} is wrong: give an odd number")
    return value
