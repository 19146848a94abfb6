"""The search as a pure function: what it promises whatever happened before."""

import json
import math
import random
from dataclasses import replace

import pytest

from paretonas.api.reasons import EndReason
from paretonas.search import KnownTrial, SearchError, suggest_here
from paretonas.search.suggest import forget


def _json(trial: KnownTrial) -> KnownTrial:
    """As a custom resource brings it back: whole floats have become integers."""
    parameters = {
        name: int(v) if isinstance(v, float) and v.is_integer() else v for name, v in trial.parameters.items()
    }
    return replace(trial, parameters=json.loads(json.dumps(parameters)))


def _points(suggestion):
    return [dict(candidate.parameters) for candidate in suggestion.candidates]


@pytest.fixture(name="history")
def _history(spec, observed):
    """Ten observed trials of the mixed space."""
    first = suggest_here(spec.replace(search=spec.search.replace(initial_trials=10)), [], 10)
    return observed(_points(first))


def test_two_at_once_are_one_and_then_another(spec, history) -> None:
    both = suggest_here(spec, history, 2)
    first = suggest_here(spec, history, 1)
    pending = KnownTrial(10, first.candidates[0].parameters, "Pending")
    second = suggest_here(spec, [*history, pending], 1)
    assert both.candidates == first.candidates + second.candidates


def test_the_order_in_which_trials_are_given_does_not_matter(spec, history) -> None:
    shuffled = random.Random(0).sample(history, len(history))  # noqa: S311 # repeatable
    assert suggest_here(spec, shuffled, 2).candidates == suggest_here(spec, history, 2).candidates


def test_numbers_that_json_made_whole_change_nothing(make_spec, observed) -> None:
    spec = make_spec(
        [
            {"name": "dropout", "floatChoice": {"values": [0.0, 0.25, 1.0], "ordered": True}},
            {"name": "rate", "float": {"min": 0, "max": 1}},
            {"name": "depth", "int": {"min": 1, "max": 9}},
        ],
        search={"initialTrials": 3},
    )
    known = observed([{"dropout": 0.0, "rate": 1.0, "depth": 2}, {"dropout": 1.0, "rate": 0.0, "depth": 5}])
    known += observed(_points(suggest_here(spec, known, 3)), 2)
    assert suggest_here(spec, list(map(_json, known)), 2).candidates == suggest_here(spec, known, 2).candidates


def test_the_model_takes_over_after_the_initial_trials_also_when_rebuilt(spec, history) -> None:
    start = suggest_here(spec, [], 5)
    assert [c.origin for c in start.candidates] == ["Sobol"] * 5  # nothing is observed yet
    forget()
    four = history[:4]
    assert suggest_here(spec, four, 1).candidates[0].origin == "BayesianOptimization"
    assert suggest_here(spec, four[:3], 1).candidates[0].origin == "Sobol"
    one = [four[0], *(replace(t, state="Failed") for t in four[1:])]
    assert suggest_here(spec, one, 1).candidates[0].origin == "Sobol"


def test_four_in_flight_differ_though_a_cheap_metric_is_known_early(spec, history) -> None:
    known = list(history)
    for index in range(10, 14):
        [point] = _points(suggest_here(spec, known, 1))
        known.append(KnownTrial(index, point, "Pending", {"size": 1000.0}))
    points = [tuple(trial.parameters.items()) for trial in known[10:]]
    assert len(set(points)) == 4
    widths = {
        (t.parameters["width"], t.parameters["batch"], round(math.log10(t.parameters["rate"]), 1)) for t in known[10:]
    }
    assert len(widths) > 1, "pending points are not taken into account"


def test_a_failed_point_is_never_asked_again(make_spec, observed) -> None:
    spec = make_spec(
        [
            {"name": "a", "int": {"min": 1, "max": 6}},
            {"name": "b", "choice": {"values": ["x", "y", "z"]}},
        ],
        search={"initialTrials": 3},
    )
    known: list[KnownTrial] = []
    for index in range(18):
        [point] = _points(suggest_here(spec, known, 1))
        assert point not in [t.parameters for t in known]
        known.append(KnownTrial(index, point, "Failed") if index % 3 == 1 else observed([point], index)[0])
    last = suggest_here(spec, known, 1)
    assert (last.candidates, last.no_more) == ((), EndReason.SEARCH_SPACE_EXHAUSTED)


