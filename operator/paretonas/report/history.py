"""The hypervolume over the trials."""

from paretonas.engine.wording import number
from paretonas.report.figure import ACCENT, TINT, Plot, axis, mark
from paretonas.report.results import Results
from paretonas.report.text import markup

_HEIGHT = 460


def hypervolume(results: Results) -> Plot:
    """Plot the hypervolume after each ended trial, in the order in which they ended."""
    volumes, trials = results.hypervolumes, results.ended
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": list(range(1, len(volumes) + 1)),
        "y": volumes,
        "line": {"shape": "hv", "color": ACCENT, "width": 2},
        "fill": "tozeroy",
        "fillcolor": TINT,
        "text": [f"{number(v)} after {markup(t.name)}" for v, t in zip(volumes, trials, strict=True)],
        "hovertemplate": "%{text}<extra></extra>",
    }
    layout = {"xaxis": axis("trials ended"), "yaxis": axis("hypervolume", rangemode="tozero")}
    # trials do not end in the order in which they were chosen: the first one marks the change well enough
    by_model = [i for i, t in enumerate(trials, 1) if t.spec.origin == "BayesianOptimization"]
    if by_model:
        layout |= mark("x", by_model[0] - 0.5, "the model takes over", dash="dot")
    return Plot({"data": [line], "layout": layout}, _HEIGHT)
