"""Questions that do to the process that answers them what logs should not be able to do."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from paretonas.metrics import LogFolder
from paretonas.metrics.live_curves import KEPT
from paretonas.metrics.reduction import Reading, Wanted, unread

WANTED = (Wanted("acc", "acc"),)


@dataclass(frozen=True)
class _Question:
    def unanswered(self, why: str) -> Reading:
        return unread(WANTED, why)


@dataclass(frozen=True)
class Dies(_Question):
    def answer(self) -> Reading:
        os.kill(os.getpid(), signal.SIGSEGV)
        raise AssertionError


@dataclass(frozen=True)
class Hangs(_Question):
    def answer(self) -> Reading:
        time.sleep(1000)
        raise AssertionError


@dataclass(frozen=True)
class TakesMemory(_Question):
    def answer(self) -> Reading:
        bytearray(4 << 30)
        raise AssertionError


@dataclass(frozen=True)
class TakesWhatIsLeft(_Question):
    """Fails while the process keeps anything of other logs."""

    def answer(self) -> int:
        if KEPT.clear():
            KEPT.look(LogFolder(Path()), WANTED)
            raise MemoryError
        return 1


@dataclass(frozen=True)
class TellsAboutItself(_Question):
    def answer(self) -> int:
        return os.nice(0)
