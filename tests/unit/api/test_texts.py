"""Files as other programs write them: JSON is read as JSON, and a message shows what was typed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import MINIMAL

from paretonas.api import (
    InvalidDocument,
    import_experiment,
    load_documents,
    load_experiment,
    load_yaml,
    parse_trial,
    plain,
)

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
DOCUMENTS = st.dictionaries(
    st.text(), st.recursive(PLAIN, lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=8)
)


def told(text: str, *, json: bool = False) -> str:
    """The one problem of a text."""
    with pytest.raises(InvalidDocument) as caught:
        load_documents(text, json=json)
    [problem] = caught.value.problems
    assert len(str(problem).splitlines()) == 1
    return str(problem)


@given(DOCUMENTS, st.sampled_from([None, 2, "\t"]), st.booleans())
def test_what_json_dumps_has_written_is_read_back(document: dict[str, Any], indent: Any, ascii_only: bool):
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    assert load_documents(text) == [document]
    assert load_documents(text, json=True) == [document]


def test_an_experiment_may_be_json_with_tabs_and_surrogate_pairs():
    parameters = [{"name": "mood", "choice": {"values": ["\U0001f600", "\U0001f680", "ß"]}}]
    document = {
        "apiVersion": "paretonas.io/v1alpha1",
        "kind": "NASExperiment",
        "metadata": {"name": "json"},
        "spec": {**MINIMAL, "parameters": parameters},
    }
    text = json.dumps(document, indent="\t")
    assert "\\ud83d\\ude80" in text
    [parameter] = load_experiment("\ufeff\n" + text).spec.parameters
    assert parameter.domain.values == ("\U0001f600", "\U0001f680", "ß")  # type: ignore[union-attr] # a choice


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}{"b": 2}\n[3]', [{"a": 1}, {"b": 2}, [3]]),
        ("null", []),
        ('{"x": NaN}', None),
        ("  ", []),
        ('{"x": 1E-4}', [{"x": 1e-4}]),
    ],
)
def test_json_documents_stand_behind_each_other(text: str, expected: list[Any] | None):
    found = load_documents(text, json=True)
    assert found == expected or (expected is None and found[0]["x"] != found[0]["x"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a: 1, b: [x, 'y']}", {"a": 1, "b": ["x", "y"]}),
        ('{"a": 1, b: 2}', {"a": 1, "b": 2}),
        ('{"a": 1,}', {"a": 1}),
        ('{"a": &x [1], "b": *x}', {"a": [1], "b": [1]}),
        ('{\n  # a comment\n  "a": 1\n}', {"a": 1}),
    ],
)
def test_yaml_that_begins_with_a_bracket_stays_yaml(text: str, expected: Any):
    assert load_yaml(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '{"a": {"n": 1, "n": 2}}',
            "document: has the key 'n' a second time in one mapping; remove one of them",
        ),
        ('{"a": 1\n "b": 2}', "line 2, column 2: is not JSON: Expecting ',' delimiter; correct the syntax"),
        ('{\n\t"a": tru\n}', "line 2, column 7: is not JSON: Expecting value"),
        ('[\n"a"', "line 2, column 4: is not JSON"),
        ('{"a": "x', "line 1, column 7: is not JSON: Unterminated string"),
        ("{a: 1", "line 1, column 6: is not YAML"),
        ('{"a": ' + "[" * 400 + "]" * 400 + "}", "document: is nested too deep"),
        ('{"a": ' + "[" * 9000 + "]" * 9000 + "}", "document: is nested too deep"),
        ('{"a": ' + "9" * 5000 + "}", "document: contains a number of 5,000 digits"),
    ],
)
def test_json_that_is_wrong_is_told_in_its_words(text: str, expected: str):
    assert told(text).startswith(expected)


@pytest.mark.parametrize("text", ['{"a": 1,}', "{'a': 1}", "a: 1", '{"a": 1} # no', "{a: 1}"])
def test_a_json_file_is_nothing_but_json(text: str):
    assert "is not JSON" in told(text, json=True)


@pytest.mark.parametrize("typed", ["y", "Y", "yes", "On", "n", "NO", "off", "true", "0x1F", "012", "1_0", "1e3", ".5"])
def test_a_message_shows_what_was_typed(typed: str):
    text = f"apiVersion: v1\nkind: {typed}\nmetadata: {{name: {typed}}}\nspec: {{objectives: [{typed}]}}"
    with pytest.raises(InvalidDocument) as caught:
        load_experiment(text)
    lines = [str(problem) for problem in caught.value.problems]
    assert f"metadata.name: {typed}: is not a text; put a text in quotes" in " ".join(lines)
    assert any(line.startswith(f"kind: {typed}: ") for line in lines)
    assert any(line.startswith(f"spec.objectives[0]: {typed}: ") for line in lines)


def test_what_is_typed_in_quotes_is_shown_in_quotes():
    with pytest.raises(InvalidDocument, match=r'^kind: "yes": is not known'):
        load_experiment("apiVersion: paretonas.io/v1alpha1\nkind: 'yes'\nmetadata: {name: a}\nspec: {}")


def test_a_key_that_is_no_text_is_shown_as_typed():
    assert told("a: {No: 1}") == "line 1, column 5: has the key No, which is not a text; put it in quotes"


def test_the_value_of_an_option_is_not_what_was_typed_in_the_file():
    document = load_yaml(
        "apiVersion: paretonas.io/v1alpha1\nkind: NASExperiment\nmetadata: {name: a}\nspec: {maxTrials: 1_0, seed: 0x1}"
    )
    with pytest.raises(InvalidDocument) as caught:
        import_experiment([document], {"maxTrials": 0})
    lines = [str(problem) for problem in caught.value.problems]
    assert "spec.maxTrials: 0: is less than 1; write 1 or more" in lines
    assert any(line.startswith("spec.seed: 0x1: is not a known field") for line in lines)


@pytest.mark.parametrize("bad", ["\0", "a\0b", "\ud800", "x\udfff"])
def test_a_trial_with_an_unusable_text_is_refused_but_not_for_what_it_printed(bad: str):
    def trial(value: str, message: str) -> dict[str, Any]:
        return {
            "apiVersion": "paretonas.io/v1alpha1",
            "kind": "NASTrial",
            "metadata": {"name": "nas-0"},
            "spec": {"experiment": "nas", "index": 0, "parameters": {"c": value}},
            "status": {"message": message},
        }

    assert parse_trial(trial("good", bad)).status.message == plain(bad)
    with pytest.raises(InvalidDocument) as caught:
        parse_trial(trial(bad, "good"))
    [problem] = caught.value.problems
    assert problem.path == "spec.parameters.c"
    str(problem).encode()
