"""A text file that a program is still writing, such as the output of a trial."""

import codecs
from pathlib import Path

MOST_BYTES = 1 << 20
"""Read at once, so that the reader of a program that prints without end still gets to do something else."""


class GrowingFile:
    """The text of a file from a position on, in pieces."""

    def __init__(self, path: Path, start: int = 0) -> None:
        """Read from byte ``start`` on; the file need not exist yet."""
        self._path, self._position = path, start
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def read(self) -> str:
        """What was written since the last call, or a part of it if it is very long; "" if there is nothing new.

        Raises:
            OSError: the file exists, but cannot be read.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                new = file.read(MOST_BYTES)
        except FileNotFoundError:
            return ""
        self._position += len(new)
        return self._decoder.decode(new)
