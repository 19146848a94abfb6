"""Ax's analyses of the observed trials. They explain results and play no part in the search.

Ax fits its default model, which differs from the search's. It sees the box of all parameters without conditions: an
inactive parameter has the middle of its range. It sees no parameter constraints, since it supports none on log scales.
Neither changes what was observed. Ax sees an ordered choice as its index, and a real number as its code from 0 to 1,
because some valid ranges are too narrow or too wide for it.
"""

import base64
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from ax.analysis.plotly.cross_validation import CrossValidationPlot
from ax.analysis.plotly.plotly_analysis import PlotlyAnalysisCard
from ax.analysis.plotly.sensitivity import SensitivityAnalysisPlot
from ax.analysis.plotly.surface.contour import ContourPlot
from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig
from ax.core.analysis_card import AnalysisCardBase

from paretonas.api import ExperimentSpec, FloatRange, IntRange, Parameter, Scalar, format_value
from paretonas.search.ax_hooks import (
    bar_name,
    cards_by_metric,
    metric_name,
    sensitivities,
    take_bar_names,
    trial_positions,
)
from paretonas.search.encoding import column
from paretonas.search.encoding.choices import ChoiceColumn
from paretonas.search.encoding.ranges import RangeColumn
from paretonas.search.problem import scaled_metric
from paretonas.search.runtime import one_thread
from paretonas.search.types import KnownTrial, SearchError

_FEWEST_TRIALS = 5
"""The fewest results that are analysed: with fewer, a model of several parameters would only repeat them."""
MOST_TRIALS = 100
"""The most results that Ax is given. Its contours predict every pair of sampled values: 200 results take 10 times as
long as 50."""
_BARS = 12
"""The number of parameters in a sensitivity figure: the most important ones."""

_TYPES: dict[type, Literal["float", "int", "str", "bool"]] = {float: "float", int: "int", str: "str", bool: "bool"}

AnalysisKind = Literal["Sensitivity", "Contour", "CrossValidation"]


@dataclass(frozen=True, slots=True)
class Card:
    """One of Ax's figures.

    Attributes:
        kind: The analysis.
        metric: The metric that is analysed.
        title: Ax's title.
        subtitle: Ax's explanation of the figure, or of why there is none.
        figure: Plotly's JSON, without Ax's styling template; empty if Ax could not draw the figure.
    """

    kind: AnalysisKind
    metric: str
    title: str
    subtitle: str
    figure: dict[str, Any]


def analyse(spec: ExperimentSpec, known: Sequence[KnownTrial]) -> list[Card]:
    """Analyse each metric: sensitivity, contours over its two most important parameters, and cross-validation.

    Args:
        spec: The experiment.
        known: Its trials. If more than `MOST_TRIALS` are observed, that many of them are used, evenly chosen.

    Raises:
        SearchError: Too few trials are observed, or no parameter varies.
    """
    observed = _choose_evenly([trial for trial in known if trial.state == "Observed"])
    if len(observed) < _FEWEST_TRIALS:
        raise SearchError(f"A model needs {_FEWEST_TRIALS} results; there are {len(observed)} yet.")
    if all(column(parameter).size == 1 for parameter in spec.parameters):
        raise SearchError("There is nothing to model: no parameter varies.")
    with one_thread():
        return _cards(spec, _client(spec, observed), [trial.index for trial in observed])


def _choose_evenly(trials: Sequence[KnownTrial]) -> list[KnownTrial]:
    """Choose at most `MOST_TRIALS` trials, the first and the last among them."""
    if len(trials) <= MOST_TRIALS:
        return list(trials)
    return [trials[round(i * (len(trials) - 1) / (MOST_TRIALS - 1))] for i in range(MOST_TRIALS)]


