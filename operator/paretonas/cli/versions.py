"""The versions that matter when a result or a fault is reported."""

import platform
from importlib import metadata
from typing import Final

import click

from paretonas.cli.commands import Command

_PACKAGES: Final = {
    "paretonas": ("paretonas",),
    "ax": ("ax-platform",),
    "botorch": ("botorch",),
    "torch": ("torch",),
    "torchx": ("torchx-nightly", "torchx"),
    "kopf": ("kopf",),
    "kubernetes": ("kubernetes",),
}
"""The distributions that may bring each package."""


def versions() -> dict[str, str]:
    """The version of each package that is installed, and of Python. Nothing is imported."""
    found = {name: version for name, brought_by in _PACKAGES.items() if (version := _installed(brought_by))}
    return {"paretonas": found.pop("paretonas", "not installed"), "python": platform.python_version(), **found}


def version_option(command: Command) -> Command:
    """Add ``--version``, which prints `versions`, one on each line."""

    def show(context: click.Context, _: click.Parameter, given: bool) -> None:
        if given and not context.resilient_parsing:
            found = versions()
            width = max(map(len, found))
            click.echo("\n".join(f"{name:<{width}}  {version}" for name, version in found.items()))
            context.exit()

    text = "Show the versions of paretonas and of what it uses."
    return click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=show, help=text)(command)


def _installed(distributions: tuple[str, ...]) -> str | None:
    for name in distributions:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None
