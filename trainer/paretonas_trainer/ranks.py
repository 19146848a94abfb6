"""Which of the processes that train one network together this is."""

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Ranks:
    """A process' place among those that torchrun started; alone, it is the first of one."""

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1

    @classmethod
    def told_by(cls, environment: Mapping[str, str] = os.environ) -> "Ranks":
        """As torchrun tells it."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        if not all(name in environment for name in names):
            return cls()  # whoever sets only some of them is not torchrun
        return cls(*(int(environment[name]) for name in names))

    @property
    def first(self) -> bool:
        """Whether it is the one that speaks and writes for all."""
        return self.rank == 0

    @property
    def nodes(self) -> int:
        """Replicas of the trial; torchrun starts as many processes in each."""
        return self.world // self.local_world
