"""Shell completion: the names of experiments and trials, and kubectl's way to ask for them.

Nothing is parsed and no cluster client is imported, since a person waits at the TAB key.
"""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem, ShellComplete

from paretonas.backends.local.store import TRIALS, experiments
from paretonas.kube import kinds

_PATIENCE_SECONDS: Final = 3
"""Seconds that a cluster gets to answer."""

_NO_FILES: Final = ":4"
"""kubectl's directive ShellCompDirectiveNoFileComp (cobra): no file is meant."""


def complete_experiment(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The names of experiments that begin so: in the runs folder, or on the cluster of `kubectl nas`."""
    runs = _runs(context)
    names = [path.name for path in experiments(runs)] if runs else _on_cluster(context, kinds.EXPERIMENTS.plural)
    return [name for name in names if name.startswith(incomplete)]


def complete_trial(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The names of trials that begin so, by number."""
    runs = _runs(context)
    if runs:
        names = [path.stem for folder in experiments(runs) for path in (folder / TRIALS).glob("*.json")]
    else:
        names = _on_cluster(context, kinds.TRIALS.plural)
    return sorted((name for name in names if name.startswith(incomplete)), key=_by_number)


def complete_for_kubectl(group: click.Group, words: Sequence[str]) -> str:
    """What kubectl wants from `kubectl_complete-nas`: a line for each completion, and then what they are.

    Args:
        group: The commands of `kubectl nas`.
        words: What is typed after ``kubectl nas``; the last word is incomplete, and may be empty.
    """
    *before, incomplete = words or [""]
    found = ShellComplete(group, {}, "kubectl nas", "").get_completions(list(before), incomplete)
    lines = [f"{item.value}\t{item.help}" if item.help else item.value for item in _plain(found)]
    return "".join(f"{line}\n" for line in [*lines, _NO_FILES])


def _plain(items: Sequence[CompletionItem]) -> Iterator[CompletionItem]:
    """The completions that are words; others ask the shell for file names."""
    return (item for item in items if item.type == "plain")


def _runs(context: click.Context) -> Path | None:
    """The runs folder of a local command; None for a command of `kubectl nas`."""
    given = context.params.get("runs")
    return None if given is None else Path(given)


def _on_cluster(context: click.Context, plural: str) -> list[str]:
    """The names that kubectl lists; none if it does not answer. Its start takes less time than importing a client."""
    target: Any = context.obj
    options = {f"--{option}": getattr(target, option, None) for option in ("kubeconfig", "context", "namespace")}
    given = [f"{option}={value}" for option, value in options.items() if value]
    command = ["kubectl", "get", f"{plural}.{kinds.EXPERIMENTS.group}", "-o", "name", *given]
    try:
        answer = subprocess.run(  # noqa: S603 # the words are options of kubectl
            [*command, f"--request-timeout={_PATIENCE_SECONDS}s"],
            capture_output=True,
            text=True,
            timeout=2 * _PATIENCE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.rpartition("/")[2] for line in answer.stdout.splitlines()]


def _by_number(name: str) -> tuple[str, int]:
    experiment, _, index = name.rpartition("-")
    return experiment, int(index) if index.isdigit() else 0
