"""What the schema says may only grow: an object that an older version took is taken by this one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

RELEASED = sorted(Path("tests/data/crds").glob("*/*.yaml"))

NEW_FIELDS = ("warmStartFrom", "step", "run", "retry", "formula", "stopWhen", "target")
"""Fields with rules that older versions do not have."""

WIDENED = (
    ("[<>=]=", "[<>]="),
    (
        r"\$(\${[^}]*|{(parameters\.\w+|trial\.(name|index|attempt|(log|output)Dir)|experiment\.name(space)?))}",
        r"\$\$\{[^}]*}|\$\{(parameters\.\w+|trial\.(name|index|attempt|logDir)|experiment\.(name|namespace))}",
    ),
    (
        (
            "self.objectives.size() == oldSelf.objectives.size() && "
            "self.objectives.all(o, oldSelf.objectives.exists(p, "
            "p.metric == o.metric && p.goal == o.goal && p.scale == o.scale && "
            "has(p.threshold) == has(o.threshold) && (!has(p.threshold) || p.threshold == o.threshold)))"
        ),
        "self.objectives == oldSelf.objectives",
    ),
)
"""Pieces of rules that take more than the older ones beside them: ``==``, ``${trial.outputDir}``, and a change of a
target, too."""
NARROWED = {
    ".spec.index: maximum was None, now 1000000",  # after a larger one no other trial would get an index
    # jobs that run would be left to nobody; before, the field meant nothing
    ".spec: there is a new rule, has(self.managedBy) == has(oldSelf.managedBy) && (!has(self.managedBy) || self.managedBy == oldSelf.managedBy)",  # noqa: E501 # the rule as it is
}
"""What is refused now although it was taken, since it does harm to others. What is stored stays, and is told of it."""

Schema = dict[str, Any]

_LOWER = ("minimum", "minLength", "minItems")
_UPPER = ("maximum", "maxLength", "maxItems", "maxProperties")


def schema(file: Path) -> Schema:
    """The schema of the only version."""
    [version] = yaml.safe_load(file.read_text())["spec"]["versions"]
    found: Schema = version["schema"]["openAPIV3Schema"]
    return found


def narrowed(old: Schema, new: Schema, path: str = "") -> Iterator[str]:
    """Everything that the old schema takes and the new one may not."""
    yield from (f"{path}: {what}" for what in _narrowed_here(old, new))
    for name, before in old.get("properties", {}).items():
        if name not in new["properties"]:
            yield f"{path}.{name}: is gone"
        else:
            yield from narrowed(before, new["properties"][name], f"{path}.{name}")
    for part in ("items", "additionalProperties"):
        if isinstance(old.get(part), dict):
            yield from narrowed(old[part], new[part], f"{path}[]")


def _narrowed_here(old: Schema, new: Schema) -> Iterator[str]:
    for field in ("type", "pattern"):
        if new.get(field) not in {None, old.get(field)} or (field == "type" and field in old and field not in new):
            yield f"{field} was {old.get(field)}, now {new.get(field)}"
    lower = {field: new[field] > old.get(field, float("-inf")) for field in _LOWER if field in new}
    upper = {field: new[field] < old.get(field, float("inf")) for field in _UPPER if field in new}
    for field, narrower in (lower | upper).items():
        if narrower:
            yield f"{field} was {old.get(field)}, now {new[field]}"
    if "enum" in new and not set(old.get("enum", ["anything"])) <= set(new["enum"]):
        yield f"some of {old.get('enum')} are not allowed any more"
    yield from (f"{name} is required now" for name in set(new.get("required", ())) - set(old.get("required", ())))
    rules = {rule["rule"] for rule in old.get("x-kubernetes-validations", ())}
    for rule in new.get("x-kubernetes-validations", ()):
        before = rule["rule"]
        for wider, narrower in WIDENED:
            before = before.replace(wider, narrower)
        # what a rule says of a field that did not exist can refuse no older object
        if before not in rules and not any(f".{name}" in rule["rule"] for name in NEW_FIELDS):
            yield f"there is a new rule, {rule['rule']}"


@pytest.mark.parametrize("file", RELEASED, ids=lambda file: f"{file.parent.name} {file.stem}")
def test_nothing_that_an_older_schema_took_is_refused_now(file: Path) -> None:
    assert set(narrowed(schema(file), schema(Path("crds") / file.name))) <= NARROWED


def test_a_narrower_schema_is_noticed() -> None:
    old = schema(RELEASED[0])
    changes: list[dict[str, Any]] = [
        {"required": ["spec", "status"]},
        {"properties": {}},
        {"type": "array"},
        {"x-kubernetes-validations": [{"rule": "false"}]},
    ]
    for change in changes:
        assert list(narrowed(old, {**old, **change})), change


def described(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """A schema and all that are in it."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from described(inner, f"{path}.{name}")
    for part in ("items", "additionalProperties"):
        if isinstance(schema.get(part), dict):
            yield from described(schema[part], f"{path}[]")


@pytest.mark.parametrize("file", sorted(Path("crds").glob("nas*.yaml")), ids=lambda path: path.stem)
def test_a_schema_has_only_words_that_the_api_server_knows(file: Path) -> None:
    """An unquoted comma in a description makes a key of what follows, and the whole resource is refused."""
    for path, found in described(schema(file)):
        unknown = [key for key, value in found.items() if value is None or not re.fullmatch(r"[a-zA-Z-]+", key)]
        assert not unknown, f"{path}: {unknown}"


@pytest.mark.parametrize("file", sorted(Path("crds").glob("nas*.yaml")), ids=lambda path: path.stem)
def test_every_column_of_kubectl_shows_a_field_that_there_is(file: Path) -> None:
    """The API server takes any path, and the column of one that does not exist is empty."""
    [version] = yaml.safe_load(file.read_text())["spec"]["versions"]
    for column in version["additionalPrinterColumns"]:
        found = schema(file)
        for name in re.sub(r"\[.*?\]", "", column["jsonPath"]).strip(".").split("."):
            found = found.get("items", found)
            if name == "metadata":
                break
            assert name in found.get("properties", {}), column
            found = found["properties"][name]
