"""Documents that nobody would write by mistake: an error that says so, soon, and nothing else."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paretonas.api import (
    InvalidDocument,
    import_experiment,
    load_documents,
    load_yaml,
    parse_experiment,
    parse_trial,
    substitute,
)
from paretonas.api.substitution import has_unclosed_reference, references

VALID = [load_yaml(path.read_text()) for path in sorted(Path("tests/data/valid").glob("*.yaml"))]
CORPUS = sorted(Path("tests/data/corpus/specs").iterdir())
TRIAL = {
    "apiVersion": "paretonas.io/v1alpha1",
    "kind": "NASTrial",
    "metadata": {"name": "nas-0"},
    "spec": {
        "experiment": "nas",
        "index": 0,
        "parameters": {"x": 0.5},
        "observation": {"metrics": {"a": 1.0}},
    },
}

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["${", "${parameters.x}", "1e999", "../..", "a" * 5000, "\x00", "x <= y", "0 <= 0", "-"]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=6), inside, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inside for place in places(item, (*path, key)))]


def with_value(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with something else at a place."""
    copy = json.loads(json.dumps(document))
    if not path:
        return value
    at = copy
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return copy


def read(document: Any) -> None:
    """Every way that a document is read by: each ends, and raises nothing but InvalidDocument."""
    for reader in (parse_experiment, parse_trial, lambda document: import_experiment([document])):
        try:
            reader(document)
        except InvalidDocument as error:
            if not error.problems or not str(error):
                pytest.fail(f"refused without a reason: {document}")


@settings(max_examples=300)
@given(st.data())
def test_anything_in_any_place_of_a_document_is_read_or_refused(data: st.DataObject) -> None:
    document = data.draw(st.sampled_from([*VALID, TRIAL]))
    for _ in range(data.draw(st.integers(1, 3))):
        document = with_value(document, data.draw(st.sampled_from(places(document))), data.draw(ANYTHING))
    read(document)


@settings(max_examples=200)
@given(st.text(max_size=200) | st.text(alphabet="{}[]:-&*!|>%@` \n\tab1\"'#,?", max_size=60))
def test_any_text_is_yaml_or_is_said_not_to_be(text: str) -> None:
    try:
        documents = load_documents(text)
    except InvalidDocument:
        return
    for document in documents:
        read(document)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_what_was_thought_of_or_found_before_is_refused(path: Path) -> None:
    with pytest.raises(InvalidDocument):
        import_experiment(load_documents(path.read_text(errors="surrogateescape")))


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system [id]", "!!python/name:os.system", "!local x"])
def test_no_tag_makes_an_object(tag: str) -> None:
    with pytest.raises(InvalidDocument, match="is not YAML"):
        load_yaml(f"kind: {tag}")


# --- a few bytes that stand for much


def bomb(levels: int, width: int, merged: str) -> str:
    """Each level brings the one before it so many times."""
    lines = ["a0: &a0 {k: 1, l: 2}"]
    for level in range(1, levels + 1):
        names = ", ".join([f"*a{level - 1}"] * width)
        lines.append(f"a{level}: &a{level} {{{merged % names}}}")
    return "\n".join(lines)


@pytest.mark.parametrize("merged", ["<<: [%s], k: 3", "m: [%s]"], ids=["merged", "repeated"])
@pytest.mark.parametrize(("levels", "width"), [(9, 10), (30, 7), (1, 2_000), (200, 30)])
def test_a_few_lines_that_stand_for_billions_are_read_or_refused_soon(levels: int, width: int, merged: str) -> None:
    with contextlib.suppress(InvalidDocument):
        [document] = load_documents(bomb(levels, width, merged))
        if merged.startswith("<<"):
            assert document[f"a{levels}"] == {"k": 3, "l": 2}


def test_a_merge_of_very_many_keys_is_refused() -> None:
    keys = ", ".join(f"k{i}: 1" for i in range(2_000))
    with pytest.raises(InvalidDocument, match="contains more than 100,000 values"):
        load_documents(f"a: &a {{{keys}}}\nb: {{<<: [{', '.join(['*a'] * 60)}]}}")


def test_what_is_merged_gives_way_to_what_stands_there_and_to_what_came_before_it() -> None:
    text = "a: &a {u: 1, v: 1}\nb: &b {v: 2, w: 2}\nc: {<<: [*a, *b], u: 0}\nd: {<<: *b, x: 4}"
    document = load_yaml(text)
    assert (document["c"], document["d"]) == ({"u": 0, "v": 1, "w": 2}, {"v": 2, "w": 2, "x": 4})
    for wrong in ("a: {<<: 5}", "a: {<<: [5]}", "a: &a {<<: *a}"):
        with pytest.raises(InvalidDocument):
            load_yaml(wrong)


@pytest.mark.parametrize("number", ["9" * 5_000, "-" + "1" * 1_001, "0x" + "f" * 5_000, "0" * 4_000, "1_0" * 3_000])
def test_a_number_of_thousands_of_digits_is_refused_with_its_place(number: str) -> None:
    for text in (f"maxTrials: {number}", f"a: [1, {number}]"):
        with pytest.raises(InvalidDocument, match=r"line 1, column \d+: .* of [\d,]+ digits; write a shorter number"):
            load_yaml(text)


@pytest.mark.parametrize(
    "text", ["${" * 200_000, "}" + "${" * 200_000, "$${" * 200_000, "${a" * 100_000 + "}", "{$}" * 100_000]
)
def test_a_text_of_nothing_but_references_is_looked_through_once(text: str) -> None:
    assert len(references(text)) <= 1
    assert has_unclosed_reference(text) == (not text.endswith("}"))
    assert substitute(text, {"a" + "${a" * 99_999: 1, "x": 1}) in {text, "1"}
