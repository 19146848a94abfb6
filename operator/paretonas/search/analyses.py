"""What Ax's own analyses say of the observed trials. They explain results and play no part in the search.

Ax fits its default model, which is not quite the search's: it sees the box of all parameters, without conditions (what
is inactive stands in the middle of its range) and without parameter constraints (on log scales Ax knows none); neither
changes what was observed. A choice with an order is its position to it, and a real number its code, from 0 to 1: some
ranges that are valid are too narrow or too wide for it.
"""

import base64
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from ax.adapter.transforms.one_hot import OH_PARAM_INFIX
from ax.analysis.plotly.cross_validation import CrossValidationPlot
from ax.analysis.plotly.plotly_analysis import PlotlyAnalysisCard
from ax.analysis.plotly.sensitivity import SensitivityAnalysisPlot
from ax.analysis.plotly.surface.contour import ContourPlot
from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig
from ax.core.analysis_card import AnalysisCardBase, AnalysisCardGroup

from paretonas.api import ExperimentSpec, FloatRange, IntRange, Parameter, Scalar, format_value
from paretonas.search.encoding import column
from paretonas.search.encoding.choices import ChoiceColumn
from paretonas.search.encoding.ranges import RangeColumn
from paretonas.search.problem import measured, metric_name
from paretonas.search.types import KnownTrial, SearchError

_FEWEST_TRIALS = 5
"""Results below which a model of several parameters would only echo them."""
MOST_TRIALS = 100
"""Results that Ax is given: its contour predicts at every pair of sampled values (10 times the work at 200 of 50)."""
_BARS = 12
"""Parameters in a sensitivity figure, the most important ones."""

_TYPES: dict[type, Literal["float", "int", "str", "bool"]] = {
    float: "float",
    int: "int",
    str: "str",
    bool: "bool",
}

AnalysisKind = Literal["Sensitivity", "Contour", "CrossValidation"]


@dataclass(frozen=True, slots=True)
class Card:
    """One of Ax's figures.

    Attributes:
        kind: The analysis.
        metric: What it is about.
        title: Ax's title.
        subtitle: How to read it in Ax's words; why there is no figure, where Ax could not make one.
        figure: Plotly's JSON, without Ax's styling template; empty where there is none.
    """

    kind: AnalysisKind
    metric: str
    title: str
    subtitle: str
    figure: dict[str, Any]


def analyse(spec: ExperimentSpec, known: Sequence[KnownTrial]) -> list[Card]:
    """Sensitivity, contours over each metric's two most important parameters, and leave-one-out cross-validation.

    Args:
        spec: the experiment.
        known: its trials; of more than `MOST_TRIALS` observed ones, so many evenly chosen are used.

    Raises:
        SearchError: too few trials are observed, or no parameter varies.
    """
    observed = _spread([trial for trial in known if trial.state == "Observed"])
    if len(observed) < _FEWEST_TRIALS:
        raise SearchError(f"A model needs {_FEWEST_TRIALS} results; there are {len(observed)} yet.")
    if all(column(parameter).size == 1 for parameter in spec.parameters):
        raise SearchError("There is nothing to model: no parameter varies.")
    with _one_thread():
        return _cards(spec, _client(spec, observed), [trial.index for trial in observed])


def _spread(trials: Sequence[KnownTrial]) -> list[KnownTrial]:
    if len(trials) <= MOST_TRIALS:
        return list(trials)
    return [trials[round(i * (len(trials) - 1) / (MOST_TRIALS - 1))] for i in range(MOST_TRIALS)]


def _client(spec: ExperimentSpec, observed: Sequence[KnownTrial]) -> Client:
    """The trials in Ax, which models them from the start: no candidate is ever asked for."""
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
        scaled = {m: measured(objectives[m], v) if m in objectives else v for m, v in values.items()}
        client.complete_trial(index, {metric_name(m): v for m, v in scaled.items()})
    return client


def _thresholds(spec: ExperimentSpec) -> list[str]:
    """The thresholds as Ax's constraints, which it allows only between several objectives."""
    given = [
        (o, o.threshold) for o in spec.objectives if o.threshold is not None and len(spec.objectives) > 1
    ]
    signs = {"Maximize": ">=", "Minimize": "<="}
    return [f"{metric_name(o.metric)} {signs[o.goal]} {measured(o, worst)!r}" for o, worst in given]


