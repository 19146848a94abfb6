"""Validation of documents: every problem is reported at once, with its field, its value and a remedy."""

import difflib
import json
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from paretonas.api.names import DNS_LABEL_PATTERN, DNS_SUBDOMAIN_PATTERN, EXPERIMENT_NAME_PATTERN
from paretonas.api.parameters import NAME_PATTERN
from paretonas.api.size_limits import MAX_LEVELS, bound_overlay, too_deep
from paretonas.api.trial_template import IMAGE_PATTERN

Location = tuple[str | int, ...]
ModelType = TypeVar("ModelType", bound=BaseModel)

ABSENT = object()
"""The value of a problem about something missing."""

_SHOWN = 80
"""The number of characters shown of a value: enough to recognise it, and few enough for one line."""

_PATH = 5
"""The number of parts shown of a path that is nested too deeply: its start says more than its end."""

MOST_NAMES = 16
"""The number of known names that a problem lists: enough for every field of a mapping, but not for every parameter."""


class Typed(str):
    """A value as it was typed, shown without quotes: ``yes``, ``1_000``."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a document: where it is, what is wrong, what to do, and the value found there."""

    path: str
    message: str
    remedy: str
    value: Any = ABSENT

    def __str__(self) -> str:
        """``spec.parallelism: 9: is more than maxTrials (4); lower it, or raise maxTrials``."""
        return f"{self.path}: {self._show_value()}{self.message}; {self.remedy}"

    def _show_value(self) -> str:
        if self.value is ABSENT or isinstance(self.value, (Mapping, list, tuple)):
            return ""
        typed = isinstance(self.value, Typed)
        text = self.value if typed else json.dumps(self.value, ensure_ascii=False, default=str)
        text = text.encode("utf-8", "backslashreplace").decode()  # half of a character cannot be printed
        return _beginning(text) + ": "


class InvalidDocument(ValueError):  # noqa: N818 # named for the document, as in the condition Valid=False
    """A document with problems, which was not used."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def dotted_path(location: Location) -> str:
    """``("spec", "parameters", 0, "name")`` as ``spec.parameters[0].name``."""
    parts = (p if isinstance(p, int) or p.isprintable() else repr(p) for p in location)
    return "".join(f"[{p}]" if isinstance(p, int) else f".{_beginning(p)}" for p in parts).removeprefix(".")


def _beginning(text: str) -> str:
    """The beginning of a text, as much as a problem shows."""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def suggestion(name: str, known: Iterable[str]) -> str:
    """The remedy for an unknown name: the one that was probably meant, or else the known names."""
    names = sorted(known)
    close = _closest(name, names)
    return f"did you mean {close!r}?" if close else f"known: {list_names(names)}"


def list_names(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """The first ``most`` names, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "none") + more


def _closest(name: str, known: Sequence[str]) -> str | None:
    # with this cutoff, max_trials suggests maxTrials, but valueFrom does not suggest value
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.75)), None)


def read(
    model: type[ModelType], document: Any, stand_ins: Mapping[Location, Any]
) -> tuple[ModelType | None, list[Problem], set[Location]]:
    """Read a document, and continue after mistakes to find all of them.

    Each part with a mistake is reported and then removed, so that the rest can be read. A required part is replaced by
    a harmless value instead.

    Args:
        model: The type to read.
        document: The document as plain values.
        stand_ins: The replacement of each required part, by its location.

    Returns:
        The value, the problems, and the locations that were removed or replaced. The value is None if nothing useful is
        left; a value with problems serves only to look for more of them.
    """
    if place := too_deep(document):
        where = dotted_path(place[:_PATH]) or "document"
        return None, [Problem(where, f"is nested more than {MAX_LEVELS} levels deep", "remove some levels")], set()
    data, problems, spoiled = _without_nulls(document), list[Problem](), set[Location]()
    while True:
        try:
            return model.model_validate(data, by_alias=True, by_name=False), problems, spoiled
        except ValidationError as error:
            found = error.errors()
        misspelt = {_meant(model, detail["loc"]) for detail in found if detail["type"] == "extra_forbidden"}
        for detail in found:
            if detail["type"] == "missing" and detail["loc"] in misspelt:
                continue
            location = detail["loc"]
            if not any(place[: len(location)] == location for place in spoiled):
                problems.append(_problem(model, detail))
        before = len(spoiled)
        for detail in found:
            location = detail["loc"][:-1] if detail["type"] == "missing" else detail["loc"]
            spoiled |= {detail["loc"], location}
            data = _without(data, detail["loc"], stand_ins)
        if len(spoiled) == before:
            return None, problems, spoiled


