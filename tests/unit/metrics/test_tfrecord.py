import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from paretonas.metrics.tfrecord import Damage, Scan, UnreadRecord, scan

HEADER = 12


def data_of(found: Scan) -> list[bytes]:
    """The data of all records, in the order of the file."""
    pairs = [
        (offset, row.tobytes())
        for group in found.groups
        for offset, row in zip(group.offsets.tolist(), group.data, strict=True)
    ]
    return [data for _, data in sorted(pairs)]


@given(st.lists(st.binary(max_size=60)))
def test_what_was_written_is_found_in_order(logs, written):
    stretch = logs.frame(*written)
    found = scan(stretch)
    assert data_of(found) == written
    assert (found.consumed, found.problems) == (len(stretch), ())


def test_a_half_written_last_record_is_left_wherever_it_breaks_off(logs):
    first, last = logs.frame(b"first"), logs.frame(b"the last one")
    for length in range(len(last)):
        found = scan(first + last[:length])
        assert data_of(found) == [b"first"], f"cut after {length} bytes"
        assert (found.consumed, found.problems) == (len(first), ()), f"cut after {length} bytes"
        assert length < found.needed <= len(last), "asks for what it has, or for more than there will be"


def test_a_wrong_checksum_of_the_data_costs_that_record_alone(logs):
    stretch = bytearray(logs.frame(b"one", b"two", b"three"))
    second = len(logs.frame(b"one"))
    stretch[second + HEADER] ^= 1
    found = scan(bytes(stretch))
    assert data_of(found) == [b"one", b"three"]
    assert found.problems == (UnreadRecord(second, Damage.DATA),)
    assert found.consumed == len(stretch)


def test_a_wrong_checksum_of_a_length_ends_the_reading_there(logs):
    stretch = bytearray(logs.frame(b"one", b"two", b"three"))
    second = len(logs.frame(b"one"))
    stretch[second] ^= 1
    found = scan(bytes(stretch))
    assert data_of(found) == [b"one"]
    assert found.problems == (UnreadRecord(second, Damage.LENGTH),)
    assert (found.consumed, found.needed) == (second, 0)


def test_a_last_record_with_a_wrong_checksum_waits_for_what_follows(logs):
    good, bad, after = logs.frame(b"good"), bytearray(logs.frame(b"bad")), logs.frame(b"after")
    bad[HEADER] ^= 1
    found = scan(good + bad)
    assert (found.consumed, found.needed) == (len(good), len(bad) + 1)
    assert scan(good + bad + after[:3]).consumed == len(good + bad)
    assert data_of(scan(good + bad + after)) == [b"good", b"after"]


def test_a_huge_length_is_only_a_number(logs):
    length = struct.pack("<Q", 2**64 - 1)
    header = length + logs.frame(length)[-4:]  # framed as data, these bytes get the checksum that a header needs
    found = scan(header + bytes(100))
    assert data_of(found) == []
    assert (found.consumed, found.needed) == (0, 2**64 + 15)


@given(st.binary(max_size=200))
def test_bytes_that_nobody_framed_are_no_records(noise):
    found = scan(noise)
    assert not found.groups
    assert found.consumed == 0


def test_records_keep_their_offsets_when_lengths_alternate(logs):
    written = [b"x" * (number % 3) for number in range(9)]
    for group in scan(logs.frame(*written)).groups:
        assert np.all(np.diff(group.offsets) > 0)
        assert {len(row) for row in group.data} == {group.data.shape[1]}
