"""YAML that says the same to everybody who reads it: to us, to kubectl, and to readers of YAML 1.1 and 1.2."""

import re
from typing import Any

import yaml

from paretonas.api.untrusted_text import HIDDEN
from paretonas.api.yaml_text import RESOLVERS

_NUMBER_LIKE = ("tag:paretonas.io:number-like", re.compile(r"^[-+]?\.?[0-9]"))
"""A text that begins like a number is put in quotes: kubectl reads ``0o17`` as 15, others ``2026-01-31`` as a day."""


class _Dumper(yaml.SafeDumper):
    """Writes a text without quotes only where nobody takes it for something else."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 # what stands twice is written twice
        """Write no anchors."""
        return True

    def analyze_scalar(self, scalar: str) -> Any:
        """What a terminal would obey has no place in plain sight."""
        analysis = super().analyze_scalar(scalar)
        if HIDDEN.search(scalar):
            analysis.allow_flow_plain = analysis.allow_block_plain = False
            analysis.allow_single_quoted = analysis.allow_block = False
        return analysis

    def write_double_quoted(self, text: str, split: bool = True) -> None:  # PyYAML's own
        """Write it with escapes for everything that is no ASCII, where there is something to hide."""
        before = self.allow_unicode
        self.allow_unicode = before and not HIDDEN.search(text)
        super().write_double_quoted(text, split)
        self.allow_unicode = before


# what `load_yaml` has read remembers how it was typed, in classes of its own
_Dumper.add_multi_representer(dict, yaml.SafeDumper.represent_dict)
_Dumper.add_multi_representer(list, yaml.SafeDumper.represent_list)
_Dumper.yaml_implicit_resolvers = {
    first: [*RESOLVERS.get(first, ()), *yaml.SafeDumper.yaml_implicit_resolvers.get(first, ())]
    for first in {*RESOLVERS, *yaml.SafeDumper.yaml_implicit_resolvers}
}
for _first in "-+.0123456789":
    _Dumper.yaml_implicit_resolvers[_first].append(_NUMBER_LIKE)


def dump_yaml(document: Any, *, width: int = 120) -> str:
    """A document as YAML that `load_yaml` and ``kubectl`` read back to the same values, of the same types."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=width)
    return text
