"""The file `model.pt` in a trial's output folder: the network, and until it is trained, what the next attempt needs.

It is a dictionary of tensors, numbers and texts, which `torch.load(FILE, weights_only=True)` reads without running
anything of the file::

    hyperparameters   the trial's, by name
    state_dict        of the network (`network.build_network`)
    epochs_done       how many of its epochs it was trained for
    history           what was logged after each of them: tag -> value
    train_time        seconds of training and validation
    training          only while epochs are left: the states of the optimizer and of the random generators
"""

import io
import pickle
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

MODEL = "model.pt"

Hyperparameters = dict[str, int | float | str | None]


class ModelError(Exception):
    """A file is not a model of this trainer, or not the one that is needed; the message is one line for the user."""


@dataclass
class SavedModel:
    """The content of the file."""

    hyperparameters: Hyperparameters
    state_dict: dict[str, Any]
    epochs_done: int
    history: list[dict[str, float]]
    train_time: float
    training: dict[str, Any] | None = None


def save(model: SavedModel, folder: Path) -> None:
    """Replace the file in a folder, which is created; an attempt that ends meanwhile leaves the old file.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    content = io.BytesIO()  # torch reports a full disk as a RuntimeError without a name
    torch.save(asdict(model), content)
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{MODEL}.tmp"
    temporary.write_bytes(content.getbuffer())
    temporary.replace(folder / MODEL)


def load(path: Path) -> SavedModel:
    """Read a file, on the CPU.

    Raises:
        ModelError: it does not exist, cannot be read, or is not a model of this trainer.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        model = SavedModel(**content)
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror or error})") from error
    except (RuntimeError, pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError) as error:
        raise ModelError(f"{path} is not a model of this trainer") from error
    return model


def find(folder: Path, hyperparameters: Hyperparameters) -> SavedModel | None:
    """The model of an earlier attempt; None if there is none, or a damaged one, without which training starts anew.

    Raises:
        ModelError: the folder has the model of a trial with other hyperparameters.
    """
    path = folder / MODEL
    if not path.exists():
        return None
    try:
        model = load(path)
    except ModelError as error:
        sys.stderr.write(f"paretonas_trainer: {error}: the training starts from the beginning\n")
        return None
    different = [name for name, value in hyperparameters.items() if model.hyperparameters.get(name) != value]
    if different:
        name = different[0]
        raise ModelError(
            f"{path} was trained with {name} {model.hyperparameters.get(name)}, not {hyperparameters[name]}:"
            " give another --output-dir, or remove it"
        )
    return model
