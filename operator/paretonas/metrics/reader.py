"""The event files of one trial's log folder, read as they grow."""

import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePath

import numpy as np

from paretonas.metrics.events import decode
from paretonas.metrics.limits import MOST_BYTES, MOST_ENTRIES, MOST_FILES, Budget
from paretonas.metrics.reading import Curve, Reading, Wanted, Writes, listed, quoted, summarise
from paretonas.metrics.records import Damage, Problem, Scan, scan

_CHUNK = 1 << 20  # bytes read at once
_LARGEST_RECORD = 16 << 20  # bytes; a longer one holds images or a graph: not read, so memory stays bounded


def read(folder: Path, wanted: Sequence[Wanted]) -> Reading:
    """Reads the wanted metrics from all event files in a folder and its sub-folders, whatever their state."""
    reader = LogReader(folder, {metric.tag for metric in wanted})
    reader.poll()
    return reader.reading(wanted)


def logged(folder: Path) -> int:
    """Bytes that the event files in a folder and its sub-folders have; they are not opened."""
    total = 0
    for name in LogReader(folder).files():
        with suppress(OSError):  # it has just gone
            total += (folder / name).lstat().st_size
    return total


class LogReader:
    """Reads a trial's logs again and again, each time only what is new.

    Event files are those with `tfevents` in their name, as for TensorBoard. They count in the order of their
    creation, which their names tell; of several values of a tag at one step the last one counts. Symbolic
    links inside the folder are not followed.

    A file that was replaced or became shorter is read again from its start, and one that is gone counts no
    more, so a reader holds what a new one would. Two exceptions: a file that can no longer be opened keeps
    what it gave, and one rewritten in place to its former length or more looks as if it had grown.

    Not safe for use by several threads at once.
    """

    def __init__(self, folder: Path, tags: Collection[str] | None = None) -> None:
        """Read the event files below ``folder``; of values only those of ``tags``, if they are given."""
        self._folder = folder
        self._budget = Budget(tags)
        self._files: dict[str, _EventFile] = {}  # by path below the folder, in the order in which they count
        self._notes: list[str] = []

    def poll(self) -> bool:
        """Reads what is new in the folder. Returns whether the curves may have changed."""
        self._notes = []
        files = {}
        changed = False
        for name in sorted(self._affordable(), key=_creation):
            known = self._files.get(name)
            try:
                # Opening is also what makes a network file system fetch the present size.
                with open(self._folder / name, "rb", buffering=0, opener=_open_file_itself) as stream:
                    status = os.fstat(stream.fileno())
                    identity = status.st_dev, status.st_ino
                    if known is None or known.identity != identity or status.st_size < known.offset:
                        changed |= known is not None
                        known = _EventFile(identity, self._budget)
                    changed |= known.advance(stream.fileno(), status.st_size)
            except OSError as error:
                self._notes.append(f"{quoted(name)} cannot be read: {error.strerror}")
            if known is not None:
                files[name] = known
        changed |= not self._files.keys() <= files.keys()
        self._files = files
        return changed

    def curves(self) -> Mapping[str, tuple[tuple[int, float], ...]]:
        """Returns tag → (step, value), ascending by step; values may be NaN and infinite."""
        return {
            tag: tuple(zip(curve.steps.tolist(), curve.values.tolist(), strict=True))
            for tag, curve in self._curves().items()
        }

    def reading(self, wanted: Sequence[Wanted]) -> Reading:
        """Reduces what was read so far to one value per metric."""
        notes = list(self._notes)
        for name, file in self._files.items():
            notes += [f"{quoted(name)}: {note}" for note in file.notes()]
        missing = "scalar" if self._files else "TensorBoard event file"
        why = f" ({notes[0]})" if notes else ""
        nothing = f"there is no {missing} in {quoted(str(self._folder))}{why}"
        notes += self._shared_tags({metric.tag for metric in wanted})
        curves = {tag: curve for tag, curve in self._curves().items() if tag not in self._budget.cut}
        cut = {tag: f"tag {quoted(tag)} has too many values; log it less often" for tag in self._budget.cut}
        return summarise(curves, wanted, notes, nothing=nothing, found=self._budget.tags, unread=cut)

    def _affordable(self) -> Iterator[str]:
        """Yields the event files that are few and small enough to be read, and notes that others are not."""
        size = 0
        for count, name in enumerate(self.files(), 1):
            with suppress(OSError):  # it has just gone
                size += (self._folder / name).lstat().st_size
            if count > MOST_FILES or size > MOST_BYTES:
                limit = f"{MOST_FILES:,} event files or {MOST_BYTES >> 30} GiB"
                self._notes.append(f"there are more than {limit}; the others are not read")
                return
            yield name

    def files(self) -> Iterator[str]:
        """Yields the event files by their path below the folder, and notes what cannot be searched."""
        folders, seen = [""], 0
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(self._folder / folder) as entries:
                    for entry in entries:
                        seen += 1
                        if seen > MOST_ENTRIES:
                            self._notes.append(
                                f"there are more than {MOST_ENTRIES:,} files; not all are looked at"
                            )
                            return
                        name = str(PurePath(folder, entry.name))
                        if entry.is_symlink():
                            self._note_if_outside(name)
                        elif entry.is_dir(follow_symlinks=False):
                            folders.append(name)
                        elif "tfevents" in entry.name and entry.is_file(follow_symlinks=False):
                            yield name
            except OSError as error:
                which = f"the folder {quoted(folder)}" if folder else "the log folder"
                self._notes.append(f"{which} cannot be read: {error.strerror}")

    def _note_if_outside(self, link: str) -> None:
        """Notes a link that leaves the folder. What others lead to is read at its own place."""
        # Path.resolve raises when links form a loop.
        target = PurePath(os.path.realpath(self._folder / link))
        if not target.is_relative_to(os.path.realpath(self._folder)):
            self._notes.append(f"{quoted(link)} is a symbolic link out of the log folder, not followed")

    def _shared_tags(self, tags: set[str]) -> Iterator[str]:
        """Says which tags are in several folders: a resumed run, but also Keras' train and validation."""
        for tag in sorted(tags):
            folders = {str(PurePath(name).parent) for name, file in self._files.items() if tag in file.writes}
            if len(folders) > 1:
                yield f"tag {quoted(tag)} is in several folders, the latest file counts: {listed(folders)}"

    def _curves(self) -> dict[str, Curve]:
        writes: defaultdict[str, list[Writes]] = defaultdict(list)
        for file in self._files.values():
            for tag, written in file.writes.items():
                writes[tag] += written
        return {tag: Curve.from_writes(written) for tag, written in writes.items()}


