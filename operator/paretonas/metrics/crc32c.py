"""CRC-32C (Castagnoli), the checksum of TensorBoard's record files, for many byte strings at once.

A CRC is linear over GF(2): the checksum of a message is the XOR of the contributions of its bytes, and each
contribution depends only on the byte and its distance from the end. With the contributions in one table, the
checksums of n strings of equal length take one look-up and one XOR over an (n, length) matrix: a few nanoseconds
per byte with numpy, compared with about a hundred in a Python loop.

Parameters and test vectors: RFC 3720, sections 12.1 and B.4. The table is that of slicing-by-8 (Kounavis and
Berry, A systematic approach to building high performance software-based CRC generators, 2005), by 1024.
"""

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits reversed
_BLOCK = 1024  # bytes looked up at once: a table of 1 MiB, of which a record of 30 bytes touches 30 KiB


def _tables() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the contribution of a byte, at [256 * distance from end + byte], and of the start, at [length]."""
    byte = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        byte = np.where(byte & 1, (byte >> 1) ^ np.uint32(_POLYNOMIAL), byte >> 1)
    contribution = np.empty((_BLOCK, 256), np.uint32)
    start = np.empty(_BLOCK, np.uint32)
    contribution[0], start[0] = byte, 0xFFFFFFFF
    for table in contribution, start:
        for distance in range(1, _BLOCK):  # one more zero byte behind it
            nearer = table[distance - 1]
            table[distance] = (nearer >> 8) ^ byte[nearer & 0xFF]
    return contribution.ravel(), start


_CONTRIBUTION, _START = _tables()


def crc32c(rows: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return the checksum of each row.

    Args:
        rows: (n, length) bytes; length may be 0.

    Returns:
        (n,) checksums, unmasked.
    """
    length = rows.shape[1]
    first = length % _BLOCK
    state: NDArray[np.uint32] = _START[first] ^ _contribution(rows[:, :first])
    for start in range(first, length, _BLOCK):
        # A state enters the next block like four bytes at its head, the lowest first.
        head = state.astype("<u4")[:, None].view(np.uint8)
        moved = _contribution(head, _BLOCK - head.shape[1])
        state = moved ^ _contribution(rows[:, start : start + _BLOCK])
    return ~state


def _contribution(columns: NDArray[np.uint8], behind: int = 0) -> NDArray[np.uint32]:
    """Return what the bytes of each row contribute when `behind` more bytes follow them."""
    width = columns.shape[1]
    distance = np.arange(behind + width - 1, behind - 1, -1)
    contributions = _CONTRIBUTION.take(columns + (distance << 8))
    total: NDArray[np.uint32] = np.bitwise_xor.reduce(contributions, axis=1)
    return total
