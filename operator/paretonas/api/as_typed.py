"""Values as they were typed in a file, so that a message shows ``y`` and not the ``true`` that YAML makes of it."""

import re
from collections.abc import Mapping
from typing import Any

from paretonas.api.validation import ABSENT, Problem, Typed


class TypedMapping(dict[str, Any]):
    """A mapping that remembers how its unquoted values were typed, by key."""

    typed: dict[str, str]


class TypedList(list[Any]):
    """A list that remembers how its unquoted values were typed, by position."""

    typed: dict[int, str]


def with_values(mapping: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a mapping with some values replaced; the others remember how they were typed."""
    changed = TypedMapping({**mapping, **changes})
    typed = mapping.typed if isinstance(mapping, TypedMapping) else {}
    changed.typed = {key: text for key, text in typed.items() if key not in changes}
    return changed


def as_typed(document: Any, problem: Problem) -> Problem:
    """The problem with its value as it was typed in the document's file, if that is known."""
    if problem.value is ABSENT or isinstance(problem.value, str):
        return problem
    place, key = _find(document, problem.path)
    typed = getattr(place, "typed", {}).get(key)
    if typed is None or place[key] != problem.value:
        return problem
    return Problem(problem.path, problem.message, problem.remedy, Typed(typed))


def _find(document: Any, path: str) -> tuple[Any, Any]:
    """The container and the key of the value at a path such as ``spec.parameters[0].int.min``; else (None, None)."""
    place, key, rest = None, None, "." + path
    inside = document
    while rest:
        place = inside
        if isinstance(place, list):
            index = re.match(r"\[(\d+)\]", rest)
            keys: list[Any] = [int(index[1])] if index and int(index[1]) < len(place) else []
            length = len(index[0]) if index else 0
        else:  # the longest key that matches, since keys of resources contain dots
            names = place if isinstance(place, dict) else {}
            keys = sorted((k for k in names if re.match(rf"\.{re.escape(k)}(?=[.\[]|$)", rest)), key=len)
            length = len(keys[-1]) + 1 if keys else 0
        if not keys:
            return None, None
        key, rest = keys[-1], rest[length:]
        inside = place[key]
    return place, key
