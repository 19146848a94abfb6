"""Figures for a printed page: matplotlib, one column wide, readable in grey and by the colour-blind."""

from collections.abc import Collection, Mapping, Sequence
from io import BytesIO
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paretonas.api import Objective
from paretonas.report.objective_space import Plane

COLUMN = 3.5
"""Inches: the width of one column of a page with two (IEEE and ACM give 3.3 to 3.5)."""

_RATIO = 0.72
"""Height by width: close to the golden section, with room for the legend."""

FRONT, DOMINATED, RULED_OUT, LINE = "#0072b2", "#999999", "#d55e00", "#56b4e9"
"""Okabe and Ito's colours (2008); each group has a mark of its own as well, so that grey is enough."""

_STYLE: Any = {
    "axes.grid": True,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 8,  # as captions are
    "grid.alpha": 0.3,
    "grid.linewidth": 0.5,
    "legend.fontsize": 7,
    "pdf.fonttype": 42,  # TrueType: publishers refuse Type 3 fonts
    "ps.fonttype": 42,
    "savefig.dpi": 300,
    "svg.fonttype": "path",
    "text.parse_math": False,  # the name of a metric may contain dollars
}


_SHOWN_DPI = 150
"""Dots per inch in a notebook: a column is then as wide as half of its page."""


class PaperFigure(Figure):
    """A figure that a notebook shows without pyplot, and that is saved with the fonts and the resolution of a page."""

    def savefig(self, fname: Any, **options: Any) -> None:
        """Save as matplotlib does; the format follows from the name (``.pdf``, ``.svg``, ``.png``)."""
        with mpl.rc_context(_STYLE):
            super().savefig(fname, **options)

    def _repr_png_(self) -> bytes:
        file = BytesIO()
        self.savefig(file, format="png", dpi=_SHOWN_DPI)
        return file.getvalue()


def pareto(plane: Plane) -> PaperFigure:
    """Two objectives against each other."""
    with mpl.rc_context(_STYLE):
        figure, axes = _empty()
        if plane.line:
            across, upward = zip(*plane.line, strict=True)
            axes.plot(across, upward, color=LINE, linewidth=1.2, zorder=1)
        for name, trials, style in (
            ("dominated", plane.dominated, {"color": DOMINATED, "marker": "o", "s": 8, "linewidths": 0}),
            ("outside a limit", plane.ruled_out, {"color": RULED_OUT, "marker": "x", "s": 10, "linewidths": 0.8}),
            (
                "Pareto set",
                plane.front,
                {"color": FRONT, "marker": "D", "s": 18, "edgecolors": "white", "linewidths": 0.5},
            ),
        ):
            if trials:
                points = [plane.point(trial) for trial in trials]
                axes.scatter([p[0] for p in points], [p[1] for p in points], label=name, zorder=2, **style)  # type: ignore[arg-type] # as above
        _name_axes(axes, _title(plane.x), _title(plane.y), log=(_is_log(plane.x), _is_log(plane.y)))
        if axes.get_legend_handles_labels()[0]:
            figure.legend(loc="outside upper left", ncols=3, frameon=False, handletextpad=0.1, columnspacing=1)
    return figure


def steps(values: Sequence[float | None], across: str, upward: str, *, log: bool) -> PaperFigure:
    """A value after each ended trial."""
    with mpl.rc_context(_STYLE):
        figure, axes = _empty()
        known = [float("nan") if value is None else value for value in values]
        axes.step(range(1, len(known) + 1), known, where="post", color=FRONT, linewidth=1.2)
        _name_axes(axes, across, upward, log=(False, log))
    return figure


def curves(found: Mapping[str, Sequence[tuple[int, float]]], front: Collection[str], metric: str) -> PaperFigure:
    """The learning curves of one metric, by trial: the front in colour, the others in grey behind it."""
    with mpl.rc_context(_STYLE):
        figure, axes = _empty()
        for trial, curve in found.items():
            best = trial in front
            style: dict[str, Any] = {"color": FRONT if best else DOMINATED, "linewidth": 1.1 if best else 0.6}
            label = None if trial not in _first_of_each(found, front) else "Pareto set" if best else "other trials"
            mark = "" if len(curve) > 1 else "."
            axes.plot(*zip(*curve, strict=True), marker=mark, zorder=2 + best, label=label, **style)
        _name_axes(axes, "step", metric, log=(False, False))
        figure.legend(loc="outside upper left", ncols=2, frameon=False)
    return figure


def _first_of_each(found: Mapping[str, Any], front: Collection[str]) -> set[str]:
    """A trial of the front and another one, which the legend names."""
    firsts = (next((t for t in found if (t in front) is best), None) for best in (True, False))
    return {trial for trial in firsts if trial is not None}


def _empty() -> tuple[PaperFigure, Axes]:
    # not pyplot, which keeps every figure until it is closed, and shows it twice in a notebook
    figure = PaperFigure(figsize=(COLUMN, COLUMN * _RATIO), layout="constrained")
    return figure, figure.add_subplot()


def _name_axes(axes: Axes, across: str, upward: str, *, log: tuple[bool, bool]) -> None:
    axes.set_xlabel(across)
    axes.set_ylabel(upward)
    for is_log, scale in zip(log, (axes.set_xscale, axes.set_yscale), strict=True):
        if is_log:
            scale("log")


def _title(objective: Objective) -> str:
    return f"{objective.metric} ({objective.goal.lower()})"


def _is_log(objective: Objective) -> bool:
    return objective.scale == "Log"
