import json
from datetime import timedelta
from math import inf, nan
from typing import Any

import pytest
from tests.builders import attempt, experiment, trial
from tests.unit.report.made_up import EXAMPLES, START, Search, mnist, objective, search, with_status

from paretonas.api import Condition, NASTrial, load_experiment
from paretonas.report.curves import MAX_TAGS
from paretonas.report.document import Document, Finder, experiment_document
from paretonas.search import pareto


@pytest.fixture(scope="module")
def two() -> Search:
    return EXAMPLES["two"]()


@pytest.fixture(scope="module")
def document(two: Search) -> Document:
    return two.document()


def document_of(*trials: NASTrial, curves: dict[str, Any] | None = None, **spec: Any) -> Document:
    return experiment_document(experiment(**spec), trials, curves or {})


def named(document: Document, name: str) -> dict[str, Any]:
    [found] = [trial for trial in document["trials"] if trial["name"] == name]
    return dict(found)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_document_is_plain_json(name: str):
    json.dumps(EXAMPLES[name]().document(), allow_nan=False)


def test_a_trial_is_all_that_was_tried_and_measured(two: Search, document: Document):
    shown, status = document["trials"][3], two.trials[3].status
    assert shown["name"] == "mnist-nas-3"
    parameters = dict(zip([p["name"] for p in document["parameters"]], shown["parameters"], strict=True))
    assert parameters == dict(two.trials[3].spec.parameters)
    assert dict(zip(document["metrics"], shown["metrics"], strict=True)) == {
        name: status.metrics[name] for name in ("val_acc", "num_params")
    }
    assert shown["attempts"][0]["end"] == pytest.approx(
        (status.attempts[0].end_time - START).total_seconds(),  # type: ignore[operator] # it has ended
        abs=1e-3,
    )


def test_a_constrained_metric_is_a_column_too():
    assert EXAMPLES["four"]().document()["metrics"] == ["val_acc", "num_params", "energy_j", "latency_ms", "train_loss"]


def test_the_front_is_best_first_in_the_first_objective(two: Search, document: Document):
    status = [t.status.metrics for t in two.trials if t.status.state == "Succeeded"]
    names = [t.name for t in two.trials if t.status.state == "Succeeded"]
    expected = {names[i] for i in pareto.pareto_set(two.experiment.spec, status)}
    front = [document["trials"][i] for i in document["front"]]
    assert {t["name"] for t in front} == expected
    accuracies = [t["metrics"][0] for t in front]
    assert accuracies == sorted(accuracies, reverse=True)
    assert all(t["place"] == "front" for t in front)


def test_what_is_outside_a_limit_is_told_apart_from_what_is_dominated(two: Search, document: Document):
    for made, shown in zip(two.trials, document["trials"], strict=True):
        if made.status.state != "Succeeded":
            assert shown["place"] == "none"
        elif not pareto.feasible(two.experiment.spec, made.status.metrics):
            assert shown["place"] == "outside"
        else:
            assert shown["place"] in {"front", "dominated"}


def test_a_failed_trial_says_why_with_all_its_attempts():
    ends = {"start_time": START, "end_time": START + timedelta(seconds=90)}
    attempts = (attempt(number=1, reason="Lost", **ends), attempt(number=2, reason="Crashed", exit_code=3, **ends))
    failed = trial(0, "Failed", attempts=attempts).with_status(message="ended with exit code 1\nline 1\nline 2")
    [shown] = document_of(failed)["trials"]
    assert (shown["message"], shown["log"]) == ("ended with exit code 1", "line 1\nline 2")
    assert [(a["number"], a["reason"], a["exitCode"]) for a in shown["attempts"]] == [
        (1, "Lost", None),
        (2, "Crashed", 3),
    ]
    assert shown["seconds"] == 180.0


