"""A trial that learns: it logs its accuracy after each step, while it runs, and its size once.

    python learning_trial.py END SIZE SECONDS LOG_DIR

It makes `STEPS` steps of so many seconds. All trials still gain as much from a step on (`learned`), so what is stopped
early must really be dominated.
"""

import os
import sys
import time
from pathlib import Path

from quick_trial import field, record, scalar  # type: ignore[import-not-found] # beside this file

STEPS = 12


def learned(end: float, step: int) -> float:
    """The accuracy after a step, the first of which is 1."""
    return end if step == STEPS else end - 0.3 * 0.5**step


def learn(end: float, size: float, seconds: float, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"events.out.tfevents.{time.time():.0f}.localhost.{os.getpid()}.0"
    with (folder / name).open("wb") as file:
        file.write(record(b"\x09" + bytes(8) + field(3, b"brain.Event:2")))
        file.write(scalar("size", size, 1))
        for step in range(1, STEPS + 1):
            time.sleep(seconds)
            file.write(scalar("accuracy", learned(end, step), step))
            file.flush()


if __name__ == "__main__":
    learn(float(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
