"""Limits on the size of a document. A larger one is an error for its author and has no effect on others. Pure.

No function here recurses deeper than `MAX_LEVELS`, since the API server stores documents of 10,000 levels.
"""

from typing import Any, Final

MAX_LEVELS: Final = 32
"""The deepest nesting of a document. The deepest known field, a pod's affinity, ends at level 15 of an experiment."""

MAX_OVERLAY: Final = 65_536
"""The largest pod overlay, in characters of JSON; a large trial has a tenth of it. Keep equal to crds/bounds.yaml."""

MAX_PARTS: Final = 500
"""The most mappings and lists in a pod overlay: a ``{}`` takes 100 bytes of memory. Keep equal to crds/bounds.yaml."""


class Refused(dict[str, Any]):
    """Replaces a pod overlay that is too large; it is empty and keeps only the reason."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__()
        self.message, self.remedy = message, remedy


def bound_overlay(overlay: Any) -> Any:
    """Return the overlay, or a `Refused` if it is too large."""
    if not isinstance(overlay, dict) or isinstance(overlay, Refused):
        return overlay
    size = parts = 0
    left: list[Any] = [overlay]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += value.values()
            size += 2 + sum(len(str(key)) + 5 for key in value)  # {} and, a key, "": and a comma with its blank
        elif isinstance(value, list):
            left += value
            size += 2 + 2 * len(value)
        else:
            size += len(str(value)) + 2 * isinstance(value, str)
        parts += isinstance(value, (dict, list))
        if size > MAX_OVERLAY:
            return Refused(f"is larger than {MAX_OVERLAY // 1024} KiB", "put files into a ConfigMap")
        if parts > MAX_PARTS:
            return Refused(f"has more than {MAX_PARTS} mappings and lists", "leave out what is not needed")
    return overlay


def too_deep(document: Any) -> tuple[str | int, ...] | None:
    """The path of a part nested deeper than `MAX_LEVELS`; None if there is none."""
    places: list[tuple[tuple[str | int, ...], Any]] = [((), document)]
    while places:
        place, value = places.pop()
        inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        if inside and len(place) >= MAX_LEVELS:
            return place
        places += [((*place, key), item) for key, item in inside if isinstance(item, (dict, list))]
    return None
