"""What changes in a runs folder: its documents, and what its trials print. Looked at now and then, without a lock."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from paretonas.api import NASTrial
from paretonas.backends.local.store import in_use
from paretonas.cli.growing_file import GrowingFile
from paretonas.jobs.attempt_records import AttemptRecord, record
from paretonas.jobs.supervisor import OUTPUT

_LOOK_SECONDS = 0.5
"""Seconds between two looks at documents; reading a thousand trials takes a tenth of that."""

_OUTPUT_SECONDS = 0.1
"""Seconds between two looks at a file that grows."""

State = TypeVar("State")


def changes(look: Callable[[], State], pause: Callable[[float], None] = time.sleep) -> Iterator[State]:
    """Yield what a look brings, now and whenever it brings something else, without end."""
    seen = None
    while True:
        state = look()
        if state != seen:
            seen = state
            yield state
        pause(_LOOK_SECONDS)


def follow_output(
    runs: Path,
    trial: NASTrial,
    look: Callable[[], NASTrial],
    tail: int,
    warn: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[str]:
    """Yield the last lines that a trial has printed and those to come, until it ends or nobody runs it any more.

    A further attempt is followed after the last one.

    Args:
        runs: The folder that holds the experiment's folder.
        trial: The trial as it is stored.
        look: Reads the trial again.
        tail: The number of lines to begin with.
        warn: Called with remarks, which are not part of the output.
        pause: Waits for so many seconds.
    """
    experiment = runs / trial.spec.experiment
    attempt = 0
    while True:
        if trial.last_attempt != attempt:
            if attempt:
                warn(f"attempt {attempt} has ended; this is attempt {trial.last_attempt}:")
            attempt = trial.last_attempt
            kept = record(runs, trial.spec.experiment, trial.name, attempt)
            yield from _follow_attempt(kept, tail, pause)
            tail = 0
        # in this order: what a run stores before it ends is seen
        running = in_use(experiment)
        trial = look()
        if trial.last_attempt != attempt:
            continue
        if trial.ended:
            return
        if not running:
            warn(f"{trial.name} is {trial.status.state}, and its experiment is not being run")
            return
        pause(_OUTPUT_SECONDS)


def _follow_attempt(kept: AttemptRecord, tail: int, pause: Callable[[float], None]) -> Iterator[str]:
    """Yield the last lines of an attempt's output (all for 0), and those to come until it ends."""
    file, rest, first = GrowingFile(kept.folder / OUTPUT), "", True
    while True:
        over = kept.exit is not None or (not kept.locked and kept.started is not None)
        text = rest
        while new := file.read():
            text += new
        *lines, rest = text.split("\n")
        yield from lines[-tail:] if first else lines
        first = False
        if over:
            break
        pause(_OUTPUT_SECONDS)
    if rest:
        yield rest
