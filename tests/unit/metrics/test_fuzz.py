"""Damage of every kind: never an exception, and never a value that was not written with a right checksum."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing import plugin_event_accumulator
from tensorboard.util.tensor_util import make_ndarray

from paretonas.metrics import LogReader, Wanted, read

WRITTEN = {"acc": {step: step + 0.5 for step in range(6)}, "loss": {step: step / 2 for step in range(6)}}


@pytest.fixture(scope="module")
def log(logs) -> bytes:
    steps = [
        (logs.plain, logs.tensor)[step % 2](step, acc=WRITTEN["acc"][step], loss=WRITTEN["loss"][step])
        for step in range(6)
    ]
    return logs.frame(logs.FIRST, *steps)


def curves(*contents: bytes) -> dict[str, dict[int, float]]:
    """Reads a file that has these contents, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        reader = LogReader(Path(folder))
        for content in contents:
            (Path(folder) / "events.out.tfevents.1").write_bytes(content)
            reader.poll()
            reader.reading([])
        return {tag: dict(curve) for tag, curve in reader.curves().items()}


def assert_written(found: dict[str, dict[int, float]]) -> None:
    for tag, curve in found.items():
        assert curve.items() <= WRITTEN[tag].items()


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=3))
def test_noise_has_no_values(contents):
    assert curves(*contents) == {}


def test_a_log_cut_at_any_byte_gives_its_whole_records(log, logs):
    ends = [len(logs.frame(logs.FIRST))]
    for step in range(6):
        ends.append(ends[-1] + len(logs.frame((logs.plain, logs.tensor)[step % 2](step, acc=0.5, loss=0.5))))
    for length in range(len(log)):
        whole = sum(end <= length for end in ends[1:])
        expected = {tag: dict(list(curve.items())[:whole]) for tag, curve in WRITTEN.items() if whole}
        assert curves(log[:length]) == expected, f"cut after {length} bytes"


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0), st.integers(1, 255)), min_size=1, max_size=3))
def test_flipped_bits_only_ever_lose_values(log, flips):
    damaged = bytearray(log)
    for position, flip in flips:
        damaged[position % len(damaged)] ^= flip
    assert_written(curves(bytes(damaged)))
    assert_written(curves(bytes(damaged), log))  # and what was read wrongly does not stay


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0), st.integers(0, 60), st.binary(max_size=60)), min_size=1, max_size=3))
def test_bytes_cut_out_or_put_in_only_ever_lose_values(log, edits):
    damaged = log
    for position, removed, inserted in edits:
        at = position % len(damaged)
        damaged = damaged[:at] + inserted + damaged[at + removed :]
    assert_written(curves(damaged))


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from([2, 8, 9, 10, 16, 42, 58]), st.binary(max_size=40)), max_size=20))
def test_whatever_stands_in_records_whose_checksums_are_right_is_read_without_an_exception(logs, records):
    """A trial can write them: any fields, in any order and form."""
    with tempfile.TemporaryDirectory() as folder:
        content = logs.frame(*(bytes([key, len(data)]) + data for key, data in records))
        (Path(folder) / "events.out.tfevents.1").write_bytes(content)
        found = read(Path(folder), [Wanted("acc", "acc", "Mean"), Wanted("", "", "Max")])
        assert len(found.values) + len(found.problems) == 2
        assert "".join(found.problems).isprintable()


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 300), st.dictionaries(st.sampled_from("abc"), st.floats(width=32))),
        min_size=1,
        max_size=10,
    )
)
def test_tensorboard_reads_the_same(logs, writes):
    content = logs.frame(
        logs.FIRST,
        *((logs.tensor if as_tensor else logs.plain)(step, **values) for as_tensor, step, values in writes),
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "events.out.tfevents.1").write_bytes(content)
        everything = {plugin_event_accumulator.TENSORS: 0}
        tensorboard = plugin_event_accumulator.EventAccumulator(folder, everything).Reload()
        theirs = {
            tag: {event.step: make_ndarray(event.tensor_proto).item() for event in tensorboard.Tensors(tag)}
            for tag in tensorboard.Tags()[plugin_event_accumulator.TENSORS]
        }
    ours = curves(content)
    np.testing.assert_equal(ours, {tag: dict(sorted(curve.items())) for tag, curve in theirs.items()})
