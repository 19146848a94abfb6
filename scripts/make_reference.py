"""Generates what is derived from crds/: docs/reference.md, and the JSON schemas for editors and `paretonas explain`.

Run by `make reference`; a test compares the files with the CRDs.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from paretonas.api.field_reference import Field, fields_of

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = ROOT / "operator/paretonas/api/schemas"
PAGE = ROOT / "docs/reference.md"
RESOURCES = {"NASExperiment": "nasexperiments", "NASTrial": "nastrials"}
_META = {
    "apiVersion": "Always `paretonas.io/v1alpha1`.",
    "kind": "The kind of the resource.",
    "metadata": "Its name, labels and annotations, as of any Kubernetes resource.",
}
_KEPT = (
    *("type", "description", "required", "default", "enum", "pattern"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("minLength", "maxLength", "minItems", "maxItems"),
)


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON schema (draft 7) of a resource, from its CRD."""
    crd = yaml.safe_load((ROOT / f"crds/{RESOURCES[kind]}.yaml").read_text())
    [version] = crd["spec"]["versions"]
    schema = _converted(version["schema"]["openAPIV3Schema"])
    for name, text in _META.items():
        schema["properties"][name]["description"] = text
    schema["properties"]["apiVersion"]["const"] = f"{crd['spec']['group']}/{version['name']}"
    schema["properties"]["kind"]["const"] = kind
    schema["properties"]["metadata"]["additionalProperties"] = True
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": kind, **schema}


def _converted(node: Mapping[str, Any]) -> dict[str, Any]:
    """A node of OpenAPI 3.0, as Kubernetes extends it, as JSON schema."""
    schema = {key: node[key] for key in _KEPT if key in node}
    for flag, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if node.get(flag) is True:  # a flag in OpenAPI 3.0, the number itself in JSON schema
            schema[flag] = schema.pop(limit)
    if node.get("x-kubernetes-int-or-string"):
        schema["type"] = ["integer", "string"]
    if "items" in node:
        schema["items"] = _converted(node["items"])
    if "properties" in node:
        schema["properties"] = {name: _converted(child) for name, child in node["properties"].items()}
        schema["additionalProperties"] = bool(node.get("x-kubernetes-preserve-unknown-fields"))
    elif isinstance(node.get("additionalProperties"), Mapping):
        schema["additionalProperties"] = _converted(node["additionalProperties"])
    return schema


def reference(schemas: Mapping[str, dict[str, Any]]) -> str:
    """The page with every field of both resources."""
    lines = [
        "# Reference",
        "",
        "Every field of `NASExperiment` and `NASTrial`, generated from `crds/` by `make reference`. In a terminal,",
        "`paretonas explain spec.parameters` prints the same. ParetoNAS writes `status`; users read it.",
    ]
    for kind, schema in schemas.items():
        lines += [
            "",
            f"## {kind}",
            "",
            schema["description"],
            "",
            "| field | type | meaning |",
            "|---|---|---|",
        ]
        lines += _rows(fields_of(schema))
    return "\n".join(lines) + "\n"


def _rows(fields: list[Field]) -> Iterator[str]:
    for field in fields:
        text = " ".join((field.description, *(f"{fact}." for fact in field.facts))).strip()
        text = text.replace("|", "\\|").replace("<", "\\<")  # would end the cell, or be taken for HTML
        yield f"| `{field.path}` | {field.type} | {text} |"
        yield from _rows(field.children)


def generate() -> dict[Path, str]:
    """Every generated file with its text."""
    schemas = {kind: json_schema(kind) for kind in RESOURCES}
    files = {
        SCHEMAS / f"{kind.lower()}.json": json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
        for kind, schema in schemas.items()
    }
    return {**files, PAGE: reference(schemas)}


if __name__ == "__main__":
    SCHEMAS.mkdir(exist_ok=True)
    for path, text in generate().items():
        path.write_text(text)
