"""Lightning imported in a third of the time, for a process that trains one small network and ends.

Half of a short trial is imports. CPU seconds, with the packages of the search in the same environment:

    import pytorch_lightning                5.3   of which torch itself is 1.6
    ... without `UNUSED`                    3.6   which torchmetrics imports in case it is asked for them
    ... without `torch._dynamo`             2.3   torch.compile's compiler, which Lightning and every optimizer
                                                  import to see whether it is at work
    ... without garbage collection          1.9   of objects that all stay

Nothing is lost by it: who needs the compiler after all gets it, and if Lightning cannot be imported without the
unused packages, it is imported with them.
"""

import gc
import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

DYNAMO = "torch._dynamo"
UNUSED = ("matplotlib", "scipy", "torchvision", "transformers")


def import_lightning() -> None:
    """Import torch and pytorch_lightning without what an uncompiled trial never uses."""
    gc.disable()
    importlib.import_module("torch")
    if DYNAMO not in sys.modules and (spec := find_spec(DYNAMO)):
        sys.modules[DYNAMO] = _IdleCompiler(spec)
        sys.meta_path.insert(0, _RealSubmodules())
    try:
        with _hidden(UNUSED):
            importlib.import_module("pytorch_lightning")
    except ImportError:
        importlib.import_module("pytorch_lightning")  # another version may need what this one does not
    gc.freeze()  # they stay: let later collections pass them over
    gc.enable()


@contextmanager
def _hidden(packages: Sequence[str]) -> Iterator[None]:
    """Make those of `packages` that nobody has imported yet look as if they were not installed.

    None in `sys.modules` hides them from imports and `find_spec`; RequirementCache, which Lightning and
    torchmetrics use, also looks at the installed distributions.
    """
    from lightning_utilities.core.imports import RequirementCache  # noqa: PLC0415 # a part of Lightning

    hidden = tuple(package for package in packages if package not in sys.modules)
    installed = RequirementCache.__bool__

    def installed_in_sight(cache: RequirementCache) -> bool:
        return not (cache.requirement or cache.module or "").startswith(hidden) and installed(cache)

    RequirementCache.__bool__ = installed_in_sight  # type: ignore[method-assign, assignment] # for the import
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # None makes an import fail
    try:
        yield
    finally:
        RequirementCache.__bool__ = installed  # type: ignore[method-assign] # as it was
        for package in hidden:
            del sys.modules[package]


class _IdleCompiler(ModuleType):
    """A stand-in for `torch._dynamo` that answers whether it is active, and is the real one for anything else."""

    class OptimizedModule:
        """A compiled model, for Lightning's checks; there is none."""

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        self.__spec__ = spec
        self.__path__ = spec.submodule_search_locations or []

    @staticmethod
    def disable(function: Any = None, *_: object, **__: object) -> Any:
        """Return the function, which is not compiled anyway."""
        return function

    @staticmethod
    def graph_break(*_: object, **__: object) -> None:
        """Do nothing, as there is no compiled graph to end."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_real_compiler(), name)


class _RealSubmodules(MetaPathFinder, Loader):
    """Imports the real `torch._dynamo` before any of its submodules."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002 # importlib's signature
        if name.startswith(f"{DYNAMO}.") and isinstance(sys.modules.get(DYNAMO), _IdleCompiler):
            _real_compiler()
            if name in sys.modules:
                return ModuleSpec(name, self)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return sys.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the module was executed with the others."""


def _real_compiler() -> ModuleType:
    if isinstance(sys.modules.get(DYNAMO), _IdleCompiler):
        del sys.modules[DYNAMO]
    return importlib.import_module(DYNAMO)
