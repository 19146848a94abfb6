"""A data set in MNIST's own files, small enough to train on in a moment."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class SmallMnist:
    """A data folder, and what `paretonas_trainer.data.MD5` would be for it."""

    data_dir: Path
    md5: dict[str, str]

    @property
    def raw(self) -> Path:
        return self.data_dir / "MNIST" / "raw"


def make(data_dir: Path) -> SmallMnist:
    """Write the four files, with 600 and 200 noisy images whose class is told by a bright row."""
    small = SmallMnist(data_dir, {})
    small.raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for part, count in (("train", 600), ("t10k", 200)):
        labels = random.integers(0, 10, count, np.uint8)
        images = random.integers(0, 100, (count, 28, 28), np.uint8)
        images[np.arange(count), 2 * labels + 4] += 60
        for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
            name, content = f"{part}-{kind}-ubyte", idx(values)
            (small.raw / name).write_bytes(content)
            small.md5[name] = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return small


def idx(values: "np.ndarray[Any, np.dtype[np.uint8]]") -> bytes:
    return bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes() + values.tobytes()
