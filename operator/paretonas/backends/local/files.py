"""Files that are whole or absent, and on disk when the call returns."""

import contextlib
import os
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Put the text in the place of the file. After a crash the file holds the old text or the new one."""
    temporary = _written(path, text)
    temporary.replace(path)
    _sync_folder(path.parent)


def create(path: Path, text: str) -> bool:
    """Create the file with the text; False, and nothing done, when there is one already."""
    temporary = _written(path, text)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    _sync_folder(path.parent)
    return True


def _written(path: Path, text: str) -> Path:
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        error.filename = str(path)  # a full disk does not tell where
        raise
    return temporary


def _sync_folder(folder: Path) -> None:
    """Make a rename durable: it lives in the folder, not in the file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
