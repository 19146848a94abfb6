"""The curve of one tag in one folder: which values count if there were several writers, and in what order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Steps = NDArray[np.int64]
Values = NDArray[np.float64]
Points = Sequence[tuple[int, float]]
"""(step, value) in the order in which the values count; values may be NaN and infinite."""


@dataclass(frozen=True, slots=True)
class Written:
    """The values of a tag written by one writer, that is, to one file.

    Attributes:
        steps: (n,) in the order of writing; n may be 0.
        values: (n,) may contain NaN and infinity.
        restart: the lowest step from which the writer has discarded earlier values (SessionLog START).
    """

    steps: Steps
    values: Values
    restart: int | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """The values of one tag.

    Attributes:
        steps: (n,) in the order that counts; a step may come several times.
        values: (n,) may hold NaN and infinity.
    """

    steps: Steps
    values: Values

    @classmethod
    def of(cls, writers: Sequence[Written]) -> Self:
        """Join what several writers wrote, the earliest first.

        A later writer replaces earlier ones from its first step, or from its restart: it continues or restarts the
        same training.
        """
        kept = []
        end: int | None = None
        for writer in reversed(writers):
            steps, values = writer.steps, writer.values
            if end is not None:
                steps, values = steps[steps < end], values[steps < end]
            kept.append(_in_order(steps, values))
            begins = [] if writer.restart is None else [writer.restart]
            begins += [int(writer.steps.min())] if writer.steps.size else []
            end = min([*begins, *([] if end is None else [end])], default=None)
        return cls(*join_parts(kept[::-1]))

    def by_step(self) -> tuple[tuple[int, float], ...]:
        """Return (step, value), strictly ascending by step. Of several values at one step the last counts."""
        order = np.argsort(self.steps, kind="stable")
        steps = self.steps[order]
        last = np.append(steps[1:] != steps[:-1], True)[: len(steps)]
        return tuple(zip(steps[last].tolist(), self.values[order][last].tolist(), strict=True))


def join_parts(parts: Sequence[tuple[Steps, Values]]) -> tuple[Steps, Values]:
    """Concatenates parts; a single part is not copied."""
    if len(parts) == 1:
        return parts[0]
    steps, values = zip(*parts, strict=True)
    return np.concatenate(steps), np.concatenate(values)


def _in_order(steps: Steps, values: Values) -> tuple[Steps, Values]:
    """Sorts a writer's values by step, unless steps repeat: then they do not tell the order of writing.

    A program that gives no step writes everything at step 0, and one that counts batches may restart in each epoch.
    """
    if (steps[1:] > steps[:-1]).all():
        return steps, values
    order = np.argsort(steps, kind="stable")
    ascending = steps[order]
    if (ascending[1:] == ascending[:-1]).any():
        return steps, values
    return ascending, values[order]
