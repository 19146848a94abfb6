"""Arguments that argparse makes something else of."""

from typing import Any

import pytest
from tests.builders import spec

from paretonas.jobs.argument_checks import misread

SOURCE = """
import argparse
def main():
    parser = argparse.ArgumentParser()
    group = parser.add_argument_group("net")
    group.add_argument("-b", "--use-bn", type=bool, default=True)
    parser.add_argument("--fine", action=argparse.BooleanOptionalAction)
    parser.add_argument("--augment", type=bool)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--kind")
    parser.add_argument(NAME, type=bool)
    type(bool)
"""


def told(args: list[str] | None, source: str = SOURCE, **domain: Any) -> list[str]:
    """The warnings about one parameter, called p, or augment where it is passed by default."""
    name = "p" if args is not None else "augment"
    trial = {"command": ["python", "train.py"], **({} if args is None else {"args": args})}
    of = spec(parameters=[{"name": name, **(domain or {"bool": {}})}], trial=trial)
    return [str(problem) for problem in misread(of, "train.py", source)]


@pytest.mark.parametrize(
    ("args", "flag", "path"),
    [
        (["--use-bn=${parameters.p}"], "--use-bn", "spec.trial.args[0]"),
        (["--x", "-b", "${parameters.p}"], "-b", "spec.trial.args[2]"),
        (None, "--augment", "spec.parameters[0].name"),
    ],
)
def test_a_boolean_that_is_always_true_is_told(args: list[str] | None, flag: str, path: str) -> None:
    [line] = told(args)
    assert line.startswith(f'{path}: "{flag}": is read by train.py with type=bool, for which every text is true')
    assert "action=argparse.BooleanOptionalAction" in line
    assert ("--[no-]" in line) == (args is not None)


def test_a_number_that_is_read_as_a_boolean_is_told_too() -> None:
    assert told(["--use-bn=${parameters.p}"], intChoice={"values": [0, 1]})


@pytest.mark.parametrize(
    "args",
    [
        ["--[no-]use-bn=${parameters.p}"],
        ["[--use-bn]=${parameters.p}"],
        ["--fine=${parameters.p}"],
        ["--fine", "${parameters.p}"],
        ["--use-bn", "x${parameters.p}"],
        [],
    ],
)
def test_what_is_right_or_cannot_be_seen_is_not_told(args: list[str]) -> None:
    assert told(args) == []


@pytest.mark.parametrize("source", ["", "def (", "\0", "x = 1", "(" * 5000, "#!/bin/sh\nset -e; exec train"])
def test_a_text_that_is_no_python_says_nothing(source: str) -> None:
    assert told(["--use-bn=${parameters.p}"], source) == []


@pytest.mark.parametrize(
    ("domain", "example"),
    [
        ({"float": {"min": -0.001, "max": 0.002}}, "-3e-05"),
        ({"float": {"min": -7e20, "max": -5e3}}, "-1e+16"),
        ({"choice": {"values": ["plain", "-x"]}}, "-x"),
        ({"floatChoice": {"values": [1.0, -2.5e-7]}}, "-2.5e-07"),
        ({"float": {"min": -3.0, "max": -0.1}}, None),
        ({"float": {"min": 0.0, "max": 0.1}}, None),
        ({"int": {"min": -9, "max": 9}}, None),
        ({"floatChoice": {"values": [-0.5, 2.0]}}, None),
    ],
)
def test_a_value_that_looks_like_a_flag_is_told_where_it_is_a_word_of_its_own(
    domain: dict[str, Any], example: str | None
) -> None:
    lines = told(["--kind", "${parameters.p}"], **domain)
    assert bool(lines) == (example is not None)
    if example is not None:
        assert f"takes for a flag, as {example}; write it in one word" in lines[0]
    assert told(["--kind=${parameters.p}"], **domain) == []
    assert told(["--other", "${parameters.p}"], **domain) == [], "who reads it is not known"


@pytest.mark.parametrize(
    ("parameter", "source", "known"),
    [
        ("num_layers", "p.add_argument('--num-layers', type=int)", "--num-layers"),
        ("lr", "p.add_argument('--lr'); p.add_argument('--log_dir')", "--log_dir"),
        ("weight_decay_2", "p.add_argument('--weight-decay-2'); p.add_argument('--log-dir')", "--weight-decay-2"),
    ],
)  # fmt: skip
def test_a_flag_that_the_script_spells_otherwise_is_told_before_it_is_refused(
    parameter: str, source: str, known: str
) -> None:
    of = spec(parameters=[{"name": parameter, "int": {"min": 1, "max": 9}}], trial={"command": ["python", "t.py"]})
    [line] = map(str, misread(of, "t.py", source))
    assert f"but t.py calls it {known}" in line
    assert f'"{known}=${{' in line


@pytest.mark.parametrize(
    "source",
    [
        "p.add_argument('--num_layers'); p.add_argument('--log-dir')",
        "p.add_argument('--num-layers', '--num_layers'); p.add_argument('--log_dir', '--log-dir')",
        "import sys",
    ],
)
def test_a_script_that_knows_the_flag_or_shows_none_is_no_reason_for_a_warning(source: str) -> None:
    of = spec(
        parameters=[{"name": "num_layers", "int": {"min": 1, "max": 9}}],
        trial={"command": ["python", "t.py"]},
    )
    assert list(misread(of, "t.py", source)) == []


OUTPUT = "p.add_argument('--log-dir'); p.add_argument('--width'); p.add_argument('--output{}dir')"


@pytest.mark.parametrize("dash", ["-", "_"])
def test_a_flag_for_the_output_folder_that_nothing_passes_is_told(dash: str) -> None:
    width = [{"name": "width", "int": {"min": 1, "max": 9}}]
    source, command = OUTPUT.format(dash), ["python", "t.py"]
    of = spec(parameters=width, trial={"command": command})
    [line] = map(str, misread(of, "t.py", source))
    assert line.startswith(f"spec.trial.args: t.py has --output{dash}dir, which is passed only in args; ")
    assert f'"--output{dash}dir=${{trial.outputDir}}"' in line
    assert list(misread(of, "t.py", f"{source}\nos.environ['PARETONAS_OUTPUT_DIR']")) == []
    passed = spec(parameters=width, trial={"command": command, "args": []})
    assert list(misread(passed, "t.py", source)) == [], "its author writes what is passed"
