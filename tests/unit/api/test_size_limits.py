"""How much of a document is read at all."""

import copy
from typing import Any

import pytest
from tests import builders

from paretonas.api import InvalidDocument, UnreadableTrial, load_yaml, parse_experiment, read_trial
from paretonas.api.size_limits import MAX_LEVELS, MAX_OVERLAY, MAX_PARTS, Refused, bound_overlay, too_deep

DEEPEST = 9_990
"""Levels that an API server stores."""


def nested(levels: int, inside: Any = 1) -> Any:
    """Mappings and lists by turns."""
    value = inside
    for level in range(levels):
        value = [value] if (levels - level) % 2 else {"a": value}
    return {"a": value}


def document(overlay: Any) -> dict[str, Any]:
    written = builders.experiment().to_dict()
    written["spec"]["trial"]["podOverlay"] = overlay
    return written


def told(written: Any) -> str:
    with pytest.raises(InvalidDocument) as invalid:
        parse_experiment(written)
    return str(invalid.value)


def test_an_overlay_of_a_large_pod_is_taken_as_it_is() -> None:
    terms = [{"key": f"zone-{i}", "operator": "In", "values": ["a", "b"]} for i in range(100)]
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}
    overlay = {"metadata": {"annotations": {"note": "x" * 40_000}}, "spec": {"affinity": affinity}}
    assert bound_overlay(overlay) is overlay
    assert parse_experiment(document(overlay)).spec.trial.pod_overlay == overlay


@pytest.mark.parametrize("levels", [40, 333, 1_200, DEEPEST])
def test_an_overlay_of_any_depth_is_refused_and_not_recursed_into(levels: int) -> None:
    words = "is nested more than 32 levels deep" if levels < MAX_PARTS else "has more than 500 mappings and lists"
    assert words in told(document(bound_overlay(nested(levels))))
    assert "levels deep" in told(document(nested(levels))), "also where nobody has bounded it before"


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        ({"a": [{} for _ in range(466_000)]}, "is larger than 64 KiB"),
        ({"a": "é" * MAX_OVERLAY}, "is larger than 64 KiB"),
        ({f"key-{i:05}": None for i in range(6_000)}, "is larger than 64 KiB"),
        ({"a": [[] for _ in range(MAX_PARTS - 1)]}, "has more than 500 mappings and lists"),
        ({f"a{i}": {} for i in range(MAX_PARTS)}, "has more than 500 mappings and lists"),
    ],
)
def test_an_overlay_beyond_its_bounds_is_refused_and_nothing_of_it_is_kept(overlay: Any, words: str) -> None:
    kept = bound_overlay(overlay)
    assert (dict(kept), type(kept)) == ({}, Refused)
    for written in (overlay, kept, copy.deepcopy(kept)):
        assert told(document(written)).startswith(f"spec.trial.podOverlay: {words}; ")


def test_an_overlay_at_its_bounds_is_taken() -> None:
    for overlay in ({"a": [{} for _ in range(MAX_PARTS - 2)]}, {"a": "x" * (MAX_OVERLAY - 10)}):
        assert bound_overlay(overlay) is overlay


@pytest.mark.parametrize("field", ["objectives", "parameters", "trial", "search", "unknown"])
def test_any_other_field_of_any_depth_is_refused_with_its_path(field: str) -> None:
    written = document({})
    written["spec"][field] = nested(DEEPEST)
    assert told(written).startswith(f"spec.{field}.a[0].a: is nested more than {MAX_LEVELS} levels deep; ")


def test_a_yaml_file_of_any_depth_is_refused() -> None:
    for levels in (50, 400, 5_000):
        with pytest.raises(InvalidDocument, match="deep"):
            parse_experiment(load_yaml("{a: " * levels + "1" + "}" * levels))


@pytest.mark.parametrize("levels", [MAX_LEVELS - 1, MAX_LEVELS])
def test_depth_is_counted_from_the_document(levels: int) -> None:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    assert too_deep(value) is None
    assert too_deep([value]) == (None if levels < MAX_LEVELS else (0, *["a"] * (MAX_LEVELS - 1)))


# --- trials


def body(**spec: Any) -> dict[str, Any]:
    written = builders.trial(3).to_dict()
    written["metadata"] |= {"uid": "u", "resourceVersion": "7"}
    return {**written, "spec": {**written["spec"], **spec}}


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"parameters": {"x": {"deep": [1]}}}, "spec.parameters.x"),
        ({"parameters": {"x": 0.5, "y": "z" * 254}}, "spec.parameters.y"),
        ({"parameters": {"x": nested(DEEPEST)}}, "spec.parameters.x.a[0]"),
        ({"parameters": [0.5]}, "spec.parameters"),
        ({"index": 2**31 - 1}, "spec.index"),
        ({"index": -1}, "spec.index"),
        ({"observation": {"metrics": {"accuracy": "good"}}}, "spec.observation.metrics.accuracy"),
        ({"observation": 7}, "spec.observation"),
        ({"origin": "Nobody"}, "spec.origin"),
    ],
)
def test_of_a_trial_that_cannot_be_read_name_and_status_are_left_and_why(spec: Any, path: str) -> None:
    written = body(**spec)
    trial = read_trial(written)
    assert isinstance(trial, UnreadableTrial)
    assert [problem.path for problem in trial.problems] == [path]
    assert (trial.name, trial.spec.experiment, trial.spec.parameters) == ("nas-3", "nas", {})
    assert trial.spec.index == (0 if "index" in spec else 3)
    assert trial.to_dict()["metadata"] == written["metadata"], "with which its status is written"
    assert isinstance(trial.with_status(state="Infeasible"), UnreadableTrial)


def test_a_status_that_somebody_else_has_written_makes_its_trial_one_that_cannot_be_read() -> None:
    written = body() | {"status": {"state": "Perfect", "attempts": [{"job": 5}]}}
    trial = read_trial(written)
    assert isinstance(trial, UnreadableTrial)
    assert (trial.status.state, trial.status.attempts) == ("Pending", ())
