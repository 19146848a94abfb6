"""Data sets for convolutional networks: found, checked, decoded once, normalised and held in memory.

MNIST is read from the files that `paretonas_trainer.data` checks. Fashion-MNIST, KMNIST and CIFAR-10 lie where
torchvision puts them, are fetched from torchvision's addresses, and are checked by its sums each time. A folder has
one folder of image files for each class, in `train/` and in `val/`.
"""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from PIL import Image
from torch import Tensor
from torchvision import datasets
from torchvision.datasets.utils import check_integrity, download_url
from torchvision.transforms import functional

from paretonas_trainer.cnn.network import ImageShape
from paretonas_trainer.data import DataError, raw_dir
from paretonas_trainer.dataset import read_idx

LIKE_MNIST = {"fashion-mnist": datasets.FashionMNIST, "kmnist": datasets.KMNIST}
TRAIN, VALIDATION = "train", "val"
LEAST_CLASSES = 2

Choose = Callable[[int], Tensor]
"""The indices of those images that are used, of so many."""
Pixels = tuple[Tensor, Tensor]
"""Images (n, channels, size, size) of uint8, and their labels (n,) of int64."""


@dataclass(frozen=True)
class Dataset:
    """Two labelled sets on one device: images (n, channels, size, size), normalised float32, and labels (n,), int64."""

    train: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor]
    image: ImageShape
    classes: int


def prepare(name: str, data_dir: Path) -> None:
    """Make sure that `data_dir` has the data set, complete and undamaged; one process fetches what is missing.

    Raises:
        DataError: it is missing or damaged, and could not be fetched.
    """
    if name == "folder":
        for part in (TRAIN, VALIDATION):
            if not (data_dir / part).is_dir():
                raise DataError(
                    f"{data_dir} has no folder {part}:"
                    f" give --data-dir a folder that has {TRAIN}/CLASS and {VALIDATION}/CLASS"
                )
        return
    is_complete, fetch = _checks(name, data_dir)
    if is_complete():
        return
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(data_dir / f".{name}.lock"):
            if not is_complete():
                fetch()
    except (OSError, RuntimeError) as error:  # torchvision: no mirror answers, or a wrong sum
        reason = " ".join(str(error).split())
        raise DataError(
            f"{data_dir} lacks {name} and it could not be fetched ({reason}): give --data-dir a folder that has it"
        ) from error


def _checks(name: str, data_dir: Path) -> tuple[Callable[[], bool], Callable[[], object]]:
    """What says whether a data set of torchvision is complete and undamaged, and what fetches it."""
    if name == "cifar10":
        kind = datasets.CIFAR10
        files = [*kind.train_list, *kind.test_list]
        folder = data_dir / kind.base_folder
        fetch = partial(kind, data_dir, download=True)
        return lambda: all(check_integrity(str(folder / file), md5) for file, md5 in files), fetch
    kind = LIKE_MNIST[name]
    folder = data_dir / kind.__name__ / "raw"

    def fetch_missing() -> None:
        for file, md5 in kind.resources:
            if not check_integrity(str(folder / file), md5):
                (folder / file).unlink(missing_ok=True)
                download_url(kind.mirrors[0] + file, str(folder), file, md5)

    return lambda: all(check_integrity(str(folder / file), md5) for file, md5 in kind.resources), fetch_missing


def load(name: str, data_dir: Path, device: torch.device, train_images: int | None, side: int | None) -> Dataset:
    """Read a data set that `prepare` has found.

    Args:
        name: One of `sets.DATASETS`.
        data_dir: Where it lies.
        device: Where it is to be held.
        train_images: How many of the training images are taken, the same ones each time; None for all.
        side: To how many pixels the images of a folder are brought; None for the other data sets.

    Raises:
        DataError: there are too few images, or they cannot be read.
    """
    read = _reader(name, data_dir, side)
    images, labels = read(TRAIN, partial(_some, train_images))
    of_validation, its_labels = read(VALIDATION, torch.arange)
    # of the images that are trained on: what they do not show must not be known
    mean = images.mean((0, 2, 3), dtype=torch.float32)
    deviation = torch.stack([images[:, channel].float().std() for channel in range(images.shape[1])])
    normalise = partial(_normalise, mean=mean, deviation=deviation.clamp(min=1.0), device=device)
    return Dataset(
        train=(normalise(images), labels.to(device)),
        validation=(normalise(of_validation), its_labels.to(device)),
        image=ImageShape(images.shape[1], images.shape[2]),
        classes=max(LEAST_CLASSES, int(labels.max()) + 1, int(its_labels.max()) + 1),
    )


