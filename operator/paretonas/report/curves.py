"""Learning curves: every scalar that the trials logged over their steps."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil, isfinite

from paretonas.api import NASTrial
from paretonas.engine.wording import shorten
from paretonas.report.figure import FAINT, Figure, Plot, axis, order_colour
from paretonas.report.results import Results
from paretonas.report.text import markup

StepValues = Sequence[tuple[int, float]]
"""(step, value), by step."""
LoggedCurves = Mapping[str, StepValues]
"""The scalars logged by one trial, by TensorBoard tag."""

MAX_TAGS = 12
MAX_NAMED = 20
"""The most tags that are drawn, and the most trials of the Pareto set that get a named line: more cannot be read."""
_GREY_POINTS = 60_000
"""The most points of all curves of unnamed trials together: about 1.5 MB of page."""
_FEWEST, _MOST = 5, 300
"""The fewest points that such a curve keeps, and the most that can be distinguished in the width of a panel."""
_NAME = 40
"""The most characters of a trial's name or a tag that are shown."""

_SHORT, _MARKS = 30, 2000
"""The most points of a curve that has each of them marked, since a curve of a single point would be invisible. The grey
curves of a panel are marked only if they have no more points than this together: each is an element of the page."""
_DIGITS = 6
"""Significant digits. TensorBoard stores single precision, which would take 17 digits as a double."""
_COLUMNS = 2
_PANEL, _LEGEND_ROW, _TITLE = 270, 20, 36
"""Heights in pixels of a panel with its axis, of a row of the legend, and of the titles of the first panels."""
_NAMES_A_ROW = 6
"""The number of names that fit side by side on a narrow page."""


