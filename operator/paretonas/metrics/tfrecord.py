"""TFRecord framing: where each record begins and ends, and whether its checksums are right.

A record is the length of its data (8 bytes, little-endian), a checksum of these 8 bytes (4), the data, and
their checksum (4). Source: tensorflow/core/lib/io/record_writer.h; the checksum is a CRC-32C, masked as in
tsl/lib/hash/crc32c.h.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from paretonas.metrics.crc32c import crc32c

_HEADER = 12  # the length and its checksum
_FRAME = _HEADER + 4  # all that is not data, so the shortest record


class Damage(StrEnum):
    """What is wrong with a record, in words that follow "a record with" or "records with"."""

    LENGTH = "a wrong checksum of the length"  # no later record can be found
    DATA = "a wrong checksum of the data"
    EVENT = "data that are not a TensorBoard event"
    SIZE = "more data than scalars take"


@dataclass(frozen=True, slots=True)
class UnreadRecord:
    """One record that was not read.

    Attributes:
        offset: where it begins, in bytes from the start of what was scanned.
        damage: why it was not read.
    """

    offset: int
    damage: Damage


@dataclass(frozen=True, slots=True)
class Records:
    """The records of one length whose checksums are right.

    Attributes:
        offsets: (n,) where each begins, in bytes from the start of what was scanned, ascending.
        data: (n, length) their data.
    """

    offsets: NDArray[np.int64]
    data: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Scan:
    """The records in a part of a file.

    Attributes:
        groups: the records, one group for each length.
        problems: the damaged records. One at or after `consumed` may not be completely written yet.
        consumed: the number of processed bytes; the next scan begins there.
        needed: the number of bytes from there that the next scan needs to continue; 0 if no number would help.
    """

    groups: tuple[Records, ...]
    problems: tuple[UnreadRecord, ...]
    consumed: int
    needed: int


def scan(stretch: bytes) -> Scan:
    """Splits a part of a file, which must begin with a record, into its records.

    An incomplete record at the end is left for the next scan, and so is a last record with a wrong checksum: on a
    network file system, a file can grow before its bytes arrive.
    """
    offsets, consumed, needed = _walk(stretch)
    groups, damaged = _verify(stretch, offsets, consumed)
    if damaged and needed and damaged[-1] == offsets[-1] and consumed == len(stretch):
        consumed = damaged[-1]
        needed = len(stretch) - consumed + 1  # what follows it makes it final
    problems = [UnreadRecord(offset, Damage.DATA) for offset in damaged]
    if not needed:
        problems.append(UnreadRecord(consumed, Damage.LENGTH))
    return Scan(tuple(groups), tuple(problems), consumed, needed)


class _RecordSizes(dict[bytes, int]):
    """Header → bytes that its record takes in the file, 0 if the header's checksum is wrong.

    Remembers, because a log has few lengths: few headers are ever checked.
    """

    def __missing__(self, header: bytes) -> int:
        length = np.frombuffer(header, np.uint8, 8)[None]
        is_good = _masked(crc32c(length))[0] == int.from_bytes(header[8:], "little")
        self[header] = size = _FRAME + int.from_bytes(header[:8], "little") if is_good else 0
        return size


def _walk(stretch: bytes) -> tuple[list[int], int, int]:
    """Return the offsets of the complete records, the end of the last one, and what `Scan.needed` says."""
    sizes = _RecordSizes()
    offsets: list[int] = []
    offset, last = 0, len(stretch) - _FRAME
    while offset <= last and (size := sizes[stretch[offset : offset + _HEADER]]):
        offsets.append(offset)
        offset += size
    if offset <= last:
        return offsets, offset, 0
    if offset > len(stretch):
        return offsets, offsets.pop(), size
    return offsets, offset, _FRAME


def _verify(stretch: bytes, offsets: list[int], end: int) -> tuple[list[Records], list[int]]:
    """Return the good records by length, and the offsets of those with a wrong checksum, ascending."""
    starts = np.array(offsets, np.int64)
    sizes = np.diff(starts, append=end)
    groups, damaged = [], []
    for size in np.unique(sizes).tolist():
        chosen = starts[sizes == size]
        # Each position is seen as the start of one opaque value: picking then copies, with no index per byte.
        width = size - _HEADER
        values = np.ndarray(len(stretch) - width + 1, f"V{width}", stretch, strides=1)
        tails = values[chosen + _HEADER].view(np.uint8).reshape(-1, width)
        data, stored = tails[:, :-4], np.ascontiguousarray(tails[:, -4:]).view("<u4")[:, 0]
        good = _masked(crc32c(data)) == stored
        if not good.all():
            damaged += chosen[~good].tolist()
            chosen, data = chosen[good], data[good]
        groups.append(Records(chosen, data))
    return groups, sorted(damaged)


def _masked(checksums: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Masks checksums as TFRecord stores them: turned right by 15 bits, plus a constant."""
    turned = (checksums >> np.uint32(15)) | (checksums << np.uint32(17))
    return turned + np.uint32(0xA282EAD8)
