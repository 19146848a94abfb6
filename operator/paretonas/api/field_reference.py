"""The fields of the resources as their schemas describe them: what `paretonas explain` and docs/reference.md show."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from paretonas.api.validation import suggestion

RESOURCES: Final = ("nasexperiment", "nastrial")


class UnknownField(LookupError):  # noqa: N818 # said of a path, as UnknownName of a name
    """No field has this path; the message names the fields that there are."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a resource.

    Attributes:
        path: Its path in the resource, with ``[]`` after each list and ``.*`` for the keys of a map.
        type: Its type in words, such as ``list of texts``.
        description: What it means, in whole sentences.
        facts: Whether it is required, its default and its limits, each without a full stop.
        children: The fields below it.
    """

    path: str
    type: str
    description: str
    facts: tuple[str, ...]
    children: list["Field"]

    @property
    def name(self) -> str:
        """The last part of the path, without ``[]`` and ``.*``."""
        return self.path.removesuffix("[]").removesuffix(".*").rpartition(".")[2]


@cache
def schema(kind: str) -> Mapping[str, Any]:
    """The JSON schema of a resource, one of `RESOURCES`."""
    text = files("paretonas.api").joinpath(f"schemas/{kind}.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def fields_of(node: Mapping[str, Any], path: str = "") -> list[Field]:
    """The fields directly below a node of a schema."""
    required = frozenset(node.get("required", ()))
    return [
        _field(f"{path}.{name}".lstrip("."), child, required=name in required)
        for name, child in node.get("properties", {}).items()
    ]


def find_field(path: str) -> Field:
    """The field at a path such as ``spec.parameters.int``.

    ``[]`` may be left out, ``nastrial.`` at the beginning chooses the other resource, and ``spec.`` may be
    left out too.

    Raises:
        UnknownField: There is no such field.
    """
    first, *rest = [part.removesuffix("[]") for part in path.strip(".").split(".") if part] or [RESOURCES[0]]
    kind, parts = (first.lower(), rest) if first.lower() in RESOURCES else (RESOURCES[0], [first, *rest])
    root = Field("", "object", str(schema(kind).get("description", "")), (), fields_of(schema(kind)))
    if parts and parts[0] not in _names(root) and parts[0] in _names(_descend(root, ["spec"])):
        parts = ["spec", *parts]
    return _descend(root, parts)


def _descend(field: Field, parts: Sequence[str]) -> Field:
    for part in parts:
        if part not in _names(field):
            place = f"{field.path} has no field" if field.path else "there is no field"
            remedy = suggestion(part, _names(field)) if field.children else "it has no fields below it"
            raise UnknownField(f"{place} {part!r}; {remedy}")
        field = next(child for child in field.children if child.name == part)
    return field


def _names(field: Field) -> list[str]:
    return [child.name for child in field.children]


def _field(path: str, node: Mapping[str, Any], *, required: bool) -> Field:
    inner, below = node, path
    if "items" in node:
        inner, below = node["items"], f"{path}[]"
    elif isinstance(node.get("additionalProperties"), Mapping):
        inner, below = node["additionalProperties"], f"{path}.*"
    facts = ("Required",) if required else ()
    return Field(below, _type(node), node.get("description", ""), facts + _facts(node), fields_of(inner, below))


def _type(node: Mapping[str, Any]) -> str:
    if "items" in node:
        return f"list of {_plural(_type(node['items']))}"
    if isinstance(node.get("additionalProperties"), Mapping):
        return f"map of {_plural(_type(node['additionalProperties']))}"
    declared = node.get("type", "any value")
    names = [declared] if isinstance(declared, str) else declared
    return " or ".join("text" if name == "string" else name for name in names)


def _plural(words: str) -> str:
    kind, of, inner = words.partition(" of ")  # "map of numbers" has its plural before "of"
    return " or ".join(f"{word}s" for word in kind.split(" or ")) + of + inner


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _facts(node: Mapping[str, Any]) -> tuple[str, ...]:
    facts = []
    if "enum" in node:
        facts.append(f"One of {', '.join(map(str, node['enum']))}")
    if "default" in node and node["default"] not in ({}, ""):
        facts.append(f"Default: {_text(node['default'])}")
    limits = (
        ("More than", "exclusiveMinimum"),
        ("At least", "minimum"),
        ("Less than", "exclusiveMaximum"),
        ("At most", "maximum"),
    )
    for words, key in limits:
        if key in node:
            facts.append(f"{words} {node[key]:,}")
    for words, key in (("At least", "minItems"), ("At most", "maxItems")):
        if key in node:
            facts.append(f"{words} {node[key]} item{'s' if node[key] != 1 else ''}")
    if "maxLength" in node:
        facts.append(f"At most {node['maxLength']:,} characters")
    return tuple(facts)
