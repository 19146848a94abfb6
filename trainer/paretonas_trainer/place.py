"""Where a trial runs: the arguments that all kinds of trials share."""

import argparse
import os
from pathlib import Path
from typing import Any

from paretonas_trainer.command_line import Parser, adder, whole
from paretonas_trainer.data import default_data_dir

LARGEST_SEED = 2**32 - 1  # numpy's generators take no more, and Lightning seeds them all


def add_place(parser: Parser) -> None:
    """Add the seed, the device and the folders."""
    add = adder(parser)
    add("--seed", 0, "same seed, same metrics", type=whole(0, LARGEST_SEED))
    add("--accelerator", "auto", "cpu, gpu, or auto: a GPU where there is one", choices=("auto", "cpu", "gpu"))
    parser.add_argument("--log-dir", help="folder for TensorBoard's event files (default: $PARETONAS_LOG_DIR)")
    parser.add_argument(
        "--output-dir",
        help="folder for the network, and for what another attempt needs to resume"
        " (default: $PARETONAS_OUTPUT_DIR; without either, nothing is kept)",
    )
    add_data_dir(parser)


def place(parser: Parser, given: argparse.Namespace) -> dict[str, Any]:
    """The seed, the device and the folders, by name; what is not given is in the environment."""
    log_dir = given.log_dir or os.environ.get("PARETONAS_LOG_DIR")
    if not log_dir:
        parser.error("argument --log-dir: is missing: give a folder for the metrics, or set PARETONAS_LOG_DIR")
    output_dir = given.output_dir or os.environ.get("PARETONAS_OUTPUT_DIR")
    return {
        "seed": given.seed,
        "accelerator": given.accelerator,
        "log_dir": Path(log_dir),
        "data_dir": data_dir(parser, given),
        "output_dir": Path(output_dir) if output_dir else None,
    }


def add_data_dir(parser: Parser) -> None:
    """Add the folder of the data."""
    parser.add_argument(
        "--data-dir",
        help="folder that has the data set, such as MNIST/raw, or gets it"
        " (default: $PARETONAS_DATA_DIR, else /data if it has MNIST, else a cache folder)",
    )


def data_dir(parser: Parser, given: argparse.Namespace) -> Path:
    """The folder of the data."""
    try:
        return Path(given.data_dir or default_data_dir())
    except RuntimeError as error:  # a container's user may have no home folder
        parser.error(f"argument --data-dir: is missing and has no default here ({error}): give a folder")
