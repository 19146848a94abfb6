"""A trial that takes 30 ms: two scalars into a TensorBoard event file, with nothing but the standard library.

The log readers are tested on the files of real writers; importing one of those here would cost a second a trial.
"""

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3]))
from tests.local.quick_trial import write_scalars


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--x", type=float, required=True)
    parser.add_argument("--width", type=int, default=1)
    parser.add_argument("--log-dir", type=Path, required=True)
    parser.add_argument("--sleep", type=float, default=0.0)
    parser.add_argument("--crash-below", type=float, default=-1.0, help="of x")
    parser.add_argument("--keep", action="store_true", help="something in the output folder")
    arguments = parser.parse_args()
    print(f"training with x {arguments.x}", flush=True)  # noqa: T201 # what a trial prints
    time.sleep(arguments.sleep)
    if arguments.x < arguments.crash_below:
        raise RuntimeError(f"x {arguments.x} is too small")
    curves = (1 - (arguments.x - 0.3) ** 2 / step for step in (1, 2, 3))
    if arguments.keep:
        kept = Path(os.environ["PARETONAS_OUTPUT_DIR"])
        kept.mkdir()
        (kept / "model.txt").write_text(str(arguments.x))
    steps = [{"accuracy": accuracy, "size": 100 * arguments.x} for accuracy in curves]
    write_scalars(arguments.log_dir, *steps)


if __name__ == "__main__":
    main()
