"""Schedules as Hypothesis draws them: a failing one is shrunk to the fewest faults and the simplest scenario."""

from hypothesis import strategies as st
from tests.simulation.schedule import (
    FEW_CALLS,
    LONGEST_LAG,
    MOST_FATES,
    STALLS,
    TARGETS,
    End,
    Fate,
    Fault,
    Kind,
    Scenario,
    Schedule,
)


@st.composite
def _scenarios(draw: st.DrawFn) -> Scenario:
    max_trials = draw(st.integers(1, 6))
    return Scenario(
        max_trials=max_trials,
        parallelism=draw(st.integers(1, min(3, max_trials))),
        retries=draw(st.integers(0, 1)),
        points=draw(st.sampled_from([64, max_trials + 1, max(1, max_trials - 1)])),
        ahead=draw(st.integers(0, 2)),
        beside=draw(st.sampled_from([None, 0, 1, 2])),
        deadline=draw(st.sampled_from([None, 3])),
        thresholds=draw(st.booleans()),
        failure_ratio=draw(st.sampled_from([1.0, 0.5])),
        cancelled_jobs_stay=draw(st.booleans()),
        progress_deadline=draw(st.sampled_from([None, 2])),
        warm=draw(st.booleans()),
        targets=draw(st.sampled_from(TARGETS)),
        stalls=draw(st.sampled_from(STALLS)),
    )


_FATES = st.builds(Fate, st.sampled_from(End), st.integers(0, 2), st.integers(0, 4))
_FAULTS = st.builds(Fault, st.sampled_from(Kind), st.integers(0, LONGEST_LAG))

schedules: st.SearchStrategy[Schedule] = st.builds(
    Schedule,
    _scenarios(),
    st.lists(_FATES, max_size=MOST_FATES).map(tuple),
    st.dictionaries(st.integers(1, FEW_CALLS), _FAULTS, max_size=12),
)
