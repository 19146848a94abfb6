"""What is written as YAML says the same to every reader."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests import builders

from paretonas.api import dump_yaml, export_experiment, import_experiment, load_documents, load_yaml

WORDS = [
    *("y", "Y", "n", "yes", "No", "on", "OFF", "true", "False", "null", "~", "NULL", ""),
    *(
        "1e-4",
        "1e5",
        "08",
        "010",
        "0o17",
        "0x1F",
        "0b11",
        "1_000",
        "+5",
        "-3e-05",
        ".5",
        "5.",
        "-.inf",
        ".NaN",
    ),
    *(
        "2026-01-31",
        "12:30:45",
        "1:30",
        "1.2.3",
        "0.1.0",
        "=",
        "<<",
        "*a",
        "&a",
        "!a",
        "- a",
        "? a",
        "a: b",
        "a #b",
    ),
    *(
        "'",
        '"',
        "\\",
        "%",
        "@",
        "`",
        "{",
        "[",
        "|",
        ">",
        " a",
        "a ",
        "a\n",
        "\n",
        "\t",
        "---",
        "...",
        "${x}",
        "\x1b[0m",
    ),
    *("\u202e", "\x85", "\u2028", "\ufeff", "世界", "👩\u200d🔬", "\x00", "a\r\nb", "tag:yaml.org,2002:int"),
]
TEXTS = (
    st.sampled_from(WORDS)
    | st.from_regex(r"[-+.]?[0-9][0-9a-fA-FxobeE_.:+-]{0,8}", fullmatch=True)
    | st.text(max_size=30)
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | TEXTS,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(TEXTS, inside, max_size=4),
    max_leaves=12,
)


def typed(value: Any) -> Any:
    """A value with its types in it: 1, 1.0 and true are equal in Python."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    return type(value).__name__, value


@settings(max_examples=200)
@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4))
@example({word: word for word in WORDS})
@example({"a": 1e-05, "b": 1e22, "c": -0.0, "d": 5e-324, "e": [[], {}, [[]]], "f": float("inf")})
def test_what_is_written_is_read_back_to_the_same_values_of_the_same_types(document: dict[str, Any]) -> None:
    [again] = load_documents(dump_yaml(document))
    assert typed(again) == typed(document)


@settings(max_examples=300)
@given(TEXTS)
def test_a_text_is_a_text_to_a_reader_of_yaml_1_1_too(text: str) -> None:
    assert yaml.safe_load(dump_yaml({"a": text})) == {"a": text}


@given(TEXTS, st.integers(20, 200))
def test_no_terminal_obeys_what_is_written(text: str, width: int) -> None:
    written = dump_yaml({text: [text]}, width=width)
    assert not {"\x1b", "\x9b", "\x9d", "\u202e", "\u2066", "\x7f", "\x00"} & set(written)


def test_what_nobody_mistakes_stands_without_quotes() -> None:
    document = {
        "command": ["python", "-m", "trainer", "--log-dir", "${trial.logDir}"],
        "a": 1,
        "b": 0.5,
        "c": True,
    }
    assert "'" not in dump_yaml(document)


def test_what_stands_twice_is_written_twice() -> None:
    shared = {"a": [1]}
    assert "&" not in dump_yaml([shared, shared])


@settings(max_examples=100)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40),
        min_size=1,
        max_size=4,
        unique=True,
    )
    | st.lists(st.sampled_from([w for w in WORDS if "\0" not in w]), min_size=1, unique=True)
)
def test_an_export_goes_on_with_the_same_experiment_and_trials(values: list[str]) -> None:
    parameters = [{"name": "c", "choice": {"values": values}}]
    experiment = builders.experiment(parameters=parameters)
    trial = builders.trial(0, "Succeeded")
    trial = trial.replace(spec=trial.spec.replace(parameters={"c": values[-1]}))
    document = export_experiment(experiment, [trial])
    again = import_experiment(load_documents(dump_yaml(document)))
    assert again.experiment.spec == experiment.spec
    assert [t.spec.parameters for t in again.trials] == [trial.spec.parameters]
    assert import_experiment(load_documents(json.dumps(document))).experiment.spec == experiment.spec


@pytest.mark.parametrize("word", WORDS)
def test_a_key_is_a_text_again(word: str) -> None:
    assert load_yaml(dump_yaml({word: 1})) == {word: 1}


@pytest.mark.parametrize("path", sorted(Path("tests/data/valid").glob("*.yaml")), ids=lambda path: path.stem)
def test_what_was_read_from_a_file_can_be_written_as_it_is(path: Path) -> None:
    document = load_yaml(path.read_text())
    assert load_yaml(dump_yaml(document)) == document
