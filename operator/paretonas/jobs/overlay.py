"""A pod overlay: what of a pod an author may set by it, and how it is laid over the pod. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from paretonas.api import Problem
from paretonas.api.validation import Location, dotted_path
from paretonas.kube.labels import RESERVED_PREFIXES

OVERLAY: Location = ("spec", "trial", "podOverlay")
"""Where an experiment has it."""

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
"""What an author may set unless the operator says otherwise: what a program needs, and on which nodes it may run."""

ACCOUNT_FIELDS = ("serviceAccountName", "serviceAccount")
"""Where a pod's spec names its account; the second is the older name of the first, and counts where that is not set."""

_NAME_THE_ACCOUNT = "leave it out, and name the account in spec.trial.serviceAccountName"
_OURS = {
    "automountServiceAccountToken": "leave it out: no trial gets a token by itself",
    **dict.fromkeys(ACCOUNT_FIELDS, _NAME_THE_ACCOUNT),
}
"""Fields of the spec that are written after the overlay, with the remedy for who tries."""

_KEYS = {"volumeMounts": "mountPath"}
"""What tells the items of a list apart, where it is not their name: one volume may be mounted twice."""


def find_refused_fields(overlay: Mapping[str, Any], fields: Sequence[str]) -> Iterator[Problem]:
    """What of an overlay its author may not set, each at the highest point that is too much.

    Args:
        overlay: of the right shape.
        fields: paths below the overlay that may be set, with all that is below them; a ``*`` stands for any text.
            The name of a label or an annotation is one part of its path, whatever dots it has.
    """
    allowed = [tuple(field.split(".", 2 if field.startswith("metadata.") else -1)) for field in fields]
    metadata, spec = overlay.get("metadata", {}), overlay.get("spec", {})
    for kind in ("labels", "annotations"):
        for name, value in metadata.get(kind, {}).items():
            if name.startswith(RESERVED_PREFIXES):
                path = _path(("metadata", kind, name))
                yield Problem(path, "is set by ParetoNAS itself", "leave it out", value)
            else:
                yield from _beyond(value, ("metadata", kind, name), allowed)
    for name, value in spec.items():
        if name in _OURS:
            yield Problem(_path(("spec", name)), "is set by ParetoNAS itself", _OURS[name], value)
        else:
            yield from _beyond(value, ("spec", name), allowed)
    yield from _twice(spec, ("spec",))


def _beyond(value: Any, at: Location, allowed: Sequence[tuple[str, ...]]) -> Iterator[Problem]:
    names = [part for part in at if isinstance(part, str)]
    on_the_way = [entry for entry in allowed if all(map(fnmatchcase, names, entry))]  # as far as both go
    if any(len(entry) <= len(names) for entry in on_the_way):
        return
    if on_the_way and isinstance(value, Mapping):
        for name, inner in value.items():
            if not (name == "name" and isinstance(at[-1], int)):  # it only says which item is meant
                yield from _beyond(inner, (*at, name), allowed)
    elif on_the_way and isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _beyond(inner, (*at, position), allowed)
    else:
        setting = f"{'.'.join(names)} in PARETONAS_OVERLAY_FIELDS"
        remedy = f"leave it out, or have the operator started with {setting}"
        yield Problem(_path(at), "is not for a trial's author to set", remedy, value)


def _twice(value: Any, at: Location) -> Iterator[Problem]:
    """Items of one list that cannot be told apart: which one is laid over the pod's?"""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _twice(inner, (*at, name))
    elif isinstance(value, list):
        key, seen = _KEYS.get(str(at[-1]), "name"), set[str]()
        for position, inner in enumerate(value):
            yield from _twice(inner, (*at, position))
            name = inner.get(key) if isinstance(inner, Mapping) else None
            if name in seen:
                path = _path((*at, position, key))
                yield Problem(path, f"is the {key} of two items of the list", "change it", name)
            if name is not None:
                seen.add(name)


def merge_overlay(base: Any, overlay: Any, key: str = "name") -> Any:
    """The overlay laid over a pod: mappings are merged; lists of items with a key by it, other lists are replaced.

    A null takes a field away.
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
    if _keyed(base, key) and _keyed(overlay, key):
        over = {item[key]: item for item in overlay}
        kept = [merge_overlay(item, over.pop(item[key], {})) for item in base]
        return [*kept, *(merge_overlay({}, item) for item in over.values())]
    return [merge_overlay(None, item) for item in overlay] if isinstance(overlay, list) else overlay


def _keyed(value: Any, key: str) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, Mapping) and isinstance(item.get(key), str) for item in value
    )


def find_written_at(location: Location, pod: Any, overlay: Any) -> str:
    """The path of a finished pod's field in the overlay that it comes from: items of lists are found by their keys."""
    at: list[str | int] = []
    for part in location:
        found: str | int = part
        if isinstance(part, int):
            key = _KEYS.get(str(at[-1]), "name")
            items = overlay if _keyed(overlay, key) else []
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
