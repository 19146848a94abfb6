"""The extras of the package, and what to type when one is missing.

The package alone does everything that needs no search. What needs more asks `require` before it begins. Every command
turns the error into one line and an exit code.
"""

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

PACKAGE: Final = "paretonas"


class Extra(StrEnum):
    """An extra of the package, as in ``paretonas[local]``."""

    LOCAL = "local"
    """Runs experiments on this machine, and asks the search."""
    OPERATOR = "operator"
    """Runs experiments on a cluster."""
    NOTEBOOK = "notebook"
    """Shows results in Python: tables of pandas, and figures of matplotlib."""
    OPTUNA = "optuna"
    """Writes and reads studies of Optuna."""
    TRAINER = "trainer"
    """Trains the MNIST networks of the examples."""


_MODULES: Final[Mapping[Extra, tuple[str, ...]]] = {
    Extra.LOCAL: ("ax", "botorch", "torch", "torchx"),
    Extra.NOTEBOOK: ("matplotlib", "pandas"),
    Extra.OPTUNA: ("optuna",),
    Extra.TRAINER: ("filelock", "pytorch_lightning", "tensorboard", "torch"),
    Extra.OPERATOR: ("aiohttp", "ax", "botorch", "kopf", "prometheus_client", "torch", "torchx"),
}
"""The modules that each extra brings and that are imported."""


class MissingExtra(ImportError):  # noqa: N818 # named for what is missing, as InvalidDocument is for the document
    """An extra is not installed; the message is one line that ends with the command that installs it."""


def require(*extras: Extra) -> None:
    """Check that extras are installed, without importing what they bring. Raises MissingExtra."""
    _check({extra: _MODULES[extra] for extra in extras})


def require_module(module: str, extra: Extra) -> None:
    """Check that one of the modules that an extra brings is installed. Raises MissingExtra."""
    _check({extra: (module,)})


def _check(modules: Mapping[Extra, Sequence[str]]) -> None:
    missing = {extra: [name for name in names if find_spec(name) is None] for extra, names in modules.items()}
    lacking = [extra for extra, names in missing.items() if names]
    if lacking:
        names = sorted({name for extra in lacking for name in missing[extra]})
        verb = "is" if len(names) == 1 else "are"
        raise MissingExtra(
            f"this needs {PACKAGE}[{','.join(lacking)}] ({', '.join(names)} {verb} not installed); "
            f"to install it: {install_command(*lacking)}"
        )


def install_command(*extras: Extra) -> str:
    """The command that adds extras to this environment, with the tool that installed the package."""
    try:
        package = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:  # run from a folder of source
        origin, installer = None, ""
    else:
        origin, installer = package.read_text("direct_url.json"), package.read_text("INSTALLER") or ""
    wanted = requirement(extras, json.loads(origin) if origin else None)
    return shlex.join([*installer_command(Path(sys.prefix), installer.strip()), *wanted])


def requirement(extras: Sequence[Extra], origin: Mapping[str, Any] | None) -> list[str]:
    """The package with extras, as arguments of an installer.

    Args:
        extras: The extras.
        origin: Where the package came from, as its ``direct_url.json`` says (PEP 610); None: from an index.
    """
    names = f"[{','.join(extras)}]"
    if origin is None:
        return [PACKAGE + names]
    url = origin["url"]
    if origin.get("dir_info", {}).get("editable"):
        return ["--editable", url2pathname(urlsplit(url).path) + names]
    if vcs := origin.get("vcs_info"):
        url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    return [f"{PACKAGE}{names} @ {url}"]


def installer_command(environment: Path, installer: str) -> list[str]:
    """The command that installs into an environment, where ``installer`` installed the package (PEP 376)."""
    if (environment / "uv-receipt.toml").exists():
        return ["uv", "tool", "install"]
    if (environment / "pipx_metadata.json").exists():
        return ["pipx", "install", "--force"]
    if installer == "uv":
        return ["uv", "pip", "install", "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install"]