def learning_curves(results: Results, curves: Mapping[str, LoggedCurves]) -> Plot | None:
    """One panel per tag, with the Pareto set's trials in colour; None if nothing was logged over several steps.

    Args:
        results: the trials.
        curves: what they have logged, by the trial's name.
    """
    logged = {trial.name: curves[trial.name] for trial in results.trials if trial.name in curves}
    tags = _tags(results, logged)
    if not tags:
        return None
    shown, named = tags[:MAX_TAGS], _spread(results.front, MAX_NAMED)
    limit = min(_MOST, max(_FEWEST, _GREY_POINTS // (len(shown) * len(logged))))
    traces = [trace for i, tag in enumerate(shown, 1) for trace in _panel(results, named, logged, tag, limit, i)]
    for trace in {trace["legendgroup"]: trace for trace in reversed(traces)}.values():
        trace["showlegend"] = True  # the first curve of each trial; it also switches the others
    legend = _LEGEND_ROW * ceil((len(named) + 1) / _NAMES_A_ROW)
    notes = []
    if len(tags) > len(shown):
        notes.append(f"{len(shown)} of {len(tags)} tags are drawn.")
    if len(results.front) > len(named):
        notes.append(f"{len(named)} of the {len(results.front)} trials in the Pareto set are named.")
    if any(len(of_trial.get(tag, ())) > limit for of_trial in logged.values() for tag in shown):
        notes.append(f"Longer curves are thinned to {_MOST} points, grey ones to {limit}.")
    return Plot(
        {"data": traces, "layout": _layout(results, shown, legend)},
        height=legend + _TITLE + ceil(len(shown) / _COLUMNS) * _PANEL,
        note=" ".join(notes),
    )


def _tags(results: Results, curves: Mapping[str, LoggedCurves]) -> list[str]:
    """The tags with more than one point in any trial: first those of the objectives, then by the number of trials."""
    count = Counter(tag for of_trial in curves.values() for tag in of_trial)
    curved = {tag for of_trial in curves.values() for tag, curve in of_trial.items() if len(curve) > 1}
    objectives = _objective_tags(results)
    return sorted(curved, key=lambda tag: (tag not in objectives, -count[tag], tag))


def _objective_tags(results: Results) -> dict[str, bool]:
    """The tags from which objectives are read, and whether each has a Log scale."""
    log = {objective.metric: objective.scale == "Log" for objective in results.objectives}
    sources = [s for s in results.experiment.spec.metric_sources if s.name in log]
    return {s.tag if s.run is None else f"{s.tag} ({s.run})": log[s.name] for s in sources}


def _spread(trials: Sequence[NASTrial], count: int) -> list[NASTrial]:
    """At most `count` trials, evenly along the front, including its ends."""
    if len(trials) <= count:
        return list(trials)
    return [trials[round(i * (len(trials) - 1) / (count - 1))] for i in range(count)]


def _thin(curve: StepValues, limit: int) -> list[tuple[int, float | None]]:
    """At most `limit` points, evenly along the curve, including its ends; a value that is not finite is a gap."""
    places: Sequence[int] = range(len(curve))
    if len(curve) > limit:
        places = [round(i * (len(curve) - 1) / (limit - 1)) for i in range(limit)]
    points = (curve[place] for place in places)
    return [(step, float(f"{value:.{_DIGITS}g}") if isfinite(value) else None) for step, value in points]


def _panel(
    results: Results, named: list[NASTrial], curves: Mapping[str, LoggedCurves], tag: str, limit: int, number: int
) -> list[Figure]:
    """The traces of one tag, with a single one for all unnamed trials: a thousand traces would be slow to draw."""
    drawn = [trial for trial in results.trials if tag in curves.get(trial.name, {})]
    short = max(len(curves[trial.name][tag]) for trial in drawn) <= _SHORT
    style = {
        "type": "scatter",
        "mode": "lines+markers" if short else "lines",
        "xaxis": _axis("x", number),
        "yaxis": _axis("y", number),
        "showlegend": False,
    }
    names = {trial.name for trial in named}
    rest: list[tuple[int | None, float | None, int]] = []
    for trial in drawn:
        if trial.name not in names:
            rest += [(step, v, trial.spec.index) for step, v in _thin(curves[trial.name][tag], limit)]
            rest.append((None, None, trial.spec.index))  # a gap before the next trial
    others = {
        **style,
        "mode": "lines+markers" if short and len(rest) <= _MARKS else "lines",
        "name": "other trials",
        "legendgroup": "others",
        "x": [step for step, _, _ in rest],
        "y": [value for _, value, _ in rest],
        "customdata": [index for _, _, index in rest],
        "hovertemplate": "trial %{customdata}<br>step %{x}: %{y}<extra></extra>",
        "line": {"color": FAINT, "width": 1},
        "marker": {"size": 3},
    }
    in_colour = [trial for trial in named if tag in curves.get(trial.name, {})]
    return [others, *(_named(results, trial, curves[trial.name][tag], style) for trial in in_colour)]


def _named(results: Results, trial: NASTrial, curve: StepValues, style: Figure) -> Figure:
    points = _thin(curve, _MOST)
    return {
        **style,
        "name": markup(shorten(trial.name, _NAME)),
        "legendgroup": str(trial.spec.index),
        "x": [step for step, _ in points],
        "y": [value for _, value in points],
        "hovertemplate": "%{fullData.name}<br>step %{x}: %{y}<extra></extra>",
        "line": {"color": order_colour(trial.spec.index, len(results.trials)), "width": 2},
        "marker": {"size": 5},
    }


def _layout(results: Results, tags: Sequence[str], legend: int) -> Figure:
    log = _objective_tags(results)
    columns = min(_COLUMNS, len(tags))
    layout: Figure = {
        "grid": {
            "rows": ceil(len(tags) / columns),
            "columns": columns,
            "pattern": "independent",
            "xgap": 0.12,
            "ygap": 0.35,
        },
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1, "yref": "container", "yanchor": "top"},
        "margin": {"t": legend + _TITLE},
    }
    for number, tag in enumerate(tags, 1):
        layout[_axis("xaxis", number)] = axis("step")
        layout[_axis("yaxis", number)] = axis("", log=log.get(tag, False))
    layout["annotations"] = [_title(tag, number) for number, tag in enumerate(tags, 1)]
    return layout


def _title(tag: str, number: int) -> Figure:
    return {
        "text": f"<b>{markup(shorten(tag, _NAME))}</b>",
        "x": 0,
        "xref": f"{_axis('x', number)} domain",
        "xanchor": "left",
        "y": 1,
        "yref": f"{_axis('y', number)} domain",
        "yanchor": "bottom",
        "showarrow": False,
    }


def _axis(name: str, number: int) -> str:
    """Plotly's name for the axes of a panel, by its number."""
    return name if number == 1 else f"{name}{number}"
