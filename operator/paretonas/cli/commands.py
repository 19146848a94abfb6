"""What `paretonas` and `kubectl nas` share: options, and how errors become messages and exit codes."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from paretonas.api import InvalidDocument
from paretonas.backends.cluster.errors import ClusterError
from paretonas.backends.local.store import StoreError
from paretonas.cli.completion import complete_experiment, complete_trial
from paretonas.cli.exit_codes import ExitCode
from paretonas.cli.result import complain
from paretonas.cli.source import UnknownName
from paretonas.exchange.errors import ExchangeError
from paretonas.extras import MissingExtra

CONTEXT: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
"""Click's settings for both command groups."""

_LOG_LINES = 50
"""Lines printed by `logs`: a screenful, enough for the end of a traceback."""

Command = TypeVar("Command", bound=Callable[..., Any])


class CommandGroup(click.Group):
    """A command group that turns every error into a message and an exit code."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command; exit with the code that belongs to the error, if there is one."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show "…" must not end a run
        try:
            return super().invoke(context)
        except InvalidDocument as error:
            complain(str(error))  # one problem per line
            raise click.exceptions.Exit(ExitCode.BAD_INPUT) from error
        except (MissingExtra, ExchangeError) as error:
            complain(str(error))
            raise click.exceptions.Exit(ExitCode.BAD_INPUT) from error
        except (StoreError, ClusterError, UnknownName) as error:
            complain(str(error))
            raise click.exceptions.Exit(ExitCode.UNUSABLE) from error
        except KeyboardInterrupt as error:
            raise click.exceptions.Exit(ExitCode.INTERRUPTED) from error


def output_option(*kinds: str, default: str | None = "") -> Callable[[Command], Command]:
    """Add ``--output``, a choice of formats; the first is the default, unless another or none is given."""
    chosen = kinds[0] if default == "" else default
    return click.option("-o", "--output", "kind", type=click.Choice(kinds), default=chosen, show_default=True)


def experiment_argument(*, required: bool = True) -> Callable[[Command], Command]:
    """Add ``NAME``, the name of an experiment, which a shell can complete."""
    return click.argument("name", required=required, shell_complete=complete_experiment)


def trial_argument(command: Command) -> Command:
    """Add ``TRIAL``, the name of a trial, which a shell can complete."""
    return click.argument("trial", shell_complete=complete_trial)(command)


def watch_option(command: Command) -> Command:
    """Add ``--watch``, to follow changes."""
    return click.option("-w", "--watch", is_flag=True, help="Follow changes until Ctrl-C.")(command)


def follow_option(command: Command) -> Command:
    """Add ``--follow``, to follow what a trial prints."""
    return click.option("-f", "--follow", is_flag=True, help="Follow the output until the trial ends.")(command)


def to_option(command: Command) -> Command:
    """Add ``--to``, the storage of a study."""
    text = "With -o optuna, the storage of the study: sqlite:///study.db writes a new file."
    return click.option("--to", "storage", metavar="URL", help=text)(command)


def selector_option(command: Command) -> Command:
    """Add ``--selector``, the labels of what is listed."""
    text = "List only what has these labels, as for kubectl: team=vision,tier!=test."
    return click.option("-l", "--selector", default="", metavar="LABELS", help=text)(command)


def tail_option(command: Command) -> Command:
    """Add ``--tail``, the number of lines printed by `logs`."""
    lines = click.IntRange(min=1)
    return click.option("--tail", type=lines, default=_LOG_LINES, show_default=True, help="Lines to print.")(command)


def infeasible_option(command: Command) -> Command:
    """Add ``--infeasible``, which makes `retry` include infeasible trials."""
    text = "Also retry infeasible trials: those that ran out of memory or returned NaN."
    return click.option("--infeasible", is_flag=True, help=text)(command)


def report_options(command: Command) -> Command:
    """Add the options of `report`: what it writes and where."""
    file = click.Path(dir_okay=False, path_type=Path)
    model = "Fit a model to the trials, to say which parameters matter; by default where paretonas[local] is installed."
    for option in (
        click.option(
            "--open/--no-open", "show", default=False, show_default=True, help="Open the page in the browser."
        ),
        click.option("--output", "page", type=file, help="File to write the page to."),
        click.option("--model/--no-model", "model", default=None, help=model),
    ):
        command = option(command)
    return command
