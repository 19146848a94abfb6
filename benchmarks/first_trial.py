"""Seconds from `make demo` in a fresh clone to the end of the first trial.

    python -m benchmarks.first_trial [--at REVISION ...]

For each revision in turn: a clone in a temporary folder, without an environment, in which `make demo` runs until its
first trial has ended. What pip and uv have in their caches, and MNIST, is not fetched again: empty the caches for what
a first user waits. The load of the machine is printed, since other work on it counts.
"""

import argparse
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

_MOMENTS = {
    "environment": re.compile(r"setup: done"),
    "first trial started": re.compile(r"TrialSubmitted"),
    "first trial ended": re.compile(r"TrialSucceeded"),
}
"""What `make demo` prints at each of them."""

_PATIENCE = 1800.0
"""Seconds after which a `make demo` is given up: several times what a cold one took."""


def moments(revision: str, folder: Path) -> dict[str, float]:
    """The seconds from the command to each of `_MOMENTS`."""
    clone = folder / "clone"
    subprocess.run(["git", "clone", "-q", ".", clone], check=True)
    subprocess.run(["git", "-C", clone, "checkout", "-q", "--detach", revision], check=True)
    kept = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS"}}
    begin, seen = time.monotonic(), dict[str, float]()
    demo = subprocess.Popen(
        ["make", "demo"],
        cwd=clone,
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        for line in demo.stdout or ():
            seconds = time.monotonic() - begin
            for name, pattern in _MOMENTS.items():
                if name not in seen and pattern.search(line):
                    seen[name] = seconds
            if len(seen) == len(_MOMENTS) or seconds > _PATIENCE:
                break
    finally:
        os.killpg(demo.pid, signal.SIGINT)  # as Ctrl-C: the running trials end too
        demo.communicate(timeout=60)
    if len(seen) < len(_MOMENTS):
        raise SystemExit(f"{revision}: make demo ended, or took {_PATIENCE:.0f} s, after {seen}")
    return seen


def main() -> None:
    """Measure each revision once, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at", action="append", metavar="REVISION", help="default: HEAD, as it is committed")
    print("|", " | ".join(["seconds after make demo", *_MOMENTS, "load before"]), "|")
    print("|---|", "---:|" * (len(_MOMENTS) + 1), sep="")
    for revision in parser.parse_args().at or ["HEAD"]:
        load = os.getloadavg()[0]
        with tempfile.TemporaryDirectory() as folder:
            found = moments(revision, Path(folder))
        print("|", " | ".join([revision, *(f"{found[name]:.0f}" for name in _MOMENTS), f"{load:.0f}"]), "|", flush=True)


if __name__ == "__main__":
    main()