def test_outputs_and_logs_are_where_the_reader_finds_them():
    kept = trial(0, "Succeeded", attempts=(attempt(),)).with_status(output_dir="nas/nas-0/output")
    removed = trial(1, "Succeeded", metrics={"accuracy": 0.1, "size": 90.0}).with_status(output_removed=True)
    finder = Finder("/runs/{}".format, "paretonas logs {}".format)
    found = experiment_document(experiment(), (kept, removed), {}, finder=finder)["trials"]
    assert [each["output"] for each in found] == ["/runs/nas/nas-0/output", "removed"]
    assert [each["command"] for each in found] == ["paretonas logs nas-0", ""], "one that never ran printed nothing"


def test_what_json_or_javascript_has_not_is_a_text_or_nothing():
    odd = trial(0, "Infeasible").with_status(metrics={"accuracy": nan, "size": inf})
    odd = odd.replace(spec=odd.spec.replace(parameters={"x": 2**60 + 1}))
    [shown] = document_of(odd)["trials"]
    assert shown["metrics"] == [None, None]
    assert shown["parameters"] == [str(2**60 + 1)]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("TrialsCompleted", "Trials completed"),
        ("TargetReached", "Target reached"),
        ("Running", "Running"),
        ("SearchSpaceExhausted", "Search space exhausted"),
        ("a reason of another version", "a reason of another version"),
    ],
)
def test_the_badge_is_in_words(two: Search, reason: str, words: str):
    condition = Condition(type="Succeeded", status="True", reason=reason, last_transition_time=START)
    of = two.experiment.replace(status=two.experiment.status.replace(conditions=(condition,)))
    assert experiment_document(of, [], {})["state"]["words"] == words


def test_the_header_says_how_far_the_search_is(document: Document):
    facts = {fact["name"]: (fact["value"], fact["remark"]) for fact in document["facts"]}
    assert facts["Trials ended"] == ("48 of 48", "43 Succeeded, 3 Failed, 2 Infeasible")
    assert facts["Hypervolume"][1] == "reference point val_acc 0.94, num_params 80,000"
    assert facts["Pareto set"][0] == f"{len(document['front'])} trials"


def test_one_objective_has_a_best_value_and_neither_a_front_nor_a_hypervolume():
    document = EXAMPLES["one"]().document()
    assert [fact["name"] for fact in document["facts"]] == ["Trials ended", "Best value", "Duration"]
    best = [t["metrics"][0] for t in document["trials"] if t["place"] != "none"]
    assert document["progress"]["values"][-1] == max(best)


def test_the_file_on_the_page_can_be_run_again(two: Search, document: Document):
    assert load_experiment(document["file"]).spec == two.experiment.spec


@pytest.mark.parametrize("name", ["empty", "begun"])
def test_what_is_not_there_yet_is_empty(name: str):
    made = EXAMPLES[name]()
    trials = [trial.with_status(state="Running", metrics={}, attempts=()) for trial in made.trials]
    document = experiment_document(with_status(made.experiment, trials), trials, {})
    assert document["front"] == []
    assert document["progress"]["values"] == []
    assert document["curves"]["missing"] == "No trial has logged a scalar over several steps yet."
    assert document["choice"] == {"balanced": None, "best": {}, "steps": []}


def test_without_a_reference_point_there_is_no_hypervolume_yet():
    open_ended = [objective("val_acc", "Maximize"), objective("num_params")]
    made = search(mnist(objectives=open_ended), count=3)
    of = made.experiment.replace(status=type(made.experiment.status)())
    assert experiment_document(of, made.trials, {})["progress"]["values"] == []


# --- progress


def test_the_hypervolume_is_in_the_order_in_which_trials_ended():
    ends = [attempt(start_time=START, end_time=START + timedelta(seconds=seconds)) for seconds in (9, 3, 5)]
    first = trial(0, "Succeeded", metrics={"accuracy": 0.5, "size": 50.0}, attempts=(ends[0],))
    second = trial(1, "Succeeded", metrics={"accuracy": 0.9, "size": 90.0}, attempts=(ends[1],))
    third = trial(2, "Failed", attempts=(ends[2],))
    of = experiment()
    of = of.replace(status=of.status.replace(start_time=START))
    progress = experiment_document(of, (first, second, third), {})["progress"]
    reference = {"accuracy": 0.0, "size": 100.0}
    alone = pareto.hypervolume(of.spec, [second.status.metrics], reference)
    both = pareto.hypervolume(of.spec, [second.status.metrics, first.status.metrics], reference)
    assert progress["trials"] == [1, 2, 0]
    assert progress["values"] == [alone, alone, both]
    assert progress["time"] == [3.0, 5.0, 9.0]
    assert progress["slotTime"] == [3.0, 8.0, 17.0], "all attempts together"


