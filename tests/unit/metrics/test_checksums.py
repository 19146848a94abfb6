import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import crc32c as byte_by_byte

from paretonas.metrics.crc32c import crc32c


def checksum(data: bytes) -> int:
    return int(crc32c(np.frombuffer(data, np.uint8)[None])[0])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_the_published_vectors_come_out(data: bytes, expected: int):  # RFC 3720 B.4; the CRC catalogue's check value
    assert checksum(data) == expected


@pytest.mark.parametrize("length", [1, 3, 4, 5, 1019, 1020, 1023, 1024, 1025, 1028, 2047, 2048, 2049, 5000])
def test_a_length_around_the_ends_of_the_table_makes_no_difference(length: int):
    data = np.random.default_rng(length).bytes(length)
    assert checksum(data) == byte_by_byte(data)


@given(st.integers(0, 40).flatmap(lambda size: st.lists(st.binary(min_size=size, max_size=size), min_size=1)))
def test_each_row_has_the_checksum_it_would_have_alone(rows: list[bytes]):
    matrix = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), -1)
    assert crc32c(matrix).tolist() == [byte_by_byte(row) for row in rows]
