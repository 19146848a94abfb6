import math
import re

import numpy as np
import pytest
import yaml

from paretonas.metrics.curve import Curve
from paretonas.metrics.reduction import Logged, Reading, Wanted, summarise


def curve(*values: float) -> Curve:
    return Curve(np.arange(len(values), dtype=np.int64), np.array(values, dtype=np.float64))


def reading(curves: dict[str, Curve], *wanted: Wanted) -> Reading:
    return in_folders({tag: {".": curve} for tag, curve in curves.items()}, *wanted)


def in_folders(curves: dict[str, dict[str, Curve]], *wanted: Wanted) -> Reading:
    return summarise(curves, wanted, notes=["a note"], nothing="there is nothing")


@pytest.mark.parametrize(("reduce", "expected"), [("Last", 2.0), ("Min", 1.0), ("Max", 4.0), ("Mean", 2.5)])
def test_a_curve_is_reduced_to_one_value(reduce, expected):
    found = reading({"loss": curve(3, 1, 4, 2)}, Wanted("val_loss", "loss", reduce))
    assert found == Reading({"val_loss": expected}, (), (), ("a note",), logged={"val_loss": Logged(4, 3)})


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("reduce", ["Last", "Min", "Max", "Mean"])
def test_a_last_value_that_is_not_finite_is_a_failure_with_step_and_tag(reduce, bad):
    found = reading({"loss": curve(3, bad)}, Wanted("val_loss", "loss", reduce))
    assert found.values == {}
    assert found.not_finite == ("val_loss",)
    assert found.problems == (f"metric 'val_loss': tag 'loss' is {bad} at step 1",)


@pytest.mark.parametrize("reduce", ["Min", "Max", "Mean"])
def test_an_earlier_value_that_is_not_finite_fails_a_reduction_over_the_curve(reduce):
    found = reading({"loss": curve(3, math.nan, 2)}, Wanted("val_loss", "loss", reduce))
    assert found.not_finite == ("val_loss",)
    assert found.problems == ("metric 'val_loss': tag 'loss' is nan at step 1",)


def test_an_earlier_value_that_is_not_finite_does_not_matter_to_the_last():
    found = reading({"loss": curve(math.nan, 2)}, Wanted("val_loss", "loss"))
    assert found == Reading({"val_loss": 2.0}, (), (), ("a note",), logged={"val_loss": Logged(2, 1)})


def test_how_long_a_metric_was_logged_is_that_of_the_folder_that_counts():
    late = Curve(np.array([3, 70]), np.array([math.nan, 1.0]))
    folders = {
        "loss": {"version_0": curve(*range(9)), "version_1": curve(3, 1, 4)},
        "acc": {".": late},
        "lr": {"a": curve(*range(99)), "b": curve(1)},
        "unwanted": {".": curve(*range(99))},
    }
    wanted = [Wanted(name, name) for name in ("loss", "acc", "lr", "missing")]
    assert in_folders(folders, *wanted).logged == {"loss": Logged(3, 2), "acc": Logged(2, 70)}
    assert in_folders(folders, Wanted("rate", "lr", run="a")).logged == {"rate": Logged(99, 98)}


def test_a_mean_too_large_for_a_number_is_not_finite():
    found = reading({"loss": curve(1.7e308, 1.7e308)}, Wanted("val_loss", "loss", "Mean"))
    assert found.not_finite == ("val_loss",)
    assert found.problems == ("metric 'val_loss': the mean of tag 'loss' is too large for a number",)


def test_a_missing_tag_lists_the_tags_that_were_found():
    found = reading({"val/f1": curve(1), "loss": curve(1)}, Wanted("acc", "val_acc"))
    assert found.problems == ("metric 'acc': no scalar has the tag 'val_acc'; tags found: 'loss', 'val/f1' (a note)",)
    assert (found.values, found.not_finite) == ({}, ())


@pytest.mark.parametrize(
    ("tag", "near"),
    [
        ("val_acc", "val/acc"),
        ("accuracy", "Accuracy"),
        ("val_loss", "valid_loss"),
        ("val_acc", "epoch/val_acc"),
        ("num_params", "numParams"),
        ("acc", ' "acc"'),
    ],
)
def test_a_missing_tag_names_the_one_that_is_near_as_yaml(tag: str, near: str) -> None:
    [problem] = reading({near: curve(1), "lr": curve(1)}, Wanted("metric", tag)).problems
    [entry] = re.findall(r"is meant, say so in spec.metrics: (\{.*\}) \(a note\)$", problem)
    assert yaml.safe_load(entry) == {"name": "metric", "tag": near}


