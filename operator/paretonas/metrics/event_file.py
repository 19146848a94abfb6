"""Reading one event file as it grows."""

import os
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from paretonas.metrics.curve import Steps, Values, Written, join_parts
from paretonas.metrics.events import decode
from paretonas.metrics.limits import Budget
from paretonas.metrics.tfrecord import Damage, Scan, UnreadRecord, scan

_CHUNK = 1 << 20  # bytes read at once
_LARGEST_RECORD = 16 << 20  # bytes; a longer one holds images or a graph: not read, so memory stays bounded

Offsets = NDArray[np.int64]
Parts = defaultdict[str, list[tuple[Offsets, Steps, Values]]]
"""tag → where records lie in a stretch, and what they hold."""


class EventFile:
    """The scalars read from one file so far.

    Attributes:
        identity: device and inode.
        offset: bytes that have been processed.
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
        self._stopped_at: list[UnreadRecord] = []

    def advance(self, descriptor: int, size: int) -> bool:
        """Read what was appended to the file, now of `size` bytes. Return whether that held a scalar."""
        self._stopped_at = []
        any_new = False
        needed = 1
        while len(stretch := os.pread(descriptor, max(_CHUNK, needed), self.offset)) >= needed:
            found = scan(stretch)
            any_new |= self._take(found)
            self.offset += found.consumed
            if not self._budget.go_on(found.consumed):
                break
            needed = found.needed
            if needed > _LARGEST_RECORD and self.offset + needed <= size:
                self._pass_over(UnreadRecord(self.offset, Damage.SIZE))
                self.offset += needed
                needed = 1
            if not 0 < needed <= _LARGEST_RECORD:
                break
        return any_new

    def values_of(self, tag: str) -> Written:
        """Return the file's values of a tag."""
        parts = self.writes.get(tag)
        if not parts:
            return Written(np.empty(0, np.int64), np.empty(0), self.restart)
        parts[:] = [join_parts(parts)]  # a file that is read on for days has very many
        return Written(*parts[0], self.restart)

    @property
    def is_damaged(self) -> bool:
        """Whether there may be scalars that could not be read."""
        return bool(self._stopped_at or self._passed_over.keys() - {Damage.SIZE})

    @property
    def kept(self) -> int:
        """The number of values in memory."""
        return sum(len(steps) for parts in self.writes.values() for steps, _ in parts)

    def notes(self) -> Iterator[str]:
        """Yield a note about each kind of record that could not be read."""
        for damage, (count, first) in self._passed_over.items():
            yield f"passed over {count} record(s) with {damage}, the first at byte {first}"
        for problem in self._stopped_at:
            yield f"stopped before a record with {problem.damage}, at byte {problem.offset}"

    def _take(self, found: Scan) -> bool:
        """Add what a scan found. Return whether it found a scalar."""
        problems = list(found.problems)
        parts: Parts = defaultdict(list)
        restarts = []
        for records in found.groups:
            points, anew, malformed = decode(records.data)
            problems += [UnreadRecord(offset, Damage.EVENT) for offset in records.offsets[malformed].tolist()]
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
            in_file = UnreadRecord(self.offset + problem.offset, problem.damage)
            if problem.offset < found.consumed:
                self._pass_over(in_file)
            else:
                self._stopped_at.append(in_file)
        return bool(parts or restarts)

    def _begin_anew(self, restarts: list[tuple[Offsets, Steps]], parts: Parts) -> Parts:
        """Drop what was written before a restart, at its step and later ones. Return what is left of `parts`."""
        offsets, steps = (np.concatenate(column) for column in zip(*restarts, strict=True))
        order = np.argsort(offsets)
        offsets = offsets[order]
        void_from = np.minimum.accumulate(steps[order][::-1])[::-1]  # by this restart or a later one
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

    def _pass_over(self, problem: UnreadRecord) -> None:
        count, first = self._passed_over.get(problem.damage, (0, problem.offset))
        self._passed_over[problem.damage] = count + 1, first
