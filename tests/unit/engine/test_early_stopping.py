from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests import builders

from paretonas.api import ExperimentSpec
from paretonas.api.early_stopping import EarlyStopping, Verdict
from paretonas.engine.early_stopping import (
    CompletedTrial,
    CompletedTrials,
    TrialCurves,
    describe_verdict,
    impute_metrics,
    is_false_stop,
    judge,
)

SETTINGS = EarlyStopping(strategy="OptimisticDominance", audit_fraction=0.0)
LOSS_AND_SIZE = [{"metric": "loss", "goal": "Minimize"}, {"metric": "size", "goal": "Minimize"}]


def _spec(objectives: Sequence[Mapping[str, Any]] = LOSS_AND_SIZE, **fields: Any) -> ExperimentSpec:
    return builders.spec(objectives=list(objectives), **fields)


def _points(*values: float, every: int = 1) -> list[tuple[int, float]]:
    return [(every * number, value) for number, value in enumerate(values)]


def _completed(index: int, size: float, *losses: float, every: int = 1) -> CompletedTrial:
    metrics = {"loss": losses[-1], "size": size}
    return CompletedTrial(f"nas-{index}", metrics, {"loss": _points(*losses, every=every), "size": [(0, size)]})


def _running(size: float, *losses: float, every: int = 1, **fields: Any) -> TrialCurves:
    return TrialCurves("nas-99", {"loss": _points(*losses, every=every), "size": [(0, size)]}, **fields)


def _judge(
    running: TrialCurves, completed: Sequence[CompletedTrial], spec: ExperimentSpec | None = None, **settings: Any
) -> Verdict | None:
    spec = spec or _spec()
    return judge(spec, SETTINGS.replace(**settings), running, CompletedTrials(spec, completed))


NINE = 1 + 0.25 * 8 / 9
"""The factor on the largest gain of nine trials, with the defaults."""
EIGHT = [_completed(index, 50, 9, 7, 6, 5.5, 5, 5, 5, 5, 5) for index in range(8)]
"""From step 2 on they gain 1.0, and late in their curves they do not change."""


def test_a_trial_is_stopped_when_even_its_best_end_is_dominated() -> None:
    verdict = _judge(_running(60, 9, 7.5, 6.5), EIGHT)
    assert verdict is not None
    assert verdict.bound == {"loss": 6.5 - 1.25 * 1.0, "size": 60}
    assert (verdict.rule, verdict.step, verdict.curves, verdict.steps_saved) == ("OptimisticDominance", 2, 8, 6)
    assert (verdict.dominated_by, verdict.dominating) == ("nas-0", {"loss": 5, "size": 50})
    assert describe_verdict(verdict) == (
        "stopped at step 2: it could have reached loss 5.25, size 60 at best, as 8 completed trials show, "
        "and nas-0 has loss 5, size 50"
    )


