"""Pod overlays: which fields an author may set, and how an overlay is merged into a pod. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from paretonas.api import Problem
from paretonas.api.validation import Location, dotted_path
from paretonas.kube.labels import RESERVED_PREFIXES

OVERLAY: Location = ("spec", "trial", "podOverlay")
"""The path of the overlay in an experiment."""

AUTHORS_FIELDS = (
    "spec.affinity.nodeAffinity",
    "spec.containers",
    "spec.initContainers",
    "spec.nodeSelector",
    "spec.securityContext",
    "spec.volumes.configMap",
    "spec.volumes.emptyDir",
    "spec.volumes.persistentVolumeClaim",
    "spec.volumes.secret",
)
"""The fields that an author may set by default: what a program needs, and on which nodes it may run."""

ACCOUNT_FIELDS = ("serviceAccountName", "serviceAccount")
"""The fields that name a pod's account; the second is the old name of the first, and is used if that is not set."""

_NAME_THE_ACCOUNT = "remove it, and name the account in spec.trial.serviceAccountName"
_OURS = {
    "automountServiceAccountToken": "remove it: trials get no token by default",
    **dict.fromkeys(ACCOUNT_FIELDS, _NAME_THE_ACCOUNT),
}
"""Fields of the spec that ParetoNAS sets after the overlay, each with the remedy for an author who sets it."""

_KEYS = {"volumeMounts": "mountPath"}
"""The key of the items of a list where it is not `name`: one volume may be mounted twice."""


def find_refused_fields(overlay: Mapping[str, Any], fields: Sequence[str]) -> Iterator[Problem]:
    """The fields of an overlay that its author may not set, each at the highest refused level.

    Args:
        overlay: of the right shape.
        fields: paths below the overlay that may be set, including everything below them; ``*`` matches any text.
            The name of a label or an annotation is a single part of its path, even if it contains dots.
    """
    allowed = [tuple(field.split(".", 2 if field.startswith("metadata.") else -1)) for field in fields]
    metadata, spec = overlay.get("metadata", {}), overlay.get("spec", {})
    for kind in ("labels", "annotations"):
        for name, value in metadata.get(kind, {}).items():
            if name.startswith(RESERVED_PREFIXES):
                path = _path(("metadata", kind, name))
                yield Problem(path, "is set by ParetoNAS itself", "leave it out", value)
            else:
                yield from _find_refused(value, ("metadata", kind, name), allowed)
    for name, value in spec.items():
        if name in _OURS:
            yield Problem(_path(("spec", name)), "is set by ParetoNAS itself", _OURS[name], value)
        else:
            yield from _find_refused(value, ("spec", name), allowed)
    yield from _find_duplicates(spec, ("spec",))


def _find_refused(value: Any, at: Location, allowed: Sequence[tuple[str, ...]]) -> Iterator[Problem]:
    names = [part for part in at if isinstance(part, str)]
    on_the_way = [entry for entry in allowed if all(map(fnmatchcase, names, entry))]  # compared over the shorter length
    if any(len(entry) <= len(names) for entry in on_the_way):
        return
    if on_the_way and isinstance(value, Mapping):
        for name, inner in value.items():
            if not (name == "name" and isinstance(at[-1], int)):  # it only identifies the item
                yield from _find_refused(inner, (*at, name), allowed)
    elif on_the_way and isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _find_refused(inner, (*at, position), allowed)
    else:
        setting = f"{'.'.join(names)} in PARETONAS_OVERLAY_FIELDS"
        remedy = f"leave it out, or have the operator started with {setting}"
        yield Problem(_path(at), "is not for a trial's author to set", remedy, value)


def _find_duplicates(value: Any, at: Location) -> Iterator[Problem]:
    """Items of a list with the same key: it is unclear which one to merge."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _find_duplicates(inner, (*at, name))
    elif isinstance(value, list):
        key, seen = _KEYS.get(str(at[-1]), "name"), set[str]()
        for position, inner in enumerate(value):
            yield from _find_duplicates(inner, (*at, position))
            name = inner.get(key) if isinstance(inner, Mapping) else None
            if name in seen:
                path = _path((*at, position, key))
                yield Problem(path, f"is the {key} of two items of the list", "change it", name)
            if name is not None:
                seen.add(name)


def merge_overlay(base: Any, overlay: Any, key: str = "name") -> Any:
    """Merge an overlay into a pod: mappings by field, lists of keyed items by key; other lists are replaced.

    A null removes a field.
    """
    if isinstance(base, Mapping) and isinstance(overlay, Mapping):
        names = [*base, *(name for name in overlay if name not in base)]
        both = {
            name: merge_overlay(base.get(name), overlay[name], _KEYS.get(name, "name"))
            if name in overlay
            else base[name]
            for name in names
        }
        return {name: value for name, value in both.items() if value is not None}
    if isinstance(overlay, Mapping):
        return merge_overlay({}, overlay)
    if _has_keys(base, key) and _has_keys(overlay, key):
        over = {item[key]: item for item in overlay}
        kept = [merge_overlay(item, over.pop(item[key], {})) for item in base]
        return [*kept, *(merge_overlay({}, item) for item in over.values())]
    return [merge_overlay(None, item) for item in overlay] if isinstance(overlay, list) else overlay


def _has_keys(value: Any, key: str) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, Mapping) and isinstance(item.get(key), str) for item in value
    )


def find_overlay_path(location: Location, pod: Any, overlay: Any) -> str:
    """The path of a finished pod's field in its overlay; items of lists are found by their keys."""
    at: list[str | int] = []
    for part in location:
        found: str | int = part
        if isinstance(part, int):
            key = _KEYS.get(str(at[-1]), "name")
            items = overlay if _has_keys(overlay, key) else []
            same = [i for i, item in enumerate(items) if item[key] == pod[part].get(key)]
            found = same[0] if same else part
            overlay = items[found] if same else None
        else:
            overlay = overlay.get(part) if isinstance(overlay, Mapping) else None
        pod = pod[part] if isinstance(part, int) else pod.get(part, {})
        at.append(found)
    return _path(tuple(at))


def _path(location: Location) -> str:
    return dotted_path((*OVERLAY, *location))
