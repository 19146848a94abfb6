"""A trial that takes 30 ms: two scalars into a TensorBoard event file, with nothing but the standard library.

The log readers are tested on the files of real writers; importing one of those here would cost a second a trial.
"""

import argparse
import struct
import time
from pathlib import Path


def crc32c(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def checksum(data: bytes) -> bytes:
    """The checksum as TFRecord masks it."""
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + checksum(length) + data + checksum(data)


def field(number: int, data: bytes) -> bytes:
    """A length-delimited field of a protocol buffer of less than 128 bytes."""
    return bytes([number << 3 | 2, len(data)]) + data


def scalar(tag: str, value: float, step: int) -> bytes:
    """An Event with one Summary.Value."""
    summary = field(1, field(1, tag.encode()) + b"\x15" + struct.pack("<f", value))
    return b"\x09" + struct.pack("<d", time.time()) + b"\x10" + bytes([step]) + field(5, summary)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--x", type=float, required=True)
    parser.add_argument("--width", type=int, default=1)
    parser.add_argument("--log-dir", type=Path, required=True)
    parser.add_argument("--sleep", type=float, default=0.0)
    parser.add_argument("--crash-below", type=float, default=-1.0, help="of x")
    arguments = parser.parse_args()
    print(f"training with x {arguments.x}", flush=True)  # noqa: T201 # what a trial prints
    time.sleep(arguments.sleep)
    if arguments.x < arguments.crash_below:
        raise RuntimeError(f"x {arguments.x} is too small")
    steps = [
        record(scalar(tag, value, step))
        for step in range(3)
        for tag, value in (
            ("accuracy", 1 - (arguments.x - 0.3) ** 2 / (step + 1)),
            ("size", 100 * arguments.x),
        )
    ]
    (arguments.log_dir / "events.out.tfevents.1.quick").write_bytes(b"".join(steps))


if __name__ == "__main__":
    main()
