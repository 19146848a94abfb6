"""How much of a document is read at all: what is beyond costs its author an error, and nobody else anything. Pure.

No function here calls itself deeper than `MAX_LEVELS`: the API server keeps documents of 10,000 levels.
"""

from typing import Any, Final

MAX_LEVELS: Final = 32
"""Levels of a document. A pod's affinity, the deepest of what is known, ends on the 15th of an experiment."""

MAX_OVERLAY: Final = 65_536
"""Characters of a pod overlay as JSON; that of a large trial has a tenth of it. crds/bounds.yaml says the same."""

MAX_PARTS: Final = 500
"""Mappings and lists of a pod overlay: a ``{}`` takes a hundred bytes of memory. crds/bounds.yaml says the same."""


class Refused(dict[str, Any]):
    """Stands for a pod overlay beyond its bounds, of which nothing but that is kept: it looks empty."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__()
        self.message, self.remedy = message, remedy


def bound_overlay(overlay: Any) -> Any:
    """The overlay itself; a `Refused` in the place of one that is too large."""
    if not isinstance(overlay, dict) or isinstance(overlay, Refused):
        return overlay
    size = parts = 0
    left: list[Any] = [overlay]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += value.values()
            size += 2 + sum(
                len(str(key)) + 5 for key in value
            )  # {} and, a key, "": and a comma with its blank
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
    """The place of something that lies deeper than `MAX_LEVELS`; None when nothing does."""
    places: list[tuple[tuple[str | int, ...], Any]] = [((), document)]
    while places:
        place, value = places.pop()
        inside = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        if inside and len(place) >= MAX_LEVELS:
            return place
        places += [((*place, key), item) for key, item in inside if isinstance(item, (dict, list))]
    return None
