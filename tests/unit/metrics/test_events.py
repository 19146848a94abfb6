import math
import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tensorboard.compat.proto import types_pb2
from tensorboard.compat.proto.event_pb2 import Event, LogMessage, SessionLog
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.util.tensor_util import make_ndarray

from paretonas.metrics.events import decode

Point = tuple[int, str, int, bytes]  # row, tag, step, the value's bits: they tell NaN from NaN


def points(records: list[bytes], layouts: int = 64) -> list[Point]:
    """What is read from records of equal length, in the order of the records."""
    found = decode(as_matrix(records), layouts).points
    return sorted(
        (row, part.tag, step, struct.pack("<d", value))
        for part in found
        for row, step, value in zip(part.rows.tolist(), part.steps.tolist(), part.values.tolist(), strict=True)
    )


def restarts(records: list[bytes], layouts: int = 64) -> list[tuple[int, int]]:
    """Row and step of each restart."""
    found = decode(as_matrix(records), layouts).restarts
    return sorted(pair for part in found for pair in zip(part.rows.tolist(), part.steps.tolist(), strict=True))


def as_matrix(records: list[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(records), np.uint8).reshape(len(records), -1)


def value_of(scalar: Summary.Value) -> list[float]:
    """What TensorBoard's own code makes of it, [] if that is not one number."""
    if scalar.HasField("simple_value"):
        return [scalar.simple_value]
    if not scalar.HasField("tensor") or scalar.tensor.dtype == types_pb2.DT_STRING:
        return []
    array = make_ndarray(scalar.tensor)
    return [float(array.item())] if array.size == 1 else []


NUMPY_TYPES = {
    types_pb2.DT_FLOAT: np.float32,
    types_pb2.DT_DOUBLE: np.float64,
    types_pb2.DT_HALF: np.float16,
    types_pb2.DT_INT8: np.int8,
    types_pb2.DT_INT16: np.int16,
    types_pb2.DT_INT32: np.int32,
    types_pb2.DT_INT64: np.int64,
    types_pb2.DT_UINT8: np.uint8,
    types_pb2.DT_UINT16: np.uint16,
    types_pb2.DT_UINT32: np.uint32,
    types_pb2.DT_UINT64: np.uint64,
    types_pb2.DT_BOOL: np.bool_,
}
FIELDS = {
    types_pb2.DT_FLOAT: "float_val",
    types_pb2.DT_DOUBLE: "double_val",
    types_pb2.DT_HALF: "half_val",
    types_pb2.DT_INT64: "int64_val",
    types_pb2.DT_BOOL: "bool_val",
}  # the other integers: int_val, except those that TensorBoard cannot read
UNREADABLE = (types_pb2.DT_UINT32, types_pb2.DT_UINT64)


def typed(data_type: int, number: np.generic) -> TensorProto:
    content = int(number.view(np.uint16)) if data_type == types_pb2.DT_HALF else number.item()
    return TensorProto(
        dtype=data_type, tensor_shape=TensorShapeProto(), **{FIELDS.get(data_type, "int_val"): [content]}
    )


@st.composite
def tensors(draw: st.DrawFn) -> TensorProto:
    data_type = draw(st.sampled_from(list(NUMPY_TYPES)))
    numpy_type = NUMPY_TYPES[data_type]
    width = np.dtype(numpy_type).itemsize
    raw = draw(st.sampled_from([b"\0", b"\1"]) if numpy_type is np.bool_ else st.binary(min_size=width, max_size=width))
    number = np.frombuffer(raw, numpy_type)[0]
    if data_type not in UNREADABLE and draw(st.booleans()):
        return typed(data_type, number)
    dims = [TensorShapeProto.Dim(size=1)] * draw(st.integers(0, 2))
    return TensorProto(dtype=data_type, tensor_shape=TensorShapeProto(dim=dims), tensor_content=raw)


tags = st.sampled_from(["a", "b", "loss", "val/acc", "Größe", ""])
not_scalars = st.sampled_from(
    [
        Summary.Value(tag="histogram", histo=HistogramProto(min=0, max=1)),
        Summary.Value(tag="image", image=Summary.Image(height=1, encoded_image_string=b"x")),
        Summary.Value(tag="text", tensor=TensorProto(dtype=types_pb2.DT_STRING, string_val=[b"x"])),
        Summary.Value(
            tag="vector",
            tensor=TensorProto(
                dtype=types_pb2.DT_FLOAT,
                tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=2)]),
                float_val=[1, 2],
            ),
        ),
        Summary.Value(tag="nothing"),
    ]
)
scalars = st.one_of(
    st.builds(lambda tag, value: Summary.Value(tag=tag, simple_value=value), tags, st.floats(width=32)),
    st.builds(lambda tag, value: Summary.Value(tag=tag, tensor=value), tags, tensors()),
)
events = st.one_of(
    st.builds(
        lambda time, step, values: Event(wall_time=time, step=step, summary=Summary(value=values)),
        st.floats(0, 2e9),
        st.integers(-(2**63), 2**63 - 1) | st.integers(0, 300),
        st.lists(scalars | not_scalars, max_size=3),
    ),
    st.sampled_from([Event(file_version="brain.Event:2"), Event(step=3, log_message=LogMessage(message="hello"))]),
    st.builds(
        lambda time, step, status: Event(wall_time=time, step=step, session_log=SessionLog(status=status)),
        st.floats(0, 2e9),
        st.integers(-(2**63), 2**63 - 1) | st.integers(0, 300),
        st.sampled_from(SessionLog.SessionStatus.values()),
    ),
)