def test_the_search_stays_away_from_where_trials_fail(make_spec) -> None:
    spec = make_spec(
        [{"name": "x", "float": {"min": 0, "max": 1}}, {"name": "y", "float": {"min": 0, "max": 1}}],
        objectives=[{"metric": "gain", "goal": "Maximize"}],
        search={"initialTrials": 8},
    )
    known: list[KnownTrial] = []
    for index in range(24):  # the best values lie just beyond a cliff, where every trial runs out of memory
        [point] = _points(suggest_here(spec, known, 1))
        fails = point["x"] > 0.6
        known.append(KnownTrial(index, point, *(("Failed",) if fails else ("Observed", {"gain": point["x"]}))))
    late = [t.parameters["x"] for t in known[12:] if t.state == "Failed"]
    assert len(late) <= 9, late  # it would be all twelve
    assert sum(x > 0.7 for x in late) <= 3, "beyond the edge of the cliff little is worth a try"
    assert max(t.parameters["x"] for t in known if t.state == "Observed") > 0.55


@pytest.mark.parametrize("initial", [2, 30])
def test_every_point_of_a_small_space_comes_once_and_then_it_is_exhausted(make_spec, observed, initial) -> None:
    spec = make_spec(
        [
            {"name": "width", "intChoice": {"values": [8, 16, 32], "ordered": True}},
            {"name": "depth", "int": {"min": 1, "max": 3}},
            {"name": "residual", "bool": {}},
            {
                "name": "scale",
                "floatChoice": {"values": [0.1, 1.0]},
                "activeWhen": [{"parameter": "residual", "values": [True]}],
            },
        ],
        parameterConstraints=["width + 8*depth <= 40"],
        search={"initialTrials": initial},
    )
    known: list[KnownTrial] = []
    while True:
        suggestion = suggest_here(spec, known, 4)
        known += observed(_points(suggestion), len(known))
        if suggestion.no_more:
            break
        assert len(suggestion.candidates) == 4
    expected = sum(3 for w in (8, 16, 32) for d in (1, 2, 3) if w + 8 * d <= 40)
    assert len({tuple(t.parameters.items()) for t in known}) == len(known) == expected
    assert suggest_here(spec, known, 1).candidates == ()


def test_a_space_of_one_point_is_exhausted_by_it(make_spec) -> None:
    spec = make_spec([{"name": "only", "fixed": {"value": 3}}, {"name": "one", "choice": {"values": ["a"]}}])
    suggestion = suggest_here(spec, [], 2)
    assert _points(suggestion) == [{"only": 3, "one": "a"}]
    assert suggestion.no_more is EndReason.SEARCH_SPACE_EXHAUSTED


ACCURACY = {"metric": "accuracy", "goal": "Maximize"}
SIZE = {"metric": "size", "goal": "Minimize", "scale": "Log"}
LATENCY = {"metric": "latency", "goal": "Minimize", "threshold": 2}
ENERGY = {"metric": "E", "goal": "Minimize"}  # a number in sympy, with which Ax reads objectives; as is beta


@pytest.mark.parametrize(
    ("objectives", "outcomes"),
    [
        ([ACCURACY], []),
        ([{**SIZE, "threshold": 1e5}], []),
        ([ACCURACY, SIZE], []),
        (
            [{**ACCURACY, "threshold": 0.9}, {"metric": "size", "goal": "Minimize", "threshold": 1e-3}],
            [],
        ),  # out of reach
        ([ACCURACY, SIZE], ["latency <= 0.9"]),
        ([ACCURACY], ["size <= 1"]),  # nothing is feasible
        ([{**ACCURACY, "threshold": 0.5}, SIZE, LATENCY], []),
        ([ACCURACY, SIZE, LATENCY, ENERGY], ["beta >= 0"]),
    ],
)
def test_one_to_four_objectives_with_and_without_thresholds_and_constraints(
    make_spec, observed, objectives, outcomes
) -> None:
    spec = make_spec(objectives=objectives, outcomeConstraints=outcomes, search={"initialTrials": 6})
    known = [
        replace(t, metrics={**t.metrics, "E": t.metrics["latency"] ** 2, "beta": t.metrics["size"] - 500})
        for t in observed(_points(suggest_here(spec, [], 6)))
    ]
    suggestion = suggest_here(spec, known, 2)
    assert [c.origin for c in suggestion.candidates] == ["BayesianOptimization"] * 2
    forget()
    assert suggest_here(spec, known, 2).candidates == suggestion.candidates


def test_the_model_beats_chance(make_spec) -> None:
    spec = make_spec(
        [{"name": name, "float": {"min": 0, "max": 1}} for name in "abc"],
        objectives=[{"metric": "loss", "goal": "Minimize", "scale": "Log"}],
        search={"initialTrials": 5},
    )

    def loss(point) -> float:
        return 1e-4 + sum((value - 0.3) ** 2 for value in point.values())

    known: list[KnownTrial] = []
    for index in range(18):
        [point] = _points(suggest_here(spec, known, 1))
        known.append(KnownTrial(index, point, "Observed", {"loss": loss(point)}))
    chance = _points(suggest_here(spec.replace(search=spec.search.replace(initial_trials=100)), [], 100))
    assert min(t.metrics["loss"] for t in known) < 0.2 * min(map(loss, chance))


