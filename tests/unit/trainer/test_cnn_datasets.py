"""Data sets in the formats that torchvision reads, made here: found, checked and normalised."""

import gzip
import hashlib
import pickle
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.unit.trainer.small_mnist import SmallMnist, idx
from torchvision import datasets as known

from paretonas_trainer.cnn import datasets
from paretonas_trainer.cnn.network import ImageShape
from paretonas_trainer.data import DataError

CPU = torch.device("cpu")
RANDOM = np.random.default_rng(1)


def load(name: str, folder: Path, train_images: int | None = None, side: int | None = None) -> datasets.Dataset:
    datasets.prepare(name, folder)
    return datasets.load(name, folder, CPU, train_images, side)


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def make_like_mnist(kind: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the four files of a data set like MNIST, with their sums in torchvision's place."""
    raw = folder / kind.__name__ / "raw"
    raw.mkdir(parents=True)
    sums = []
    for part, count in (("train", 60), ("t10k", 20)):
        images, labels = RANDOM.integers(0, 255, (count, 28, 28), np.uint8), np.arange(count, dtype=np.uint8) % 10
        for name, values in ((f"{part}-images-idx3", images), (f"{part}-labels-idx1", labels)):
            content = gzip.compress(idx(values))
            (raw / f"{name}-ubyte.gz").write_bytes(content)
            sums.append((f"{name}-ubyte.gz", md5(content)))
    monkeypatch.setattr(kind, "resources", sums)
    monkeypatch.setattr(kind, "mirrors", [f"file://{folder}/nowhere/"])
    return raw


def make_cifar10(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    batches = folder / "cifar-10-batches-py"
    batches.mkdir()

    def write(name: str, content: object) -> list[str]:
        (batches / name).write_bytes(pickled := pickle.dumps(content))
        return [name, md5(pickled)]

    def batch(count: int) -> dict[str, object]:
        pixels = RANDOM.integers(0, 255, (count, 3 * 32 * 32), np.uint8)
        pixels[:, :1024] //= 4  # little red
        return {"data": pixels, "labels": [index % 10 for index in range(count)]}

    kind: Any = known.CIFAR10
    monkeypatch.setattr(kind, "train_list", [write(f"data_batch_{number}", batch(20)) for number in (1, 2)])
    monkeypatch.setattr(kind, "test_list", [write("test_batch", batch(10))])
    name, checksum = write("batches.meta", {"label_names": [str(label) for label in range(10)]})
    monkeypatch.setattr(kind, "meta", {"filename": name, "key": "label_names", "md5": checksum})
    return batches


def make_folder(folder: Path, classes: tuple[str, ...] = ("cat", "dog", "owl")) -> Path:
    for part, count in (("train", 4), ("val", 2)):
        for label in classes:
            (folder / part / label).mkdir(parents=True)
            for number in range(count):
                shape = (20 + number, 30, 3) if number % 2 else (25, 25)
                Image.fromarray(RANDOM.integers(0, 255, shape, np.uint8)).save(folder / part / label / f"{number}.png")
    return folder


@pytest.mark.parametrize(("name", "kind"), datasets.LIKE_MNIST.items())
def test_fashion_and_kmnist_are_read_and_normalised(
    name: str, kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_like_mnist(kind, tmp_path, monkeypatch)
    found = load(name, tmp_path)
    assert (found.image, found.classes) == (ImageShape(1, 28), 10)
    images, labels = found.train
    assert (images.shape, images.dtype, labels.dtype) == ((60, 1, 28, 28), torch.float32, torch.int64)
    assert images.mean().item() == pytest.approx(0, abs=1e-4)
    assert images.std().item() == pytest.approx(1, abs=1e-4)
    assert found.validation[0].shape == (20, 1, 28, 28)
    assert labels.tolist() == [index % 10 for index in range(60)]


def test_a_damaged_file_that_cannot_be_fetched_again_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = make_like_mnist(known.KMNIST, tmp_path, monkeypatch)
    (raw / "train-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"lacks kmnist and it could not be fetched \(.*give --data-dir a folder"):
        datasets.prepare("kmnist", tmp_path)


def test_what_is_missing_is_fetched_from_the_address_of_torchvision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = make_like_mnist(known.FashionMNIST, tmp_path / "mirror", monkeypatch)
    handler = partial(SimpleHTTPRequestHandler, directory=str(mirror))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(known.FashionMNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        found = load("fashion-mnist", tmp_path / "new")
        server.shutdown()
    assert len(found.train[1]) == 60


def test_cifar10_is_read_in_colour_and_each_channel_is_normalised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = make_cifar10(tmp_path, monkeypatch)
    found = load("cifar10", tmp_path)
    assert (found.image, found.classes) == (ImageShape(3, 32), 10)
    assert found.train[0].shape == (40, 3, 32, 32)
    assert found.train[0].mean((0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-4)
    assert found.train[0].std((0, 2, 3)).tolist() == pytest.approx([1, 1, 1], abs=1e-3)
    (batches / "data_batch_2").write_bytes(b"damaged")
    monkeypatch.setattr(known.CIFAR10, "url", f"file://{tmp_path}/nowhere.tar.gz")
    with pytest.raises(DataError, match="lacks cifar10 and it could not be fetched"):
        datasets.prepare("cifar10", tmp_path)


def test_images_of_any_size_in_a_folder_become_squares(tmp_path: Path) -> None:
    found = load("folder", make_folder(tmp_path), side=16)
    assert (found.image, found.classes) == (ImageShape(3, 16), 3)
    assert found.train[0].shape == (12, 3, 16, 16)
    assert found.validation[1].tolist() == [0, 0, 1, 1, 2, 2]


def test_some_of_the_images_are_the_same_ones_each_time_and_not_all_of_one_class(tmp_path: Path) -> None:
    make_folder(tmp_path)
    first, again = (load("folder", tmp_path, train_images=6, side=8) for _ in range(2))
    assert torch.equal(first.train[0], again.train[0])
    assert len(set(first.train[1].tolist())) > 1, "a folder is sorted by class"
    with pytest.raises(DataError, match="has 12 training images, not 13: give --train-images at most 12"):
        load("folder", tmp_path, train_images=13, side=8)


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no folder train: give --data-dir a folder that has train/CLASS"):
        datasets.prepare("folder", tmp_path)
    make_folder(tmp_path)
    (tmp_path / "val/owl").rename(tmp_path / "val/bat")
    with pytest.raises(DataError, match="val has the classes bat, cat, dog, but train has cat, dog, owl"):
        load("folder", tmp_path, side=8)
    (tmp_path / "val/bat").rename(tmp_path / "val/owl")
    (tmp_path / "train/cat/0.png").write_text("no image")
    with pytest.raises(DataError, match=r"train/cat/0\.png is no image that can be read .* remove it"):
        load("folder", tmp_path, side=8)


def test_mnist_is_read_from_the_files_of_the_perceptron(small_mnist: SmallMnist) -> None:
    found = datasets.load("mnist", small_mnist.data_dir, CPU, 50, None)
    assert found.image == ImageShape(1, 28)
    assert (len(found.train[1]), len(found.validation[1])) == (50, 200)
