"""MNIST in a folder: found, checked against md5, and fetched once however many trials start together.

The folder has torchvision's layout, `<data_dir>/MNIST/raw/<file>`, so that either reads what the other fetched.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from paretonas_trainer.sources import SOURCES, Source, SourceError

MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
"""The uncompressed files and their md5: a check against damage, not against an attacker."""

SHARED_DATA_DIR = Path("/data")  # where the examples mount a volume of data sets


class DataError(Exception):
    """MNIST is missing or damaged; the message is one line for the user, with the remedy."""


def raw_dir(data_dir: Path) -> Path:
    """The folder of the four files."""
    return data_dir / "MNIST" / "raw"


def default_data_dir() -> Path:
    """The default folder of MNIST: $PARETONAS_DATA_DIR, else /data if it has MNIST, else a cache folder.

    Raises:
        RuntimeError: there is no home folder to put a cache in.
    """
    if told := os.environ.get("PARETONAS_DATA_DIR"):
        return Path(told)
    if all((raw_dir(SHARED_DATA_DIR) / name).is_file() for name in MD5):
        return SHARED_DATA_DIR
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (cache if cache.is_absolute() else Path.home() / ".cache") / "paretonas" / "mnist"


def prepare(data_dir: Path, md5: Mapping[str, str] = MD5, sources: Mapping[str, Source] = SOURCES) -> None:
    """Make sure that `data_dir` has the files of `md5`, each checked, from the first of `sources` that has them.

    A folder that has them is only read. Else one process fetches and the others wait for it; a file appears
    under its name only when it is whole and checked.

    Raises:
        DataError: a file is damaged, the folder cannot be written, or no source has the files.
    """
    folder = raw_dir(data_dir)
    if _is_complete(folder, md5):
        return
    from filelock import FileLock  # noqa: PLC0415 # comes with the extra, which __main__ checks first

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            if not _is_complete(folder, md5):
                _fetch(folder, md5, sources)
    except OSError as error:
        raise DataError(
            f"{folder} lacks MNIST and cannot be written ({error.strerror or error}):"
            " give --data-dir a folder that has it, or one with write access and 120 MB to spare"
        ) from error


def _is_complete(folder: Path, md5: Mapping[str, str]) -> bool:
    """Whether all files exist and each has the expected checksum."""
    missing = False
    for name, expected in md5.items():
        path = folder / name
        try:
            found = _md5(path)
        except FileNotFoundError:
            missing = True
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}): check --data-dir and its access") from error
        else:
            if found != expected:
                raise DataError(f"{path} is damaged (md5 {found}, expected {expected}): delete it and start again")
    return not missing


def _fetch(folder: Path, md5: Mapping[str, str], sources: Mapping[str, Source]) -> None:
    """Fill `folder`, whose lock is held, from the first source that has every file with the expected checksum."""
    for left_behind in folder.glob(".fetch-*"):  # by a process that was killed
        shutil.rmtree(left_behind)
    reasons = []
    for source, fetch in sources.items():
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as temporary:
            fetched = Path(temporary)
            try:
                fetch(list(md5), fetched)
                wrong = [name for name, expected in md5.items() if _md5(fetched / name) != expected]
            except (SourceError, OSError) as error:
                reasons.append(f"{source}: {error}")
                continue
            if wrong:
                reasons.append(f"{source}: wrong md5 of {', '.join(wrong)}")
                continue
            for name in md5:
                (fetched / name).replace(folder / name)
            return
    raise DataError(
        f"{folder} lacks MNIST and it could not be fetched ({'; '.join(reasons)}):"
        " give --data-dir a folder that has it, or put the four IDX files there"
    )


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
