"""Limits on reading logs: any trial can write them, and the operator reads them for all users."""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager

MOST_SECONDS = 60.0
"""Processor time for the logs of one attempt; a scalar logged at every step of a day takes one second."""
SHARE = 0.01
"""Of a processor, for logs that are read on while they grow; a look without news takes 0.3 ms, every few seconds."""
MOST_BYTES = 4 << 30
"""The size of all event files of one attempt."""
MOST_FILES = 1_000
MOST_ENTRIES = 100_000
"""Files and folders visited to find the event files."""
MOST_DEPTH = 32
"""The depth of nested folders."""
MOST_VALUES = 4_000_000
"""Values kept in memory, 16 bytes each."""
MOST_TAGS = 10_000


class Budget:
    """The amount that may still be read and kept of one attempt's logs, over all readings."""

    def __init__(self, wanted: Collection[str] | None = None) -> None:
        """Start with the full budget; only the values of the ``wanted`` tags are kept, or all if it is None."""
        self._wanted, self._values = wanted, MOST_VALUES
        self._bytes, self._entries, self._seconds = MOST_BYTES, MOST_ENTRIES, MOST_SECONDS
        self._ends, self._read_at = 0.0, time.monotonic()
        self.tags: set[str] = set()
        self.cut: set[str] = set()
        """Tags with too many values to keep."""
        self.stopped = ""
        """Why reading has stopped, and what to do about it; "" while it may continue."""

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count the processor time of this thread, which a busy or suspended machine does not use up.

        What was used earlier comes back slowly (`SHARE`): a trial may run for weeks.
        """
        last, self._read_at = self._read_at, time.monotonic()
        self._seconds = min(MOST_SECONDS, self._seconds + SHARE * (self._read_at - last))
        self._ends = time.thread_time() + self._seconds
        self._entries = MOST_ENTRIES
        try:
            yield
        finally:
            self._seconds = self._ends - time.thread_time()

    def stop(self, why: str) -> None:
        """Stop reading, for this reason."""
        self.stopped = self.stopped or why

    def look(self, depth: int) -> bool:
        """Whether to visit one more file or folder at this depth."""
        self._entries -= 1
        if self._entries < 0:
            self.stop(f"there are more than {MOST_ENTRIES:,} files; write other files elsewhere")
        if depth > MOST_DEPTH:
            self.stop(f"there are more than {MOST_DEPTH} folders inside each other; log into fewer")
        return self._in_time()

    def afford(self, files: int, size: int) -> bool:
        """Whether to open this many event files with this many bytes in total."""
        if files > MOST_FILES:
            self.stop(f"there are more than {MOST_FILES:,} event files; keep one writer open")
        if size > MOST_BYTES:
            self.stop(f"the event files are larger than {MOST_BYTES >> 30} GiB; log less")
        return self._in_time()

    def go_on(self, read: int) -> bool:
        """Whether to continue after reading this many bytes; a file may grow while it is read."""
        self._bytes -= read
        return self.afford(0, MOST_BYTES - self._bytes)

    def take(self, tag: str, values: int) -> bool:
        """Whether to keep this many values of a tag."""
        if len(self.tags) >= MOST_TAGS and tag not in self.tags:
            self.stop(f"there are more than {MOST_TAGS:,} tags; log fewer")
        else:
            self.tags.add(tag)
        if self.stopped or (self._wanted is not None and tag not in self._wanted):
            return False
        if values > self._values:
            self.cut.add(tag)
            return False
        self._values -= values
        return True

    def put_back(self, read: int, values: int) -> None:
        """Count a file no more that is gone: so many bytes of it were read, and so many values kept."""
        self._bytes += read
        self._values += values

    def _in_time(self) -> bool:
        if not self.stopped and time.thread_time() > self._ends:
            self.stop(f"reading them takes more than {MOST_SECONDS:g} s; log less")
        return not self.stopped
