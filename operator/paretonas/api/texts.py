"""Loading the documents of a YAML or JSON text, and the check for texts that cannot be used."""

import re
from collections.abc import Iterator
from typing import Any

from paretonas.api.json_text import NotJSON, load_json
from paretonas.api.validation import InvalidDocument, Location, Problem, dotted_path
from paretonas.api.yaml_text import load_yaml_documents

_LIKE_JSON = re.compile(r'[{\[]\s*["{\[]')
"""The start of a text that looks like JSON, so that its mistakes are reported as those of JSON."""


def load_yaml(text: str) -> Any:
    """Load the only document of a YAML or JSON text.

    Raises:
        InvalidDocument: The text cannot be parsed, or does not contain exactly one document.
    """
    documents = load_documents(text)
    if len(documents) != 1:
        message = f"holds {len(documents)} documents"
        raise InvalidDocument([Problem("document", message, "write one NASExperiment per file")])
    return documents[0]


def load_documents(text: str, *, json: bool = False) -> list[Any]:
    """Load all non-empty documents of a text.

    Args:
        text: YAML or JSON. A text that begins with a bracket is read as JSON if possible.
        json: Whether the text must be JSON.

    Raises:
        InvalidDocument: The text cannot be parsed.
    """
    return [document for document in _documents(text, json=json) if document is not None]


def _documents(text: str, *, json: bool) -> list[Any]:
    begin = text.removeprefix("\ufeff").lstrip()
    if not json and not begin.startswith(("{", "[")):
        return load_yaml_documents(text)
    try:
        return load_json(text)
    except NotJSON as not_json:
        if json:
            raise
        try:
            return load_yaml_documents(text)
        except InvalidDocument as not_yaml:
            raise (not_json if _LIKE_JSON.match(begin) else not_yaml) from None


_UNUSABLE = re.compile("[\0\ud800-\udfff]")


def unusable(value: Any, location: Location) -> Iterator[Problem]:
    """Find the texts in a document, or a part of one, that cannot be passed to a command line or another program."""
    if isinstance(value, dict):
        for key in sorted(value, key=str):  # the API server does not keep the order in which they were written
            yield from unusable(value[key], (*location, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from unusable(item, (*location, position))
    elif isinstance(value, str) and (found := _UNUSABLE.search(value)):
        if found.group() == "\0":
            message, remedy = "contains a NUL, which no command line can", "remove it"
        else:
            message = f"contains \\u{ord(found.group()):04x}, which is half of a character"
            remedy = "write the character itself or, in JSON, both halves"
        yield Problem(dotted_path(location), message, remedy, value)
