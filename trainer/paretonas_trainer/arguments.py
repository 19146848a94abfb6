"""The command line of a trial, checked before anything slow is imported."""

import argparse
import difflib
import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from paretonas_trainer.data import default_data_dir

PREPARE, PREDICT = "prepare", "predict"
LARGEST_SEED = 2**32 - 1  # numpy's generators take no more, and Lightning seeds them all


@dataclass(frozen=True)
class Trial:
    """One candidate and where it runs.

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


def reject(message: str) -> NoReturn:
    """End the process for a wrong argument, which `message` names with its value and the remedy.

    Raises:
        SystemExit: always, with code 2.
    """
    sys.stderr.write(f"paretonas_trainer: {message}\n")
    raise SystemExit(2)


class _Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line, without the usage, which would fill a trial's last log lines."""

    def error(self, message: str) -> NoReturn:
        reject(message)


def parse(argv: Sequence[str]) -> Trial | Prepare | Predict:
    """The trial, the preparation or the prediction that the arguments describe.

    A parameter may be spelt as on the command line (`--hidden-size-1`) or by its own name (`--hidden_size_1`),
    which is what the operator passes by default.

    Raises:
        SystemExit: code 2 after one line on stderr that names the argument, its value and the remedy.
    """
    argv = [re.sub(r"^--[\w-]+", lambda name: name[0].replace("_", "-"), word) for word in argv]
    if argv[:1] == [PREPARE]:
        parser = _parser("Fetch MNIST into the data folder, checked, and stop.", PREPARE)
        _add_data_dir(parser)
        return Prepare(_data_dir(parser, _parse_all(parser, argv[1:])))
    if argv[:1] == [PREDICT]:
        return _predict(argv[1:])
    parser = _parser("Train the tutorial's network on MNIST and write its metrics for TensorBoard.")
    _add_trial(parser)
    given = _parse_all(parser, argv)
    if given.optimizer != "sgd" and given.momentum is not None:
        parser.error(
            f"argument --momentum: {given.momentum} is of no use to --optimizer {given.optimizer}:"
            " leave it out, or give --optimizer sgd"
        )
    log_dir = given.log_dir or os.environ.get("PARETONAS_LOG_DIR")
    if not log_dir:
        parser.error("argument --log-dir: is missing: give a folder for the metrics, or set PARETONAS_LOG_DIR")
    output_dir = given.output_dir or os.environ.get("PARETONAS_OUTPUT_DIR")
    folders = {
        "log_dir": Path(log_dir),
        "data_dir": _data_dir(parser, given),
        "output_dir": Path(output_dir) if output_dir else None,
    }
    return Trial(**vars(given) | folders)


def _predict(argv: Sequence[str]) -> Predict:
    parser = _parser("Classify images of digits with a trained network.", PREDICT)
    parser.add_argument("--model", required=True, help="model.pt in the output folder of a trial")
    parser.add_argument(
        "images", nargs="*", help="image files of any size, of a light digit on dark or a dark on light"
    )
    given = _parse_all(parser, argv)
    if not given.images:
        parser.error("argument IMAGE: is missing: give one image file or more")
    return Predict(Path(given.model), tuple(map(Path, given.images)))


def _parser(description: str, command: str = "") -> _Parser:
    return _Parser(
        prog=f"paretonas_trainer {command}".strip(),
        description=description,
        epilog=""
        if command
        else f"`{PREPARE} --data-dir DIR` fetches the data and stops."
        f" `{PREDICT} --model FILE IMAGE...` classifies images.",
        allow_abbrev=False,  # a parameter's name is right or wrong, not nearly right
    )


def _add_trial(parser: _Parser) -> None:
    def add(name: str, default: object, help_text: str, **how: Any) -> None:
        parser.add_argument(name, default=default, help=f"{help_text} (default: {default})", **how)

    count = _whole(1)
    add("--hidden-size-1", 64, "width of the first hidden layer", type=count)
    add("--hidden-size-2", 32, "width of the second hidden layer", type=count)
    add("--learning-rate", 1e-3, "the optimizer's", type=_number("above 0", lambda x: x > 0))
    add("--epochs", 3, "passes over the training set", type=count)
    add("--dropout", 0.0, "share of each hidden layer that is left out", type=_fraction)
    add("--batch-size", 64, "images to a step, of each process", type=count)
    add("--optimizer", "adam", "adam or sgd", choices=("adam", "sgd"))
    parser.add_argument("--momentum", type=_fraction, help="for --optimizer sgd only (default there: 0)")
    add("--seed", 0, "same seed, same metrics", type=_whole(0, LARGEST_SEED))
    add("--accelerator", "auto", "cpu, gpu, or auto: a GPU where there is one", choices=("auto", "cpu", "gpu"))
    parser.add_argument("--log-dir", help="folder for TensorBoard's event files (default: $PARETONAS_LOG_DIR)")
    parser.add_argument(
        "--output-dir",
        help="folder for the network, and for what another attempt needs to resume"
        " (default: $PARETONAS_OUTPUT_DIR; without either, nothing is kept)",
    )
    _add_data_dir(parser)


def _add_data_dir(parser: _Parser) -> None:
    parser.add_argument(
        "--data-dir",
        help="folder that has MNIST/raw, or gets it"
        " (default: $PARETONAS_DATA_DIR, else /data if it has it, else a cache folder)",
    )


def _data_dir(parser: _Parser, given: argparse.Namespace) -> Path:
    try:
        return Path(given.data_dir or default_data_dir())
    except RuntimeError as error:  # a container's user may have no home folder
        parser.error(f"argument --data-dir: is missing and has no default here ({error}): give a folder")


def _parse_all(parser: _Parser, argv: Sequence[str]) -> argparse.Namespace:
    given, unknown = parser.parse_known_args(argv)
    if unknown:
        known = [f"--{name.replace('_', '-')}" for name in vars(given)]
        near = difflib.get_close_matches(unknown[0].partition("=")[0], known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the arguments are {', '.join(known)}"
        parser.error(f"argument {unknown[0]}: is unknown: {hint}")
    return given


def _whole(least: int, most: int | None = None) -> Callable[[str], int]:
    wanted = f"from {least} to {most}" if most else f"of at least {least}"

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least or (most and value > most):
            raise argparse.ArgumentTypeError(f"{text!r} is wrong: give a whole number {wanted}")
        return value

    return read


def _number(wanted: str, accepts: Callable[[float], bool]) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and accepts(value)):
            raise argparse.ArgumentTypeError(f"{text!r} is wrong: give a number {wanted}")
        return value

    return read


_fraction = _number("from 0 up to, but without, 1", lambda x: 0 <= x < 1)
