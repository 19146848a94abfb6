"""Where the time went: which slot ran which attempt, and what the slots did in between. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from paretonas.api import NASTrial

SpanKind = Literal["Running", "Waiting", "Idle"]
"""An attempt ran; a trial had been created that had not started; or nothing was there to run."""

_LANES = 64
"""The most slots that are drawn, each some pixels high; the totals count all of them."""


@dataclass(frozen=True)
class Span:
    """What a slot did for some time.

    Attributes:
        slot: The slot, from 0.
        kind: What it did.
        start: In seconds from the start of the experiment.
        end: In seconds from the start of the experiment.
        position: The trial's position among the given trials; None for an idle slot.
        attempt: The number of the attempt; 0 for an idle slot.
    """

    slot: int
    kind: SpanKind
    start: float
    end: float
    position: int | None = None
    attempt: int = 0


def timeline(trials: Sequence[NASTrial], start: datetime, end: datetime) -> list[Span]:
    """Assign each attempt to the slot that has been free for longest, and fill the gaps between them.

    Nothing records which slot an attempt had, so this is one way in which they may have been shared out: it needs as
    few slots as ever ran at once. When a trial was created is known on a cluster alone; where it is not, a gap is idle.

    Args:
        trials: The trials.
        start: The start of the experiment.
        end: Its end, or the latest change.
    """
    runs = []
    for position, trial in enumerate(trials):
        created = _created(trial)
        for attempt in trial.status.attempts:
            if attempt.start_time is not None:
                over = attempt.end_time or end
                runs.append((attempt.start_time, over, created, position, attempt.number))
                created = attempt.end_time  # the next attempt waits from here
    free: list[datetime] = []
    spans: list[Span] = []

    def seconds(time: datetime) -> float:
        return round((time - start).total_seconds(), 3)

    def gap(slot: int, since: datetime, until: datetime, waits: datetime | None) -> None:
        turn = max(since, min(waits, until)) if waits else until
        for kind, low, high in (("Idle", since, turn), ("Waiting", turn, until)):
            if high > low:
                spans.append(Span(slot, kind, seconds(low), seconds(high)))  # type: ignore[arg-type] # the two kinds

    for began, over, created, position, number in sorted(runs, key=lambda run: (run[0], run[3])):
        open_slots = [slot for slot, since in enumerate(free) if since <= began]
        if open_slots:
            slot = min(open_slots, key=lambda at: free[at])
        else:
            slot = len(free)
            free.append(min(start, began))
        gap(slot, free[slot], began, created)
        spans.append(Span(slot, "Running", seconds(began), seconds(over), position, number))
        free[slot] = max(free[slot], over)
    for slot, since in enumerate(free):
        gap(slot, since, end, None)
    return spans


def drawn(spans: Sequence[Span]) -> list[Span]:
    """The spans of the first slots, as many as can be drawn."""
    return [span for span in spans if span.slot < _LANES]


def totals(spans: Sequence[Span]) -> dict[SpanKind, float]:
    """Slot-seconds by what the slots did."""
    found: dict[SpanKind, float] = {"Running": 0.0, "Waiting": 0.0, "Idle": 0.0}
    for span in spans:
        found[span.kind] += span.end - span.start
    return found


def _created(trial: NASTrial) -> datetime | None:
    stamp = (trial.metadata.model_extra or {}).get("creationTimestamp")
    try:
        return datetime.fromisoformat(str(stamp)) if stamp else None
    except ValueError:
        return None
