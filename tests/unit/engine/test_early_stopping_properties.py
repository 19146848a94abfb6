"""What early stopping promises, for random experiments: up to four objectives, any goals, scales, lengths."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from tests import builders

from paretonas.api import ExperimentSpec, Objective
from paretonas.api.early_stopping import EarlyStopping, Verdict
from paretonas.api.objectives import Reduce
from paretonas.engine.early_stopping import (
    CompletedTrial,
    CompletedTrials,
    TrialCurves,
    impute_metrics,
    is_false_stop,
    judge,
)
from paretonas.metrics.curve import Curve
from paretonas.metrics.reduction import Wanted, summarise
from paretonas.search.pareto import pareto_set

Points = list[tuple[int, float]]
UNITS = [1.0, 1e-300, 1e-9, 1e9, 1e300]
TOP = 60
"""Costs are whole numbers from 1 to this, times a unit: small enough for ties, and exact."""
REDUCES: list[Reduce] = ["Last", "Min", "Max", "Mean"]


@dataclass(frozen=True)
class Case:
    """An experiment with completed trials, and one that is judged after some of its steps."""

    spec: ExperimentSpec
    settings: EarlyStopping
    completed: list[CompletedTrial]
    whole: CompletedTrial
    running: TrialCurves

    @property
    def verdict(self) -> Verdict | None:
        return judge(self.spec, self.settings, self.running, CompletedTrials(self.spec, self.completed))


@st.composite
def cases(draw: DrawFn, scales: Sequence[str] = ("Linear", "Log"), reduces: Sequence[Reduce] = tuple(REDUCES)) -> Case:
    objectives, sources, units = [], [], []
    for number in range(draw(st.integers(1, 4))):
        name, goal = f"m{number}", draw(st.sampled_from(["Minimize", "Maximize"]))
        objectives.append({"metric": name, "goal": goal, "scale": draw(st.sampled_from(scales))})
        sources.append({"name": name, "reduce": draw(st.sampled_from(reduces))})
        units.append(draw(st.sampled_from(UNITS)))
    spec = builders.spec(objectives=objectives, metrics=sources)
    once = draw(st.lists(st.booleans(), min_size=len(units), max_size=len(units)))  # logged once, as num_params is

    def trial(name: str, worst: int) -> CompletedTrial:
        length, every = draw(st.integers(1, 8)), draw(st.integers(1, 3))
        curves: dict[str, Points] = {}
        for objective, unit, single in zip(spec.objectives, units, once, strict=True):
            cost = draw(st.integers(1, worst))
            costs = [cost]
            for _ in range(0 if single else length):
                costs.append(max(1, costs[-1] - draw(st.sampled_from([0, 0, 1, 2, -1]))))
            values = [cost if objective.goal == "Minimize" else TOP + 10 - cost for cost in costs]
            curves[objective.metric] = [(every * step, value * unit) for step, value in enumerate(values)]
        return CompletedTrial(name, reported(spec, curves), curves)

    completed = [trial(f"nas-{index}", 12) for index in range(draw(st.integers(3, 8)))]
    if draw(st.booleans()):  # a known result that equals another, and one whose curve has a NaN
        completed.append(CompletedTrial("known", completed[0].metrics))
        broken = {metric: [*points[:-1], (99, math.nan)] for metric, points in completed[0].curves.items()}
        completed.append(CompletedTrial("broken", completed[0].metrics, broken))
    whole = trial("nas-99", TOP - 20)
    cut = draw(st.integers(0, 9))
    so_far = {metric: points[: cut + 1] for metric, points in whole.curves.items()}
    early_stopping = EarlyStopping(
        strategy="OptimisticDominance",
        min_curves=draw(st.integers(1, 4)),
        grace_steps=draw(st.integers(1, 3)),
        safety=draw(st.sampled_from([1.0, 1.25, 2.0])),
        audit_fraction=draw(st.sampled_from([0.0, 0.5, 1.0])),
    )
    return Case(spec, early_stopping, completed, whole, TrialCurves("nas-99", so_far))


def reported(spec: ExperimentSpec, curves: Mapping[str, Points]) -> dict[str, float]:
    """What the product reports of these curves."""
    logged = {
        metric: {".": Curve(np.array([s for s, _ in points]), np.array([v for _, v in points]))}
        for metric, points in curves.items()
    }
    wanted = [Wanted(source.name, source.tag, source.reduce) for source in spec.metric_sources]
    return dict(summarise(logged, wanted, [], nothing="").values)


def keeps(objective: Objective, value: float, bound: float) -> bool:
    """Whether a final value is no better than a bound; on a Log scale the last digits of a bound are rounded."""
    found, limit = objective.comparable(value), objective.comparable(bound)
    return found >= limit if objective.scale == "Linear" else found >= limit + 1e-9


def obeys(case: Case, verdict: Verdict) -> bool:
    return all(keeps(o, case.whole.metrics[o.metric], verdict.bound[o.metric]) for o in case.spec.objectives)


@settings(max_examples=300)  # in some ten of a hundred, a trial is stopped that obeys the bound
@given(cases())
def test_no_stopped_trial_belongs_to_the_pareto_set_if_its_curves_obey_the_bound(case: Case) -> None:
    verdict = case.verdict
    if verdict is None or not obeys(case, verdict):
        return
    trials = [*case.completed, case.whole]
    best = [trials[i].trial for i in pareto_set(case.spec, [trial.metrics for trial in trials])]
    assert "nas-99" not in best
    assert not is_false_stop(case.spec, verdict, case.whole.metrics)


@given(cases(scales=["Linear"]))
def test_the_bound_holds_if_the_trial_gains_no_more_than_a_completed_one(case: Case) -> None:
    twin = replace(case.whole, trial="twin")  # with it among the completed trials, no gain is larger than theirs
    completed = [trial for trial in case.completed if trial.trial != "broken"]
    verdict = judge(case.spec, case.settings, case.running, CompletedTrials(case.spec, [*completed, twin]))
    longest = max(points[-1][0] for points in case.whole.curves.values())
    if verdict is None or verdict.step >= longest:  # it has ended: its twin did not go further either
        return
    for objective in case.spec.objectives:
        final, bound = case.whole.metrics[objective.metric], verdict.bound[objective.metric]
        rounding = 1e-12 * abs(bound) + 1e-12 * abs(final)  # of a mean
        assert objective.comparable(final) >= objective.comparable(bound) - rounding


def test_the_random_experiments_do_stop_trials() -> None:
    stopped, obeyed = [], []

    @settings(max_examples=200)
    @given(cases())
    def count(case: Case) -> None:
        verdict = case.verdict
        stopped.append(verdict is not None)
        obeyed.append(verdict is not None and obeys(case, verdict))

    count()
    assert sum(stopped) > len(stopped) / 20, "or the tests above test nothing"
    assert sum(obeyed) > len(obeyed) / 40


@given(cases(), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_nor_a_restart_changes_a_verdict(case: Case, random: Any) -> None:
    shuffled = list(case.completed)
    random.shuffle(shuffled)
    metrics = {metric: dict(case.running.curves)[metric] for metric in sorted(case.running.curves, reverse=True)}
    again = replace(case, completed=shuffled, running=replace(case.running, curves=metrics))
    assert again.verdict == case.verdict
    half = len(shuffled) // 2
    grown = CompletedTrials(case.spec, shuffled[:half]).extended(shuffled[half:])
    assert judge(case.spec, case.settings, case.running, grown) == case.verdict
    assert case.verdict == case.verdict, "nothing is remembered between two questions"


@given(cases())
def test_fewer_curves_than_min_curves_stop_nothing(case: Case) -> None:
    enough = case.settings.replace(min_curves=1 + sum(bool(trial.curves) for trial in case.completed))
    assert replace(case, settings=enough).verdict is None


@given(cases())
def test_a_trial_without_a_curve_of_each_objective_goes_on(case: Case) -> None:
    for missing in case.running.curves:
        rest = {metric: points for metric, points in case.running.curves.items() if metric != missing}
        assert replace(case, running=TrialCurves("nas-99", rest)).verdict is None
        spoilt = {**rest, missing: [*case.running.curves[missing], (100, math.nan)]}
        assert replace(case, running=TrialCurves("nas-99", spoilt)).verdict is None


@given(cases(scales=["Linear"]), st.sampled_from([2.0**-30, 2.0**30]))
def test_the_unit_of_a_metric_changes_no_verdict(case: Case, unit: float) -> None:
    metric = case.spec.objectives[0].metric
    reduce = case.spec.metric_sources[0].reduce

    def convert(curves: Mapping[str, Any]) -> dict[str, Any]:
        return {**curves, metric: [(step, value * unit) for step, value in curves.get(metric, ())]}

    within = all(1e-290 < abs(value) < 1e290 for t in case.completed for _, value in t.curves.get(metric, ()))
    if not within or reduce == "Mean":  # at the ends of the doubles digits are lost; so they are in a mean
        return
    other = replace(
        case,
        completed=[
            CompletedTrial(t.trial, {**t.metrics, metric: t.metrics[metric] * unit}, convert(t.curves))
            for t in case.completed
        ],
        running=TrialCurves("nas-99", convert(case.running.curves)),
    )
    before, after = case.verdict, other.verdict
    assert (before is None) == (after is None)
    if before and after:
        assert after.bound == {**before.bound, metric: before.bound[metric] * unit}
        assert after.dominated_by == before.dominated_by


@given(cases(scales=["Linear"]))
def test_any_increasing_scale_of_a_known_metric_gives_the_same_verdict(case: Case) -> None:
    spec = builders.spec(
        objectives=[*[o.to_dict() for o in case.spec.objectives[:3]], {"metric": "size", "goal": "Minimize"}],
        metrics=[s.to_dict() for s in case.spec.metric_sources[: min(3, len(case.spec.objectives))]],
    )

    def with_size(size: Any) -> Verdict | None:
        completed = [
            CompletedTrial(
                t.trial, {**t.metrics, "size": size(index % 5)}, {**t.curves, "size": [(0, size(index % 5))]}
            )
            for index, t in enumerate(case.completed)
        ]
        running = replace(case.running, known={"size": size(3)})
        return judge(spec, case.settings, running, CompletedTrials(spec, completed))

    plain = with_size(float)
    for increasing in (lambda size: 1e-300 * size, lambda size: 1e300 * (size - 2), lambda size: 10.0**size - 1e6):
        other = with_size(increasing)
        assert (plain is None) == (other is None)
        assert plain is None or other is None or plain.dominated_by == other.dominated_by


@given(cases(scales=["Linear"]))
def test_the_imputed_values_of_a_stopped_trial_are_dominated_by_the_trial_that_stopped_it(case: Case) -> None:
    verdict = case.verdict
    if verdict is None:
        return
    imputed = impute_metrics(case.spec, case.running, CompletedTrials(case.spec, case.completed))
    assert imputed is not None
    assert not is_false_stop(case.spec, verdict, imputed)


@given(cases(reduces=["Max"]))
def test_the_worst_value_so_far_is_a_bound_without_any_assumption(case: Case) -> None:
    verdict = case.verdict
    if verdict is None:
        return
    for o in case.spec.objectives:
        if o.goal == "Minimize":
            assert o.comparable(case.whole.metrics[o.metric]) >= o.comparable(verdict.bound[o.metric]) - 1e-9 * (
                o.scale == "Log"
            )


@given(st.lists(st.floats(-1.7e308, 1.7e308), min_size=3, max_size=6), st.sampled_from(REDUCES))
def test_the_largest_numbers_never_stop_a_trial_by_overflow(values: list[float], reduce: Reduce) -> None:
    spec = builders.spec(
        objectives=[{"metric": "loss", "goal": "Minimize"}], metrics=[{"name": "loss", "reduce": reduce}]
    )
    points = list(enumerate(values))
    curves: dict[str, Points] = {"loss": [*points, (len(points), -1.7e308)]}
    final = reported(spec, curves) or {"loss": -1.7e308}
    completed = [CompletedTrial(f"nas-{index}", final, curves) for index in range(8)]
    defaults = EarlyStopping(strategy="OptimisticDominance")
    verdict = judge(spec, defaults, TrialCurves("nas-99", {"loss": points}), CompletedTrials(spec, completed))
    assert verdict is None, "it may still gain what its equals gained"