def _meant(model: type[BaseModel], location: Location) -> Location:
    """The location that was probably meant by an unknown field."""
    *parent, name = location
    return (*parent, _closest(str(name), _fields(model, location[:-1])) or name)


def _without_nulls(data: Any) -> Any:
    """Copy the data without null fields, which count as not given, as in Kubernetes."""
    if isinstance(data, list):
        return [_without_nulls(item) for item in data]
    if not isinstance(data, dict):
        return data
    # in a pod overlay, null has a meaning: it removes a field of the pod
    keep = "podOverlay"
    return {k: deepcopy(bound_overlay(v)) if k == keep else _without_nulls(v) for k, v in data.items() if v is not None}


def _without(data: Any, location: Location, stand_ins: Mapping[Location, Any]) -> Any:
    """Remove or replace the smallest part that contains the location and is not an item of a list."""
    for end in range(len(location), 0, -1):
        place = location[:end]
        pattern = tuple("*" if isinstance(part, int) else part for part in place)
        parent = _at(data, place[:-1])
        last = place[-1]
        if isinstance(last, int):
            if pattern in stand_ins and isinstance(parent, list) and last < len(parent):
                parent[last] = _stand_in(stand_ins[pattern], parent[last], last)
                return data
            continue
        if not isinstance(parent, dict):
            continue
        if place in stand_ins:
            parent[last] = deepcopy(stand_ins[place])
            return data
        if last in parent:
            del parent[last]
            return data
    return data


def _stand_in(item: Any, original: Any, position: int) -> Any:
    """The stand-in of a list item, with the original's name if that is valid, else with a generated one."""
    if not isinstance(item, dict):
        return item
    written = original if isinstance(original, dict) else {}

    def name(key: str) -> str:
        value = written.get(key)
        return value if isinstance(value, str) and value.isidentifier() else f"_{position}"

    return {key: name(key) if value == "_" else deepcopy(value) for key, value in item.items()}


def _at(data: Any, location: Location) -> Any:
    for part in location:
        inside = isinstance(data, dict) and part in data
        inside = inside or (isinstance(data, list) and isinstance(part, int) and part < len(data))
        if not inside:
            return None
        data = data[part]
    return data


def _problem(model: type[BaseModel], detail: ErrorDetails) -> Problem:
    """Convert one of pydantic's errors to a problem."""
    location, kind, context = detail["loc"], detail["type"], detail.get("ctx", {})
    path, value = dotted_path(location) or "document", detail["input"]
    if kind == "rule":
        field = context["field"]
        value = context["value"] if context["has_value"] else value
        return Problem(f"{path}.{field}" if field else path, detail["msg"], context["remedy"], value)
    if kind == "extra_forbidden":
        elsewhere = (where for (field, of), where in _ELSEWHERE.items() if field == location[-1] and of in location)
        remedy = next(elsewhere, None) or suggestion(str(location[-1]), _fields(model, location[:-1]))
        return Problem(path, "is not a known field", remedy, value)
    if kind == "missing":
        return Problem(path, "is required", _TO_ADD.get(location[-1], "add it"))
    if kind not in _WORDS:
        return Problem(path, detail["msg"], "see the documentation of this field", value)
    if kind == "string_type" and isinstance(value, (list, dict)):
        kind = "string_not_list"
    message, remedy = (text.format(**context) for text in _WORDS[kind])
    remedy = _PATTERN_REMEDIES.get(context.get("pattern"), remedy)
    hints = [hint for (field, of), hint in _HINTS.items() if of == kind and field in location]
    return Problem(path, message, ", ".join([remedy, *hints]), value)


