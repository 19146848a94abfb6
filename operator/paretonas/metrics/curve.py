"""The values of one tag in one folder: which of those that several writers wrote there count, and in what order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Steps = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Written:
    """What one writer, that is one file, holds of a tag.

    Attributes:
        steps: (n,) in the order of writing; n may be 0.
        values: (n,) may hold NaN and infinity.
        restart: the lowest step from which the writer has declared void what was there before (SessionLog START).
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
        """Joins what several writers wrote, the earliest first.

        A later writer takes the place of the earlier ones from its first step on, or from where it says that it
        begins anew: it is the same training, gone on with or begun again.
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
        """Returns (step, value), strictly ascending by step. Of several values at one step the last counts."""
        order = np.argsort(self.steps, kind="stable")
        steps = self.steps[order]
        last = np.append(steps[1:] != steps[:-1], True)[: len(steps)]
        return tuple(zip(steps[last].tolist(), self.values[order][last].tolist(), strict=True))


def join_parts(parts: Sequence[tuple[Steps, Values]]) -> tuple[Steps, Values]:
    """Puts parts behind each other; one alone is not copied."""
    if len(parts) == 1:
        return parts[0]
    steps, values = zip(*parts, strict=True)
    return np.concatenate(steps), np.concatenate(values)


def _in_order(steps: Steps, values: Values) -> tuple[Steps, Values]:
    """Orders by step what a writer wrote, unless its steps repeat: then they do not tell when something was written.

    A program that gives no step writes all at step 0, and one that counts batches may begin anew in each epoch.
    """
    if (steps[1:] > steps[:-1]).all():
        return steps, values
    order = np.argsort(steps, kind="stable")
    ascending = steps[order]
    if (ascending[1:] == ascending[:-1]).any():
        return steps, values
    return ascending, values[order]
