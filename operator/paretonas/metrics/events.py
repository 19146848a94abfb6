"""Reading the scalars in TensorBoard's Event messages from the protobuf wire format.

A writer writes the same message repeatedly: only the time, the step and the value change. So one record is parsed
byte by byte into a layout, which tells where those three are, and all records of the same length that equal it
everywhere else are read at once with that layout. The result of parsing depends only on the bits that the layout
compares, so this gives the same result as parsing each record.

Messages: tensorflow/core/util/event.proto and core/framework/{summary,tensor,tensor_shape,types}.proto.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from paretonas.metrics.wire import BYTES, FIXED32, FIXED64, MORE, VARINT, MalformedError, fields, varint

# Keys of fields as they stand on the wire: field number and wire type.
_EVENT_WALL_TIME = 1 << 3 | FIXED64
_EVENT_STEP = 2 << 3 | VARINT
_EVENT_SUMMARY = 5 << 3 | BYTES
_EVENT_SESSION_LOG = 7 << 3 | BYTES
_SESSION_STATUS = 1 << 3 | VARINT
_START = 1
_SUMMARY_VALUE = 1 << 3 | BYTES
_VALUE_TAG = 1 << 3 | BYTES
_VALUE_SIMPLE = 2 << 3 | FIXED32
_VALUE_TENSOR = 8 << 3 | BYTES
_TENSOR_DTYPE = 1 << 3 | VARINT
_TENSOR_SHAPE = 2 << 3 | BYTES
_TENSOR_CONTENT = 4 << 3 | BYTES
_NOT_VARINTS = 5, 6  # float_val and double_val; the other typed fields hold varints
_SHAPE_DIM = 2 << 3 | BYTES
_DIM_SIZE = 1 << 3 | VARINT

_MOST_SCALARS = 10_000  # in one event; writers put a few there, and each costs some microseconds

_FLOAT = 1
_BFLOAT16 = 14
# DataType → the numpy type of its bytes, and the field that holds a value when tensor_content does not
_DTYPES: Mapping[int, tuple[np.dtype[Any], int]] = {
    _FLOAT: (np.dtype("<f4"), 5),
    2: (np.dtype("<f8"), 6),
    3: (np.dtype("<i4"), 7),
    4: (np.dtype("u1"), 7),
    5: (np.dtype("<i2"), 7),
    6: (np.dtype("i1"), 7),
    9: (np.dtype("<i8"), 10),
    10: (np.dtype("u1"), 11),  # bool
    _BFLOAT16: (np.dtype("<u2"), 13),  # the upper half of a float; numpy has no such type
    17: (np.dtype("<u2"), 7),
    19: (np.dtype("<f2"), 13),
    22: (np.dtype("<u4"), 16),
    23: (np.dtype("<u8"), 17),
}


@dataclass(frozen=True, slots=True)
class Points:
    """Points of one tag.

    Attributes:
        tag: as written.
        rows: (n,) the records that they come from, as rows of what was decoded, ascending.
        steps: (n,)
        values: (n,) in double precision, NaN and infinity included.
    """

    tag: str
    rows: NDArray[np.intp]
    steps: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Restarts:
    """SessionLog START events: their writer restarts at a step, and earlier values from that step on are discarded.

    Attributes:
        rows: (n,) as in `Points`.
        steps: (n,)
    """

    rows: NDArray[np.intp]
    steps: NDArray[np.int64]


class Decoded(NamedTuple):
    """The content of records of one length.

    Attributes:
        points: a tag several times if its records differ in layout.
        restarts: several if their records differ in layout.
        malformed: the rows that are not an Event.
    """

    points: list[Points]
    restarts: list[Restarts]
    malformed: list[int]


@dataclass(frozen=True, slots=True)
class _Scalar:
    """One value: the place of its bytes in the record or, if it was written as a varint, the bytes themselves."""

    tag: str
    data_type: int
    raw: slice | bytes


@dataclass(frozen=True, slots=True)
class _Layout:
    """How to read one record, and which other records can be read the same way."""

    step: slice | None  # a varint; absent for step 0
    scalars: tuple[_Scalar, ...]
    restarts: bool
    template: NDArray[np.uint8]
    compared: NDArray[np.uint8]  # the bits of each byte in which another record must equal the template

    def fits(self, records: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Says which of the records, shape (n, length), this layout can read."""
        differs = (records ^ self.template) & self.compared
        fits: NDArray[np.bool_] = np.bitwise_or.reduce(differs, axis=1) == 0
        return fits


def decode(records: NDArray[np.uint8], layouts: int = 64) -> Decoded:
    """Read the scalars and restarts of records of one length.

    Args:
        records: (n, length) Event messages.
        layouts: how many layouts to compare with all records; what fits none is parsed one by one, with the
            same result. 64 is more than the tags of one length in most logs, and bounds the comparisons.
    """
    points: list[Points] = []
    restarts = []
    malformed = []
    left = np.arange(len(records))
    while left.size:
        record = records[left[0]]
        try:
            layout = _layout(record)
        except MalformedError:
            malformed.append(int(left[0]))
            left = left[1:]
            continue
        rows, rest = left[:1], left[1:]
        if (layout.scalars or layout.restarts) and layouts > 0:
            fits = layout.fits(records[left])
            rows, rest = left[fits], left[~fits]
            layouts -= 1
        if layout.scalars or layout.restarts:
            chosen = records[rows]
            steps = _steps(chosen, layout.step)
            if layout.restarts:
                restarts.append(Restarts(rows, steps))
            points += [Points(scalar.tag, rows, steps, _values(chosen, scalar)) for scalar in layout.scalars]
        left = rest
    return Decoded(points, restarts, malformed)