_WORDS = {
    "int_type": ("is not a whole number", "write a whole number without quotes"),
    "float_type": ("is not a number", "write a number without quotes"),
    "finite_number": ("is not a finite number", "write a finite number"),
    "string_type": ("is not a text", "put a text in quotes (numbers, yes, no, on and off need them)"),
    "string_not_list": ("is not a text", "write one text"),
    "bool_type": ("is not a boolean", "write true or false without quotes"),
    "tuple_type": ("is not a list", "write a list, one item per line after '- '"),
    "dict_type": ("is not a mapping", "write 'key: value' lines"),
    "model_type": ("is not a mapping", "write 'key: value' lines"),
    "model_attributes_type": ("is not a mapping", "write 'key: value' lines"),
    "literal_error": ("is not known", "write {expected}"),
    "greater_than_equal": ("is less than {ge}", "write {ge} or more"),
    "less_than": ("is not less than {lt}", "write a number below {lt}"),
    "less_than_equal": ("is more than {le}", "write {le} or less"),
    "too_short": ("has {actual_length} items", "give at least {min_length}"),
    "too_long": ("has {actual_length} items", "give at most {max_length}"),
    "string_too_short": ("is empty", "write a text"),
    "string_too_long": ("is longer than {max_length} characters", "shorten it"),
    "string_pattern_mismatch": ("is not a valid name", "write a text that matches {pattern}"),
}
"""The message and the remedy for each of pydantic's error types; the names in braces come from its context."""

_HINTS = {
    ("metric", "string_pattern_mismatch"): "and give the TensorBoard tag in spec.metrics",
    ("metrics", "string_pattern_mismatch"): "and give the TensorBoard tag in the field tag",
    ("objectives", "model_type"): "as {metric: val_acc, goal: Maximize}",
    ("persistentVolumeClaim", "model_type"): "as {claimName: nas-logs}",
    ("hypervolumeStalls", "model_type"): "as {trials: 20, within: 0.005}",
    ("earlyStopping", "model_type"): "as {strategy: OptimisticDominance}",
    ("auditFraction", "less_than_equal"): "as 0.1 for 10 %",
    ("lastStep", "string_pattern_mismatch"): "and give the formula to that metric in spec.metrics",
    ("bool", "model_type"): "as bool: {}",
    ("fixed", "model_type"): "as fixed: {value: 5}",
    ("float", "model_type"): "as float: {min: 0.0, max: 0.5}",
    ("int", "model_type"): "as int: {min: 1, max: 9}",
    ("int", "int_type"): "or use float",
    ("intChoice", "int_type"): "or use floatChoice",
    ("within", "less_than"): "as 0.01 for 1 %",
    ("choice", "string_type"): "or use intChoice, floatChoice or bool",
}
"""A hint at what else may have been meant, by a field on the path and pydantic's error type."""

_TO_ADD: Mapping[str | int, str] = {"strategy": "add strategy: OptimisticDominance"}
"""What to add where a required field is missing, if it has only one value."""

_ELSEWHERE = {
    **dict.fromkeys(
        (("tag", "objectives"), ("reduce", "objectives"), ("run", "objectives")),
        "describe the metric in spec.metrics, as {name: val_acc, tag: epoch_accuracy, run: validation}",
    ),
    ("target", "stopWhen"): "give it to an objective, as {metric: val_acc, goal: Maximize, target: 0.99}",
}
"""Where a known field belongs that was written in the wrong list."""

_PATTERN_REMEDIES: Mapping[str | None, str] = {
    NAME_PATTERN: "use letters, digits and _, and begin with a letter or _",
    EXPERIMENT_NAME_PATTERN: "use lower case letters, digits and -, begin with a letter, end without -",
    DNS_LABEL_PATTERN: "use lower case letters, digits and -, and begin and end with a letter or digit",
    DNS_SUBDOMAIN_PATTERN: "use lower case letters, digits, - and ., and begin and end with a letter or digit",
    IMAGE_PATTERN: "write registry/name:tag, without spaces and without ${…}",
}


def _fields(model: type[BaseModel], location: Location) -> list[str]:
    """The field names that a document may contain at a location."""
    current: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, int) or current is None:
            continue
        field = next((f for f in current.model_fields.items() if _alias(*f) == part), None)
        current = next(_models(field[1].annotation), None) if field else None
    return [_alias(*field) for field in current.model_fields.items()] if current else []


def _alias(name: str, field: FieldInfo) -> str:
    return field.alias or name


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models inside an annotation such as ``tuple[Parameter, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)
