"""Parsing JSON as `json.dumps` and other programs write it; it may contain tabs and surrogate pairs, unlike YAML."""

import json
import re
from typing import Any

from paretonas.api.validation import InvalidDocument, Problem

MOST_LEVELS = 100
"""The deepest nesting of a document: an experiment has about ten levels, and functions recurse once per level."""

_WHITESPACE = re.compile(r"[ \t\r\n]*")


class NotJSON(InvalidDocument):
    """The text is not valid JSON; it may be YAML."""


def load_json(text: str) -> list[Any]:
    """Parse all documents of a JSON text, usually one.

    Raises:
        InvalidDocument: The text is not JSON (`NotJSON`), or a mapping has the same key twice.
    """
    text, documents = text.removeprefix("\ufeff"), list[Any]()
    decoder = json.JSONDecoder(object_pairs_hook=_mapping, parse_int=_whole)
    position = _after_whitespace(text, 0)
    try:
        while position < len(text):
            document, position = decoder.raw_decode(text, position)
            documents.append(_not_too_deep(document))
            position = _after_whitespace(text, position)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        remedy = "correct the syntax; JSON has no comments, no single quotes and no comma before } or ]"
        raise NotJSON([Problem(where, f"is not JSON: {error.msg}", remedy)]) from None
    except RecursionError:
        raise _too_deep() from None
    return documents


def _whole(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:  # Python does not parse numbers of more than 4,300 digits
        message = f"contains a number of {len(digits):,} digits"
        raise InvalidDocument([Problem("document", message, "write a shorter number")]) from None


def _not_too_deep(document: Any) -> Any:
    level = [document]
    for _ in range(MOST_LEVELS):
        level = [
            item
            for value in level
            if isinstance(value, (dict, list))
            for item in (value.values() if isinstance(value, dict) else value)
        ]
    if level:
        raise _too_deep()
    return document


def _too_deep() -> InvalidDocument:
    return InvalidDocument([Problem("document", "is nested too deeply", "remove some levels")])


def _after_whitespace(text: str, position: int) -> int:
    found = _WHITESPACE.match(text, position)
    return found.end() if found else position


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict[str, Any]()
    for key, value in pairs:
        if key in mapping:
            message = f"has the key {key!r} a second time in one mapping"
            raise InvalidDocument([Problem("document", message, "remove one of them")])
        mapping[key] = value
    return mapping
