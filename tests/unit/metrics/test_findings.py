"""What is said about the values in a log, and which of them counts."""

import numpy as np
import pytest

from paretonas.metrics import LogReader, Series, Wanted
from paretonas.metrics.curve import Curve
from paretonas.metrics.findings import explain_value, list_series
from paretonas.metrics.reduction import Reduction


def curve(*values: float, steps: list[int] | None = None) -> Curve:
    return Curve(np.array(steps or range(len(values)), dtype=np.int64), np.array(values))


@pytest.mark.parametrize(
    ("reduce", "words"),
    [
        ("Last", "the last of 4 values of the tag 'loss', at step 3"),
        ("Min", "the smallest of 4 values of the tag 'loss', at step 1"),
        ("Max", "the largest of 4 values of the tag 'loss', at step 2"),
        ("Mean", "the mean of the 4 values of the tag 'loss'"),
    ],
)
def test_each_reduction_says_which_value_it_takes(reduce: Reduction, words: str) -> None:
    assert explain_value(Wanted("val_loss", "loss", reduce), {"loss": {".": curve(3, 1, 4, 2)}}) == words
    only = explain_value(Wanted("val_loss", "loss", reduce), {"loss": {".": curve(3)}})
    assert only == "the only value of the tag 'loss'"


def test_the_run_is_named_unless_it_is_the_log_folder() -> None:
    runs = {"train": curve(1, 2), "validation": curve(3, 4)}
    wanted = Wanted("loss", "loss", run="validation")
    assert explain_value(wanted, {"loss": runs}).endswith("the tag 'loss' in the run 'validation', at step 1")


def test_steps_that_repeat_are_mentioned_only_where_they_matter() -> None:
    curves = {"loss": {".": curve(3, 1, 2, steps=[0, 1, 0])}}
    last, least = (explain_value(Wanted("loss", "loss", reduce), curves) for reduce in ("Last", "Min"))
    assert last.endswith("at step 0; some steps repeat, so the value that was written last counts")
    assert least.endswith("at step 1")


def test_a_metric_without_one_value_is_not_explained() -> None:
    runs = {"train": curve(1), "validation": curve(2)}
    assert explain_value(Wanted("loss", "loss"), {"loss": runs}) == ""
    assert explain_value(Wanted("acc", "acc"), {"loss": runs}) == ""


def test_every_tag_in_every_folder_is_listed() -> None:
    curves = {"b": {"train": curve(1, 2), ".": curve(5, 4, steps=[7, 3])}, "a": {".": curve(6, steps=[9])}}
    assert list_series(curves) == [
        Series("a", ".", 1, (9, 9), 6),
        Series("b", ".", 2, (3, 7), 4),
        Series("b", "train", 2, (0, 1), 2),
    ]


def test_a_reader_tells_of_what_it_has_read(logs, write, tmp_path) -> None:
    write([logs.FIRST, logs.plain(1, acc=0.5, loss=2), logs.plain(2, acc=0.75)])
    reader = LogReader(tmp_path)
    assert reader.series() == []
    reader.poll()
    assert [(s.tag, s.values, s.last) for s in reader.series()] == [("acc", 2, 0.75), ("loss", 1, 2.0)]
    assert reader.explain(Wanted("a", "acc", "Max")) == "the largest of 2 values of the tag 'acc', at step 2"