@pytest.mark.parametrize("other", ["loss", "lr", "epoch", "x" * 10_000, "val_acc" + "c" * 200])
def test_a_tag_that_is_not_near_is_not_proposed(other: str) -> None:
    [problem] = reading({other: curve(1)}, Wanted("val_acc", "val_acc")).problems
    assert "is meant" not in problem


def test_a_tag_must_match_exactly():
    found = reading({"accuracy_top5": curve(1), "Accuracy": curve(1)}, Wanted("acc", "accuracy"))
    assert found.values == {}


def test_very_many_tags_are_not_all_listed():
    [problem] = reading({f"tag{number:02}": curve(1) for number in range(33)}, Wanted("acc", "acc")).problems
    assert problem.count("'tag") == 20
    assert problem.endswith("'tag19' and 13 more (a note)")


def test_a_tag_cannot_spread_over_lines_or_pages():
    [problem] = reading({"a\nb" + "c" * 10_000: curve(1)}, Wanted("acc", "acc")).problems
    assert "\n" not in problem
    assert len(problem) < 300


def test_one_metric_that_is_missing_does_not_hide_the_others():
    found = reading({"loss": curve(1), "nan": curve(math.nan)}, *(Wanted(tag, tag) for tag in ("x", "loss", "nan")))
    assert found.values == {"loss": 1.0}
    assert [problem.split(":")[0] for problem in found.problems] == ["metric 'x'", "metric 'nan'"]


def test_without_any_curve_the_reason_given_is_the_callers():
    assert reading({}, Wanted("acc", "acc")).problems == ("metric 'acc': there is nothing",)


# Several folders


def test_a_tag_in_several_folders_is_no_value_but_says_which_there_are_and_what_to_write():
    found = in_folders({"epoch_loss": {"train": curve(1), "validation": curve(2)}}, Wanted("val_loss", "epoch_loss"))
    problem = (
        "metric 'val_loss': the tag 'epoch_loss' is in several folders: 'train', 'validation'; say in spec.metrics "
        'which one counts, as {name: val_loss, tag: "epoch_loss", run: "train"}'
    )
    assert found == Reading({}, (problem,), (), ("a note",), ambiguous=("val_loss",))


@pytest.mark.parametrize(("run", "value"), [("validation", 2.0), ("train", 1.0), (".", 3.0)])
def test_the_folder_that_a_metric_names_counts(run, value):
    curves = {"loss": {"train": curve(1), "validation": curve(2), ".": curve(3)}}
    assert in_folders(curves, Wanted("loss", "loss", run=run)).values == {"loss": value}


def test_two_metrics_of_one_tag_may_name_a_folder_each():
    curves = {"loss": {"train": curve(1), "validation": curve(2)}}
    found = in_folders(curves, Wanted("a", "loss", run="train"), Wanted("b", "loss", run="validation"))
    assert found.values == {"a": 1.0, "b": 2.0}


def test_a_folder_without_the_tag_is_answered_with_those_that_have_it():
    curves = {"loss": {"train": curve(1), ".": curve(2)}, "acc": {"test": curve(3)}}
    found = in_folders(curves, Wanted("loss", "loss", run="test"))
    assert found.problems == ("metric 'loss': the tag 'loss' is not in a folder 'test', only in '.', 'train' (a note)",)
    assert found.ambiguous == ()


def test_what_to_write_is_yaml_that_means_it_whatever_the_names_are():
    odd = 'a "b": {c}\u202e#'
    [problem] = in_folders({odd: {"yes": curve(1), "1.5": curve(2)}}, Wanted("x", odd)).problems
    assert problem.isprintable()
    assert yaml.safe_load(problem.partition(", as ")[2]) == {"name": "x", "tag": odd, "run": "1.5"}


def test_an_optional_metric_is_no_problem_when_it_is_not_there() -> None:
    found = reading(
        {"loss": curve(1), "nan": curve(math.nan)}, *(Wanted(t, t, optional=True) for t in ("x", "loss", "nan"))
    )
    assert (found.values, found.problems, found.not_finite) == ({"loss": 1.0}, (), ("nan",))
