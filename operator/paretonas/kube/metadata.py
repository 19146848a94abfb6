"""The metadata of a resource: its key, version, uid and owners."""

from collections.abc import Mapping, Sequence
from typing import Any

from paretonas.kube.kinds import ResourceKind

Body = Mapping[str, Any]
"""A resource as plain values."""

ResourceKey = tuple[str, str]
"""Namespace and name."""


def key_of(body: Body) -> ResourceKey:
    """The namespace and name of a resource."""
    return body["metadata"]["namespace"], body["metadata"]["name"]


def version_of(body: Body) -> int:
    """The resourceVersion, which the API server counts up (comparable by KEP-5504)."""
    return int(body["metadata"]["resourceVersion"])


def uid_of(body: Body) -> str:
    """The uid, which distinguishes a resource from an earlier one of the same name."""
    return str(body["metadata"]["uid"])


def owners_of(body: Body) -> Sequence[Mapping[str, Any]]:
    """The owner references of a resource."""
    return body["metadata"].get("ownerReferences") or ()


def is_owned_by(body: Body, uid: str) -> bool:
    """Whether one of the owners has this uid."""
    return any(owner["uid"] == uid for owner in owners_of(body))


def owner_reference(kind: ResourceKind, name: str, uid: str) -> dict[str, Any]:
    """A reference that makes the API server delete a resource together with its owner."""
    return {"apiVersion": kind.api_version, "kind": kind.kind, "name": name, "uid": uid, "controller": True}


def without_metadata(body: Body, *fields: str) -> dict[str, Any]:
    """A copy of a resource without some fields of its metadata."""
    metadata = {key: value for key, value in body["metadata"].items() if key not in fields}
    return {**body, "metadata": metadata}
