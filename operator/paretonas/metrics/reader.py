"""The event files of one trial's log folder, read as they grow."""

import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from paretonas.metrics.curve import Curve, Steps, Values, Written
from paretonas.metrics.events import decode
from paretonas.metrics.limits import MOST_BYTES, MOST_ENTRIES, MOST_FILES, Budget
from paretonas.metrics.reading import Reading, Wanted, listed, quoted, summarise
from paretonas.metrics.records import Damage, Problem, Scan, scan
from paretonas.metrics.runs import chosen

_CHUNK = 1 << 20  # bytes read at once
_LARGEST_RECORD = 16 << 20  # bytes; a longer one holds images or a graph: not read, so memory stays bounded

Offsets = NDArray[np.int64]
Parts = defaultdict[str, list[tuple[Offsets, Steps, Values]]]
"""tag → where records lie in a stretch, and what they hold."""


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

    Event files are those with `tfevents` in their name, as for TensorBoard. They count in the order of their creation,
    which their names tell: those of one folder as `curve` says, several folders as `runs` says. Symbolic links inside
    the folder are not followed.

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
        """Returns tag → (step, value), strictly ascending by step; values may be NaN and infinite.

        A tag that is in several folders, none of which takes another's place, is several: ``loss (train)``.
        """
        found = {}
        for tag, of_tag in self._curves().items():
            runs = chosen(list(of_tag))
            for run in runs:
                found[tag if len(runs) == 1 else f"{tag} ({run})"] = of_tag[run].by_step()
        return found

    def reading(self, wanted: Sequence[Wanted]) -> Reading:
        """Reduces what was read so far to one value per metric."""
        notes = list(self._notes)
        for name, file in self._files.items():
            notes += [f"{quoted(name)}: {note}" for note in file.notes()]
        missing = "scalar" if self._files else "TensorBoard event file"
        why = f" ({notes[0]})" if notes else ""
        nothing = f"there is no {missing} in {quoted(str(self._folder))}{why}"
        curves = self._curves()
        notes += _replaced({metric.tag: list(curves.get(metric.tag, ())) for metric in wanted})
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

    def _curves(self) -> dict[str, dict[str, Curve]]:
        """Returns tag → folder → curve, the folders in the order in which they were written to."""
        folders: dict[str, list[_EventFile]] = {}
        for name, file in self._files.items():
            folder = str(PurePath(name).parent)
            folders[folder] = [*folders.pop(folder, ()), file]  # which puts the folder behind the others
        curves: defaultdict[str, dict[str, Curve]] = defaultdict(dict)
        for folder, files in folders.items():
            for tag in dict.fromkeys(tag for file in files for tag in file.writes):
                curve = Curve.of([file.written(tag) for file in files])
                if curve.steps.size:
                    curves[tag][folder] = curve
        return curves


def _replaced(folders: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Says which folders of a tag are earlier runs, whose place a later one takes."""
    for tag, all_of_them in sorted(folders.items()):
        earlier = set(all_of_them).difference(chosen(all_of_them))
        if earlier:
            yield f"tag {quoted(tag)} is in earlier runs too, which do not count: {listed(earlier)}"


class _EventFile:
    """What one file has given so far.

    Attributes:
        identity: device and inode.
        offset: bytes that are done with.
        writes: tag → what was written, in the order of writing.
        restart: the lowest step at which the file begins anew, if it does.
    """

    def __init__(self, identity: tuple[int, int], budget: Budget) -> None:
        self.identity = identity
        self._budget = budget
        self.offset = 0
        self.writes: defaultdict[str, list[tuple[Steps, Values]]] = defaultdict(list)
        self.restart: int | None = None
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

    def written(self, tag: str) -> Written:
        """Returns what it holds of a tag."""
        parts = self.writes.get(tag) or [(np.empty(0, np.int64), np.empty(0))]
        steps, values = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Written(steps, values, self.restart)

    def notes(self) -> Iterator[str]:
        """Says what could not be read."""
        for damage, (count, first) in self._passed_over.items():
            yield f"passed over {count} record(s) with {damage}, the first at byte {first}"
        for problem in self._stopped_at:
            yield f"stopped before a record with {problem.damage}, at byte {problem.offset}"

    def _take(self, found: Scan) -> bool:
        """Adds what a scan found, and returns whether that is any scalar."""
        problems = list(found.problems)
        parts: Parts = defaultdict(list)
        restarts = []
        for records in found.groups:
            points, anew, malformed = decode(records.data)
            problems += [Problem(offset, Damage.EVENT) for offset in records.offsets[malformed].tolist()]
            restarts += [(records.offsets[restart.rows], restart.steps) for restart in anew]
            for point in points:
                parts[point.tag].append((records.offsets[point.rows], point.steps, point.values))
        if restarts:
            parts = self._begin_anew(restarts, parts)
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
        return bool(parts or restarts)

    def _begin_anew(self, restarts: list[tuple[Offsets, Steps]], parts: Parts) -> Parts:
        """Drops what was written before a restart, at its step and later ones. Returns what is left of `parts`."""
        offsets, steps = (np.concatenate(column) for column in zip(*restarts, strict=True))
        order = np.argsort(offsets)
        offsets = offsets[order]
        void_from = np.minimum.accumulate(steps[order][::-1])[::-1]  # by each restart or one that follows it
        first = int(void_from[0])
        self.restart = first if self.restart is None else min(first, self.restart)
        for tag, written in self.writes.items():
            self.writes[tag] = [(s[s < first], v[s < first]) for s, v in written]
        left: Parts = defaultdict(list)
        for tag, part in parts.items():
            for at, s, v in part:
                following = np.searchsorted(offsets, at)
                kept = (following == len(offsets)) | (s < void_from.take(following, mode="clip"))
                left[tag].append((at[kept], s[kept], v[kept]))
        return left

    def _pass_over(self, problem: Problem) -> None:
        count, first = self._passed_over.get(problem.damage, (0, problem.offset))
        self._passed_over[problem.damage] = count + 1, first


def _creation(name: str) -> tuple[list[int], list[int], str]:
    """Orders files by the numbers in their names: events.out.tfevents.<seconds>.<host>.<process>.<count>.

    tensorboardX ends at the host: of files made in one second those in version_9 come before those in version_10.
    """
    path = PurePath(name)
    _, _, numbered = path.name.partition("tfevents")
    return _numbers(numbered), _numbers(str(path.parent)), name


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall("[0-9]+", text)]


def _open_file_itself(path: str, flags: int) -> int:
    """Opens a file, but no link that took its place, and without waiting on a pipe that did."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
