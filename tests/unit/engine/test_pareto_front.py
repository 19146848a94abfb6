"""The Pareto set as a status has room for it, and the whole of it again from the trials."""

from typing import Any

import pytest
from tests.builders import experiment, trial

from paretonas.api import ExperimentStatus, NASExperiment, NASTrial
from paretonas.engine import pareto_front
from paretonas.engine.pareto_front import bound_points, lacking, points, whole

FREE = [{"metric": "accuracy", "goal": "Maximize"}, {"metric": "size", "goal": "Minimize"}]


def members(amount: int, wide: int = 1) -> list[NASTrial]:
    """So many trials that all are in the Pareto set, each with so many parameters."""
    found = []
    for i in range(amount):
        one = trial(i, "Succeeded", metrics={"accuracy": i / amount, "size": float(i)}).with_status(pareto=True)
        parameters = {f"p{k}": 0.123456789 + i for k in range(wide)}
        found.append(one.replace(spec=one.spec.replace(parameters=parameters)))
    return found


def ended(trials: list[NASTrial], wide: int = 1) -> NASExperiment:
    parameters: list[dict[str, Any]] = [{"name": f"p{k}", "float": {"min": 0, "max": 2000}} for k in range(wide)]
    of = experiment(objectives=FREE, parameters=parameters)
    shown = bound_points(points(of.spec, trials))
    return of.replace(status=ExperimentStatus(pareto_set=shown, pareto_set_size=len(trials)))


@pytest.mark.parametrize(("amount", "wide"), [(3, 2), (300, 40), (1000, 64)])
def test_what_is_stored_in_full_is_shown_in_full(amount: int, wide: int) -> None:
    trials = members(amount, wide)
    of = ended(trials, wide)
    shown = whole(of, trials)
    assert not lacking(of.status, shown)
    assert [p.trial for p in shown] == [f"nas-{i}" for i in reversed(range(amount))], "the best first"
    assert all(len(p.parameters) == wide for p in shown)
    assert bool(lacking(of.status, of.status.pareto_set)) == (amount > 3)


@pytest.mark.parametrize(
    ("room", "words"),
    [
        (10**6, ""),
        (2500, "the parameters of 20 trials"),
        (900, "the parameters of 10 trials"),
    ],
)
def test_what_went_with_the_trials_is_said(room: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pareto_front, "PARETO_SET_BYTES", room)
    of = ended(members(20, 8), 8)
    lost = lacking(of.status, whole(of, []))
    assert words in lost
    assert ("10 trials and " in lost) == (room == 900)


def test_what_some_of_the_trials_still_know_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pareto_front, "PARETO_SET_BYTES", 2500)
    trials = members(20, 8)
    of = ended(trials, 8)
    shown = whole(of, trials[:15])
    assert lacking(of.status, shown) == "the parameters of 5 trials"
    assert [p.trial for p in shown if not p.parameters] == [f"nas-{i}" for i in (19, 18, 17, 16, 15)]
