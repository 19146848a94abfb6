"""Which output folders are removed, judged by the definition of the Pareto set."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import attempt, experiment, trial
from tests.unit.engine.fakes import Run, World, run

from paretonas.api import ENDED, ExperimentSpec, NASTrial, TrialState
from paretonas.engine.events import events
from paretonas.engine.outputs import find_removable
from paretonas.engine.pareto_front import best_trials

VALUES = st.sampled_from([-2.5, 0.0, 0.1, 0.7, 3.0, 99.0, 250.0])
"""Few, so that there are ties and duplicates; some are beyond the thresholds."""

REFERENCE = {"accuracy": 0.0, "size": 100.0}
STATES: tuple[TrialState, ...] = ("Pending", "Running", "Succeeded", "Failed", "EarlyStopped", "Infeasible")

TWO = [
    {"metric": "accuracy", "goal": "Maximize", "threshold": 0.0},
    {"metric": "size", "goal": "Minimize", "threshold": 100.0},
]
SPECS: list[dict[str, Any]] = [
    {"objectives": TWO},
    {"objectives": TWO[:1]},
    {"objectives": [{"metric": "size", "goal": "Minimize"}]},
    {"objectives": TWO[1:], "outcomeConstraints": ["accuracy >= 0.1"]},
]


def spec_of(keep: str, fields: dict[str, Any]) -> ExperimentSpec:
    return experiment(trial={"command": ["train"], "keepOutputs": keep}, **fields).spec


@st.composite
def some_trials(draw: st.DrawFn) -> list[NASTrial]:
    found = []
    for index in range(draw(st.integers(0, 9))):
        state = draw(st.sampled_from(STATES))
        one = trial(index, state, metrics={"accuracy": draw(VALUES), "size": draw(VALUES)})
        one = one.with_status(attempts=(attempt(index),), output_dir=draw(st.sampled_from([None, f"nas/nas-{index}"])))
        found.append(one)
    return found


def beats(spec: ExperimentSpec, one: NASTrial, other: NASTrial) -> bool:
    """Whether a trial is at least as good in all objectives, and better in one."""
    a, b = ([o.comparable(t.status.metrics[o.metric]) for o in spec.objectives] for t in (one, other))
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))


def counts(spec: ExperimentSpec, one: NASTrial) -> bool:
    """Whether a trial is within thresholds and constraints."""
    metrics = one.status.metrics
    within = all(
        o.threshold is None or o.comparable(metrics[o.metric]) <= o.comparable(o.threshold) for o in spec.objectives
    )
    return one.status.state == "Succeeded" and within and all(c.is_satisfied_by(metrics) for c in spec.outcomes)


@given(some_trials(), st.sampled_from(SPECS))
def test_exactly_what_succeeded_outside_the_pareto_set_is_removed(trials: list[NASTrial], fields: Any) -> None:
    spec = spec_of("ParetoSet", fields)
    removed = {t.name for t in find_removable(spec, trials, best_trials(spec, trials), REFERENCE)}
    good = [t for t in trials if counts(spec, t)]
    front = {t.name for t in good if not any(beats(spec, other, t) for other in good)}
    over = {t.name for t in trials if t.status.state in {"Succeeded", "EarlyStopped"} and t.status.output_dir}
    assert removed == (over - front if front else set())


@given(some_trials(), st.sampled_from(SPECS), st.integers(0, 9))
def test_what_is_removed_is_outside_the_pareto_set_whatever_is_found_later(
    trials: list[NASTrial], fields: Any, known: int
) -> None:
    spec = spec_of("ParetoSet", fields)
    seen = trials[:known]
    removed = {t.name for t in find_removable(spec, seen, best_trials(spec, seen), REFERENCE)}
    assert removed.isdisjoint(t.name for t in best_trials(spec, trials))


@given(some_trials(), st.sampled_from(SPECS))
def test_everything_is_kept_by_default_and_while_there_is_nothing_to_compare_with(
    trials: list[NASTrial], fields: Any
) -> None:
    only_best, everything = spec_of("ParetoSet", fields), spec_of("All", fields)
    best = best_trials(everything, trials)
    assert find_removable(everything, trials, best, REFERENCE) == []
    assert find_removable(only_best, trials, best, {}) == []
    assert find_removable(only_best, trials, [], REFERENCE) == []


def world(**fields: Any) -> World:
    """Of two trials that are equally good, every third is one; the others are worse."""
    of = World(experiment(trial={"command": ["train"], "keepOutputs": "ParetoSet"}, **fields))
    of.script = lambda index, _: Run(values={"accuracy": 0.9 if index % 3 == 1 else 0.5, "size": 50.0})
    return of


def test_a_run_keeps_the_output_of_its_pareto_set_and_says_what_it_removed() -> None:
    of = world(maxTrials=6)
    last = run(of)
    states = {t.name: (t.status.output_dir, t.status.output_removed) for t in last.trials}
    front = {p.trial for p in last.status.pareto_set}
    assert front == {"nas-1", "nas-4"}
    for name, (folder, removed) in states.items():
        assert (folder, removed) == ((f"nas/{name}/output", False) if name in front else (None, True))
    assert of.removed == states.keys() - front
    assert {p.trial: p.output_dir for p in last.status.pareto_set} == {n: f"nas/{n}/output" for n in front}


def test_with_one_objective_only_the_best_is_kept() -> None:
    of = world(maxTrials=4, objectives=[{"metric": "accuracy", "goal": "Maximize"}])
    assert [point.trial for point in run(of).status.pareto_set] == ["nas-1"]
    assert of.removed == {"nas-0", "nas-2", "nas-3"}


def test_a_trial_that_leaves_the_pareto_set_loses_its_output_then() -> None:
    better = iter([0.1, 0.2, 0.3])
    values = {}

    def script(index: int, _: int) -> Run:
        values.setdefault(index, next(better))
        return Run(values={"accuracy": values[index], "size": 50.0})

    of = world(maxTrials=3, parallelism=1)
    of.script = script
    engine, removed = of.engine(), []
    for _ in range(30):
        snapshot = engine.run_pass()
        removed.append(sorted(of.removed))
        of.wait()
        if snapshot.status.finished:
            break
    assert [one for i, one in enumerate(removed) if one not in removed[:i]] == [[], ["nas-0"], ["nas-0", "nas-1"]]


def test_what_failed_keeps_its_output_for_a_retry() -> None:
    of = world(maxTrials=5, parallelism=1, failurePolicy={"retries": 0, "maxFailureRatio": 1.0})
    of.script = lambda index, _: Run(exit_code=1) if index == 2 else Run(values={"accuracy": 0.1 * index, "size": 50.0})
    last = run(of)
    [failed] = [t for t in last.trials if t.status.state == "Failed"]
    assert of.removed == {"nas-0", "nas-1", "nas-3"}
    assert failed.status.output_dir == "nas/nas-2/output"


def test_known_results_count_for_the_pareto_set_and_have_no_output() -> None:
    other = trial(0, "Succeeded", metrics={"accuracy": 1.0, "size": 0.0})
    of = world(maxTrials=2, warmStartFrom=[{"name": "other"}])
    of.others["other"] = [other]
    last = run(of)
    known = next(t for t in last.trials if t.spec.observation is not None)
    assert [p.trial for p in last.status.pareto_set] == [known.name]
    assert of.removed == {t.name for t in last.trials} - {known.name}


def test_why_an_output_cannot_be_removed_is_told_and_it_is_not_said_to_be_gone() -> None:
    of = world(maxTrials=4)
    of.stuck = "the disk is read-only"
    last = run(of)
    progressing = last.status.condition("Progressing")
    assert progressing is not None
    assert progressing.message == "the disk is read-only"
    assert not any(t.status.output_removed for t in last.trials)
    of.stuck = ""
    again = of.engine().run_pass()
    assert any(t.status.output_removed for t in again.trials)
    told = [event for event in events(last, again) if event.reason == "OutputsRemoved"]
    assert [event.message.split(":")[0] for event in told] == ["outside the Pareto set"]


@pytest.mark.parametrize("state", sorted(ENDED))
def test_each_final_state_is_either_kept_for_a_retry_or_not(state: TrialState) -> None:
    spec = spec_of("ParetoSet", {})
    best = trial(0, "Succeeded", metrics={"accuracy": 1.0, "size": 0.0})
    one = trial(1, state, metrics={"accuracy": 0.5, "size": 50.0}).with_status(output_dir="nas/nas-1/output")
    removed = find_removable(spec, [best, one], [best], REFERENCE)
    assert bool(removed) == (state in {"Succeeded", "EarlyStopped"})
