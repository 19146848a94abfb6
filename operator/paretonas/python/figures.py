"""The figures of a run: which one is asked for, and Plotly's, which a notebook shows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from paretonas.api import NASTrial, Objective, list_names
from paretonas.cli.source import Source, UnknownName
from paretonas.engine.wording import pairs
from paretonas.extras import Extra, require_module
from paretonas.report import objective_space
from paretonas.report.objective_space import Plane
from paretonas.report.results import Results

if TYPE_CHECKING:
    from paretonas.python.tables import TrialCurves
    from paretonas.report.paper import PaperFigure

KINDS = ("pareto", "hypervolume", "curves", "parallel")

FRONT, DOMINATED, RULED_OUT, LINE = "#0072b2", "#999999", "#d55e00", "#56b4e9"
"""Colours that the colour-blind can tell apart (Okabe and Ito, 2008); each group has a mark of its own as well."""

_STYLE: dict[str, Any] = {
    "template": "plotly_white",
    "margin": {"l": 60, "r": 20, "t": 30, "b": 50},
    "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    "hovermode": "closest",
}


def draw(
    kind: str, results: Results, source: Source, *, x: str | None, y: str | None, metric: str | None, paper: bool
) -> "go.Figure | PaperFigure":
    """Draw one figure; `Run.figure` describes the arguments. Raises UnknownName and MissingExtra."""
    if kind not in KINDS:
        raise UnknownName(f"no figure {kind!r}; available: {list_names(KINDS)}")
    if paper:
        require_module("matplotlib", Extra.NOTEBOOK)
    if kind == "curves":
        return _curves(results, source, metric, paper=paper)
    if kind == "parallel":
        if paper:
            raise UnknownName("no figure 'parallel' for paper; leave out paper=True")
        return parallel(results)
    if kind == "hypervolume":
        volumes = _hypervolumes(results)
        if paper:
            from paretonas.report import paper as printed  # noqa: PLC0415 # matplotlib takes half a second

            return printed.steps(volumes, "trials ended", "hypervolume", log=False)
        return steps(volumes, [t.name for t in results.ended], "hypervolume", log=False)
    return _pareto(results, x, y, paper=paper)


def _pareto(results: Results, x: str | None, y: str | None, *, paper: bool) -> "go.Figure | PaperFigure":
    if len(results.objectives) == 1:
        [only] = results.objectives
        best = results.best_values
        if paper:
            from paretonas.report import paper as printed  # noqa: PLC0415 # as above

            return printed.steps(best, "trials ended", f"best {only.metric}", log=only.scale == "Log")
        return steps(best, [t.name for t in results.ended], f"best {only.metric}", log=only.scale == "Log")
    across = _objective(results, x, next(o for o in results.objectives[1:] + results.objectives if o.metric != y))
    upward = _objective(results, y, next(o for o in results.objectives if o.metric != across.metric))
    plane = objective_space.plane(results, across, upward)
    if paper:
        from paretonas.report import paper as printed  # noqa: PLC0415 # as above

        return printed.pareto(plane)
    return pareto(plane)


def _objective(results: Results, name: str | None, default: Objective) -> Objective:
    if name is None:
        return default
    found = next((objective for objective in results.objectives if objective.metric == name), None)
    if found is None:
        raise UnknownName(f"no objective {name!r}; available: {list_names([o.metric for o in results.objectives])}")
    return found


def _hypervolumes(results: Results) -> list[float]:
    if not results.reference:
        raise UnknownName("no hypervolume yet: the reference point is fixed when the initial trials have ended")
    return results.hypervolumes


def _curves(results: Results, source: Source, metric: str | None, *, paper: bool) -> "go.Figure | PaperFigure":
    from paretonas.python.tables import default_curve, trial_curves  # noqa: PLC0415 # pandas takes half a second

    spec, logged = results.experiment.spec, source.curves(results.experiment.name)
    metric = metric or default_curve(spec, logged)
    found = trial_curves(spec, metric, logged)
    if paper:
        from paretonas.report import paper as printed  # noqa: PLC0415 # as above

        return printed.curves(found, results.front_names, metric)
    return curves(results, found, metric)


def pareto(plane: Plane) -> go.Figure:
    """Two objectives against each other."""
    figure = go.Figure(layout=_STYLE)
    if plane.line:
        across, upward = zip(*plane.line, strict=True)
        line = {"color": LINE, "width": 2}
        figure.add_scatter(x=across, y=upward, mode="lines", line=line, name="front", hoverinfo="skip")
    for name, trials, marker in (
        ("dominated", plane.dominated, {"color": DOMINATED, "size": 7}),
        ("outside a threshold or constraint", plane.ruled_out, {"color": RULED_OUT, "size": 7, "symbol": "x"}),
        ("Pareto set", plane.front, {"color": FRONT, "size": 11, "symbol": "diamond"}),
    ):
        if trials:
            points = [plane.point(trial) for trial in trials]
            figure.add_scatter(
                x=[p[0] for p in points],
                y=[p[1] for p in points],
                mode="markers",
                marker=marker,
                name=name,
                text=[_hover(trial) for trial in trials],
                hovertemplate="%{text}<extra></extra>",
            )
    figure.update_xaxes(title=_title(plane.x), type=_axis(plane.x))
    figure.update_yaxes(title=_title(plane.y), type=_axis(plane.y))
    return figure


def steps(values: Sequence[float | None], trials: Sequence[str], title: str, *, log: bool) -> go.Figure:
    """A value after each ended trial."""
    figure = go.Figure(layout=_STYLE)
    figure.add_scatter(
        x=list(range(1, len(values) + 1)),
        y=list(values),
        mode="lines+markers",
        line={"shape": "hv", "color": FRONT},
        marker={"size": 4},
        text=[_plain(name) for name in trials],
        hovertemplate="%{y:.6g} after %{text}<extra></extra>",
    )
    figure.update_xaxes(title="trials ended", rangemode="tozero")
    figure.update_yaxes(title=_plain(title), type="log" if log else "linear")
    return figure


def curves(results: Results, found: "TrialCurves", metric: str) -> go.Figure:
    """The learning curves of one metric: the Pareto set in colour, the others in grey behind it."""
    figure = go.Figure(layout={**_STYLE, "showlegend": False})
    for trial, curve in sorted(found.items(), key=lambda item: item[0] in results.front_names):
        best = trial in results.front_names
        figure.add_scatter(
            x=[step for step, _ in curve],
            y=[value for _, value in curve],
            mode="lines" if len(curve) > 1 else "markers",
            line={"color": FRONT if best else DOMINATED, "width": 2 if best else 1},
            opacity=1.0 if best else 0.5,
            name=_plain(trial),
        )
    figure.update_xaxes(title="step")
    figure.update_yaxes(title=_plain(metric))
    return figure


def parallel(results: Results) -> go.Figure:
    """Parameters and objectives of the trials with a result, as parallel coordinates; the Pareto set is in colour."""
    trials, spec = results.succeeded, results.experiment.spec
    dimensions = [
        _dimension(p.name, [spec.cast(t.spec.parameters).get(p.name) for t in trials]) for p in spec.parameters
    ]
    dimensions += [_dimension(o.metric, [t.status.metrics[o.metric] for t in trials]) for o in results.objectives]
    colour = [float(trial.name in results.front_names) for trial in trials]
    line = {"color": colour, "colorscale": [[0, DOMINATED], [1, FRONT]], "cmin": 0, "cmax": 1}
    layout = {**_STYLE, "margin": {"l": 80, "r": 80, "t": 60, "b": 40}}
    return go.Figure(go.Parcoords(line=line, dimensions=dimensions), layout=layout)


def _dimension(name: str, values: Sequence[Any]) -> dict[str, Any]:
    """An axis: of numbers, or of texts by their position; where a value is absent, of ``not set`` too."""
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        return {"label": _plain(name), "values": list(values)}
    texts = ["not set" if value is None else str(value) for value in values]
    ticks = sorted(set(texts), key=lambda text: (text == "not set", text))
    positions = [ticks.index(text) for text in texts]
    return {"label": _plain(name), "values": positions, "tickvals": list(range(len(ticks))), "ticktext": ticks}


def _hover(trial: NASTrial) -> str:
    metrics, parameters = _plain(pairs(trial.status.metrics)), _plain(pairs(trial.spec.parameters))
    return f"<b>{_plain(trial.name)}</b><br>{metrics}<br>{parameters}"


def _plain(text: str) -> str:
    """A text in which Plotly finds no markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _title(objective: Objective) -> str:
    return f"{objective.metric} ({objective.goal.lower()})"


def _axis(objective: Objective) -> str:
    return "log" if objective.scale == "Log" else "linear"
