"""The status that trials amount to."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import experiment, trial

from paretonas.api import ExperimentStatus, NASExperiment, NASTrial
from paretonas.api.reasons import Hindrance
from paretonas.engine.decide import Outcome
from paretonas.engine.pareto_front import best_trials
from paretonas.engine.summary import summarise
from paretonas.engine.trouble import Trouble

T0 = datetime(2026, 1, 1, tzinfo=UTC)
FREE = [{"metric": "accuracy", "goal": "Maximize"}, {"metric": "size", "goal": "Minimize"}]
DONE = Outcome(succeeded=True, reason="TrialsCompleted", message="8 trials ended")


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def succeeded(index: int, accuracy: float, size: float = 50.0) -> NASTrial:
    return trial(index, "Succeeded", metrics={"accuracy": accuracy, "size": size}, x=index / 100)


def free(initial: int = 3, **fields: Any) -> NASExperiment:
    """Without thresholds: the initial trials have to fix the reference point."""
    return experiment(objectives=FREE, search={"initialTrials": initial}, **fields)


def after(of: NASExperiment, trials: Sequence[NASTrial], seconds: float = 0, **options: Any) -> NASExperiment:
    """The experiment with the status of its next pass."""
    return of.replace(status=summarise(of, trials, at(seconds), **options))


def conditions(of: NASExperiment) -> dict[str, tuple[str, str, float]]:
    """Status, reason, and the second of the last transition, by type."""
    return {c.type: (c.status, c.reason, (c.last_transition_time - T0).total_seconds()) for c in of.status.conditions}


def test_trials_are_counted_by_their_state() -> None:
    states = ["Succeeded", "Succeeded", "Failed", "Infeasible", "Running", "Pending"]
    counts = after(experiment(), [trial(i, state) for i, state in enumerate(states)]).status.trials  # type: ignore[arg-type] # states
    assert counts.to_dict() == {
        "total": 6,
        "succeeded": 2,
        "failed": 1,
        "infeasible": 1,
        "known": 0,
        "running": 1,
        "pending": 1,
        "earlyStopped": 0,
    }


def test_the_pareto_set_is_sorted_by_the_first_objective_and_carries_observed_values() -> None:
    trials = [
        succeeded(0, 0.5, 10),
        succeeded(1, 0.9, 60),
        succeeded(2, 0.7, 30),
        succeeded(3, 0.6, 31),
        trial(4, "Running"),
    ]
    status = after(experiment(), trials).status
    assert [p.trial for p in status.pareto_set] == ["nas-1", "nas-2", "nas-0"]
    assert status.pareto_set[0].metrics == {"accuracy": 0.9, "size": 60}
    assert status.pareto_set[0].parameters == {"x": 0.01}
    assert status.hypervolume == pytest.approx(0.5 * 90 + 0.2 * 70 + 0.2 * 40)


@given(st.lists(st.tuples(st.integers(-1, 6), st.integers(40, 110)), max_size=12))
def test_the_pareto_set_is_what_no_other_trial_dominates(rows: list[tuple[int, int]]) -> None:
    trials = [succeeded(i, a / 2, float(s)) for i, (a, s) in enumerate(rows)]
    within = {i: (-a, s) for i, (a, s) in enumerate(rows) if a >= 0 and s <= 100}
    best = {
        i for i, (a, s) in within.items() if not any(b <= a and t <= s and (b, t) != (a, s) for b, t in within.values())
    }
    assert {p.index for p in after(experiment(), trials).status.pareto_set} == best


def test_with_thresholds_the_reference_point_is_there_from_the_start() -> None:
    status = after(experiment(), []).status
    assert status.reference_point == {"accuracy": 0.0, "size": 100.0}
    assert status.hypervolume == 0.0


def test_without_thresholds_the_initial_trials_fix_the_reference_point_once_for_all() -> None:
    of = free()
    initial = [succeeded(0, 0.2, 50), succeeded(1, 0.4, 70), trial(2, "Running")]
    of = after(of, initial)
    assert (of.status.reference_point, of.status.hypervolume) == ({}, None), "a trial of them still runs"
    of = after(of, [*initial[:2], trial(2, "Failed"), succeeded(3, 0.0, 1e6)])
    fixed = {"accuracy": pytest.approx(0.18), "size": pytest.approx(72.0)}
    assert of.status.reference_point == fixed, "later trials have no say"
    of = after(of, [succeeded(i, 0.0, 1e6) for i in range(8)], outcome=DONE)
    assert of.status.reference_point == fixed
    assert of.status.hypervolume is not None


def test_fewer_trials_than_initial_ones_fix_it_when_all_have_ended() -> None:
    of = free(initial=8, maxTrials=8).replace(spec=free(initial=8).spec.replace(max_trials=2))
    assert after(of, [succeeded(0, 0.2), succeeded(1, 0.4)]).status.reference_point != {}


def test_should_no_initial_trial_succeed_the_next_that_does_fixes_it() -> None:
    failed = [trial(i, "Failed") for i in range(3)]
    assert after(free(), failed).status.reference_point == {}
    assert after(free(), [*failed, trial(3, "Running")]).status.reference_point == {}
    point = after(free(), [*failed, succeeded(3, 0.5, 10)]).status.reference_point
    assert point == {"accuracy": pytest.approx(0.45), "size": pytest.approx(11.0)}


def test_an_early_end_fixes_it_with_what_there_is() -> None:
    """A space that is exhausted, or a deadline, before all initial trials were asked."""
    of = free(initial=5)
    assert after(of, [succeeded(0, 0.5, 10)]).status.reference_point == {}
    ended = after(of, [succeeded(0, 0.5, 10)], outcome=DONE)
    assert ended.status.reference_point != {}
    assert ended.status.hypervolume is not None
    assert after(of, [trial(0, "Failed")], outcome=DONE).status.reference_point == {}


def test_a_running_experiment_is_progressing_and_its_success_unknown() -> None:
    assert conditions(after(experiment(), [])) == {
        "Valid": ("True", "Valid", 0),
        "Progressing": ("True", "TrialsRunning", 0),
        "Suspended": ("False", "Resumed", 0),
        "Succeeded": ("Unknown", "Running", 0),
    }


@pytest.mark.parametrize(("succeeds", "word"), [(True, "True"), (False, "False")])
def test_the_end_is_told_with_its_reason_and_its_time(succeeds: bool, word: str) -> None:
    of = after(experiment(), [])
    outcome = Outcome(succeeds, "TheReason", "the message")
    of = after(of, [], 7, outcome=outcome)
    assert conditions(of)["Succeeded"] == (word, "TheReason", 7)
    assert conditions(of)["Progressing"] == ("False", "TheReason", 7)
    assert (of.status.start_time, of.status.completion_time) == (at(0), at(7))
    assert of.status.finished
    again = after(of, [], 99, outcome=outcome)
    assert again.status == of.status, "an end is not written again, and its time stays"


def test_transition_times_change_with_the_status_alone() -> None:
    of = after(experiment(), [])
    of = after(of, [], 5, trouble=Trouble(Hindrance.SEARCH_FAILED, "no answer"))
    assert conditions(of)["Progressing"] == ("False", "SearchFailed", 5)
    assert conditions(of)["Succeeded"] == ("Unknown", "Running", 0)
    of = after(of, [], 9, trouble=Trouble(Hindrance.SUBMIT_FAILED, "no folder"))
    assert conditions(of)["Progressing"] == ("False", "SubmitFailed", 5), "another reason, the same status"
    assert [c.message for c in of.status.conditions if c.type == "Progressing"] == ["no folder"]
    of = after(of, [], 12)
    assert conditions(of)["Progressing"] == ("True", "TrialsRunning", 12)
    assert [c.message for c in of.status.conditions if c.type == "Progressing"] == [""]


def test_suspending_and_resuming_is_told() -> None:
    of = after(experiment(), [])
    suspended = after(of.replace(spec=of.spec.replace(suspend=True)), [], 3)
    assert conditions(suspended)["Suspended"] == ("True", "Suspended", 3)
    assert conditions(suspended)["Progressing"] == ("False", "Suspended", 3)
    resumed = after(suspended.replace(spec=of.spec), [], 8)
    assert conditions(resumed)["Suspended"] == ("False", "Resumed", 8)
    assert conditions(resumed)["Progressing"] == ("True", "TrialsRunning", 8)


def test_an_experiment_that_goes_on_after_its_end_is_no_longer_complete() -> None:
    """Its maxTrials was raised."""
    of = after(after(experiment(), []), [], 5, outcome=DONE)
    of = after(of, [], 6)
    assert conditions(of)["Succeeded"] == ("Unknown", "Running", 6)
    assert (of.status.completion_time, of.status.finished) == (None, False)
    of = after(of, [], 9, outcome=DONE)
    assert (of.status.start_time, of.status.completion_time) == (at(0), at(9))


def test_the_status_is_a_function_of_the_trials_and_what_it_must_keep() -> None:
    trials = [succeeded(0, 0.5), trial(1, "Failed")]
    once = after(experiment(), trials, 3)
    assert after(once, trials, 4).status == once.status, "a pass that sees nothing new writes nothing"
    lost = once.replace(status=ExperimentStatus(start_time=once.status.start_time))
    assert after(lost, trials, 3).status == once.status


WIDE = [{"name": f"a_parameter_with_a_name_{i}", "float": {"min": 0, "max": 1}} for i in range(20)]


@pytest.mark.parametrize(("parameters", "with_points", "number"), [(1, True, 600), (20, False, 1000)])
def test_the_status_of_a_thousand_trials_is_small_even_if_all_are_in_the_pareto_set(
    parameters: int, with_points: bool, number: int
) -> None:
    """It is one object of a cluster, sent to every watcher with every change; the API server's limit is 1.5 MB."""
    space = [{"name": "x", "float": {"min": 0, "max": 1}}] if parameters == 1 else WIDE
    of = experiment(maxTrials=1000, parameters=space)
    point = {p["name"]: 1 / 3 for p in space}
    trials = [succeeded(i, i / 1000, 1 + i / 20) for i in range(number)]
    trials = [t.replace(spec=t.spec.replace(parameters=point)) for t in trials]
    trials = [t.with_status(output_dir=f"nas/{t.name}/output") for t in trials]
    status = after(of, trials).status
    assert len(json.dumps(status.to_dict(), separators=(",", ":"))) < 100_000
    assert len(status.pareto_set) == status.pareto_set_size == number
    assert all(bool(p.parameters) == with_points for p in status.pareto_set)


def test_a_pareto_set_that_is_too_large_even_without_its_points_is_shown_in_part() -> None:
    name = "a" * 63
    objectives = [{"metric": name[:-1] + c, "goal": "Maximize", "threshold": -1.0} for c in "abcd"]
    of = experiment(maxTrials=1000, objectives=objectives)
    metrics = [{o["metric"]: (i * k) % 1000 / 1000 for k, o in enumerate(objectives, 1)} for i in range(1000)]
    trials = [
        trial(i, "Succeeded", metrics={**m, name[:-1] + "a": i / 1000, name[:-1] + "b": -i / 1001})
        for i, m in enumerate(metrics)
    ]
    status = after(of, trials).status
    assert len(json.dumps(status.to_dict(), separators=(",", ":"))) < 100_000
    assert 0 < len(status.pareto_set) < status.pareto_set_size
    assert len(best_trials(of.spec, trials)) == status.pareto_set_size, "the trials themselves are marked"