@pytest.mark.parametrize(
    ("running", "why"),
    [
        (_running(60, 9, 7.5, 6.2), "it may still reach 4.95"),
        (_running(49, 9, 8, 9), "no completed trial is as small"),
        (_running(60, 9, 8, float("nan")), "its loss is not a number"),
        (_running(60, 9, float("inf"), 8), "its loss was infinite"),
        (_running(60, 9, 8, 7, 6, 6, 6, 6, 6, 6), "no completed trial went further"),
        (_running(60, 9, 8, 7, last_step=9), "no completed trial is as long as it is going to be"),
        (TrialCurves("nas-99", {"loss": _points(9, 8, 7)}), "its size is not known"),
        (TrialCurves("nas-99", {"size": [(0, 60)]}), "it has no curve of its loss"),
        (TrialCurves("nas-99", {}, known={"loss": 9, "size": 60}), "it has no curve at all"),
        (TrialCurves("nas-99", {"loss": _points(9, 8, 7)}, known={"size": float("nan")}), "its size is not a number"),
        (TrialCurves("nas-99", {"loss": [(0, 9), (0, 8), (0, 7)], "size": [(0, 60)]}), "its steps are no order"),
        (TrialCurves("nas-99", {"loss": [(-3, 9), (-2, 9), (-1, 9)], "size": [(0, 60)]}), "none had begun by then"),
        (TrialCurves("nas-3", {"loss": _points(9, 8, 7), "size": [(0, 60)]}), "7 besides itself are too few"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_trial_goes_on_where_a_better_end_is_not_excluded(running: TrialCurves, why: str) -> None:
    assert _judge(running, EIGHT) is None, why


def test_the_curves_of_fewer_trials_than_min_curves_stop_nothing() -> None:
    assert _judge(_running(60, 9, 9, 9), EIGHT[:7]) is None
    assert _judge(_running(60, 9, 9, 9), EIGHT[:7], min_curves=7) is not None


def test_known_results_dominate_but_are_no_curves() -> None:
    known = CompletedTrial("known", {"loss": 1.0, "size": 1.0})
    running = _running(49, 9, 7.5, 6.5)
    assert _judge(running, [*EIGHT[:7], known]) is None
    verdict = _judge(running, [*EIGHT, known])
    assert verdict is not None
    assert (verdict.dominated_by, verdict.curves) == ("known", 8)


@pytest.mark.parametrize("bad", [{"loss": float("nan"), "size": 1.0}, {"loss": 1.0}, {"loss": -1.0, "size": 1.0}])
def test_a_result_that_is_no_point_dominates_nothing(bad: dict[str, float]) -> None:
    spec = _spec([{**LOSS_AND_SIZE[0], "scale": "Log"}, LOSS_AND_SIZE[1]])
    assert _judge(_running(49, 9, 9, 9), [*EIGHT, CompletedTrial("known", bad)], spec) is None


def test_a_trial_outside_a_threshold_or_a_constraint_dominates_nothing() -> None:
    running = _running(60, 9, 9, 9)
    within = _spec([{**LOSS_AND_SIZE[0], "threshold": 4.9}, LOSS_AND_SIZE[1]])
    assert _judge(running, EIGHT, within) is None
    large = [CompletedTrial(t.trial, {**t.metrics, "memory": 3.0}, t.curves) for t in EIGHT]
    assert _judge(running, large, _spec(outcomeConstraints=["memory <= 2"])) is None
    assert _judge(running, large, _spec(outcomeConstraints=["memory <= 3"])) is not None


def test_an_equal_trial_is_not_dominated() -> None:
    flat = [_completed(index, 50, 5, 5, 5, 5) for index in range(8)]
    assert _judge(_running(50, 5, 5, 5), flat) is None
    assert _judge(_running(50.5, 5, 5, 5), flat) is not None


def test_a_metric_that_is_logged_once_is_as_good_as_known() -> None:
    known = TrialCurves("nas-99", {"loss": _points(9, 7.5, 6.5)}, known={"size": 60})
    assert _judge(known, EIGHT) == _judge(_running(60, 9, 7.5, 6.5), EIGHT)


def test_a_metric_that_may_still_change_is_not_taken_as_known() -> None:
    shrunk = [
        CompletedTrial(t.trial, {**t.metrics, "size": 20.0}, {**t.curves, "size": [(0, 50.0), (8, 20.0)]})
        for t in EIGHT
    ]
    verdict = _judge(_running(90, 9, 7.5, 6.5), shrunk)
    assert verdict is not None
    assert verdict.bound["size"] == 90 - 1.25 * 30 - 30, "the gain that the others made, and their usual change"


def test_a_late_gain_of_one_trial_lowers_the_bound_for_all() -> None:
    late = _completed(8, 50, 9, 9, 9, 9, 9, 9, 9, 9, 6)
    assert _judge(_running(60, 9, 7.5, 6.5), [*EIGHT, late]) is None


def test_a_gain_counts_from_the_step_that_the_trial_has_reached_whatever_the_spacing() -> None:
    sparse = [_completed(index, 50, 9, 6, 5, every=4) for index in range(8)]  # at steps 0, 4, 8
    verdict = _judge(_running(60, 9, 8, 8, 8, 8), sparse)
    assert verdict is not None
    assert verdict.bound["loss"] == 8 - 1.25 * (6 - 5) - 1, "the value at step 4 counts at step 4; a late change is 1"
    before = _judge(_running(60, 16, 15, 15, 15), sparse)
    assert before is not None
    assert before.bound["loss"] == 15 - 1.25 * (9 - 5) - 1, "at step 3 they were still at their first value"


def test_each_metric_counts_from_its_own_last_step() -> None:
    spec = _spec([LOSS_AND_SIZE[0], {"metric": "error", "goal": "Minimize"}])
    curve = _points(9, 7, 6, 5, 5, 5, 5, 5, 5)
    both = [
        CompletedTrial(f"nas-{index}", {"loss": 5, "error": 5}, {"loss": curve, "error": curve}) for index in range(8)
    ]
    running = TrialCurves("nas-99", {"loss": _points(30, 30, 30, 30), "error": _points(30, 30)})
    verdict = _judge(running, both, spec)
    assert verdict is not None
    assert verdict.bound == {"loss": 30.0, "error": 30 - 1.25 * 2}, "nothing is gained from step 3 on, 2 from step 1"


def test_shorter_trials_say_nothing_of_a_longer_one() -> None:
    short = [_completed(index, 50, 9, 8, 7, 6) for index in range(20)]
    long = [_completed(20 + index, 50, *range(30, 20, -1)) for index in range(7)]
    assert _judge(_running(60, 99, 99, 99, 99), [*short, *long]) is None, "7 went beyond step 3"
    assert _judge(_running(60, 99, 99, 99, last_step=9), [*short, *long]) is None, "7 are that long"
    eighth = _completed(27, 50, *range(30, 20, -1))
    verdict = _judge(_running(60, 99, 99, 99, last_step=9), [*short, *long, eighth])
    assert verdict is not None
    assert (verdict.curves, verdict.bound["loss"], verdict.steps_saved) == (8, 99 - 1.25 * 7 - 1, 7)


def test_where_lengths_differ_the_shortest_trial_that_went_further_says_what_is_saved_at_least() -> None:
    lengths = [_completed(index, 50, *[5.0] * (3 + index)) for index in range(10)]  # their last steps are 2 to 11
    verdict = _judge(_running(60, 9, 9, 9), lengths)
    assert verdict is not None
    assert (verdict.step, verdict.curves, verdict.steps_saved) == (2, 9, 1), "the trial that ended at step 2 is no peer"
    known = _judge(_running(60, 9, 9, 9, last_step=4), lengths)
    assert known is not None
    assert (known.curves, known.steps_saved) == (8, 2)


def _epochs(index: int, epochs: int, *, slow: float = 1.0) -> CompletedTrial:
    """A trial of some epochs, at steps 1 to `epochs`: the loss falls evenly from 10, the slower the longer it is."""
    losses = [10 - 8 * slow * step / epochs for step in range(1, epochs + 1)]
    curves = {"loss": list(enumerate(losses, start=1)), "size": [(1, 50.0)]}
    return CompletedTrial(f"nas-{index}", {"loss": losses[-1], "size": 50.0}, curves)


TWO_TO_TWELVE = [_epochs(10 * round_ + epochs, epochs) for round_ in (1, 3) for epochs in range(2, 13)]
"""Two trials of each length from 2 to 12 epochs, all with a loss of 2 in the end."""


@pytest.mark.parametrize("epochs", range(4, 13))
def test_where_a_parameter_sets_the_epochs_only_trials_at_least_as_long_tell_how_one_ends(epochs: int) -> None:
    poor = {"loss": [(1, 30.0), (2, 30.0), (3, 30.0)], "size": [(1, 60.0)]}
    verdict = _judge(TrialCurves("nas-99", poor, last_step=epochs), TWO_TO_TWELVE)
    peers = 2 * (12 - epochs + 1)
    if peers < 8:
        assert verdict is None, "too few were as long: nothing is known of how such a trial ends"
        return
    assert verdict is not None
    gain = 8 - 8 * 3 / 12  # the longest made the largest gain after step 3
    noise = (8 / epochs + 8 / 12) / 2  # half of the lengths are below the median, where steps are larger
    assert (verdict.curves, verdict.steps_saved) == (peers, epochs - 3)
    assert verdict.bound["loss"] <= 30 - (1 + 2 / peers) * gain
    assert verdict.bound["loss"] >= 30 - (1 + 2 / peers) * gain - noise


def test_without_its_last_step_a_long_trial_would_be_stopped_for_what_short_ones_gained() -> None:
    short = [_epochs(index, 4) for index in range(10)]
    steady = [_epochs(20 + index, 12) for index in range(8)]
    curves = {"loss": [(1, 9.3), (2, 8.7), (3, 8.0)], "size": [(1, 60.0)]}  # as fast as those of 12 epochs
    assert _judge(TrialCurves("nas-99", curves), short) is not None, "after step 3, they gained 2 at most"
    assert _judge(TrialCurves("nas-99", curves, last_step=12), short) is None
    assert _judge(TrialCurves("nas-99", curves, last_step=12), [*short, *steady]) is None, "those gained 6"


def test_a_trial_that_has_reached_its_last_step_has_nothing_to_save() -> None:
    assert _judge(_running(60, 9, 9, 9, last_step=3), EIGHT) is not None
    assert _judge(_running(60, 9, 9, 9, last_step=2), EIGHT) is None
    assert _judge(_running(60, 9, 9, 9, last_step=1), EIGHT) is None, "it made more steps than were expected"


def test_a_trial_goes_on_before_grace_steps_and_before_a_tenth_of_the_shortest_curve() -> None:
    assert _judge(_running(60, 12, 12), EIGHT) is not None
    assert _judge(_running(60, 9, 9, 9), EIGHT, grace_steps=4) is None
    assert _judge(_running(60, 9, 9, 9), EIGHT, grace_steps=3) is not None
    fifty = [_completed(index, 50, *[5.0] * 50) for index in range(7)]
    for last, enough in ((50, 6), (31, 4), (21, 3), (11, 2)):
        peers = [*fifty, _completed(7, 50, *[5.0] * last)]
        assert _judge(_running(60, *[9.0] * (enough - 1)), peers) is None, last
        assert _judge(_running(60, *[9.0] * enough), peers) is not None, last


@pytest.mark.parametrize(
    ("losses", "goes_on"),
    [
        ((20, 19.9, 19), True),
        ((20, 19, 18), False),
        ((20, 19, 18.5), False),
        ((20, 20, 20, 20, 19.5, 19), True),  # the last third against the third before
        ((20, 19, 18, 17.5, 17.5, 17), False),
        ((20, 19.9, 21), False),  # it became worse
        ((20, 18), False),  # two values do not tell
    ],
)
def test_a_trial_goes_on_while_its_loss_falls_faster_than_before(losses: tuple[float, ...], goes_on: bool) -> None:
    assert (_judge(_running(60, *losses), EIGHT) is None) is goes_on


def test_a_fall_within_the_noise_is_not_taken_for_a_curve_that_falls_faster() -> None:
    restless = [_completed(index, 50, 5, 5, 5, 5, 5, 5, 6, 5, 6) for index in range(8)]  # usual late changes of 1
    assert _judge(_running(60, 20, 20, 19), restless) is not None
    assert _judge(_running(60, 20, 20, 18.9), restless) is None


@pytest.mark.parametrize(("curves", "factor"), [(8, 2.0), (16, 1.5), (80, 1.1)])
def test_the_margin_on_the_largest_gain_falls_as_curves_become_more(curves: int, factor: float) -> None:
    completed = [_completed(index, 50, 9, 7, 6, 5.5, 5, 5, 5, 5, 5) for index in range(curves)]
    verdict = _judge(_running(60, 30, 30, 30), completed, safety=2.0)
    assert verdict is not None
    assert verdict.bound["loss"] == 30 - factor * 1.0


@pytest.mark.parametrize(
    ("reduce", "bound"),
    [
        ("Last", 4 - NINE * 1),  # the best so far was 4; of the others 3, and they ended at 2
        ("Min", 4 - NINE * 1),
        ("Max", 7.0),  # it cannot become less
        ("Mean", 5 - NINE * 0.5),  # the others' mean fell from 4 to 3.5
    ],
)
def test_the_bound_follows_what_is_reported(reduce: str, bound: float) -> None:
    spec = _spec(metrics=[{"name": "loss", "reduce": reduce}])
    curves = {"loss": _points(5, 3, 4, 2), "size": [(0, 50.0)]}
    final = {"Last": 2.0, "Min": 2.0, "Max": 5.0, "Mean": 3.5}[reduce]
    quiet = [  # one value each, so that the usual late change is 0
        CompletedTrial(f"nas-{index}", {"loss": 9.0, "size": 50.0}, {"loss": _points(9, 9, 9, 9), "size": [(0, 50.0)]})
        for index in range(8)
    ]
    winner = CompletedTrial("best", {"loss": -99.0, "size": 1.0})
    completed = [*quiet, CompletedTrial("nas-8", {"loss": final, "size": 50.0}, curves), winner]
    verdict = _judge(_running(60, 7, 4, 4), completed, spec)
    assert verdict is not None
    assert verdict.bound["loss"] == pytest.approx(bound)


def test_a_goal_and_a_scale_only_change_the_units_of_the_bound() -> None:
    accuracy = _spec([{"metric": "loss", "goal": "Maximize"}, LOSS_AND_SIZE[1]])
    rising = [_completed(index, 50, *(-loss for loss in (9, 7, 6, 5.5, 5, 5, 5, 5, 5))) for index in range(8)]
    verdict = _judge(_running(60, -9, -7.5, -6.5), rising, accuracy)
    assert verdict is not None
    assert verdict.bound["loss"] == -5.25
    decades = _spec([{**LOSS_AND_SIZE[0], "scale": "Log"}, LOSS_AND_SIZE[1]])
    powers = [_completed(index, 50, *(10**loss for loss in (9, 7, 6, 5.5, 5, 5, 5, 5, 5))) for index in range(8)]
    verdict = _judge(_running(60, 1e9, 10**7.5, 10**6.5), powers, decades)
    assert verdict is not None
    assert verdict.bound["loss"] == pytest.approx(10**5.25)


def test_audits_are_decided_by_the_name_alone_and_in_the_given_share() -> None:
    spec, completed = _spec(), CompletedTrials(_spec(), EIGHT)

    def audited(fraction: float) -> set[int]:
        settings = SETTINGS.replace(audit_fraction=fraction)
        verdicts = {
            index: judge(spec, settings, TrialCurves(f"mnist-{index}", _running(60, 9, 9, 9).curves), completed)
            for index in range(1000)
        }
        return {index for index, verdict in verdicts.items() if verdict is not None and verdict.audit}

    assert audited(0.0) == set()
    assert audited(1.0) == set(range(1000))
    tenth = audited(0.1)
    assert 70 <= len(tenth) <= 130, "three standard deviations around 100"
    assert tenth <= audited(0.2), "a larger share adds to a smaller one"
    assert sorted(tenth)[:5] == [2, 12, 21, 24, 44], "the same in every version, or a restart would change a verdict"


def test_an_audited_verdict_says_that_nothing_was_stopped() -> None:
    verdict = _judge(_running(60, 9, 9, 9), EIGHT, audit_fraction=1.0)
    assert verdict is not None
    assert verdict.audit
    assert describe_verdict(verdict).startswith("not stopped, to check the rule, at step 2: ")


@pytest.mark.parametrize(
    ("metrics", "wrong"),
    [
        ({"loss": 5.5, "size": 60.0}, False),
        ({"loss": 5.0, "size": 60.0}, False),
        ({"loss": 4.9, "size": 60.0}, True),
        ({"loss": 5.0, "size": 50.0}, True),  # equal to the other trial, so it would have been in the Pareto set
    ],
)
def test_a_verdict_was_false_if_the_trial_is_not_dominated_in_the_end(metrics: dict[str, float], wrong: bool) -> None:
    verdict = _judge(_running(60, 9, 9, 9), EIGHT, audit_fraction=1.0)
    assert verdict is not None
    assert is_false_stop(_spec(), verdict, metrics) is wrong


def test_the_imputed_value_is_the_best_so_far_less_the_median_gain() -> None:
    spec = _spec()
    gains = [_completed(index, 50, 9, 7, 5.0 + index, 5, 5) for index in range(5)]  # 0 to 4 from step 2 on
    assert impute_metrics(spec, _running(60, 9, 6, 6.5), CompletedTrials(spec, gains)) == {"loss": 6 - 2, "size": 60}


def test_the_metric_of_a_constraint_is_imputed_from_its_newest_value() -> None:
    spec = _spec(outcomeConstraints=["memory <= 3"])

    def with_memory(trial: CompletedTrial) -> CompletedTrial:
        curves = {**trial.curves, "memory": _points(1, 2, 1, 2, 3, 3, 3, 3, 3)}
        return CompletedTrial(trial.trial, {**trial.metrics, "memory": 3.0}, curves)

    completed = CompletedTrials(spec, map(with_memory, EIGHT))
    curves = {**_running(60, 9, 7.5, 6.5).curves, "memory": _points(1, 4, 2)}
    imputed = impute_metrics(spec, TrialCurves("nas-99", curves), completed)
    assert imputed == {"loss": 5.5, "size": 60.0, "memory": 2 + (3 - 1)}
    assert impute_metrics(spec, _running(60, 9, 7.5, 6.5), completed) is None, "nothing is known of its memory"


def test_nothing_is_imputed_without_a_trial_that_went_further() -> None:
    spec = _spec()
    assert impute_metrics(spec, _running(60, *[9.0] * 9), CompletedTrials(spec, EIGHT)) is None
    assert impute_metrics(spec, _running(60, 9, 9, float("nan")), CompletedTrials(spec, EIGHT)) is None


@pytest.mark.parametrize(
    "bad",
    [{"minCurves": 0}, {"graceSteps": 0}, {"safety": 0.9}, {"auditFraction": 1.5}, {"auditFraction": float("nan")}],
)
def test_settings_that_would_void_the_guarantee_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        EarlyStopping.model_validate({"strategy": "OptimisticDominance", **bad})


def test_the_defaults_are_those_of_the_documentation() -> None:
    assert EarlyStopping.model_validate({"strategy": "OptimisticDominance"}).to_dict() == {
        "strategy": "OptimisticDominance",
        "minCurves": 8,
        "graceSteps": 1,
        "safety": 1.25,
        "auditFraction": 0.1,
    }
