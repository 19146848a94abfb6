"""Messages that name options of the command line, in the words of Python."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from paretonas.backends.cluster.errors import ClusterError
from paretonas.backends.local.store import StoreError
from paretonas.cli.source import UnknownName

_OPTIONS = {"--runs-dir": "runs=", "--kubeconfig": "kubeconfig=", "--context": "context=", "--logs-root": "logs_root="}
_OPTION = re.compile("|".join(_OPTIONS))


def in_python(message: str) -> str:
    """The message with each option as the argument of the function."""
    return _OPTION.sub(lambda option: _OPTIONS[option[0]], message)


def warn(message: str) -> None:
    """Print a warning for the user, on standard error."""
    print(in_python(message), file=sys.stderr)  # noqa: T201 # in a notebook it belongs to the cell


@contextmanager
def python_words() -> Iterator[None]:
    """A context whose errors speak of arguments, not of options."""
    try:
        yield
    except (StoreError, ClusterError, UnknownName) as error:
        raise type(error)(in_python(str(error))) from None
