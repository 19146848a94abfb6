"""Finds arguments that argparse would misread, as far as the text of a script shows it. Pure."""

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise

from paretonas.api import (
    LOG_DIR_FLAG,
    OUTPUT_DIR_VARIABLE,
    Choice,
    ExperimentSpec,
    FloatChoice,
    FloatRange,
    Parameter,
    Problem,
    format_value,
)

_ONE_WORD = re.compile(r"(--?[\w-]+)=\$\{parameters\.(\w+)\}")
_ALONE = re.compile(r"\$\{parameters\.(\w+)\}")

_NUMBER = re.compile(r"-\d+|-\d*\.\d+")
"""A word that begins with ``-`` and that argparse nevertheless takes for a value; ``-3e-05`` is not one."""

_OUTPUT_FLAGS = ("--output-dir", "--output_dir")
"""What scripts call the folder for what they keep."""

_SMALL, _LARGE = 1e-4, 1e16
"""Below the first and from the second on, Python writes a float with an exponent."""


@dataclass(frozen=True, slots=True)
class _Passed:
    """A parameter's value on the command line."""

    path: str
    flag: str
    parameter: Parameter
    alone: bool
    """Whether the value is a word of its own."""


def misread(spec: ExperimentSpec, script: str, source: str) -> Iterator[Problem]:
    """The arguments that argparse will misread.

    Args:
        spec: the experiment.
        script: the name of the script in the experiment's command.
        source: the text of the script; if it is not Python, no problem is reported.
    """
    flags = _flags(source)
    for passed in _passed(spec):
        name = passed.parameter.name
        if flags.get(passed.flag):
            message = f"is read by {script} with type=bool, for which every text is true, also false and 0"
            remedy = "use action=argparse.BooleanOptionalAction there"
            if spec.trial.args is not None:
                remedy += f', and write "--[no-]{passed.flag.lstrip("-")}=${{parameters.{name}}}"'
            yield Problem(passed.path, message, remedy, passed.flag)
        elif passed.flag in flags and passed.alone and (example := _like_a_flag(passed.parameter)):
            message = f"may be given a value that argparse takes for a flag, as {example}"
            remedy = f'write it in one word: "{passed.flag}=${{parameters.{name}}}"'
            yield Problem(passed.path, message, remedy, passed.flag)
    if spec.trial.args is None:
        yield from _spelt_otherwise(spec, script, flags)
        yield from _output_not_passed(script, source, flags)


def _spelt_otherwise(spec: ExperimentSpec, script: str, flags: Collection[str]) -> Iterator[Problem]:
    """Flags passed by default that the script spells with dashes instead of underscores, or vice versa."""
    own = {
        f"--{p.name}": (f"spec.parameters[{position}].name", f"parameters.{p.name}")
        for position, p in enumerate(spec.parameters)
    }
    for flag, (path, reference) in {**own, LOG_DIR_FLAG: ("spec.trial.args", "trial.logDir")}.items():
        bare = flag.removeprefix("--")
        known = next((f"--{b}" for b in (bare.replace("_", "-"), bare.replace("-", "_")) if f"--{b}" in flags), None)
        if known is not None and flag not in flags:
            remedy = f'write trial.args with "{known}=${{{reference}}}", and with all other parameters'
            yield Problem(path, f"is passed as {flag}, but {script} calls it {known}", remedy)


def _output_not_passed(script: str, source: str, flags: Collection[str]) -> Iterator[Problem]:
    """The script's flag for the output folder, which is not passed by default, unless the script reads the variable."""
    flag = next((flag for flag in _OUTPUT_FLAGS if flag in flags), None)
    if flag is not None and OUTPUT_DIR_VARIABLE not in source:
        remedy = f'read {OUTPUT_DIR_VARIABLE} there, or write trial.args with "{flag}=${{trial.outputDir}}"'
        yield Problem("spec.trial.args", f"{script} has {flag}, which is passed only in args", remedy)


def _flags(source: str) -> dict[str, bool]:
    """The flags that a Python text gives to ``add_argument``, and whether each has ``type=bool``."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # all that ast.parse is documented to raise
        return {}
    flags = dict[str, bool]()
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        if call.func.attr != "add_argument":
            continue
        of_bool = any(k.arg == "type" and isinstance(k.value, ast.Name) and k.value.id == "bool" for k in call.keywords)
        words = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        flags |= {word: of_bool for word in words if word.startswith("-")}
    return flags


def _passed(spec: ExperimentSpec) -> Iterator[_Passed]:
    """The parameters' values that follow a flag on the command line, with their places."""
    known = {parameter.name: parameter for parameter in spec.parameters}
    if spec.trial.args is None:
        for position, parameter in enumerate(spec.parameters):
            yield _Passed(f"spec.parameters[{position}].name", f"--{parameter.name}", parameter, alone=False)
    for field, words in (("command", spec.trial.command), ("args", spec.trial.args or ())):
        for position, (before, text) in enumerate(pairwise(["", *words])):
            path = f"spec.trial.{field}[{position}]"
            if match := _ONE_WORD.fullmatch(text):
                yield _Passed(path, match[1], known[match[2]], alone=False)
            elif before.startswith("-") and (match := _ALONE.fullmatch(text)):
                yield _Passed(path, before, known[match[1]], alone=True)


def _like_a_flag(parameter: Parameter) -> str | None:
    """A value of the parameter that looks like a flag."""
    domain = parameter.domain
    values: list[str] = []
    if isinstance(domain, Choice | FloatChoice):
        values = [format_value(value) for value in domain.values]
    elif isinstance(domain, FloatRange) and domain.min < 0:
        values = ["-3e-05"] if domain.max > -_SMALL else ["-1e+16"] if domain.min <= -_LARGE else []
    return next((v for v in values if v.startswith("-") and not _NUMBER.fullmatch(v)), None)
