"""How much of a log is read: whoever runs a trial writes it, and the operator reads it for everybody."""

from collections.abc import Collection

MOST_BYTES = 4 << 30
"""Of all event files of an attempt; some seconds of reading. A day of scalars at every step is a hundredth of it."""
MOST_FILES = 1_000
MOST_ENTRIES = 100_000
"""Files and folders that are looked at on the way to them."""
MOST_VALUES = 4_000_000
"""Kept in memory, 16 bytes each."""
MOST_TAGS = 10_000
"""Whose names are kept, to say which there are."""


class Budget:
    """What may still be kept of an attempt's logs."""

    def __init__(self, wanted: Collection[str] | None = None) -> None:
        """``wanted`` are the only tags whose values are kept; None: all."""
        self._wanted, self._left = wanted, MOST_VALUES
        self.tags: set[str] = set()
        self.cut: set[str] = set()
        """Tags with more values than there was room for."""

    def take(self, tag: str, values: int) -> bool:
        """Whether to keep so many values of a tag."""
        if len(self.tags) < MOST_TAGS:
            self.tags.add(tag)
        if self._wanted is not None and tag not in self._wanted:
            return False
        if values > self._left or (self._wanted is None and tag not in self.tags):
            self.cut.add(tag)
            return False
        self._left -= values
        return True