def by_length(messages: list[Event]) -> list[list[Event]]:
    groups: dict[int, list[Event]] = {}
    for message in messages:
        groups.setdefault(message.ByteSize(), []).append(message)
    return list(groups.values())


@given(st.lists(events, max_size=12))
def test_what_is_read_is_what_tensorboards_own_messages_hold(messages):
    for group in by_length(messages):
        expected = sorted(
            (row, scalar.tag, message.step, struct.pack("<d", number))
            for row, message in enumerate(group)
            for scalar in message.summary.value
            for number in value_of(scalar)
        )
        records = [message.SerializeToString() for message in group]
        assert points(records) == expected
        assert restarts(records) == [
            (row, message.step) for row, message in enumerate(group) if message.session_log.status == SessionLog.START
        ]


@given(events, st.lists(st.lists(st.tuples(st.integers(0), st.integers(1, 255)), max_size=2), max_size=8))
def test_reading_many_at_once_gives_what_reading_each_alone_gives(message, changes):
    # Records that differ in arbitrary bytes: the layout of one must never be taken for another that it does not fit.
    original = message.SerializeToString()
    records = [original]
    for change in changes:
        changed = bytearray(original)
        for position, flip in change if original else []:
            changed[position % len(changed)] ^= flip
        records.append(bytes(changed))
    alone = [(row, *point[1:]) for row, record in enumerate(records) for point in points([record], layouts=0)]
    assert points(records) == points(records, layouts=0) == sorted(alone)
    assert restarts(records) == restarts(records, layouts=0)


@given(st.binary(max_size=60))
@example(b"\x2a\x04\x0a\x02\x0a\xff")  # a tag longer than the message
@example(b"\x10" + b"\xff" * 10)  # a varint that does not end
@example(b"\x2a\x05\x0a\x03\x0a\x01\xff")  # a tag that is not UTF-8
@example(b"\x0b")  # a group
def test_any_bytes_are_points_or_malformed_but_never_an_error(noise):
    found = decode(np.frombuffer(noise, np.uint8)[None])
    assert found.malformed == [] or (found.points, found.restarts) == ([], [])


@pytest.mark.parametrize(
    "record",
    [
        b"\x2a\x0b\x0a\x09\x42\x07\x08\x01\x28\x80\x80\x80\x01",  # float_val, but as a varint: as long as a float
        b"\x2a\x08\x0a\x06\x42\x04\x08\x03\x3a\x00",  # int_val, packed, with no element
    ],
)
def test_a_value_in_a_form_that_its_type_does_not_have_is_no_scalar(record):
    assert decode(as_matrix([record])) == ([], [], [])


@pytest.mark.parametrize(("count", "read"), [(10_000, True), (10_001, False)])
def test_an_event_of_more_scalars_than_any_writer_puts_there_is_malformed(count, read):
    value = Summary.Value(tag="a", simple_value=1)
    found = decode(as_matrix([Event(summary=Summary(value=[value] * count)).SerializeToString()]))
    assert (len(found.points) == count, found.malformed == []) == (read, read)


def test_more_tags_than_layouts_are_all_read(logs):
    messages = [logs.plain(step, **{f"tag{step:03}": step}) for step in range(1, 101)]
    found = points([message.SerializeToString() for message in messages])
    assert [(tag, step) for _, tag, step, _ in found] == [(f"tag{step:03}", step) for step in range(1, 101)]


@pytest.mark.parametrize("number", [1.0, -2.5, math.inf, math.nan])
@pytest.mark.parametrize("in_content", [True, False])
def test_a_bfloat16_is_the_upper_half_of_a_float(number, in_content):
    upper = struct.pack("<f", number)[2:]
    content = {"tensor_content": upper} if in_content else {"half_val": [int.from_bytes(upper, "little")]}
    value = Summary.Value(tag="a", tensor=TensorProto(dtype=types_pb2.DT_BFLOAT16, **content))
    [(_, tag, _, bits)] = points([Event(summary=Summary(value=[value])).SerializeToString()])
    assert tag == "a"
    np.testing.assert_equal(struct.unpack("<d", bits)[0], number)


@pytest.mark.parametrize(
    "tensor",
    [
        TensorProto(dtype=types_pb2.DT_UINT32, uint32_val=[2**32 - 1]),
        TensorProto(dtype=types_pb2.DT_UINT64, uint64_val=[2**32 - 1]),
    ],
)
def test_unsigned_integers_have_fields_of_their_own(tensor):
    event = Event(summary=Summary(value=[Summary.Value(tag="a", tensor=tensor)]))
    assert points([event.SerializeToString()]) == [(0, "a", 0, struct.pack("<d", 2**32 - 1))]


@pytest.mark.parametrize(
    "tensor",
    [
        TensorProto(dtype=types_pb2.DT_FLOAT),
        TensorProto(dtype=types_pb2.DT_FLOAT, tensor_content=b"\0\0"),
        TensorProto(dtype=types_pb2.DT_FLOAT, double_val=[1.0]),
        TensorProto(dtype=types_pb2.DT_INT32, int_val=[1, 2]),
        TensorProto(dtype=types_pb2.DT_COMPLEX64, scomplex_val=[1.0, 2.0]),
        TensorProto(dtype=types_pb2.DT_FLOAT, float_val=[1.0], tensor_shape=TensorShapeProto(unknown_rank=True)),
    ],
)
def test_a_tensor_that_is_not_one_number_is_no_scalar(tensor):
    event = Event(summary=Summary(value=[Summary.Value(tag="a", tensor=tensor)]))
    assert points([event.SerializeToString()]) == []
