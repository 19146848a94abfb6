import argparse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretonas.api import Scalar, TrialTemplate, format_value, substitute, trial_arguments, words
from paretonas.api.substitution import has_unclosed_reference, inactive, references

VALUES: dict[str, Scalar] = {
    "parameters.width": 64,
    "parameters.rate": 1e-05,
    "parameters.augment": True,
    "parameters.optimizer": "sgd",
    "parameters.shift": -0.5,
    "trial.logDir": "/logs/x/0/a1",
}


def arguments(*args: str, values: dict[str, Scalar] = VALUES) -> list[str]:
    return trial_arguments(TrialTemplate(command=("python",), args=args), values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain", "plain"),
        ("${parameters.width}", "64"),
        ("--width=${parameters.width}", "--width=64"),
        ("${parameters.width}x${parameters.width}", "64x64"),
        ("${parameters.rate}", "1e-05"),
        ("${parameters.augment}", "true"),
        ("${parameters.optimizer}", "sgd"),
        ("$${parameters.width}", "${parameters.width}"),
        ("$${HOME}/${parameters.width}", "${HOME}/64"),
        ("$HOME $(pwd) $$ {x}", "$HOME $(pwd) $$ {x}"),
    ],
)
def test_references_are_replaced_and_everything_else_is_left_alone(text: str, expected: str):
    assert substitute(text, VALUES) == expected


def test_a_value_is_not_read_for_references_again():
    assert substitute("${a}", {"a": "${b}", "b": "no"}) == "${b}"


def test_a_reference_without_a_value_is_an_error():
    with pytest.raises(KeyError, match=r"parameters\.depth"):
        substitute("${parameters.depth}", VALUES)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_written_with_every_digit_that_it_has(value: float):
    assert float(format_value(value)) == value
    assert float(substitute("${x}", {"x": value})) == value


@pytest.mark.parametrize(("value", "expected"), [(True, "true"), (False, "false"), (1, "1"), (1.0, "1.0"), ("1", "1")])
def test_a_value_is_written_as_a_command_line_wants_it(value: Scalar, expected: str):
    assert format_value(value) == expected


def test_references_are_found_and_escaped_ones_are_not():
    assert references("${a} $${b} x${c.d}${e}") == ["a", "c.d", "e"]
    assert references("$HOME ${} $(f)") == [""]


@pytest.mark.parametrize("text", ["${a", "${a} ${b", "$${a", "x${"])
def test_a_reference_that_is_not_closed_is_seen(text: str):
    assert has_unclosed_reference(text)


@pytest.mark.parametrize("text", ["", "${a}", "$${a}", "$a {b}", "$(a)", "}${a}{"])
def test_a_text_without_an_open_reference_is_not_unclosed(text: str):
    assert not has_unclosed_reference(text)


def test_without_args_every_parameter_is_passed_by_its_name_and_the_log_folder_at_the_end():
    template = TrialTemplate(command=("python",))
    assert trial_arguments(template, VALUES) == [
        "--width=64", "--rate=1e-05", "--augment", "--optimizer=sgd", "--shift=-0.5", "--log-dir=/logs/x/0/a1",
    ]  # fmt: skip


ARGPARSE_LOSES = "--"
"""In Python 3.11 argparse drops it, even in ``--name=--``."""


def parsed(**values: Scalar) -> dict[str, Scalar]:
    """What argparse makes of the default arguments."""
    named = {f"parameters.{name}": value for name, value in values.items()}
    parser = argparse.ArgumentParser()
    for name, value in values.items():
        how: Any = {"action": argparse.BooleanOptionalAction} if isinstance(value, bool) else {"type": type(value)}
        parser.add_argument(f"--{name}", required=True, **how)
    parser.add_argument("--log-dir", required=True)
    given = vars(
        parser.parse_args(trial_arguments(TrialTemplate(command=("python",)), {**named, "trial.logDir": "-l"}))
    )
    assert given.pop("log_dir") == "-l"
    return given


