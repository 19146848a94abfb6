"""Writes files so that they are complete or absent, and on disk when the call returns."""

import contextlib
import os
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Replace the file's text. After a crash the file holds either the old or the new text."""
    temporary = _write_temporary(path, text)
    temporary.replace(path)
    _sync_folder(path.parent)


def create(path: Path, text: str) -> bool:
    """Create the file with this text. False, without a change, if it exists already."""
    temporary = _write_temporary(path, text)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    _sync_folder(path.parent)
    return True


def _write_temporary(path: Path, text: str) -> Path:
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        error.filename = str(path)  # for a full disk it is not set
        raise
    return temporary


def _sync_folder(folder: Path) -> None:
    """Make a rename durable: it is stored in the folder, not in the file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