@pytest.mark.parametrize(("goal", "expected"), [("Maximize", [2.0, 2.0, 3.0]), ("Minimize", [2.0, 1.0, 1.0])])
def test_the_best_so_far_never_gets_worse(goal: str, expected: list[float]):
    trials = [trial(i, "Succeeded", metrics={"a": value}) for i, value in enumerate((2.0, 1.0, 3.0))]
    assert document_of(*trials, objectives=[objective("a", goal)])["progress"]["values"] == expected


def test_failed_trials_and_those_beyond_the_threshold_have_no_best_value():
    trials = [trial(i, "Succeeded", metrics={"a": value}) for i, value in enumerate((3.0, 2.0))]
    values = document_of(*trials, trial(2, "Failed"), objectives=[objective("a", threshold=2.5)])["progress"]["values"]
    assert values == [None, 2.0, 2.0]


def test_the_start_of_the_model_is_marked(document: Document):
    ended = [document["trials"][i]["origin"] for i in document["progress"]["trials"]]
    assert document["progress"]["modelStart"] == 1 + ended.index("BayesianOptimization")


# --- curves


def with_curves(curves: dict[str, Any]) -> dict[str, Any]:
    """What is drawn if the last of three trials has logged this."""
    trials = [trial(i, "Succeeded", metrics={"a": float(i), "b": float(3 - i)}) for i in range(3)]
    objectives = [objective("a"), objective("b")]
    return dict(document_of(*trials, curves={"nas-2": curves}, objectives=objectives)["curves"])


def test_a_curve_is_what_was_logged(two: Search, document: Document):
    panels = {panel["tag"]: panel["lines"] for panel in document["curves"]["panels"]}
    assert list(panels) == ["val_acc", "train_loss"], "the objectives come first"
    for curve in panels["train_loss"]:
        logged = two.curves[document["trials"][curve["trial"]]["name"]]["train_loss"]
        assert curve["x"] == [step for step, _ in logged]
        assert curve["y"] == pytest.approx([value for _, value in logged], rel=1e-5)
    assert len(panels["val_acc"]) == len(two.curves)


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    found = with_curves({"p": [(step, float(step)) for step in range(10_000)]})
    [line] = found["panels"][0]["lines"]
    assert len(line["x"]) == 300
    assert (line["x"][0], line["x"][-1]) == (0, 9_999)
    assert found["note"] == "Longer curves are thinned to 300 points."


def test_what_is_not_finite_is_a_gap():
    [panel] = with_curves({"p": [(0, 1.0), (1, nan), (2, inf), (3, 2.0)]})["panels"]
    assert panel["lines"][0]["y"] == [1.0, None, None, 2.0]


def test_the_objectives_come_first_among_the_tags_and_the_rest_is_counted():
    tags = [f"t{i:02}" for i in range(20)] + ["b"]
    found = with_curves({tag: [(0, 1.0), (1, 2.0)] for tag in tags})
    shown = [panel["tag"] for panel in found["panels"]]
    assert shown[:2] == ["b", "t00"]
    assert len(shown) == MAX_TAGS
    assert found["note"] == "12 of 21 tags are drawn."


def test_scalars_that_were_logged_once_are_no_curves():
    assert with_curves({"num_params": [(0, 1.0)]})["panels"] == []


def test_what_never_changed_is_named_and_fills_no_panel():
    found = with_curves({"lr": [(0, 0.1), (1, 0.1), (2, 0.1)], "loss": [(0, 2.0), (1, 1.0)]})
    assert [panel["tag"] for panel in found["panels"]] == ["loss"]
    assert found["note"] == "Never changed: lr."
