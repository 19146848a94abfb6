"""The shape of a pod template: its fields and their types, taken from the Kubernetes client."""

import re
from dataclasses import replace
from functools import cache
from typing import Annotated, Any

from kubernetes import client
from pydantic import AfterValidator, Field, create_model

from paretonas.api import Model, Problem
from paretonas.api.base import ListToTuple, rule
from paretonas.api.validation import read

_LARGEST = 2**63 - 1
"""Numbers have 64 bits in Kubernetes."""

_NAMED = ("V1Container", "V1EnvVar", "V1Volume")
"""Items that an overlay merges by name, which they must therefore have."""

_LASTING = {("V1PodSpec", "containers")}
"""Required fields, which an overlay cannot remove."""


def _number_or_text(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise rule("is neither a whole number nor a text", remedy="write one of them, as 8080 or http")
    return value


_LEAVES: dict[str, Any] = {
    "bool": bool,
    "datetime": str,
    "int": Annotated[int, Field(ge=-_LARGEST, le=_LARGEST)],
    "object": Annotated[Any, AfterValidator(_number_or_text)],
    "str": str,
}


class _Metadata(Model):
    """The metadata that an author may set; Volcano sets the name and the owner."""

    labels: dict[str, str | None] = Field(default_factory=dict)
    annotations: dict[str, str | None] = Field(default_factory=dict)


def read_shape(overlay: Any) -> tuple[dict[str, Any], list[Problem]]:
    """The valid part of an overlay, and a problem for everything else.

    A null is kept where it removes a field; metadata, spec, labels and annotations cannot be removed.
    """
    found, problems, _ = read(_holder(), {"podOverlay": overlay}, {("podOverlay",): {}})
    plain = found.model_dump(mode="json", by_alias=True, exclude_unset=True) if found else {"podOverlay": {}}
    return plain["podOverlay"], [replace(problem, path=f"spec.trial.{problem.path}") for problem in problems]


@cache
def _holder() -> type[Model]:
    """Created on first use: the 111 models take half a second."""
    template = create_model(
        "PodTemplate", __base__=Model, metadata=(_Metadata, _Metadata()), spec=(_model("V1PodSpec"), None)
    )
    return create_model("Holder", __base__=Model, pod_overlay=(template, ...))


@cache
def _model(kind: str) -> type[Model]:
    """One of the client's models as a pydantic model."""
    of = getattr(client, kind)
    fields: dict[str, Any] = {}
    for name, alias in of.attribute_map.items():
        field = _type(of.openapi_types[name])
        needed = kind in _NAMED and name == "name"
        lasting = needed or (kind, name) in _LASTING
        # prefixed, since pydantic reserves names such as `copy` and `_exec`
        fields[f"f_{name}"] = field if lasting else field | None, Field(... if needed else None, alias=alias)
    return create_model(kind, __base__=Model, **fields)


def _type(written: str) -> Any:
    """The type that the client writes as ``List[V1Container]``, ``Dict[str, str]`` or ``int``."""
    if inner := re.fullmatch(r"(List|Dict)\[(?:str, )?(.*)\]", written):
        kind: Any = _type(inner[2])
        return Annotated[tuple[kind, ...], ListToTuple] if inner[1] == "List" else dict[str, kind | None]
    return _LEAVES[written] if written in _LEAVES else _model(written)
