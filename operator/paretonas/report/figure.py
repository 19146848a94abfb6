"""Parts that all figures share. A figure is the plain JSON document that Plotly.js draws."""

from dataclasses import dataclass
from math import log10
from typing import Any

from plotly.colors import sample_colorscale

Figure = dict[str, Any]


@dataclass(frozen=True)
class Plot:
    """A figure with its place on the page.

    Attributes:
        figure: ``data`` and ``layout``; empty where the note says why there is none.
        height: In pixels.
        title: Plain text above it.
        note: Plain text below it.
        explanation: Plain text that is shown on demand.
        min_width: In pixels; a narrower page scrolls it.
    """

    figure: Figure
    height: int
    title: str = ""
    note: str = ""
    explanation: str = ""
    min_width: int = 0


INK, MUTED, GRID = "#1f2933", "#7b8794", "#e4e7eb"
FAINT = "#cbd2d9"
ACCENT, TINT = "#2a788e", "rgba(42, 120, 142, 0.08)"

VIRIDIS = (
    "#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b"
)  # fmt: skip
"""Dark to light, also for colour-blind eyes and in grey (Smith and van der Walt, 2015), without its last, yellow end,
which can hardly be seen on white."""

COLORSCALE = [[i / (len(VIRIDIS) - 1), colour] for i, colour in enumerate(VIRIDIS)]

_AXIS = {
    "automargin": True,
    "exponentformat": "power",
    "minexponent": 5,  # 20,000 rather than 20k, 10⁻⁴ rather than 100µ
    "separatethousands": True,
    "gridcolor": GRID,
    "linecolor": GRID,
    "ticks": "outside",
    "tickcolor": GRID,
    "title": {"standoff": 10},
    "zeroline": False,
}

TEMPLATE: Figure = {
    "layout": {
        "colorway": [ACCENT],
        "colorscale": {"sequential": COLORSCALE},
        "font": {"family": "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif", "size": 12, "color": INK},
        "hoverlabel": {"align": "left", "bgcolor": "white", "bordercolor": GRID, "font": {"color": INK}},
        "hovermode": "closest",
        "margin": {"l": 56, "r": 24, "t": 40, "b": 48},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "showlegend": False,
        "xaxis": _AXIS,
        "yaxis": _AXIS,
    }
}
"""The template that Plotly applies under each figure's own layout; the page contains it once."""


def order_colour(index: int, count: int) -> str:
    """The colour of a trial by its position among `count` trials."""
    return str(sample_colorscale(COLORSCALE, min(index / max(count - 1, 1), 1.0))[0])


def axis(title: str, *, log: bool = False, **more: Any) -> Figure:
    """An axis with its title."""
    return {"title": {"text": title}, **({"type": "log"} if log else {}), **more}


def mark(name: str, value: float, label: str, *, log: bool = False, dash: str = "dash") -> Figure:
    """A line across the figure at a value of the x or the y axis, and its label, as a part of a layout.

    A vertical line has its label above the figure, a horizontal one at its right end.
    """
    across = {"x": "y", "y": "x"}[name]
    line = {
        "type": "line",
        f"{name}0": value,
        f"{name}1": value,
        f"{across}0": 0,
        f"{across}1": 1,
        f"{across}ref": "paper",
        "layer": "below",
        "line": {"color": MUTED, "width": 1, "dash": dash},
    }
    text = {
        "text": label,
        name: log10(value) if log else value,
        across: 1,
        f"{across}ref": "paper",
        "xanchor": "center" if name == "x" else "right",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"color": MUTED, "size": 11},
    }
    return {"shapes": [line], "annotations": [text]}
