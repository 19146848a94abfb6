"""The balanced trial of a Pareto set. Pure."""

from math import dist

from paretonas.report.results import Results

_FEWEST = 3
"""The fewest different points of a front that have a middle: of two, each is an end."""


def knee(results: Results) -> str | None:
    """The name of the trial of the front that is nearest to the best values of all objectives.

    Distances are measured on the objectives' scales, as shares of the range that the front spans, so units do not
    matter. None if the front has fewer than three different points.
    """
    points = {t.name: [o.comparable(t.status.metrics[o.metric]) for o in results.objectives] for t in results.front}
    columns = list(zip(*points.values(), strict=True))
    if len(set(map(tuple, points.values()))) < _FEWEST:
        return None
    best = [min(column) for column in columns]
    # halves, since the range of the largest doubles is no double
    half = [(max(column) / 2 - min(column) / 2) or 1.0 for column in columns]

    def distance(name: str) -> float:
        shares = [(v / 2 - b / 2) / h for v, b, h in zip(points[name], best, half, strict=True)]
        return dist([0.0] * len(best), shares)

    return min(points, key=distance)
