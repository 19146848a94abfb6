"""`paretonas explain`: a field of the resources, as text. Pure."""

from textwrap import fill
from typing import Final

from paretonas.api.field_reference import Field

_INDENT: Final = "  "


def explain_field(field: Field, width: int) -> str:
    """The field and the fields directly below it, in lines of at most `width` columns."""
    lines = [_head(field.path or "NASExperiment", field, width, ""), "", _body(field, width, _INDENT)]
    if field.children:
        lines += ["", "Fields:"]
        for child in field.children:
            lines += [_head(child.name, child, width, _INDENT), _body(child, width, 2 * _INDENT)]
    return "\n".join(lines)


def _head(name: str, field: Field, width: int, indent: str) -> str:
    facts = (field.type, *(fact[:1].lower() + fact[1:] for fact in field.facts))
    text = f"{name}  ({'; '.join(facts)})"
    return fill(text, width, initial_indent=indent, subsequent_indent=indent + 2 * _INDENT, break_on_hyphens=False)


def _body(field: Field, width: int, indent: str) -> str:
    return fill(field.description, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
