"""Which indices new trials get, whatever others have put in the way."""

from itertools import islice

import pytest
from tests.builders import trial

from paretonas.api import MAX_INDEX, NASTrial, TrialMetadata
from paretonas.engine.trial_indices import describe_passed_over, free_indices


def first(trials: list[NASTrial], strangers: dict[str, str] | None = None, count: int = 3) -> list[int]:
    ordered = sorted(trials, key=lambda t: t.spec.index)
    return list(islice(free_indices("nas", ordered, strangers or {}), count))


def named(index: int, name: str) -> NASTrial:
    return trial(index).replace(metadata=TrialMetadata(name=name))


@pytest.mark.parametrize(
    ("trials", "strangers", "indices"),
    [
        ([], {}, [0, 1, 2]),
        ([trial(0), trial(4)], {}, [5, 6, 7]),
        ([], {"nas-0": "other", "nas-1": "other"}, [2, 3, 4]),
        ([trial(0)], {"nas-2": "other"}, [1, 3, 4]),
        ([trial(0), named(1, "nas-3")], {}, [2, 4, 5]),
        ([trial(MAX_INDEX)], {}, [0, 1, 2]),
        ([trial(0), trial(2), trial(MAX_INDEX - 1)], {"nas-3": "other"}, [MAX_INDEX, 1, 4]),
    ],
)
def test_new_trials_come_after_the_last_and_then_into_gaps_past_names_that_are_taken(
    trials: list[NASTrial], strangers: dict[str, str], indices: list[int]
) -> None:
    assert first(trials, strangers) == indices


def test_strangers_are_told_of_once_an_index_was_passed_over_for_them() -> None:
    strangers = {"nas-1": "other", "nas-30": "third"}
    assert describe_passed_over([], strangers) == describe_passed_over([trial(0)], strangers) == ""
    said = describe_passed_over([trial(0), trial(2)], strangers)
    assert "nas-1 (of other)" in said
    assert "nas-30" not in said


def test_a_thousand_strangers_are_a_few_names_and_a_number() -> None:
    said = describe_passed_over([trial(2_000)], {f"nas-{i}": "other" for i in range(1_000)})
    assert said.count("(of other)") == 5
    assert said.endswith(" and 995 more")
