"""How arguments are read: one line for a mistake, which names the argument, its value and the remedy."""

import argparse
import difflib
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn


def reject(message: str) -> NoReturn:
    """End the process for a wrong argument, which `message` names with its value and the remedy.

    Raises:
        SystemExit: always, with code 2.
    """
    sys.stderr.write(f"paretonas_trainer: {message}\n")
    raise SystemExit(2)


class Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line, without the usage, which would fill a trial's last log lines."""

    def error(self, message: str) -> NoReturn:
        """End the process with the message."""
        reject(message)


def parse_all(parser: Parser, argv: Sequence[str]) -> argparse.Namespace:
    """The values of all arguments; an unknown one is an error that names the nearest."""
    given, unknown = parser.parse_known_args(argv)
    if unknown:
        known = [f"--{name.replace('_', '-')}" for name in vars(given)]
        near = difflib.get_close_matches(unknown[0].partition("=")[0], known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the arguments are {', '.join(known)}"
        parser.error(f"argument {unknown[0]}: is unknown: {hint}")
    return given


def adder(parser: Parser) -> Callable[..., None]:
    """What adds an argument to a parser, with its default in its help: name, default, help and what argparse takes."""

    def add(name: str, default: object, help_text: str, **how: Any) -> None:
        parser.add_argument(name, default=default, help=f"{help_text} (default: {default})", **how)

    return add


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Reads a whole number in a range."""
    wanted = f"from {least} to {most}" if most else f"of at least {least}"

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least or (most and value > most):
            raise argparse.ArgumentTypeError(f"{text!r} is wrong: give a whole number {wanted}")
        return value

    return read


def number(wanted: str, accepts: Callable[[float], bool]) -> Callable[[str], float]:
    """Reads a finite number that is accepted; `wanted` says in words which are."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and accepts(value)):
            raise argparse.ArgumentTypeError(f"{text!r} is wrong: give a number {wanted}")
        return value

    return read


above_zero = number("above 0", lambda x: x > 0)
fraction = number("from 0 up to, but without, 1", lambda x: 0 <= x < 1)
