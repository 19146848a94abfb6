"""Parallel coordinates: each trial is a line through its parameters and objectives."""

from collections.abc import Sequence
from math import ceil, floor, log10

from paretonas.api import Fixed, FloatRange, IntRange, NASTrial, Objective, Parameter, Scalar
from paretonas.api.parameters import Scale
from paretonas.engine.wording import number, shorten, value
from paretonas.report.figure import COLORSCALE, Figure, Plot
from paretonas.report.results import Results

_HEIGHT = 440
_AXIS_WIDTH = 95
"""The smallest distance between two axes in pixels, so that their titles can be read."""
_BELOW = 0.12
"""The distance of inactive trials below a numeric axis, as a fraction of its length."""
_INACTIVE = "inactive"
_TICK = 14
"""Characters of a choice's name, which is drawn as plain text: more would run into the axis beside it."""
_FREE = 0.06
"""Share of an axis around its ends in which no other tick stands, so that their labels do not meet."""
_STEPS, _WIDE = 7, 1e4
"""Ticks between the ends of a linear axis at the most; high / low from which a log axis shows whole decades only."""

Ends = tuple[()] | tuple[float, float]


def parallel_coordinates(results: Results) -> Plot:
    """Plot all succeeded trials, coloured by the first objective; the last axis selects the Pareto set.

    Plotly's parallel coordinates support neither log axes, nor text, nor gaps, so places and labels are computed here.
    """
    trials, first = results.succeeded, results.objectives[0]
    in_front = ["yes" if trial.name in results.front_names else "no" for trial in trials]
    dimensions = [
        *(_parameter(p, trials) for p in results.experiment.spec.parameters if _varies(p)),
        *(_objective(objective, trials) for objective in results.objectives),
        _categories("Pareto set", ["no", "yes"], in_front),
    ]
    colours = _observed(first, trials)
    bar = {"title": {"text": first.metric}, "thickness": 12, "outlinewidth": 0, **_ticks(colours, first.scale)}
    trace = {
        "type": "parcoords",
        "dimensions": dimensions,
        "labelangle": -12,
        "labelfont": {"size": 13},
        "tickfont": {"size": 11},
        "line": {
            "color": [_scaled(metric, first.scale) for metric in colours],
            "colorscale": COLORSCALE,
            "showscale": True,
            "colorbar": bar,
        },
    }
    figure = {"data": [trace], "layout": {"margin": {"l": 90, "r": 30, "t": 90, "b": 24}}}
    return Plot(figure, _HEIGHT, min_width=_AXIS_WIDTH * len(dimensions))


def _varies(parameter: Parameter) -> bool:
    choices = _choices(parameter)
    return choices is None or len(choices) > 1


def _choices(parameter: Parameter) -> tuple[Scalar, ...] | None:
    """The values of a parameter with a list of values; None for a range."""
    domain = parameter.domain
    if isinstance(domain, (IntRange, FloatRange)):
        return None
    return (domain.value,) if isinstance(domain, Fixed) else domain.values


def _parameter(parameter: Parameter, trials: Sequence[NASTrial]) -> Figure:
    domain = parameter.domain
    chosen = [trial.spec.parameters.get(parameter.name) for trial in trials]
    if isinstance(domain, (IntRange, FloatRange)):
        numbers = [None if choice is None else float(choice) for choice in chosen]
        if domain.scale == "Log":  # a user's own point may lie anywhere
            numbers = [domain.min if v is not None and v <= 0 else v for v in numbers]
        ends, whole = (domain.min, domain.max), isinstance(domain, IntRange)
        return _numbers(parameter.name, numbers, domain.scale, ends=ends, whole=whole)
    known = [value(choice) for choice in _choices(parameter) or ()]
    found = [_INACTIVE if choice is None else value(choice) for choice in chosen]
    return _categories(parameter.name, list(dict.fromkeys([*known, *found])), found)


def _observed(objective: Objective, trials: Sequence[NASTrial]) -> list[float]:
    return [trial.status.metrics[objective.metric] for trial in trials]


def _objective(objective: Objective, trials: Sequence[NASTrial]) -> Figure:
    """The axis of an objective; better values are higher."""
    dimension = _numbers(objective.metric, _observed(objective, trials), objective.scale)
    if objective.goal == "Minimize":
        dimension["range"] = dimension["range"][::-1]
    return dimension


def _numbers(
    label: str, values: Sequence[float | None], scale: Scale, *, ends: Ends = (), whole: bool = False
) -> Figure:
    """A numeric axis over the given range or over all values; inactive trials are placed below it."""
    active = [*ends, *(v for v in values if v is not None)]
    low, high = _scaled(min(active), scale), _scaled(max(active), scale)
    room = high - low or 1.0
    below = low - _BELOW * room
    ticks = _ticks(active, scale, whole=whole)
    if None in values:
        ticks = {"tickvals": [below, *ticks["tickvals"]], "ticktext": [_INACTIVE, *ticks["ticktext"]]}
    return {
        "label": label,
        "range": [below if None in values else low, high if high > low else low + room],
        "values": [below if v is None else _scaled(v, scale) for v in values],
        **ticks,
    }


def _categories(label: str, names: list[str], values: list[str]) -> Figure:
    place = {name: i for i, name in enumerate(names)}
    return {
        "label": label,
        "range": [-0.25, len(names) - 0.75],
        "tickvals": list(place.values()),
        "ticktext": [shorten(name, _TICK) for name in names],
        "values": [place[name] for name in values],
    }


def _scaled(number: float, scale: Scale) -> float:
    return log10(number) if scale == "Log" else number


def _ticks(values: Sequence[float], scale: Scale, *, whole: bool = False) -> Figure:
    """Both ends, and between them round numbers: 1, 2 and 5 in every decade, or multiples of one of these."""
    low, high = min(values), max(values)
    if low == high:
        places = [low]
    else:
        round_numbers = _decades(low, high) if scale == "Log" else _multiples(low, high, whole=whole)
        ends = _scaled(low, scale), _scaled(high, scale)
        free = _FREE * (ends[1] - ends[0])
        places = [low, *(v for v in round_numbers if min(abs(_scaled(v, scale) - end) for end in ends) > free), high]
    return {"tickvals": [_scaled(place, scale) for place in places], "ticktext": [number(place) for place in places]}


def _decades(low: float, high: float) -> list[float]:
    factors = (1, 2, 5) if high / low < _WIDE else (1,)
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    return [v for decade in decades for factor in factors if low < (v := factor * 10.0**decade) < high]


def _multiples(low: float, high: float, *, whole: bool) -> list[float]:
    size = 10.0 ** floor(log10((high - low) / _STEPS))
    step = next((factor * size for factor in (1, 2, 5) if factor * size * _STEPS >= high - low), 10 * size)
    step = max(step, 1.0) if whole else step
    return [i * step for i in range(ceil(low / step), floor(high / step) + 1)]
