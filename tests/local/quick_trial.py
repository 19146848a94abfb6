"""A trial that takes a fraction of a second, writes its metrics for TensorBoard, and tells on whoever runs it twice.

Nothing but the standard library is imported, so that a process starts in some 30 ms::

    python quick_trial.py X SECONDS LOG_DIR

In its folder it leaves ``life.log``, a line when it begins and one when it ends; in the folder of its trial
``beside.log``, a line for each time that it found another process of the same trial alive.
"""

import fcntl
import os
import struct
import sys
import time
from pathlib import Path

CRC32C = 0x82F63B78
"""Castagnoli's polynomial, reversed: TensorBoard's records carry its checksums."""


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (CRC32C if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def field(number: int, data: bytes) -> bytes:
    """A length-delimited field of a protobuf message; short ones only."""
    assert len(data) < 128
    return bytes([number << 3 | 2, len(data)]) + data


def scalar(tag: str, value: float, step: int) -> bytes:
    """An Event with one simple value; below step 128."""
    summary = field(1, field(1, tag.encode()) + b"\x15" + struct.pack("<f", value))
    return record(b"\x09" + struct.pack("<d", time.time()) + b"\x10" + bytes([step]) + field(5, summary))


def write_scalars(folder: Path, *steps: dict[str, float]) -> None:
    """Write an event file with the values of each step, counted from 1."""
    first = record(b"\x09" + struct.pack("<d", time.time()) + field(3, b"brain.Event:2"))
    rest = [scalar(tag, value, step) for step, values in enumerate(steps, 1) for tag, value in values.items()]
    name = f"events.out.tfevents.{time.time():.0f}.localhost.{os.getpid()}.0"
    (folder / name).write_bytes(first + b"".join(rest))


STEPS = 12
"""Of a trial that learns."""


def learned(end: float, step: int) -> float:
    """The accuracy after a step, the first of which is 1. All trials still gain as much from a step on."""
    return end if step == STEPS else end - 0.3 * 0.5**step


def learn(end: float, size: float, seconds: float, folder: Path) -> None:
    """Log the size at once, and the accuracy after each of `STEPS` steps of so many seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"events.out.tfevents.{time.time():.0f}.localhost.{os.getpid()}.0"
    with (folder / name).open("wb") as file:
        file.write(record(b"\x09" + bytes(8) + field(3, b"brain.Event:2")))
        file.write(scalar("size", size, 1))
        for step in range(1, STEPS + 1):
            time.sleep(seconds)
            file.write(scalar("accuracy", learned(end, step), step))
            file.flush()


def note(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line + "\n")


def main() -> None:
    x, seconds, folder = float(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
    life, trial = folder / "life.log", folder.parent
    note(life, f"begin {os.getpid()}")
    with (trial / "alive").open("w") as alive:
        try:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note(trial / "beside.log", str(folder))
        time.sleep(seconds)
        write_scalars(folder, {"accuracy": 1 - (x - 0.3) ** 2, "size": 10 + 80 * x})
        note(life, f"end {os.getpid()}")


if __name__ == "__main__":
    main()