def _client(spec: ExperimentSpec, observed: Sequence[KnownTrial]) -> Client:
    """A client of Ax that has the trials. Its strategy starts with the model, since no candidate is asked for."""
    objectives = {objective.metric: objective for objective in spec.objectives}
    columns = [c for c in map(column, spec.parameters) if c.size != 1]
    client = Client(random_seed=spec.search.seed)
    client.configure_experiment([_ax_parameter(c.parameter) for c in columns])
    signs = ("-" if objective.goal == "Minimize" else "" for objective in spec.objectives)
    names = (sign + metric_name(metric) for sign, metric in zip(signs, objectives, strict=True))
    client.configure_optimization(", ".join(names), _thresholds(spec))
    client.configure_tracking_metrics([metric_name(m) for m in _metrics(spec) if m not in objectives])
    client.configure_generation_strategy("fast", initialization_budget=0, initialize_with_center=False)
    for trial in observed:
        index = client.attach_trial({c.name: _ax_value(c, trial.parameters.get(c.name)) for c in columns})
        values = {m: trial.metrics[m] for m in _metrics(spec)}
        scaled = {m: scaled_metric(objectives[m], v) if m in objectives else v for m, v in values.items()}
        client.complete_trial(index, {metric_name(m): v for m, v in scaled.items()})
    return client


def _thresholds(spec: ExperimentSpec) -> list[str]:
    """The thresholds as constraints in Ax's notation; none with one objective, where Ax refuses them."""
    given = [(o, o.threshold) for o in spec.objectives if o.threshold is not None and len(spec.objectives) > 1]
    signs = {"Maximize": ">=", "Minimize": "<="}
    return [f"{metric_name(o.metric)} {signs[o.goal]} {scaled_metric(o, worst)!r}" for o, worst in given]


def _metrics(spec: ExperimentSpec) -> list[str]:
    """The metrics of the objectives, then those that only outcome constraints name."""
    objectives = [objective.metric for objective in spec.objectives]
    return [*objectives, *sorted(spec.needed_metrics.difference(objectives))]


def _ax_parameter(parameter: Parameter) -> RangeParameterConfig | ChoiceParameterConfig:
    domain, name = parameter.domain, parameter.name
    if isinstance(domain, FloatRange):
        return RangeParameterConfig(name, (0.0, 1.0), "float")
    if isinstance(domain, IntRange):
        scaling: Literal["log", "linear"] = "log" if domain.scale == "Log" else "linear"
        return RangeParameterConfig(name, (domain.min, domain.max), "int", scaling=scaling)
    choice = ChoiceColumn(parameter)
    # Ax 1.3.1 samples the sensitivity to an ordered choice at the whole numbers between its ends (sobol_measures). It
    # first puts [16, 32, 64] on a log scale, on which there is only one whole number. So it gets positions instead.
    values: list[Any] = list(range(choice.size) if choice.ordered else choice.values)
    return ChoiceParameterConfig(name, values, _TYPES[type(values[0])], is_ordered=choice.ordered)


def _ax_value(c: RangeColumn | ChoiceColumn, given: Scalar | None) -> Scalar:
    """A value in the domain that `_ax_parameter` gives Ax: the middle of it if the parameter is inactive."""
    code = float(c.encode([given])[0])
    if isinstance(c.parameter.domain, FloatRange):
        return code
    value = c.decode(code)
    return c.values.index(value) if isinstance(c, ChoiceColumn) and c.ordered else value


def _cards(spec: ExperimentSpec, client: Client, indices: Sequence[int]) -> list[Card]:
    metrics = _metrics(spec)
    bars = [SensitivityAnalysisPlot(metric_name=metric_name(m), top_k=_BARS) for m in metrics]
    sensitivities = dict(zip(metrics, client.compute_analyses(bars, display=False), strict=True))
    pairs = {m: pair for m, card in sensitivities.items() if len(pair := _most_important(spec, card)) > 1}
    contours = [ContourPlot(x, y, metric_name=metric_name(m)) for m, (x, y) in pairs.items()]
    checks = CrossValidationPlot(metric_names=list(map(metric_name, metrics)), untransform=True)
    *surfaces, check = client.compute_analyses([*contours, checks], display=False)
    fits = cards_by_metric(check, len(metrics))
    cards = [
        *(_card(spec, "Sensitivity", metric, card) for metric, card in sensitivities.items()),
        *(_card(spec, "Contour", metric, card) for metric, card in zip(pairs, surfaces, strict=True)),
        *(_card(spec, "CrossValidation", metric, card) for metric, card in zip(metrics, fits, strict=True)),
    ]
    for card in cards:
        if not card.figure:
            continue
        if card.kind == "Sensitivity":
            _name_bars(card.figure, spec)
        elif card.kind == "Contour":
            _name_axes(card.figure, spec, pairs[card.metric])
        else:
            _name_trials(card.figure, indices)
    return cards


