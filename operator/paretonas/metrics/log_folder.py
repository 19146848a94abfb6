"""A log folder, opened without following symbolic links.

A trial can replace a folder in it by a symbolic link at any moment, even between checking a path and opening it. So
each part of a path is opened separately, relative to the descriptor of the part before it, and a link is refused.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY
_ON_THE_WAY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY
"""The flags for a folder on the way: with O_PATH (Linux), the permission to search it is enough."""
_FILE = os.O_RDONLY | os.O_NONBLOCK
"""O_NONBLOCK: without waiting for the other end of a pipe."""


class LinkError(OSError):
    """There is a symbolic link in place of a folder or file; the filename is its path."""


@dataclass(frozen=True, slots=True)
class LogFolder:
    """The folder of an attempt's logs.

    Attributes:
        root: a folder that no trial can replace; it may be a link, as mounts can be.
        below: the remaining parts of the path, which trials can write to.
    """

    root: Path
    below: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The path, for messages."""
        return self.root.joinpath(*self.below)

    @contextmanager
    def enter(self) -> Iterator[int]:
        """The folder, opened to be read. Raises OSError."""
        with self._open(_FOLDER) as folder:
            yield folder

    def has(self, name: str) -> bool:
        """Whether it contains anything with this name, links included. Raises OSError if that cannot be determined."""
        try:
            with self._open(_ON_THE_WAY) as folder:
                os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    @contextmanager
    def _open(self, flags: int) -> Iterator[int]:
        with ExitStack() as stack:
            folder = os.open(self.root, _ON_THE_WAY if self.below else flags)
            stack.callback(os.close, folder)
            if self.below:
                folder = _open_below(folder, self.below, flags, self.root)
                stack.callback(os.close, folder)
            yield folder


def open_folder(folder: int, name: str) -> int:
    """Open a folder in another one. Raises OSError."""
    return _open_below(folder, [name], _FOLDER, Path())


def open_file(folder: int, path: str) -> int:
    """Open a regular file by its path below a folder. Raises OSError."""
    descriptor = _open_below(folder, path.split("/"), _FILE, Path())
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file", path)
    return descriptor


def _open_below(folder: int, parts: Sequence[str], flags: int, shown: Path) -> int:
    """Open the last of the parts, each in the one before it. Raises OSError."""
    with ExitStack() as stack:
        for number, part in enumerate(parts, 1):
            is_last = number == len(parts)
            try:
                inner = os.open(part, (flags if is_last else _ON_THE_WAY) | os.O_NOFOLLOW, dir_fd=folder)
            except OSError as error:
                if error.errno in {errno.ELOOP, errno.ENOTDIR} and _is_link(folder, part):
                    link = shown.joinpath(*parts[:number])
                    raise LinkError(errno.ELOOP, "it is a symbolic link, which is not followed", str(link)) from None
                raise
            if not is_last:
                stack.callback(os.close, inner)
            folder = inner
        return folder


def _is_link(folder: int, name: str) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False
