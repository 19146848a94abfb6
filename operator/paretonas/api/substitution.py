"""Substitution of ``${…}`` in a trial's command line, flags for booleans, and the arguments passed by default."""

import re
from collections.abc import Callable, Mapping
from itertools import pairwise

from paretonas.api.base import Scalar
from paretonas.api.trial_template import TrialTemplate

REFERENCE = re.compile(r"\$?\$\{([^}]*)\}")
"""``${name}``; ``$${name}`` stands for the text ``${name}`` itself."""

TRIAL_REFERENCES = (
    "trial.name",
    "trial.index",
    "trial.attempt",
    "trial.logDir",
    "trial.outputDir",
    "experiment.name",
    "experiment.namespace",
)


def references(text: str) -> list[str]:
    """The names in all ``${…}`` of a text."""
    found = REFERENCE.finditer(text, 0, _end(text))
    return [match.group(1) for match in found if not match.group().startswith("$$")]


def has_unclosed_reference(text: str) -> bool:
    """Whether a ``${`` lacks its ``}``."""
    return "${" in _replace(text, lambda _: "")


def _end(text: str) -> int:
    """The end of the last ``}``. Beyond it, the regular expression would scan all of the text for each ``${``."""
    return text.rfind("}") + 1


def _replace(text: str, replacement: Callable[[re.Match[str]], str]) -> str:
    """Replace each ``${…}``, and each ``$${…}``, of a text."""
    end = _end(text)
    return REFERENCE.sub(replacement, text[:end]) + text[end:]


def format_value(value: Scalar) -> str:
    """A value as an argument: booleans as true and false, floats with all their digits."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def substitute(text: str, values: Mapping[str, Scalar]) -> str:
    """Replace each ``${name}`` by its value. Raises KeyError for a name without a value."""

    def replacement(match: re.Match[str]) -> str:
        if match.group().startswith("$$"):
            return match.group()[1:]
        return format_value(values[match.group(1)])

    return _replace(text, replacement)


LOG_DIR_FLAG = "--log-dir"
"""The flag that passes the log folder by default. A parameter's name has no dash, so it cannot conflict."""

OUTPUT_DIR_VARIABLE = "PARETONAS_OUTPUT_DIR"
"""The environment variable with the output folder. It is not an argument by default: many programs keep nothing."""


def default_argument(name: str, value: Scalar) -> str:
    """The argument for a parameter without ``args``: ``--name=value``; for a boolean, ``--name`` or ``--no-name``.

    The name is written as in the experiment. The value is part of the same word, so that no parser takes ``-3e-05`` for
    a flag. Booleans are written as ``argparse.BooleanOptionalAction`` expects them: argparse's ``type=bool`` would read
    ``--name=false`` as True, so that the result would be stored under the wrong value, but it refuses ``--name`` alone.
    """
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return f"--{name}={format_value(value)}"


def trial_arguments(template: TrialTemplate, values: Mapping[str, Scalar]) -> list[str]:
    """The trial's arguments with its values filled in.

    An argument that refers to an inactive parameter is left out, together with the flag before it.

    Args:
        template: The trial template.
        values: ``parameters.<name>`` for every active parameter, and all of `TRIAL_REFERENCES`.
    """
    prefix = "parameters."
    if template.args is not None:
        return words(template.args, values)
    named = {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}
    passed = [default_argument(name, value) for name, value in named.items()]
    return [*passed, f"{LOG_DIR_FLAG}={values['trial.logDir']}"]


def words(texts: tuple[str, ...], values: Mapping[str, Scalar]) -> list[str]:
    """The texts with their values filled in; texts that refer to an inactive parameter are left out."""
    result: list[str] = []
    for before, text in pairwise(["", *texts]):
        if inactive(text, values):
            if before.startswith("-") and "=" not in before and not references(before):
                result.pop()  # the flag of this value
        elif flag := Flag.of(text):
            result += flag.words(values)
        else:
            result.append(substitute(text, values))
    return result


def inactive(text: str, values: Mapping[str, Scalar]) -> bool:
    """Whether the text refers to a parameter that has no value in this trial."""
    return any(name.startswith("parameters.") and name not in values for name in references(text))


class Flag:
    """An argument that a boolean turns on and off, in the notation of manual pages.

    ``--[no-]augment=${parameters.augment}`` is ``--augment`` or ``--no-augment``, ``[--augment]=${parameters.augment}``
    is ``--augment`` or nothing.
    """

    _BOTH = re.compile(r"(--?)\[(\w+-?)\](.+)=\$\{(parameters\.\w+)\}")
    _OR_NOTHING = re.compile(r"\[(.+)\]=\$\{(parameters\.\w+)\}")

    def __init__(self, name: str, on: str, off: str | None) -> None:
        self.name, self._on, self._off = name, on, off

    @classmethod
    def of(cls, text: str) -> "Flag | None":
        """Parse a flag; None if the text is an ordinary argument."""
        if match := cls._BOTH.fullmatch(text):
            dashes, no, name, reference = match.groups()
            return cls(reference, dashes + name, dashes + no + name)
        if match := cls._OR_NOTHING.fullmatch(text):
            on, reference = match.groups()
            return cls(reference, on, None)
        return None

    def words(self, values: Mapping[str, Scalar]) -> list[str]:
        """The flag's argument as a list; empty if the flag is off and has no negative form."""
        text = self._on if values[self.name] else self._off
        return [] if text is None else [substitute(text, values)]