def _steps(records: NDArray[np.uint8], at: slice | None) -> NDArray[np.int64]:
    steps = np.zeros(len(records), np.uint64)
    if at is not None:
        for shift, column in enumerate(range(at.start, at.stop)):
            steps |= (records[:, column] & 0x7F).astype(np.uint64) << np.uint64(7 * shift)
    return steps.view(np.int64)


def _values(records: NDArray[np.uint8], scalar: _Scalar) -> NDArray[np.float64]:
    if isinstance(scalar.raw, bytes):
        raw = np.tile(np.frombuffer(scalar.raw, np.uint8), (len(records), 1))
    else:
        raw = np.ascontiguousarray(records[:, scalar.raw])
    data_type = scalar.data_type
    if data_type == _BFLOAT16:
        raw, data_type = np.pad(raw, ((0, 0), (2, 0))), _FLOAT
    with np.errstate(invalid="ignore"):  # a signalling NaN becomes a quiet one
        values: NDArray[np.float64] = raw.view(_DTYPES[data_type][0])[:, 0].astype(np.float64)
    return values


def _layout(template: NDArray[np.uint8]) -> _Layout:
    """Parse an Event."""
    record = template.tobytes()
    compared = np.full(len(record), 0xFF, np.uint8)
    step = None
    scalars: list[_Scalar] = []
    restarts = False
    for key, start, end in fields(record, 0, len(record)):
        if key == _EVENT_WALL_TIME:
            compared[start:end] = 0
        elif key == _EVENT_STEP:
            step = slice(start, end)
        elif key == _EVENT_SUMMARY:
            scalars += _summary(record, start, end)
            if len(scalars) > _MOST_SCALARS:
                raise MalformedError
        elif key == _EVENT_SESSION_LOG:
            restarts = _is_start(record, start, end)
    if step is not None:
        compared[step] = MORE
    for scalar in scalars:
        if isinstance(scalar.raw, slice):
            compared[scalar.raw] = 0
    return _Layout(step, tuple(scalars), restarts, template, compared)


def _is_start(record: bytes, start: int, end: int) -> bool:
    """Whether a SessionLog has the status START."""
    statuses = [varint(record, *span)[0] for key, *span in fields(record, start, end) if key == _SESSION_STATUS]
    return statuses[-1:] == [_START]


def _summary(record: bytes, start: int, end: int) -> Iterator[_Scalar]:
    values = ((at, stop) for key, at, stop in fields(record, start, end) if key == _SUMMARY_VALUE)
    scalars = (scalar for at, stop in values if (scalar := _value(record, at, stop)) is not None)
    return islice(scalars, _MOST_SCALARS + 1)


def _value(record: bytes, start: int, end: int) -> _Scalar | None:
    """Return the scalar in a Summary.Value, None if it holds something else."""
    tag = ""
    content: tuple[int, slice | bytes] | None = None
    for key, at, stop in fields(record, start, end):
        if key == _VALUE_TAG:
            try:
                tag = record[at:stop].decode()
            except UnicodeDecodeError as error:
                raise MalformedError from error
        elif key == _VALUE_SIMPLE:
            content = _FLOAT, slice(at, stop)
        elif key == _VALUE_TENSOR:
            content = _tensor(record, at, stop)
    return None if content is None else _Scalar(tag, *content)


def _tensor(record: bytes, start: int, end: int) -> tuple[int, slice | bytes] | None:
    """Return data type and value of a TensorProto, None unless it is one number.

    TensorFlow writes tensor_content; TensorBoard's own writer writes the repeated field of the type, packed.
    """
    data_type = 0
    content = slice(0, 0)
    single = True
    typed: dict[int, tuple[int, int, int]] = {}
    for key, at, stop in fields(record, start, end):
        if key == _TENSOR_DTYPE:
            data_type, _ = varint(record, at, stop)
        elif key == _TENSOR_SHAPE:
            single = _is_single(record, at, stop)
        elif key == _TENSOR_CONTENT:
            content = slice(at, stop)
        else:
            typed[key >> 3] = key & 7, at, stop
    if not single or data_type not in _DTYPES:
        return None
    dtype, field = _DTYPES[data_type]
    if content.stop > content.start:
        return (data_type, content) if content.stop - content.start == dtype.itemsize else None
    if field not in typed:
        return None
    wire_type, at, stop = typed[field]
    if field in _NOT_VARINTS:  # packed or not
        is_one = wire_type != VARINT and stop - at == dtype.itemsize
        return (data_type, slice(at, stop)) if is_one else None
    if wire_type not in (VARINT, BYTES) or at == stop:
        return None
    number, after = varint(record, at, stop)
    return (data_type, number.to_bytes(8, "little")[: dtype.itemsize]) if after == stop else None


def _is_single(record: bytes, start: int, end: int) -> bool:
    """Whether a TensorShapeProto is that of one element: no dimension, or only those of size 1."""
    for key, at, stop in fields(record, start, end):
        if key != _SHAPE_DIM:
            return False  # unknown_rank
        sizes = [varint(record, *span)[0] for name, *span in fields(record, at, stop) if name == _DIM_SIZE]
        if sizes != [1]:
            return False
    return True