def test_outcome_constraints_are_kept_where_the_model_knows_them(make_spec) -> None:
    spec = make_spec(
        [{"name": name, "float": {"min": 0, "max": 1}} for name in "ab"],
        objectives=[{"metric": "gain", "goal": "Maximize"}],
        outcomeConstraints=["cost <= 0.5"],
        search={"initialTrials": 6},
    )
    known: list[KnownTrial] = []
    for index in range(16):
        [point] = _points(suggest_here(spec, known, 1))
        metrics = {"gain": point["a"] + point["b"], "cost": point["a"]}
        known.append(KnownTrial(index, point, "Observed", metrics))
    best = max((t.metrics for t in known if t.metrics["cost"] <= 0.5), key=lambda m: m["gain"])
    assert best["gain"] > 1.45
    assert sum(t.metrics["cost"] > 0.6 for t in known[10:]) <= 1


def test_a_condition_with_several_values_of_its_parent_is_kept(make_spec, observed) -> None:
    """Ax knows conditions of one value: to it such a parameter is always there."""
    spec = make_spec(
        [
            {"name": "optimizer", "choice": {"values": ["adam", "sgd", "rmsprop"]}},
            {
                "name": "momentum",
                "float": {"min": 0.1, "max": 0.9},
                "activeWhen": [{"parameter": "optimizer", "values": ["sgd", "rmsprop"]}],
            },
        ],
        search={"initialTrials": 6},
    )
    known = observed(_points(suggest_here(spec, [], 6)))
    assert {trial.parameters["optimizer"] for trial in known} == {"adam", "sgd", "rmsprop"}
    for index in range(6, 12):
        [candidate] = suggest_here(spec, known, 1).candidates
        assert candidate.origin == "BayesianOptimization"
        known += observed([candidate.parameters], index)
    for trial in known:
        assert ("momentum" in trial.parameters) == (trial.parameters["optimizer"] != "adam")


def test_a_whole_search_is_the_same_rebuilt_at_every_step(spec, measure) -> None:
    """Failures, four in flight, results in random order: a process that remembers, and one that never does."""

    def run(rebuilt: bool) -> list[dict]:
        forget()
        chance = random.Random(7)  # noqa: S311 # repeatable
        known: dict[int, KnownTrial] = {}
        running: list[int] = []
        while len(known) < 20 or running:
            while len(running) < 4 and len(known) < 20:
                if rebuilt:
                    forget()
                trials = list(known.values())
                chance.shuffle(trials)
                [point] = _points(suggest_here(spec, list(map(_json, trials)), 1))
                running.append(len(known))
                known[len(known)] = KnownTrial(len(known), point, "Pending")
            index = running.pop(chance.randrange(len(running)))
            point = known[index].parameters
            failed = index in (2, 9, 14)
            known[index] = (
                KnownTrial(index, point, "Failed") if failed else KnownTrial(index, point, "Observed", measure(point))
            )
        return [dict(trial.parameters) for trial in known.values()]

    assert run(rebuilt=True) == run(rebuilt=False)


def test_no_compiler_is_started(spec, history) -> None:
    """BoTorch compiles a kernel for its own criterion at first use: 20 to 40 s, and a compiler in the image."""
    from botorch.acquisition.multi_objective import logei  # noqa: PLC0415 # after the search has imported it, or not

    suggest_here(spec, history, 1)
    assert not logei._load_attempted


def test_what_the_user_brings_is_learned_from_and_not_asked(spec, observed) -> None:
    own = {"width": 64, "rate": 1e-3, "batch": 64, "optimizer": "adam", "dropout": 0.1}
    outside = {**own, "width": 400, "optimizer": "lion"}
    sobol = _points(suggest_here(spec, [], 4))
    known = observed([own, outside, *sobol])
    suggestion = suggest_here(spec, known, 2)
    assert [c.origin for c in suggestion.candidates] == ["BayesianOptimization"] * 2
    assert own not in _points(suggestion)
    only_outside = observed([{**outside, "rate": rate} for rate in (1e-4, 1e-3, 3e-3, 1e-2)])
    [candidate] = suggest_here(spec, only_outside, 1).candidates
    assert candidate.origin == "BayesianOptimization"
    assert all(spec.parameter(name).contains(value) for name, value in candidate.parameters.items())


def test_a_metric_that_is_missing_is_an_error_that_names_it(spec, history) -> None:
    broken = [*history[:-1], replace(history[-1], metrics={"accuracy": 0.9})]
    with pytest.raises(SearchError, match="trial 9 is observed without a finite 'size'"):
        suggest_here(spec, broken, 1)
