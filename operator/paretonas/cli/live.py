"""The display of a run in progress: a dashboard on a terminal, elsewhere one line per event."""

import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from paretonas.api import NASTrial, ParetoPoint
from paretonas.cli.output import on_terminal
from paretonas.cli.tables import GAP, TableColumn, count_ended, count_planned, fitting, pareto_columns, table
from paretonas.engine.engine import Snapshot
from paretonas.engine.events import Event
from paretonas.engine.pareto_front import lacking, whole
from paretonas.engine.wording import count, duration, number, pairs

HINT = "Ctrl-C stops the trials and keeps the state"

_REFRESHES = 4
"""Per second. Elapsed times show tenths; drawing takes 2 to 8 ms of a core that trials could use."""

_BAR_WIDTH = 24


class Display(Protocol):
    """Anything that can show the progress of a run."""

    def show(self, snapshot: Snapshot, happened: Sequence[Event]) -> None:
        """Show the state after a pass, and the events since the last one."""

    def say(self, line: str) -> None:
        """Show a message that is not an event, such as that the run is stopping or a disk is full."""


class Lines:
    """A display that prints one line per event, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: there is nothing to restore."""

    def show(self, snapshot: Snapshot, happened: Sequence[Event]) -> None:  # noqa: ARG002 # the events are enough
        """Print the events."""
        for event in happened:
            self._print(f"{event.reason:<17} {event.about} {event.message}")

    def say(self, line: str) -> None:
        """Print the message."""
        self._print(line)

    def _print(self, line: str) -> None:
        clock = datetime.now().astimezone().strftime("%H:%M:%S")
        self._console.print(f"{clock} {line}", soft_wrap=True)


class Dashboard:
    """A display that is redrawn in place; warnings are printed above it."""

    def __init__(self, console: Console, snapshot: Snapshot) -> None:
        self._console, self._snapshot, self._note = console, snapshot, HINT
        self._start = datetime.now(UTC)
        self._live = Live(
            console=console,
            get_renderable=self._render,
            refresh_per_second=_REFRESHES,
            transient=True,  # the result replaces it
        )

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, snapshot: Snapshot, happened: Sequence[Event]) -> None:
        """Redraw the dashboard, and print warnings above it."""
        self._snapshot = snapshot
        for event in happened:
            if event.warning:
                self._print(f"{event.reason} {event.about} {event.message}", "yellow")
        if happened:
            self._live.refresh()

    def say(self, line: str) -> None:
        """Show the message below the tables."""
        self._note = line
        self._live.refresh()

    def _print(self, line: str, style: str) -> None:
        self._console.print(Text(line, style))

    def _render(self) -> RenderableType:
        now = datetime.now(UTC)
        return dashboard(self._snapshot, now, now - self._start, self._console.width, self._console.height, self._note)


def show_on(console: Console, snapshot: Snapshot) -> "Dashboard | Lines":
    """Create the display that suits the console, with the state at the start."""
    return Dashboard(console, snapshot) if on_terminal(console) else Lines(console)


def dashboard(
    snapshot: Snapshot, now: datetime, elapsed: timedelta, width: int, height: int, note: str
) -> RenderableType:
    """A run on one screen of ``width`` characters and ``height`` lines.

    It shows a header, the Pareto set and the running trials. Rows that do not fit are left out at the end of each
    table, and its title says how many are shown.
    """
    footer = textwrap.wrap(note, width)
    running = [t for t in snapshot.trials if t.attempt is not None]
    points = _pareto_set(snapshot)
    spare = height - _FRAME - len(footer)
    running_rows = min(len(running), max(1, spare // 3))
    shown = points[: max(1, spare - running_rows)]
    return Group(
        _head(snapshot, elapsed, width),
        _counts(snapshot),
        "",
        _title("Pareto set", snapshot.status.pareto_set_size, len(shown)),
        *([table(fitting(pareto_columns(snapshot.experiment.spec, shown), width))] if shown else []),
        "",
        _title("Running", len(running), running_rows) + _missing(snapshot),
        *([_running(running[:running_rows], now, width)] if running else []),
        Text("\n".join(footer), style="dim" if note == HINT else "bold"),
    )


_FRAME = 9
"""Lines of the dashboard that are neither table rows nor the note, including the cursor's line."""


def _pareto_set(snapshot: Snapshot) -> Sequence[ParetoPoint]:
    status = snapshot.status
    points = whole(snapshot.experiment, snapshot.trials) if lacking(status, status.pareto_set) else status.pareto_set
    return [point.replace(output_dir=None) for point in points]  # the result shows where the networks are


def _head(snapshot: Snapshot, elapsed: timedelta, width: int) -> RenderableType:
    """The header, as in ``mnist-nas  ━━━━╺━━━━━━  12/48 trials  1 min 23 s``."""
    done, total = count_ended(snapshot.experiment), count_planned(snapshot.experiment)
    name, progress, time = snapshot.experiment.name, f"{done}/{count(total, 'trial')}", duration(elapsed)
    left = width - len(name) - len(progress) - len(time) - 3 * GAP
    bar = ProgressBar(total=total, completed=done, width=max(1, min(_BAR_WIDTH, left)))
    grid = Table.grid(padding=(0, GAP, 0, 0))
    grid.add_row(Text(name, style="bold"), bar, progress, time)
    return grid


def _counts(snapshot: Snapshot) -> Text:
    """The counts, as in ``2 running · 10 succeeded · 1 failed · hypervolume 1,857``."""
    counts, volume = snapshot.status.trials, snapshot.status.hypervolume
    parts = [
        (f"{counts.running} running", "cyan"),
        (f"{counts.succeeded} succeeded", "green"),
        (f"{counts.failed} failed", "red" if counts.failed else ""),
    ]
    parts += [(f"{counts.infeasible} infeasible", "yellow")] if counts.infeasible else []
    parts += [(f"{counts.pending} waiting", "")] if counts.pending else []
    parts += [(f"hypervolume {number(volume)}", "bold")] if volume is not None else []
    return Text(" · ").join(Text(words, style) for words, style in parts)


def _title(name: str, total: int, shown: int) -> Text:
    """A table's title, as in ``Pareto set: 12 trials, the first 5 shown``."""
    if not total:
        return Text.assemble((name, "bold"), ": none")
    more = f", the first {shown} shown" if shown < total else ""
    return Text.assemble((name, "bold"), f": {count(total, 'trial')}{more}")


def _missing(snapshot: Snapshot) -> Text:
    """The number of candidates that the search is being asked for, as a note."""
    words = f" · {snapshot.missing} more being chosen" if snapshot.missing else ""
    if snapshot.missing and not snapshot.trials:
        words += ": Ax takes a few seconds to start"
    return Text(words, style="dim")


def _running(trials: Sequence[NASTrial], now: datetime, width: int) -> RenderableType:
    since = [t.attempt.start_time if t.attempt else None for t in trials]
    columns = [
        TableColumn("TRIAL", [t.name for t in trials]),
        TableColumn("ORIGIN", [t.spec.origin for t in trials]),
        TableColumn("ELAPSED", [duration(now - start) if start else "starting" for start in since], numeric=True),
    ]
    left = width - sum(column.width + GAP for column in columns)
    cells = [Text(pairs(t.spec.parameters)) for t in trials]
    for cell in cells:
        cell.truncate(max(0, left), overflow="ellipsis")
    return table([*columns, TableColumn("PARAMETERS", [cell.plain for cell in cells])])
