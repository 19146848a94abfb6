"""The place of this process among those that train one network together."""

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Ranks:
    """The place of a process among those that torchrun started; a single process is the first of one."""

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1

    @classmethod
    def told_by(cls, environment: Mapping[str, str] = os.environ) -> "Ranks":
        """The place that torchrun's environment variables give."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        if not all(name in environment for name in names):
            return cls()  # whoever sets only some of them is not torchrun
        return cls(*(int(environment[name]) for name in names))

    @property
    def first(self) -> bool:
        """Whether this process prints and writes for all."""
        return self.rank == 0

    @property
    def nodes(self) -> int:
        """The number of replicas; torchrun starts the same number of processes in each."""
        return self.world // self.local_world
