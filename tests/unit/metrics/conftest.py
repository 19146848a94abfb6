"""Logs as writers make them, from TensorBoard's own messages and framing: none of the code under test."""

import io
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT
from tensorboard.summary.writer.record_writer import RecordWriter

FIRST = Event(wall_time=1.0, file_version="brain.Event:2")


def plain(step: int, /, **values: float) -> Event:
    """One event as torch and tensorboardX write it."""
    scalars = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
    return Event(wall_time=1.7e9 + step, step=step, summary=Summary(value=scalars))


def tensor(step: int, /, **values: float) -> Event:
    """One event as tf.summary.scalar writes it, and so JAX's clu and flax, which call it."""
    about = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
    scalars = [
        Summary.Value(
            tag=tag,
            metadata=about,
            tensor=TensorProto(
                dtype=DT_FLOAT,
                tensor_shape=TensorShapeProto(),
                tensor_content=np.float32(value).tobytes(),
            ),
        )
        for tag, value in values.items()
    ]
    return Event(wall_time=1.7e9 + step, step=step, summary=Summary(value=scalars))


def start(step: int) -> Event:
    """The event by which a writer says that it begins anew at a step."""
    return Event(wall_time=1.7e9, step=step, session_log=SessionLog(status=SessionLog.START))


def frame(*events: Event | bytes) -> bytes:
    """The bytes of a file that holds these events."""
    stream = io.BytesIO()
    writer = RecordWriter(stream)
    for event in events:
        writer.write(event if isinstance(event, bytes) else event.SerializeToString())
    return stream.getvalue()


class Logs:
    """The helpers above, and a folder to write into."""

    FIRST = FIRST
    plain = staticmethod(plain)
    tensor = staticmethod(tensor)
    start = staticmethod(start)
    frame = staticmethod(frame)


@pytest.fixture(scope="session")
def logs() -> type[Logs]:
    return Logs


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a log below tmp_path and returns its path."""

    def write(content: bytes | Iterable[Event], name: str = "events.out.tfevents.1700000000.host") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else frame(*content))
        return path

    return write