@pytest.mark.parametrize(
    "value",
    [
        *(-3e-05, -1e-300, -0.5, -7, 0, 1e22),
        *("-", "---", "-x", "--width", "--width=3", "-1", "", " ", "a b", "=", "a=b", "é", "no", "'"),
        *(True, False),
    ],
)
def test_whatever_a_value_looks_like_argparse_gets_it_by_default(value: Scalar):
    found = parsed(some_value=value, width=3)
    assert found == {"some_value": value, "width": 3}
    assert type(found["some_value"]) is type(value)


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(),
    st.text().filter(lambda text: text != ARGPARSE_LOSES),
    st.booleans(),
)
def test_default_arguments_are_read_back_as_they_were(real: float, whole: int, text: str, flag: bool):
    assert parsed(a=real, num_layers=whole, c_2=text, use_bn=flag) == {
        "a": real, "num_layers": whole, "c_2": text, "use_bn": flag,
    }  # fmt: skip


def test_argparse_refuses_a_flag_where_type_bool_would_make_true_of_false(capsys: pytest.CaptureFixture[str]):
    parser = argparse.ArgumentParser()
    parser.add_argument("--use_bn", type=bool)
    for value in (True, False):
        with pytest.raises(SystemExit):
            parser.parse_args(
                trial_arguments(TrialTemplate(command=("x",)), {"parameters.use_bn": value, "trial.logDir": "/l"})
            )
        assert "use_bn" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "on", "off"),
    [
        ("--[no-]augment=${parameters.b}", ["--augment"], ["--no-augment"]),
        ("--[no_]use_bn=${parameters.b}", ["--use_bn"], ["--no_use_bn"]),
        ("--[no]cache=${parameters.b}", ["--cache"], ["--nocache"]),
        ("--[without-]batch-norm=${parameters.b}", ["--batch-norm"], ["--without-batch-norm"]),
        ("[--use-bn]=${parameters.b}", ["--use-bn"], []),
        ("[-q]=${parameters.b}", ["-q"], []),
        ("[--norm=batch]=${parameters.b}", ["--norm=batch"], []),
        ("[+model.norm=batch]=${parameters.b}", ["+model.norm=batch"], []),
        ("[--norm=${parameters.optimizer}]=${parameters.b}", ["--norm=sgd"], []),
        ("--use-bn=${parameters.b}", ["--use-bn=true"], ["--use-bn=false"]),
        ("--betas=[0.9,${parameters.b}]", ["--betas=[0.9,true]"], ["--betas=[0.9,false]"]),
        ("$${x}[--a]=${parameters.b}", ["${x}[--a]=true"], ["${x}[--a]=false"]),
    ],
)
def test_a_boolean_can_be_a_flag(text: str, on: list[str], off: list[str]):
    for value, expected in ((True, on), (False, off)):
        values: dict[str, Scalar] = {**VALUES, "parameters.b": value}
        assert arguments("first", text, "last", values=values) == ["first", *expected, "last"]
        assert words(("python", text), values) == ["python", *expected]


def test_an_inactive_flag_is_left_out():
    assert arguments("--[no-]nesterov=${parameters.nesterov}", "[--fast]=${parameters.nesterov}", "x") == ["x"]


def test_no_args_at_all_pass_nothing():
    assert arguments() == []


def test_an_inactive_parameter_takes_its_argument_and_its_flag_away():
    assert arguments("--width", "${parameters.width}", "--momentum", "${parameters.momentum}", "--last") == [
        "--width", "64", "--last",
    ]  # fmt: skip
    assert arguments("--momentum=${parameters.momentum}", "--last") == ["--last"]
    assert arguments("-m", "${parameters.momentum}") == []


def test_only_a_flag_that_waits_for_a_value_goes_with_it():
    assert arguments("train", "${parameters.momentum}") == ["train"]
    assert arguments("--rate=1", "${parameters.momentum}") == ["--rate=1"]
    assert arguments("--width=${parameters.width}", "${parameters.momentum}") == ["--width=64"]
    assert arguments("-w${parameters.width}", "${parameters.momentum}") == ["-w64"]


def test_a_negative_number_before_an_inactive_value_is_no_flag():
    assert arguments("${parameters.shift}", "${parameters.momentum}") == ["-0.5"]


def test_a_flag_of_several_inactive_values_goes_once():
    assert arguments("--fast", "--betas", "${parameters.beta_1}", "${parameters.beta_2}") == ["--fast"]


def test_a_text_is_inactive_when_one_of_its_parameters_is():
    assert inactive("${parameters.width}/${parameters.momentum}", VALUES)
    assert not inactive("${parameters.width} $${parameters.momentum} ${trial.index}", VALUES)
