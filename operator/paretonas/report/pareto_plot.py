"""Plots of the trials in the space of the objectives: two against each other, or a single one over time."""

from collections.abc import Callable
from itertools import pairwise
from math import log10
from typing import Any

from paretonas.api import NASTrial, Objective
from paretonas.engine.wording import number
from paretonas.report.figure import ACCENT, COLORSCALE, GRID, INK, TINT, Figure, Plot, axis, mark
from paretonas.report.results import Results
from paretonas.report.text import hover

_HEIGHT = 460
_MARGIN = 0.08
"""Share of the view around the front that is left free on each side."""

_MARKS: dict[str, dict[str, Any]] = {
    "dominated": {"size": 7, "opacity": 0.5},
    "outside": {"size": 6, "opacity": 0.5, "symbol": "x"},
    "Pareto set": {"size": 12, "line": {"width": 1.5, "color": INK}},
}
"""How trials are marked: dominated by another one, ruled out by a threshold or an outcome constraint, or neither."""

Point = tuple[float, float]
Span = tuple[float, float]


def tradeoff(results: Results, x: Objective, y: Objective) -> Plot:
    """Plot two objectives against each other; if there are only two, with the front and the dominated volume."""
    traces = _front(results, x, y) if len(results.objectives) == 2 else []  # noqa: PLR2004 # else no line is the front
    traces += _markers(results, results.succeeded, lambda trial: _point(trial, x, y))
    layout = {
        "xaxis": axis(x.metric, log=x.scale == "Log"),
        "yaxis": axis(y.metric, log=y.scale == "Log"),
        **_limits(results, x=x, y=y),
        **_coloured_by_order(results),
    }
    spans = _around_front(results, x), _around_front(results, y)
    hidden = sum(
        any(span and not span[0] <= _place(t, o) <= span[1] for span, o in zip(spans, (x, y), strict=True))
        for t in results.succeeded
    )
    if hidden:
        layout["xaxis"]["range"], layout["yaxis"]["range"] = spans
        layout["updatemenus"] = [_views(spans)]
    note = f"{hidden} of {len(results.succeeded)} trials lie outside this view." if hidden else ""
    return Plot({"data": traces, "layout": layout}, _HEIGHT, note=note)


def best_so_far(results: Results) -> Plot:
    """Plot a single objective over the trials in the order in which they ended, with the best value so far."""
    [objective] = results.objectives
    position = {trial.name: i for i, trial in enumerate(results.ended, 1)}
    best: list[float | None] = []
    for trial in results.ended:
        counts = trial.status.state == "Succeeded" and results.feasible(trial)
        values = [value for value in best[-1:] if value is not None]
        values += [_value(trial, objective)] if counts else []
        best.append(min(values, key=objective.comparable, default=None))
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": list(position.values()),
        "y": best,
        "line": {"shape": "hv", "color": ACCENT, "width": 2},
        "hovertemplate": "best of the first %{x}: %{y}<extra></extra>",
    }
    markers = _markers(results, results.succeeded, lambda t: (position[t.name], _value(t, objective)))
    layout = {
        "xaxis": axis("trials ended"),
        "yaxis": axis(objective.metric, log=objective.scale == "Log"),
        **_limits(results, y=objective),
        **_coloured_by_order(results),
    }
    return Plot({"data": [line, *markers], "layout": layout}, _HEIGHT)


def _value(trial: NASTrial, objective: Objective) -> float:
    return trial.status.metrics[objective.metric]


def _point(trial: NASTrial, x: Objective, y: Objective) -> Point:
    return _value(trial, x), _value(trial, y)


def _place(trial: NASTrial, objective: Objective) -> float:
    """A trial's position on an axis in Plotly's coordinates: log10 on a Log scale."""
    return _on_axis(_value(trial, objective), objective)


def _on_axis(value: float, objective: Objective) -> float:
    return log10(value) if objective.scale == "Log" else value


