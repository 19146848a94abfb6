"""What `paretonas` and `kubectl nas` have in common: errors and their exit codes, and options."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from paretonas.api import InvalidDocument
from paretonas.backends.cluster.errors import ClusterError
from paretonas.backends.local.store import StoreError
from paretonas.cli.exit_codes import ExitCode
from paretonas.cli.result import complain
from paretonas.cli.source import UnknownName

CONTEXT: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
"""Settings of both groups of commands."""

_LOG_LINES = 50
"""Lines that `logs` prints: a screenful, with the end of a traceback."""

Command = TypeVar("Command", bound=Callable[..., Any])


class CommandGroup(click.Group):
    """Gives every error its message and its exit code, in one place."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a terminal that has no … must not end a run
        try:
            return super().invoke(context)
        except InvalidDocument as error:
            complain(str(error))  # a problem a line
            raise click.exceptions.Exit(ExitCode.BAD_INPUT) from error
        except (StoreError, ClusterError, UnknownName) as error:
            complain(str(error))
            raise click.exceptions.Exit(ExitCode.UNUSABLE) from error
        except KeyboardInterrupt as error:
            raise click.exceptions.Exit(ExitCode.INTERRUPTED) from error


def output_option(*kinds: str) -> Callable[[Command], Command]:
    """How something is printed; the first kind is the default."""
    choice = click.Choice(kinds)
    return click.option("-o", "--output", "kind", type=choice, default=kinds[0], show_default=True)


def tail_option(command: Command) -> Command:
    """How much `logs` prints."""
    lines = click.IntRange(min=1)
    return click.option("--tail", type=lines, default=_LOG_LINES, show_default=True, help="Lines.")(command)


def infeasible_option(command: Command) -> Command:
    """What `retry` takes up beside what has failed."""
    text = "Take those up too that were infeasible: out of memory, or NaN."
    return click.option("--infeasible", is_flag=True, help=text)(command)


def report_options(command: Command) -> Command:
    """What `report` writes and where."""
    file = click.Path(dir_okay=False, path_type=Path)
    model = "Add what Ax's model says: takes half a minute."
    for option in (
        click.option(
            "--open/--no-open", "show", default=False, show_default=True, help="Show it in the browser."
        ),
        click.option("--output", "page", type=file, help="The page's file."),
        click.option("--model", is_flag=True, help=model),
    ):
        command = option(command)
    return command
