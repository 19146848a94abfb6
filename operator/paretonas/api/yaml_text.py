"""Parsing YAML as kubectl does, so that a file means the same on a laptop and on a cluster."""

import re
from typing import Any, ClassVar

import yaml

from paretonas.api.as_typed import TypedList, TypedMapping
from paretonas.api.validation import InvalidDocument, Problem

MOST_YAML_VALUES = 100_000
"""The most values in one file: an export of 1,000 trials has 20,000, but a few lines with ``*`` can mean billions."""

_MOST_DIGITS = 1_000
"""The most digits of a whole number: the largest double has 309, and Python refuses to parse more than 4,300."""

_PREFIX = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """The safe loader, with unquoted values resolved as in sigs.k8s.io/yaml (goyaml.v2, resolve.go).

    Unlike in PyYAML, 1e-4 is a number, y and n are booleans, and 2026-01-31 and 1:30 are texts.
    """

    bool_values: ClassVar[dict[str, bool]] = {**yaml.SafeLoader.bool_values, "y": True, "n": False}

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._merged = 0

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put the keys merged by ``<<`` before the mapping's own keys, which therefore win; each key once.

        PyYAML's method collects every merged pair before it drops duplicates, which nested merges turn into billions.
        """
        brought: dict[Any, tuple[yaml.Node, yaml.Node]] = {}
        own = []
        for key, value in node.value:
            if key.tag != _PREFIX + "merge":
                own.append((key, value))
                continue
            group: dict[Any, tuple[yaml.Node, yaml.Node]] = {}
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if not isinstance(source, yaml.MappingNode):
                    raise _invalid(source.start_mark, "is merged with <<, but is not a mapping", "name a mapping")
                self.flatten_mapping(source)
                self._merged += len(source.value)
                if self._merged > MOST_YAML_VALUES:
                    raise _too_many()
                for pair in source.value:
                    group.setdefault(pair[0].value if isinstance(pair[0], yaml.ScalarNode) else pair[0], pair)
            brought |= group
        node.value = [*brought.values(), *own]


_TRUE_OR_FALSE = "y|Y|yes|Yes|YES|on|On|ON|true|True|TRUE|n|N|no|No|NO|off|Off|OFF|false|False|FALSE"
_WHOLE = r"[-+]?(0b[01][01_]*|0x[0-9a-fA-F][0-9a-fA-F_]*|0[0-7_]*|[1-9][0-9_]*)"
_REAL = r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"

_Loader.yaml_implicit_resolvers = {}
for _kind, _pattern, _first in (  # the first match wins
    ("bool", _TRUE_OR_FALSE, "yYnNoOtTfF"),
    ("int", _WHOLE, "-+0123456789"),
    ("float", _REAL, "-+.0123456789"),
    ("null", "~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", "<<", "<"),
):
    _Loader.add_implicit_resolver(_PREFIX + _kind, re.compile(f"^(?:{_pattern})$"), list(_first))


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> TypedMapping:
    seen = set[str]()
    for key_node, _ in node.value:
        if key_node.tag == _PREFIX + "merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            shown = key_node.value if isinstance(key_node, yaml.ScalarNode) else repr(key)
            raise _invalid(key_node.start_mark, f"has the key {shown}, which is not a text", "put it in quotes")
        if key in seen:
            raise _invalid(key_node.start_mark, f"has the key {key!r} a second time", "remove one of them")
        seen.add(key)
    loader.flatten_mapping(node)  # puts merged keys before the mapping's own keys, which therefore win
    nodes = {loader.construct_object(k, deep=True): v for k, v in node.value}
    mapping = TypedMapping((key, loader.construct_object(value, deep=True)) for key, value in nodes.items())
    mapping.typed = {key: value.value for key, value in nodes.items() if _is_plain(value)}
    return mapping


def _sequence(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> TypedList:
    items = TypedList(loader.construct_object(item, deep=True) for item in node.value)
    items.typed = {i: item.value for i, item in enumerate(node.value) if _is_plain(item)}
    return items


def _whole(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    if len(node.value) > _MOST_DIGITS:
        message = f"is a number of {len(node.value):,} digits"
        raise _invalid(node.start_mark, message, "write a shorter number, or put it in quotes")
    number: int = loader.construct_yaml_int(node)
    return number


def _is_plain(node: yaml.Node) -> bool:
    """Whether YAML gave an unquoted value another type than text: a number, a boolean or null."""
    return isinstance(node, yaml.ScalarNode) and node.tag != _PREFIX + "str"


_Loader.add_constructor(_PREFIX + "map", _mapping)
_Loader.add_constructor(_PREFIX + "seq", _sequence)
_Loader.add_constructor(_PREFIX + "int", _whole)

RESOLVERS = _Loader.yaml_implicit_resolvers
"""The types that an unquoted value can have instead of text, by its first character."""


def load_yaml_documents(text: str) -> list[Any]:
    """Parse all documents of a YAML text. Raises InvalidDocument."""
    try:
        documents = list(yaml.load_all(text, _Loader))  # _Loader is a SafeLoader
        size = _size(documents, MOST_YAML_VALUES)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = text.splitlines()[mark.line] if mark and mark.line < len(text.splitlines()) else ""
        raise _invalid(mark, f"is not YAML: {error.problem or error.context}", _remedy(line)) from None
    except yaml.YAMLError as error:
        [summary, *_] = str(error).splitlines()
        raise _invalid(None, f"is not YAML: {summary}", "save the file as plain UTF-8 text") from None
    except RecursionError:
        raise _invalid(None, "is nested too deeply", "remove some levels") from None
    if size > MOST_YAML_VALUES:
        raise _too_many()
    return documents


def _too_many() -> InvalidDocument:
    return _invalid(None, f"contains more than {MOST_YAML_VALUES:,} values", "repeat less with & and *")


def _size(value: Any, most: int) -> int:
    """The number of values in a document, including those repeated by ``*``; counted to just beyond ``most``."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    count = 1
    for item in inside:
        if count > most:
            break
        count += _size(item, most - count)
    return count


def _invalid(mark: yaml.Mark | None, message: str, remedy: str) -> InvalidDocument:
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "document"
    return InvalidDocument([Problem(where, message, remedy)])


def _remedy(line: str) -> str:
    """The most likely remedy for a line that cannot be parsed."""
    if "\t" in line:
        return "indent with spaces instead of tabs"
    if "${" in line:
        return "put ${…} in quotes where it stands inside [ ] or { }"
    return "correct the syntax, or put the text in quotes"