def _most_important(spec: ExperimentSpec, card: AnalysisCardBase) -> list[str]:
    """The two parameters on which a metric depends most, among those that can be an axis; fewer if there are fewer."""
    axes = [p.name for p in spec.parameters if _is_axis(p)]
    if isinstance(card, PlotlyAnalysisCard):
        weights = sensitivities(card)
        axes.sort(key=lambda name: -weights.get(name, 0.0))
    return axes[:2]


def _is_axis(parameter: Parameter) -> bool:
    c = column(parameter)
    return c.size != 1 and (isinstance(c, RangeColumn) or c.ordered)


def _card(spec: ExperimentSpec, kind: AnalysisKind, metric: str, card: AnalysisCardBase) -> Card:
    """Convert Ax's card, with the user's name of the metric in place of the one that Ax has."""
    log = any(objective.metric == metric and objective.scale == "Log" for objective in spec.objectives)
    shown = f"log10({metric})" if log else metric
    title, subtitle = (text.replace(metric_name(metric), shown) for text in (card.title, card.subtitle))
    if not isinstance(card, PlotlyAnalysisCard):
        return Card(kind, metric, title, subtitle, {})
    figure = json.loads(card.blob.replace(metric_name(metric), shown))
    del figure["layout"]["template"]
    return Card(kind, metric, title, subtitle, figure)


def _name_bars(figure: dict[str, Any], spec: ExperimentSpec) -> None:
    """Name the bars by parameter, and also by value where Ax draws a bar for each value of a choice."""
    choices = [c for c in map(column, spec.parameters) if isinstance(c, ChoiceColumn) and not c.ordered]
    labels = {bar_name(c.name, i): f"{c.name} = {format_value(v)}" for c in choices for i, v in enumerate(c.values)}
    for bars in figure["data"]:
        bars["y"] = [escape(labels.get(name, name), quote=False) for name in take_bar_names(bars)]
        bars["hovertemplate"] = "%{y}: %{x:.3f}<extra></extra>"


def _name_axes(figure: dict[str, Any], spec: ExperimentSpec, pair: Sequence[str]) -> None:
    """Name the axes by parameter, and show a choice's values and real numbers in place of what Ax was given."""
    for axis, name in zip("xy", pair, strict=True):
        layout = figure["layout"][f"{axis}axis"]
        layout["title"] = {"text": name}
        c = column(spec.parameter(name))
        if isinstance(c, ChoiceColumn):
            texts = [escape(format_value(value), quote=False) for value in c.values]
            layout |= {"tickvals": list(range(len(texts))), "ticktext": texts}
        elif isinstance(c.parameter.domain, FloatRange):
            for trace in figure["data"]:
                trace[axis] = c.number(_array(trace[axis])).tolist()
            layout |= {"type": "log"} if c.log else {}
            layout["range"] = [math.log10(end) if c.log else end for end in c.ends]


def _array(numbers: Any) -> npt.NDArray[np.float64]:
    """An array that Plotly stores as a list, or as the bytes of one."""
    if isinstance(numbers, list):
        return np.array(numbers, dtype=np.float64)
    return np.frombuffer(base64.b64decode(numbers["bdata"]), numbers["dtype"]).astype(np.float64)


def _name_trials(figure: dict[str, Any], indices: Sequence[int]) -> None:
    """Name the marks by the trials' indices in the experiment."""
    [marks] = figure["data"]
    marks["text"] = [str(indices[position]) for position in trial_positions(marks)]
    marks["hovertemplate"] = "trial %{text}<br>measured %{x}<br>predicted %{y}<extra></extra>"
