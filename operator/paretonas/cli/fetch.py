"""Unpacks an archive of untrusted files into a new folder, which appears only when everything has arrived."""

import os
import secrets
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from paretonas.backends.cluster.errors import ClusterError
from paretonas.backends.local.store import StoreError


class Sent(Protocol):
    """An archive that is being received."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""

    def finish(self) -> None:
        """Check that it has arrived as a whole. Raises ClusterError."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What was unpacked."""

    files: int
    size: int
    """In bytes."""


def check_free(folder: Path) -> None:
    """Raise StoreError if a folder exists, or cannot be created."""
    if os.path.lexists(folder):
        raise StoreError(f"{folder} exists; give another folder to copy to, or remove it")
    if not folder.absolute().parent.is_dir():
        raise StoreError(f"{folder.absolute().parent} does not exist; create it, or give another folder to copy to")


def unpack(archive: Sent, folder: Path, warn: Callable[[str], None]) -> Copied:
    """Unpack an archive of one folder.

    Links that lead out of the folder, and whatever is neither file, folder nor link, are left out; ``warn`` is told.
    Nobody's permissions or owners are taken over.

    Args:
        archive: All names in it begin with that of the folder.
        folder: Where to; it must not exist.
        warn: Called with one line for each file that is left out.

    Raises:
        ClusterError: The archive has not arrived as a whole; then there is no folder.
        StoreError: The folder cannot be written; then there is none either.
    """
    partial = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.partial")
    try:
        partial.mkdir()
        copied = _extract(archive, partial, warn)
        check_free(folder)
        partial.rename(folder)
    except OSError as error:
        raise StoreError(f"cannot write {error.filename or folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return copied


def _extract(archive: Sent, folder: Path, warn: Callable[[str], None]) -> Copied:
    files = size = 0
    try:
        with tarfile.open(fileobj=archive, mode="r|") as tar:  # type: ignore[call-overload] # it needs no more than read
            for member in tar:
                if "/" not in member.name.rstrip("/"):
                    if not member.isdir():
                        raise ClusterError(f"{member.name} is no folder but a link or a file, which is not followed")
                    continue
                try:
                    tar.extract(_below(member), folder, filter="data")
                except tarfile.FilterError as error:
                    warn(f"left out: {' '.join(str(error).split())}")
                    continue
                files += member.isfile()
                size += member.size
    except tarfile.TarError as error:
        archive.finish()  # which knows better why it is cut off
        raise ClusterError(f"what arrived is no archive ({error}); try again") from error
    archive.finish()
    return Copied(files, size)


def _below(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The member with its path below the folder that was archived."""
    name = member.name.partition("/")[2]
    if member.islnk():  # it names another member
        return member.replace(name=name, linkname=member.linkname.partition("/")[2], deep=False)
    return member.replace(name=name, deep=False)
