"""Parallel coordinates: each trial is a line through its parameters and objectives."""

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10

from paretonas.api import Fixed, FloatRange, IntRange, NASTrial, Objective, Parameter, Scalar
from paretonas.api.parameters import Scale
from paretonas.engine.words import number, value
from paretonas.report.plot import COLORSCALE, Figure, Plot
from paretonas.report.results import Results

_HEIGHT = 440
_AXIS_WIDTH = 95
"""Pixels between two axes at the least, so that their titles can be read."""
_BELOW = 0.12
"""Where inactive trials stand below an axis of numbers, as a share of its length."""
_INACTIVE = "inactive"


def parallel_coordinates(results: Results) -> Plot:
    """All succeeded trials, coloured by the first objective; the last axis lets one pick the Pareto set.

    Plotly's parallel coordinates know neither log axes nor texts nor gaps: places and labels are made here.
    """
    trials, first = results.succeeded, results.objectives[0]
    in_front = ["yes" if trial.name in results.front_names else "no" for trial in trials]
    dimensions = [
        *(_parameter(p, trials) for p in results.experiment.spec.parameters if _varies(p)),
        *(_objective(objective, trials) for objective in results.objectives),
        _categories("Pareto set", ["no", "yes"], in_front),
    ]
    colours = _observed(first, trials)
    bar = {
        "title": {"text": first.metric},
        "thickness": 12,
        "outlinewidth": 0,
        **_ticks(colours, first.scale),
    }
    trace = {
        "type": "parcoords",
        "dimensions": dimensions,
        "labelangle": -12,
        "line": {
            "color": [_scaled(metric, first.scale) for metric in colours],
            "colorscale": COLORSCALE,
            "showscale": True,
            "colorbar": bar,
        },
    }
    figure = {"data": [trace], "layout": {"margin": {"l": 60, "r": 30, "t": 90, "b": 24}}}
    return Plot(figure, _HEIGHT, min_width=_AXIS_WIDTH * len(dimensions))


def _varies(parameter: Parameter) -> bool:
    choices = _choices(parameter)
    return choices is None or len(choices) > 1


def _choices(parameter: Parameter) -> tuple[Scalar, ...] | None:
    """The values of a parameter that has a list of them."""
    domain = parameter.domain
    if isinstance(domain, (IntRange, FloatRange)):
        return None
    return (domain.value,) if isinstance(domain, Fixed) else domain.values


def _parameter(parameter: Parameter, trials: Sequence[NASTrial]) -> Figure:
    domain = parameter.domain
    chosen = [trial.spec.parameters.get(parameter.name) for trial in trials]
    if isinstance(domain, (IntRange, FloatRange)):
        numbers = [None if choice is None else float(choice) for choice in chosen]
        return _numbers(parameter.name, numbers, domain.scale, ends=(domain.min, domain.max))
    known = [value(choice) for choice in _choices(parameter) or ()]
    found = [_INACTIVE if choice is None else value(choice) for choice in chosen]
    return _categories(parameter.name, list(dict.fromkeys([*known, *found])), found)


def _observed(objective: Objective, trials: Sequence[NASTrial]) -> list[float]:
    return [trial.status.metrics[objective.metric] for trial in trials]


def _objective(objective: Objective, trials: Sequence[NASTrial]) -> Figure:
    """Better is up."""
    dimension = _numbers(objective.metric, _observed(objective, trials), objective.scale)
    if objective.goal == "Minimize":
        dimension["range"] = dimension["range"][::-1]
    return dimension


def _numbers(
    label: str, values: Sequence[float | None], scale: Scale, ends: tuple[float, ...] = ()
) -> Figure:
    """An axis of numbers; what is inactive stands below it."""
    active = [v for v in values if v is not None]
    low, high = (_scaled(end(*active, *ends), scale) for end in (min, max))
    low, high = (low, high) if low < high else (low - 0.5, high + 0.5)
    dimension: Figure = {"label": escape(label), "range": [low, high], **_ticks([*active, *ends], scale)}
    below = low - _BELOW * (high - low)
    if len(active) < len(values):
        ticks = dimension if "tickvals" in dimension else _even_ticks(low, high)
        dimension |= {
            "range": [below, high],
            "tickvals": [below, *ticks["tickvals"]],
            "ticktext": [_INACTIVE, *ticks["ticktext"]],
        }
    return {**dimension, "values": [below if v is None else _scaled(v, scale) for v in values]}


def _categories(label: str, names: list[str], values: list[str]) -> Figure:
    place = {name: i for i, name in enumerate(names)}
    return {
        "label": escape(label),
        "range": [-0.25, len(names) - 0.75],
        "tickvals": list(place.values()),
        "ticktext": [escape(name) for name in names],
        "values": [place[name] for name in values],
    }


def _scaled(number: float, scale: Scale) -> float:
    return log10(number) if scale == "Log" else number


def _ticks(values: Sequence[float], scale: Scale) -> Figure:
    """The ticks of a log axis at 1, 2 and 5 in every decade; none where Plotly's own will do."""
    if scale == "Linear":
        return {}
    decades = range(floor(log10(min(values))), ceil(log10(max(values))) + 1)
    places = [factor * 10.0**decade for decade in decades for factor in (1, 2, 5)]
    shown = [place for place in places if min(values) <= place <= max(values)]
    return {"tickvals": [log10(place) for place in shown], "ticktext": [number(place) for place in shown]}


def _even_ticks(low: float, high: float) -> Figure:
    places = [low + i * (high - low) / 4 for i in range(5)]
    return {"tickvals": places, "ticktext": [number(place) for place in places]}
