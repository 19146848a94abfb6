"""The documents of a text, YAML or JSON, and what no text of theirs may hold."""

import re
from collections.abc import Iterator
from typing import Any

from paretonas.api.json_text import NotJSON, load_json
from paretonas.api.validation import InvalidDocument, Location, Problem, dotted_path
from paretonas.api.yaml_text import load_yaml_documents

_LIKE_JSON = re.compile(r'[{\[]\s*["{\[]')
"""How a text begins whose mistakes are better told in JSON's words."""


def load_yaml(text: str) -> Any:
    """The one document of a text, YAML or JSON.

    Raises:
        InvalidDocument: it does not parse, or holds none or several documents.
    """
    documents = load_documents(text)
    if len(documents) != 1:
        message = f"holds {len(documents)} documents"
        raise InvalidDocument([Problem("document", message, "write one NASExperiment in a file")])
    return documents[0]


def load_documents(text: str, *, json: bool = False) -> list[Any]:
    """All documents of a text that are not empty.

    Args:
        text: YAML, or JSON: what begins with a bracket and can be read as JSON is.
        json: it is JSON and nothing else.

    Raises:
        InvalidDocument: it does not parse.
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
    """Every text in a document, or a part of one, that no command line, file or other program could be given."""
    if isinstance(value, dict):
        for key in sorted(value, key=str):  # the API server does not keep the order that they were written in
            yield from unusable(value[key], (*location, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from unusable(item, (*location, position))
    elif isinstance(value, str) and (found := _UNUSABLE.search(value)):
        if found.group() == "\0":
            message, remedy = "holds a NUL, which no command line can", "take it out"
        else:
            message = f"holds \\u{ord(found.group()):04x}, which is half of a character"
            remedy = "write the character itself, or in JSON both halves"
        yield Problem(dotted_path(location), message, remedy, value)
