"""Reading the fields of a protobuf message in its wire format.

Format: protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types
MORE = 0x80  # the bit that means that a varint continues
_LONGEST_VARINT = 10  # bytes: 64 bits, 7 in each
_UINT64 = (1 << 64) - 1


class MalformedError(ValueError):
    """The bytes are not a valid message."""


def fields(record: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the key of each field of a message and the span of its content."""
    while start < end:
        key, start = varint(record, start, end)
        wire_type = key & 7
        if wire_type == BYTES:
            length, start = varint(record, start, end)
            stop = start + length
        elif wire_type == VARINT:
            _, stop = varint(record, start, end)
        elif wire_type == FIXED32:
            stop = start + 4
        elif wire_type == FIXED64:
            stop = start + 8
        else:
            raise MalformedError
        if stop > end:
            raise MalformedError
        yield key, start, stop
        start = stop


def varint(record: bytes, start: int, end: int) -> tuple[int, int]:
    """Return an unsigned 64-bit integer and where it ends."""
    value = 0
    for position in range(start, min(end, start + _LONGEST_VARINT)):
        byte = record[position]
        value |= (byte & 0x7F) << 7 * (position - start)
        if not byte & MORE:
            return value & _UINT64, position + 1
    raise MalformedError