def _markers(results: Results, trials: list[NASTrial], place: Callable[[NASTrial], Point]) -> list[Figure]:
    """One trace per kind of trial; the Pareto set comes last, so it is on top."""
    kinds: dict[str, list[NASTrial]] = {kind: [] for kind in _MARKS}
    for trial in trials:
        inside = "dominated" if results.feasible(trial) else "outside"
        kinds["Pareto set" if trial.name in results.front_names else inside].append(trial)
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": kind,
            "x": [place(trial)[0] for trial in members],
            "y": [place(trial)[1] for trial in members],
            "text": [hover(trial) for trial in members],
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {**_MARKS[kind], "color": [t.spec.index for t in members], "coloraxis": "coloraxis"},
        }
        for kind, members in kinds.items()
        if members
    ]


def _front(results: Results, x: Objective, y: Objective) -> list[Figure]:
    """The boundary of what the Pareto set dominates, above the volume up to the reference point."""
    points = [_point(trial, x, y) for trial in results.front]
    points.sort(key=lambda point: (x.comparable(point[0]), y.comparable(point[1])))
    line = _lines(_staircase(points), line={"color": ACCENT, "width": 1.5})
    if not results.reference:
        return [line]
    corner = results.reference[x.metric], results.reference[y.metric]
    # without thresholds a trial may be in the set and yet beyond the reference point: it adds no volume
    within = [
        point
        for point in points
        if all(o.comparable(v) < o.comparable(c) for o, v, c in zip((x, y), point, corner, strict=True))
    ]
    if not within:
        return [line]
    outline = [(within[0][0], corner[1]), *_staircase(within), (corner[0], within[-1][1]), corner]
    return [_lines(outline, fill="toself", fillcolor=TINT, line={"width": 0}), line]


def _staircase(points: list[Point]) -> list[Point]:
    """The staircase through points sorted by x, best first: each point's y holds until the x of the next one."""
    steps = points[:1]
    for (_, y), (next_x, next_y) in pairwise(points):
        steps += [(next_x, y), (next_x, next_y)]
    return steps


def _lines(points: list[Point], **style: Any) -> Figure:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return {"type": "scatter", "mode": "lines", "x": xs, "y": ys, "hoverinfo": "skip", **style}


def _limits(results: Results, **objectives: Objective) -> Figure:
    """The threshold of each axis, or its coordinate of the reference point, and its target, as a part of a layout."""
    layout: Figure = {"shapes": [], "annotations": []}
    for name, objective in objectives.items():
        kind = "reference" if objective.threshold is None else "threshold"
        limit = results.reference.get(objective.metric, objective.threshold)
        for words, value in ((kind, limit), ("target", objective.target)):
            if value is not None:
                line = mark(name, value, f"{words} {number(value)}", log=objective.scale == "Log")
                layout = {part: [*layout[part], *line[part]] for part in layout}
    return layout


def _around_front(results: Results, objective: Objective) -> Span | None:
    """The part of an axis with the front and the reference point."""
    if not results.front or not results.reference:
        return None
    places = [_place(trial, objective) for trial in results.front]
    places.append(_on_axis(results.reference[objective.metric], objective))
    margin = _MARGIN * (max(places) - min(places) or 1.0)
    return min(places) - margin, max(places) + margin


def _views(spans: tuple[Span | None, Span | None]) -> Figure:
    """Two buttons: a view around the front, and one of all trials."""
    near = {"xaxis.range": spans[0], "yaxis.range": spans[1]}
    far = {"xaxis.autorange": True, "yaxis.autorange": True}
    return {
        "type": "buttons",
        "direction": "right",
        "x": 0,
        "xanchor": "left",
        "y": 1,
        "yanchor": "bottom",
        "pad": {"b": 6},
        "bgcolor": "white",
        "bordercolor": GRID,
        "font": {"size": 11},
        "buttons": [
            {"label": label, "method": "relayout", "args": [change]}
            for label, change in (("Around the front", near), ("All trials", far))
        ],
    }


def _coloured_by_order(results: Results) -> Figure:
    last = max((trial.spec.index for trial in results.trials), default=0)
    return {"coloraxis": {"cmin": 0, "cmax": max(last, 1), "colorscale": COLORSCALE, "showscale": False}}