def _metrics(spec: ExperimentSpec) -> list[str]:
    """The objectives, then what else is constrained."""
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
    # Ax 1.3.1 samples the sensitivity to an ordered choice at the whole numbers between its ends (sobol_measures), and
    # puts [16, 32, 64] on a log scale before, where there is only one: it is told their positions instead
    values: list[Any] = list(range(choice.size) if choice.ordered else choice.values)
    return ChoiceParameterConfig(name, values, _TYPES[type(values[0])], is_ordered=choice.ordered)


def _ax_value(c: RangeColumn | ChoiceColumn, given: Scalar | None) -> Scalar:
    """A value as `_ax_parameter` has it: within the domain, in the middle of it where the parameter is inactive."""
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
    # the group has a card for each metric, then a summary; an error has no group
    fits = check.flatten()[: len(metrics)] if isinstance(check, AnalysisCardGroup) else [check] * len(metrics)
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
    """The two parameters on which a metric depends most, of those that can be an axis; fewer where there are no two."""
    axes = [p.name for p in spec.parameters if _is_axis(p)]
    if isinstance(card, PlotlyAnalysisCard):
        weights = dict(zip(card.df["parameter_name"], card.df["sensitivity"].abs(), strict=True))
        axes.sort(key=lambda name: -weights.get(name, 0.0))
    return axes[:2]


def _is_axis(parameter: Parameter) -> bool:
    c = column(parameter)
    return c.size != 1 and (isinstance(c, RangeColumn) or c.ordered)


def _card(spec: ExperimentSpec, kind: AnalysisKind, metric: str, card: AnalysisCardBase) -> Card:
    """Ax's card with the user's name of the metric in place of the one that Ax was given."""
    log = any(objective.metric == metric and objective.scale == "Log" for objective in spec.objectives)
    shown = f"log10({metric})" if log else metric
    title, subtitle = (text.replace(metric_name(metric), shown) for text in (card.title, card.subtitle))
    if not isinstance(card, PlotlyAnalysisCard):
        return Card(kind, metric, title, subtitle, {})
    figure = json.loads(card.blob.replace(metric_name(metric), shown))
    del figure["layout"]["template"]
    return Card(kind, metric, title, subtitle, figure)


def _name_bars(figure: dict[str, Any], spec: ExperimentSpec) -> None:
    """Parameters by their full name, and by their value where Ax has a bar for each value of a choice."""
    choices = [c for c in map(column, spec.parameters) if isinstance(c, ChoiceColumn) and not c.ordered]
    labels = {
        f"{c.name}{OH_PARAM_INFIX}{i}": f"{c.name} = {format_value(v)}"
        for c in choices
        for i, v in enumerate(c.values)
    }
    for bars in figure["data"]:
        names = [name for [name] in bars.pop("customdata")]
        bars["y"] = [escape(labels.get(name, name), quote=False) for name in names]
        bars["hovertemplate"] = "%{y}: %{x:.3f}<extra></extra>"


def _name_axes(figure: dict[str, Any], spec: ExperimentSpec, pair: Sequence[str]) -> None:
    """Parameters by their full name; the values of a choice and of a real number in place of what Ax was given."""
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
    """What Plotly keeps as a list, or as the bytes of one."""
    if isinstance(numbers, list):
        return np.array(numbers, dtype=np.float64)
    return np.frombuffer(base64.b64decode(numbers["bdata"]), numbers["dtype"]).astype(np.float64)


def _name_trials(figure: dict[str, Any], indices: Sequence[int]) -> None:
    """Trials by their index: Ax's arm ``3_0`` is the fourth of those that it was given."""
    [marks] = figure["data"]
    marks["text"] = [str(indices[int(arm.partition("_")[0])]) for arm in marks["text"]]
    marks["hovertemplate"] = "trial %{text}<br>measured %{x}<br>predicted %{y}<extra></extra>"


@contextmanager
def _one_thread() -> Iterator[None]:
    """The faster choice for models of this size."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
