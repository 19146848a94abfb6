from datetime import datetime, timedelta

from tests.builders import attempt, trial
from tests.unit.report.made_up import START

from paretonas.api import NASTrial
from paretonas.report.timeline import drawn, timeline, totals


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def ran(index: int, *times: tuple[float, float | None], created: float | None = None) -> NASTrial:
    """A trial with an attempt for each (start, end)."""
    attempts = [
        attempt(number=i, start_time=after(a), end_time=None if b is None else after(b))
        for i, (a, b) in enumerate(times, 1)
    ]
    made = trial(index, "Succeeded", attempts=tuple(attempts))
    if created is None:
        return made
    return made.replace(metadata=type(made.metadata)(name=made.name, creationTimestamp=after(created).isoformat()))


def spans(*trials: NASTrial, end: float = 10) -> list[tuple[int, str, float, float]]:
    return [(s.slot, s.kind, s.start, s.end) for s in timeline(trials, START, after(end))]


def test_attempts_that_overlap_have_a_slot_each():
    assert spans(ran(0, (0, 6)), ran(1, (0, 4)), ran(2, (4, 10)), ran(3, (6, 10))) == [
        (0, "Running", 0, 6), (1, "Running", 0, 4), (1, "Running", 4, 10), (0, "Running", 6, 10)
    ]  # fmt: skip


def test_what_no_trial_waited_for_is_idle():
    assert spans(ran(0, (1, 3)), ran(1, (5, 8))) == [
        (0, "Idle", 0, 1), (0, "Running", 1, 3), (0, "Idle", 3, 5), (0, "Running", 5, 8), (0, "Idle", 8, 10)
    ]  # fmt: skip


def test_a_trial_that_exists_and_has_not_started_waits():
    assert spans(ran(0, (0, 3), created=0), ran(1, (7, 10), created=5)) == [
        (0, "Running", 0, 3), (0, "Idle", 3, 5), (0, "Waiting", 5, 7), (0, "Running", 7, 10)
    ]  # fmt: skip


def test_an_attempt_waits_from_the_end_of_the_one_before():
    assert (0, "Waiting", 2, 4) in spans(ran(0, (0, 2), (4, 10)))


def test_what_still_runs_reaches_to_the_end():
    assert spans(ran(0, (2, None)), end=5) == [(0, "Idle", 0, 2), (0, "Running", 2, 5)]


def test_the_totals_are_all_of_the_slot_time():
    found = timeline([ran(0, (0, 4)), ran(1, (1, 9)), ran(2, (6, 8))], START, after(10))
    slots = {span.slot for span in found}
    assert sum(totals(found).values()) == len(slots) * 10
    assert totals(found)["Running"] == 4 + 8 + 2


def test_of_very_many_slots_some_are_drawn_and_all_are_counted():
    found = timeline([ran(i, (0, 10)) for i in range(100)], START, after(10))
    assert len(drawn(found)) == 64
    assert totals(found)["Running"] == 1000


def test_a_trial_that_never_started_has_no_slot():
    assert spans(trial(0, "Pending")) == []