class _EventFile:
    """What one file has given so far.

    Attributes:
        identity: device and inode.
        offset: bytes that are done with.
        writes: tag → what was written, in the order of writing.
    """

    def __init__(self, identity: tuple[int, int], budget: Budget) -> None:
        self.identity = identity
        self._budget = budget
        self.offset = 0
        self.writes: defaultdict[str, list[Writes]] = defaultdict(list)
        self._passed_over: dict[Damage, tuple[int, int]] = {}  # how many records, and where the first begins
        self._stopped_at: list[Problem] = []

    def advance(self, descriptor: int, size: int) -> bool:
        """Reads what was appended to the file, now of `size` bytes. Returns whether that held a scalar."""
        self._stopped_at = []
        any_new = False
        needed = 1
        while len(stretch := os.pread(descriptor, max(_CHUNK, needed), self.offset)) >= needed:
            found = scan(stretch)
            any_new |= self._take(found)
            self.offset += found.consumed
            needed = found.needed
            if needed > _LARGEST_RECORD and self.offset + needed <= size:
                self._pass_over(Problem(self.offset, Damage.SIZE))
                self.offset += needed
                needed = 1
            if not 0 < needed <= _LARGEST_RECORD:
                break
        return any_new

    def notes(self) -> Iterator[str]:
        """Says what could not be read."""
        for damage, (count, first) in self._passed_over.items():
            yield f"passed over {count} record(s) with {damage}, the first at byte {first}"
        for problem in self._stopped_at:
            yield f"stopped before a record with {problem.damage}, at byte {problem.offset}"

    def _take(self, found: Scan) -> bool:
        """Adds what a scan found, and returns whether that is any scalar."""
        problems = list(found.problems)
        parts = defaultdict(list)
        for records in found.groups:
            points, malformed = decode(records.data)
            problems += [Problem(offset, Damage.EVENT) for offset in records.offsets[malformed].tolist()]
            for point in points:
                parts[point.tag].append((records.offsets[point.rows], point.steps, point.values))
        for tag, part in parts.items():
            offsets, steps, values = (np.concatenate(column) for column in zip(*part, strict=True))
            if self._budget.take(tag, len(steps)):
                written = np.argsort(offsets, kind="stable")
                self.writes[tag].append((steps[written], values[written]))
        self._stopped_at = []
        for problem in problems:
            in_file = Problem(self.offset + problem.offset, problem.damage)
            if problem.offset < found.consumed:
                self._pass_over(in_file)
            else:
                self._stopped_at.append(in_file)
        return bool(parts)

    def _pass_over(self, problem: Problem) -> None:
        count, first = self._passed_over.get(problem.damage, (0, problem.offset))
        self._passed_over[problem.damage] = count + 1, first


def _creation(name: str) -> tuple[list[int], str]:
    """Orders files by the numbers in their names: events.out.tfevents.<seconds>.<host>.<process>.<count>."""
    _, _, numbered = PurePath(name).name.partition("tfevents")
    return [int(number) for number in re.findall("[0-9]+", numbered)], name


def _open_file_itself(path: str, flags: int) -> int:
    """Opens a file, but no link that took its place, and without waiting on a pipe that did."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
