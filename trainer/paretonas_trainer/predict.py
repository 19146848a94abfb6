"""Classifies image files with a trained network."""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from paretonas_trainer.arguments import Predict
from paretonas_trainer.cnn.arguments import CNN
from paretonas_trainer.network import SIDE, build_network, normalise
from paretonas_trainer.saved import ModelError, SavedModel, load

CANNOT_READ = 3

_LIGHT = 128  # of 255, above which the border of an image counts as light


def predict(asked: Predict) -> int:
    """Print the digit in each image with the network's confidence; return the exit code.

    A file that is no image is named on standard error, and the others are classified all the same.
    """
    try:
        network = _network(load(asked.model), asked.model)
    except ModelError as error:
        return _fail(f"{error}: give --model the file model.pt of a trial's output folder")
    code = 0
    for path in asked.images:
        try:
            image = read_image(path)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # what Pillow may raise
            code = _fail(f"{path} is no image that can be read ({_reason(error)}): give a file such as a PNG or PGM")
            continue
        with torch.inference_mode():
            chances = network(normalise(image.unsqueeze(0))).softmax(1)[0]
        digit = int(chances.argmax())
        sys.stdout.write(f"{path}: {digit} ({chances[digit]:.1%})\n")
    return code


def read_image(path: Path) -> torch.Tensor:
    """An image as MNIST has them: uint8 (28, 28), a light digit on dark.

    A larger or smaller one is fitted in, and one with a light border is inverted.

    Raises:
        OSError, ValueError, SyntaxError, Image.DecompressionBombError: it is not a readable image.
    """
    with Image.open(path) as file:
        grey = _grey(file)
    pixels = np.asarray(grey)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    background = int(np.median(border))
    if background >= _LIGHT:
        grey, background = ImageOps.invert(grey), 255 - background
    if grey.size != (SIDE, SIDE):
        grey = ImageOps.pad(grey, (SIDE, SIDE), color=background)
    return torch.from_numpy(np.array(grey))


def _grey(file: Image.Image) -> Image.Image:
    """The image in 256 shades of grey; what is transparent counts as white, as on a page."""
    if file.mode.startswith(("I", "F")):  # more shades than 256, which Pillow would cut instead of scaling
        values = np.asarray(file, np.float64)
        spread = float(np.ptp(values)) or 1.0
        return Image.fromarray(((values - values.min()) * (255 / spread)).astype(np.uint8))
    if file.has_transparency_data:
        file = Image.alpha_composite(Image.new("RGBA", file.size, "white"), file.convert("RGBA"))
    return file.convert("L")


def _network(model: SavedModel, path: Path) -> torch.nn.Sequential:
    known = model.hyperparameters
    if known.get("model") == CNN:
        raise ModelError(f"{path} is a convolutional network, and only perceptrons are read here")
    try:
        network = build_network(known["hidden_size_1"], known["hidden_size_2"], 0.0)  # type: ignore[arg-type] # as checked
        network.load_state_dict(model.state_dict)
    except (LookupError, TypeError, RuntimeError, AttributeError) as error:
        raise ModelError(f"{path} is not a model of this trainer") from error
    return network.eval()


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or " ".join(str(error).split())


def _fail(message: str) -> int:
    sys.stderr.write(f"paretonas_trainer: {message}\n")
    return CANNOT_READ
