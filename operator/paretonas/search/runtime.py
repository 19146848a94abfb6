"""Settings of a process while Ax runs in it: without Ax's messages, and on one thread.

Importing this module imports neither torch nor Ax.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet(level: int = logging.WARNING) -> Iterator[None]:
    """Suppress warnings, and log messages up to a level, of the whole process.

    Ax logs every step it takes, and warns about settings that are deliberate here. Its messages begin when it is
    imported, so imports of it belong inside as well.

    Args:
        level: The highest level that is suppressed.
    """
    before = logging.root.manager.disable
    logging.disable(level)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on one thread.

    Sums then have the same order in every process, hence the same bits; and models of this size are faster that way.
    """
    import torch  # noqa: PLC0415 # only when a search runs: the operator's own process never loads it

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
