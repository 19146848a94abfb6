"""Writing YAML that means the same to every reader: to ParetoNAS, kubectl, and parsers of YAML 1.1 and 1.2."""

import re
from typing import Any

import yaml

from paretonas.api.untrusted_text import HIDDEN
from paretonas.api.yaml_text import RESOLVERS

_NUMBER_LIKE = ("tag:paretonas.io:number-like", re.compile(r"^[-+]?\.?[0-9]"))
"""Text that starts like a number is quoted: kubectl reads ``0o17`` as 15, other parsers ``2026-01-31`` as a date."""


class _Dumper(yaml.SafeDumper):
    """A dumper that omits quotes only if no parser takes the text for another type."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 # PyYAML's signature
        """Write no anchors: repeated values are written out."""
        return True

    def analyze_scalar(self, scalar: str) -> Any:
        """Allow only double quotes, which escape them, for characters that a terminal would obey."""
        analysis = super().analyze_scalar(scalar)
        if HIDDEN.search(scalar):
            analysis.allow_flow_plain = analysis.allow_block_plain = False
            analysis.allow_single_quoted = analysis.allow_block = False
        return analysis

    def write_double_quoted(self, text: str, split: bool = True) -> None:  # PyYAML's own
        """Escape everything outside of ASCII if the text contains characters that a terminal would obey."""
        before = self.allow_unicode
        self.allow_unicode = before and not HIDDEN.search(text)
        super().write_double_quoted(text, split)
        self.allow_unicode = before


# `load_yaml` returns its own subclasses of dict and list, which remember how values were typed
_Dumper.add_multi_representer(dict, yaml.SafeDumper.represent_dict)
_Dumper.add_multi_representer(list, yaml.SafeDumper.represent_list)
_Dumper.yaml_implicit_resolvers = {
    first: [*RESOLVERS.get(first, ()), *yaml.SafeDumper.yaml_implicit_resolvers.get(first, ())]
    for first in {*RESOLVERS, *yaml.SafeDumper.yaml_implicit_resolvers}
}
for _first in "-+.0123456789":
    _Dumper.yaml_implicit_resolvers[_first].append(_NUMBER_LIKE)


def dump_yaml(document: Any, *, width: int = 120) -> str:
    """Write a document as YAML that `load_yaml` and ``kubectl`` read back as the same values of the same types."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=width)
    return text
