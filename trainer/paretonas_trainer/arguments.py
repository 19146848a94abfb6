"""The command line of a trial, checked before anything slow is imported."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paretonas_trainer.cnn.arguments import CNN, CnnTrial, parse_cnn
from paretonas_trainer.command_line import Parser, above_zero, adder, fraction, parse_all, whole
from paretonas_trainer.place import add_data_dir, add_place, data_dir, place
from paretonas_trainer.sets import DATASETS

PREPARE, PREDICT = "prepare", "predict"
PERCEPTRON = "perceptron"


@dataclass(frozen=True)
class Trial:
    """A perceptron and where it is trained.

    The parameters are the tutorial's six, and the optimizer with its momentum (for `sgd` only, else None).
    """

    hidden_size_1: int
    hidden_size_2: int
    learning_rate: float
    epochs: int
    dropout: float
    batch_size: int
    optimizer: str
    momentum: float | None
    seed: int
    accelerator: str
    log_dir: Path
    data_dir: Path
    output_dir: Path | None = None

    @property
    def hyperparameters(self) -> dict[str, int | float | str | None]:
        """Everything that the trained network depends on, by name; None for what is not used."""
        return {name: value for name, value in vars(self).items() if name not in _PLACE}


_PLACE = ("accelerator", "log_dir", "data_dir", "output_dir")
"""Where a trial runs."""


@dataclass(frozen=True)
class Predict:
    """Classify images with a trained network."""

    model: Path
    images: tuple[Path, ...]


@dataclass(frozen=True)
class Prepare:
    """Fill the data folder and stop."""

    data_dir: Path
    dataset: str = "mnist"


def parse(argv: Sequence[str]) -> Trial | CnnTrial | Prepare | Predict:
    """The trial, the preparation or the prediction that the arguments describe.

    A parameter may be spelt as on the command line (`--hidden-size-1`) or by its own name (`--hidden_size_1`),
    which is what the operator passes by default.

    Raises:
        SystemExit: code 2 after one line on stderr that names the argument, its value and the remedy.
    """
    argv = [re.sub(r"^--[\w-]+", lambda name: name[0].replace("_", "-"), word) for word in argv]
    if argv[:1] == [PREPARE]:
        return _prepare(argv[1:])
    if argv[:1] == [PREDICT]:
        return _predict(argv[1:])
    family = Parser(add_help=False, allow_abbrev=False)
    family.add_argument("--model", choices=(PERCEPTRON, CNN), default=PERCEPTRON)
    chosen, others = family.parse_known_args(argv)
    return parse_cnn(others) if chosen.model == CNN else _perceptron(others)


def _perceptron(argv: Sequence[str]) -> Trial:
    parser = _parser(
        "Train the tutorial's network on MNIST and write its metrics for TensorBoard.",
        epilog=f"`--model {CNN}` trains a convolutional network instead; `--model {CNN} --help` has its arguments."
        f" `{PREPARE} --data-dir DIR` fetches the data and stops."
        f" `{PREDICT} --model FILE IMAGE...` classifies images.",
    )
    _add_perceptron(parser)
    add_place(parser)
    given = parse_all(parser, argv)
    if given.optimizer != "sgd" and given.momentum is not None:
        parser.error(
            f"argument --momentum: {given.momentum} is of no use to --optimizer {given.optimizer}:"
            " leave it out, or give --optimizer sgd"
        )
    return Trial(**vars(given) | place(parser, given))


def _prepare(argv: Sequence[str]) -> Prepare:
    parser = _parser("Fetch a data set into the data folder, checked, and stop.", PREPARE)
    add_data_dir(parser)
    parser.add_argument("--dataset", choices=DATASETS, default="mnist", help="which one (default: mnist)")
    given = parse_all(parser, argv)
    return Prepare(data_dir(parser, given), given.dataset)


def _predict(argv: Sequence[str]) -> Predict:
    parser = _parser("Classify images of digits with a trained network.", PREDICT)
    parser.add_argument("--model", required=True, help="model.pt in the output folder of a trial")
    parser.add_argument(
        "images", nargs="*", help="image files of any size, of a light digit on dark or a dark on light"
    )
    given = parse_all(parser, argv)
    if not given.images:
        parser.error("argument IMAGE: is missing: give one image file or more")
    return Predict(Path(given.model), tuple(map(Path, given.images)))


def _parser(description: str, command: str = "", epilog: str = "") -> Parser:
    # a parameter's name is right or wrong, not nearly right: no abbreviations
    name = f"paretonas_trainer {command}".strip()
    return Parser(prog=name, description=description, epilog=epilog, allow_abbrev=False)


def _add_perceptron(parser: Parser) -> None:
    add, count = adder(parser), whole(1)
    add("--hidden-size-1", 64, "width of the first hidden layer", type=count)
    add("--hidden-size-2", 32, "width of the second hidden layer", type=count)
    add("--learning-rate", 1e-3, "the optimizer's", type=above_zero)
    add("--epochs", 3, "passes over the training set", type=count)
    add("--dropout", 0.0, "share of each hidden layer that is left out", type=fraction)
    add("--batch-size", 64, "images to a step, of each process", type=count)
    add("--optimizer", "adam", "adam or sgd", choices=("adam", "sgd"))
    parser.add_argument("--momentum", type=fraction, help="for --optimizer sgd only (default there: 0)")
