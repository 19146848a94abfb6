"""A table that follows changes: redrawn in place on a terminal, elsewhere printed as one line per change."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from paretonas.cli.output import on_terminal
from paretonas.cli.tables import TableColumn, page, table

Shown = TypeVar("Shown")

_REFRESHES = 2
"""Per second. Ages are whole seconds, so more often is of no use."""

_FRAME = 4
"""Lines of a screen that are not rows: the titles, the notes about omitted rows and columns, and the cursor's line."""

_NAMESPACE = "NAMESPACE"
"""The column that identifies a row together with its name."""

_CLOCK = "AGE"
"""The column that changes all the time, even if nothing has happened."""


def watch(
    states: Iterable[Shown], columns: Callable[[Shown, datetime], Sequence[TableColumn]], console: Console
) -> None:
    """Show each state as a table, until there are no more states or the user interrupts.

    Args:
        states: The states to show, one after another.
        columns: The table's columns for a state at a time.
        console: Where to print.
    """
    show = _redraw if on_terminal(console) else _print_changes
    show(states, columns, console)


def _redraw(
    states: Iterable[Shown], columns: Callable[[Shown, datetime], Sequence[TableColumn]], console: Console
) -> None:
    """Keep one table up to date; it stays on the screen after the user interrupts."""
    following = iter(states)
    state = next(following)  # outside of Live, so that its error is reported like any other

    def render() -> RenderableType:
        return screen(columns(state, datetime.now(UTC)), console.width, console.height)

    with Live(console=console, get_renderable=render, refresh_per_second=_REFRESHES):
        for state in following:  # noqa: B007 # render() reads it
            pass


def screen(columns: Sequence[TableColumn], width: int, height: int) -> RenderableType:
    """The last rows that fit on the screen: the newest come last."""
    rows = len(columns[0].cells)
    above = max(0, rows - max(1, height - _FRAME))
    shown = page([replace(column, cells=column.cells[above:]) for column in columns], width)
    return Group(shown, Text(f"{above} more above", style="dim")) if above else shown


def _print_changes(
    states: Iterable[Shown], columns: Callable[[Shown, datetime], Sequence[TableColumn]], console: Console
) -> None:
    """Print the first table as a whole, and then each row that is new or has changed."""
    shown: dict[tuple[str, ...], tuple[str, ...]] = {}
    titles = ""
    for state in states:
        now = columns(state, datetime.now(UTC))
        header, *lines = table(now).split("\n")
        rows = dict(zip(_cells(now, _is_key), _cells(now, _is_lasting), strict=True))
        if rows and header.plain.split() != titles.split():
            titles = header.plain
            console.print(header)
        for (key, row), line in zip(rows.items(), lines, strict=True):
            if shown.get(key) != row:
                console.print(line)
        for key in sorted(shown.keys() - rows.keys()):
            console.print(f"{' '.join(key)}  gone")
        shown = rows


def _cells(columns: Sequence[TableColumn], wanted: Callable[[TableColumn], bool]) -> list[tuple[str, ...]]:
    """The cells of each row, from the wanted columns only."""
    return list(zip(*(column.cells for column in columns if wanted(column)), strict=True))


def _is_key(column: TableColumn) -> bool:
    return column.names or column.title == _NAMESPACE


def _is_lasting(column: TableColumn) -> bool:
    return column.title != _CLOCK
