"""`paretonas-operator`: the operator's process, if what it needs is installed."""

import sys

from paretonas.cli.exit_codes import ExitCode
from paretonas.extras import Extra, MissingExtra, require


def run() -> None:
    """Run the operator. Exits with a message if it cannot start."""
    try:
        require(Extra.OPERATOR)
    except MissingExtra as error:
        sys.stderr.write(f"paretonas-operator: {error}\n")
        sys.exit(ExitCode.BAD_INPUT)
    from paretonas.handlers import run as run_handlers  # noqa: PLC0415 # imports kopf, which the extra brings

    run_handlers()