def _some(wanted: int | None, count: int) -> Tensor:
    """Which images are trained on: a random choice that is the same for all trials."""
    if wanted is None:
        return torch.arange(count)
    if wanted > count:
        raise DataError(f"the data set has {count} training images, not {wanted}: give --train-images at most {count}")
    return torch.randperm(count, generator=torch.Generator().manual_seed(0))[:wanted]


def _normalise(images: Tensor, mean: Tensor, deviation: Tensor, device: torch.device) -> Tensor:
    scaled = images.to(device).to(torch.float32)
    return scaled.sub_(mean.to(device)[:, None, None]).div_(deviation.to(device)[:, None, None])


def _reader(name: str, data_dir: Path, side: int | None) -> Callable[[str, Choose], Pixels]:
    match name:
        case "mnist":
            return partial(_read_idx_files, raw_dir(data_dir), "")
        case "cifar10":
            return partial(_read_cifar10, data_dir)
        case "folder":
            return partial(_read_folder, data_dir, side or 1)
        case _:
            return partial(_read_idx_files, data_dir / LIKE_MNIST[name].__name__ / "raw", ".gz")


def _read_idx_files(folder: Path, ending: str, part: str, choose: Choose) -> Pixels:
    prefix = {TRAIN: "train", VALIDATION: "t10k"}[part]
    contents = []
    for kind in ("images-idx3", "labels-idx1"):
        path = folder / f"{prefix}-{kind}-ubyte{ending}"
        contents.append(read_idx(gzip.decompress(path.read_bytes()) if ending else path.read_bytes()))
    images, labels = contents
    chosen = choose(len(labels))
    return images[chosen].unsqueeze(1), labels[chosen].long()


def _read_cifar10(data_dir: Path, part: str, choose: Choose) -> Pixels:
    found = datasets.CIFAR10(data_dir, train=part == TRAIN)
    chosen = choose(len(found.targets))
    images = torch.from_numpy(found.data).permute(0, 3, 1, 2)
    return images[chosen].contiguous(), torch.tensor(found.targets)[chosen]


def _read_folder(data_dir: Path, side: int, part: str, choose: Choose) -> Pixels:
    try:
        found = datasets.ImageFolder(data_dir / part)
    except (FileNotFoundError, OSError) as error:  # no class, or one without an image
        raise DataError(f"{data_dir / part} cannot be used ({error}): give each class a folder of images") from error
    known = sorted(path.name for path in (data_dir / TRAIN).iterdir() if path.is_dir())
    if found.classes != known:
        raise DataError(
            f"{data_dir / part} has the classes {', '.join(found.classes)}, but {TRAIN} has {', '.join(known)}:"
            " give both the same"
        )
    chosen = [found.samples[index] for index in choose(len(found.samples)).tolist()]
    images = torch.stack([_read_image(Path(path), side) for path, _ in chosen])
    return images, torch.tensor([label for _, label in chosen])


def _read_image(path: Path, side: int) -> Tensor:
    """The middle of an image, as three channels of `side` x `side` pixels."""
    try:
        with Image.open(path) as file:
            image = file.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # what Pillow may raise
        raise DataError(f"{path} is no image that can be read ({error}): remove it, or replace it") from error
    square = functional.center_crop(functional.resize(image, side), [side, side])
    return torch.from_numpy(np.array(square)).permute(2, 0, 1)
