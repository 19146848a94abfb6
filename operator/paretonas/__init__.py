"""ParetoNAS: neural architecture search for several objectives, on a laptop or on Kubernetes.

For Python (docs/python.md), ``import paretonas as pn`` has what `__all__` lists. Each name is imported when it is first
used, so that the import itself takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paretonas.python import Choice, Experiment, Float, Int, Run, Trial, cluster, load, maximize, minimize, run

__all__ = ["Choice", "Experiment", "Float", "Int", "Run", "Trial", "cluster", "load", "maximize", "minimize", "run"]

if not TYPE_CHECKING:  # a type checker sees the imports above, and refuses names that do not exist

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first used (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module 'paretonas' has no attribute {name!r}")
        value = getattr(import_module("paretonas.python"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """The public names, for completion."""
        return sorted([*globals(), *__all__])
