"""The words of a trial's command line: the ``${…}`` that carry its parameters, flags, and what is passed by default."""

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
    "experiment.name",
    "experiment.namespace",
)


def references(text: str) -> list[str]:
    """The names that stand in ``${…}``."""
    found = REFERENCE.finditer(text, 0, _end(text))
    return [match.group(1) for match in found if not match.group().startswith("$$")]


def has_unclosed_reference(text: str) -> bool:
    """Whether a ``${`` lacks its ``}``."""
    return "${" in _replaced(text, lambda _: "")


def _end(text: str) -> int:
    """Where the last ``}`` ends: behind it, each of a thousand ``${`` would be followed to the end of the text."""
    return text.rfind("}") + 1


def _replaced(text: str, replacement: Callable[[re.Match[str]], str]) -> str:
    """The text with something else for each ``${…}``, and for each ``$${…}``."""
    end = _end(text)
    return REFERENCE.sub(replacement, text[:end]) + text[end:]


def format_value(value: Scalar) -> str:
    """A value as an argument: booleans as true and false, floats with every digit that they have."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def substitute(text: str, values: Mapping[str, Scalar]) -> str:
    """Replace each ``${name}`` by its value. Raises KeyError for a name without one."""

    def replacement(match: re.Match[str]) -> str:
        if match.group().startswith("$$"):
            return match.group()[1:]
        return format_value(values[match.group(1)])

    return _replaced(text, replacement)


LOG_DIR_FLAG = "--log-dir"
"""How a trial gets its folder of logs by default. A parameter's name has no dash, so none can be in its way."""


def default_argument(name: str, value: Scalar) -> str:
    """How a parameter is passed without ``args``: as ``--name=value``, a boolean as ``--name`` or ``--no-name``.

    The name stands as it was written, and the value in the same word, where no parser takes ``-3e-05`` for a flag of
    its own. Booleans are passed as ``argparse.BooleanOptionalAction`` takes them. With ``--name=false`` argparse's
    ``type=bool`` would make True of it, and the result would be stored under False; a lone flag it refuses.
    """
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return f"--{name}={format_value(value)}"


def trial_arguments(template: TrialTemplate, values: Mapping[str, Scalar]) -> list[str]:
    """The trial's arguments with its values filled in.

    ``values`` has ``parameters.<name>`` for every active parameter and all of `TRIAL_REFERENCES`. An argument that
    refers to an inactive parameter is left out, with the flag before it.
    """
    prefix = "parameters."
    if template.args is not None:
        return words(template.args, values)
    named = {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}
    passed = [default_argument(name, value) for name, value in named.items()]
    return [*passed, f"{LOG_DIR_FLAG}={values['trial.logDir']}"]


def words(texts: tuple[str, ...], values: Mapping[str, Scalar]) -> list[str]:
    """The texts with their values filled in; what has no value in this trial is left out."""
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
    """An argument that a boolean turns on and off, in the notation of manuals.

    ``--[no-]augment=${parameters.augment}`` is ``--augment`` or ``--no-augment``, ``[--augment]=${parameters.augment}``
    is ``--augment`` or nothing.
    """

    _BOTH = re.compile(r"(--?)\[(\w+-?)\](.+)=\$\{(parameters\.\w+)\}")
    _OR_NOTHING = re.compile(r"\[(.+)\]=\$\{(parameters\.\w+)\}")

    def __init__(self, name: str, on: str, off: str | None) -> None:
        self.name, self._on, self._off = name, on, off

    @classmethod
    def of(cls, text: str) -> "Flag | None":
        """The flag that a text is; None when it is an argument like any other."""
        if match := cls._BOTH.fullmatch(text):
            dashes, no, name, reference = match.groups()
            return cls(reference, dashes + name, dashes + no + name)
        if match := cls._OR_NOTHING.fullmatch(text):
            on, reference = match.groups()
            return cls(reference, on, None)
        return None

    def words(self, values: Mapping[str, Scalar]) -> list[str]:
        """The argument, or none."""
        text = self._on if values[self.name] else self._off
        return [] if text is None else [substitute(text, values)]
