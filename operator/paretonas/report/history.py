"""The hypervolume over the trials."""

from paretonas.engine.words import number
from paretonas.report.plot import ACCENT, MUTED, TINT, Figure, Plot, axis
from paretonas.report.results import Results
from paretonas.report.text import hover

_HEIGHT = 460


def hypervolume(results: Results) -> Plot:
    """The hypervolume after each ended trial, in the order in which they ended."""
    volumes, trials = results.hypervolumes, results.ended
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": list(range(1, len(volumes) + 1)),
        "y": volumes,
        "line": {"shape": "hv", "color": ACCENT, "width": 2},
        "fill": "tozeroy",
        "fillcolor": TINT,
        "text": [f"hypervolume {number(v)}<br>{hover(t)}" for v, t in zip(volumes, trials, strict=True)],
        "hovertemplate": "%{text}<extra></extra>",
    }
    layout = {
        "xaxis": axis("trials ended"),
        "yaxis": axis("hypervolume", rangemode="tozero"),
        "shapes": _model_starts(results),
    }
    return Plot({"data": [line], "layout": layout}, _HEIGHT)


def _model_starts(results: Results) -> list[Figure]:
    """A line before the first trial that a model has chosen."""
    by_model = (i for i, t in enumerate(results.ended, 1) if t.spec.origin == "BayesianOptimization")
    first = next(by_model, None)
    if first is None:
        return []
    return [
        {
            "type": "line",
            "x0": first - 0.5,
            "x1": first - 0.5,
            "y0": 0,
            "y1": 1,
            "yref": "paper",
            "layer": "below",
            "line": {"color": MUTED, "width": 1, "dash": "dot"},
            "label": {
                "text": "the model chooses from here",
                "textposition": "start",
                "textangle": -90,
                "font": {"color": MUTED, "size": 11},
            },
        }
    ]
