"""Quasi-random points that keep every constraint, from Ax's Sobol generator."""

import numpy as np
import numpy.typing as npt
import torch
from ax.generators.random.sobol import SobolGenerator
from scipy.optimize import Bounds, milp  # type: ignore[import-untyped] # scipy ships no types
from scipy.optimize import LinearConstraint as Rows

from paretonas.api import FloatChoice, FloatRange, IntChoice, IntRange, Scalar
from paretonas.search.columns import Codes
from paretonas.search.space import Space
from paretonas.search.types import SearchError

FIRST_DRAW = 1024
LAST_DRAW = 32_768
"""Sobol points that are drawn before those that break a constraint are moved: 10 ms, and enough where at least
one point in a thousand keeps the constraints (the order of six parameters: one in 720)."""
HALVINGS = 40
"""Halvings of the way to a feasible point: past them only the point itself is left."""


def scatter(space: Space, seed: int, count: int) -> Codes:
    """At least ``count`` feasible points, evenly scattered; the start of one sequence for each seed.

    Raises:
        SearchError: no point of the space keeps the constraints.
    """
    columns = len(space.columns)
    # its engine: the generator's own `gen` draws and checks points one by one, 60 ms for a thousand instead of 2
    sobol = SobolGenerator(seed=seed).init_engine(columns)
    draw, drawn = max(FIRST_DRAW, 2 ** (count - 1).bit_length()), 0
    kept: list[Codes] = []
    last = np.zeros((0, columns))
    while sum(map(len, kept)) < count and drawn < max(LAST_DRAW, draw):
        last = space.spread(sobol.draw(draw, dtype=torch.double).numpy())
        kept.append(last[space.feasible(last)])
        drawn += draw
    found = np.concatenate(kept)
    if len(found) >= count:
        return found
    anchor = found[0] if len(found) else _anchor(space)
    return np.concatenate([found, _pulled(space, last[:count], anchor)])


def _pulled(space: Space, points: Codes, anchor: Codes) -> Codes:
    """Each point as far from the anchor, on the way from there, as the constraints let it be."""
    pulled = points.copy()
    left = ~space.feasible(pulled)
    for halving in range(1, HALVINGS + 1):
        if not left.any():
            break
        pulled[left] = space.snap(anchor + (points[left] - anchor) * 0.5**halving)
        left[left] = ~space.feasible(pulled[left])
    pulled[left] = anchor
    return pulled


def _anchor(space: Space) -> Codes:
    """One feasible point, by mixed-integer programming over the parameters that stand in a constraint.

    Constraints that an inactive parameter would lift are kept as well.
    """
    names = sorted({name for constraint in space.spec.linear_constraints for name in constraint.terms})
    domains = [space.spec.parameter(name).domain for name in names]
    sizes = [len(d.values) if isinstance(d, (IntChoice, FloatChoice)) else 1 for d in domains]
    starts = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    low, high = np.zeros(sum(sizes)), np.ones(sum(sizes))
    whole = np.ones(sum(sizes))
    rows: list[npt.NDArray[np.float64]] = [np.zeros(sum(sizes)) for _ in space.spec.linear_constraints]
    one_of: list[npt.NDArray[np.float64]] = []
    for name, domain, start, size in zip(names, domains, starts, sizes, strict=True):
        if isinstance(domain, (IntRange, FloatRange)):
            low[start], high[start], whole[start] = domain.min, domain.max, isinstance(domain, IntRange)
            numbers = np.ones(1)
        else:
            numbers = np.array(domain.values, dtype=np.float64)  # type: ignore[union-attr] # the API lets no other in
            one_of.append(np.isin(np.arange(sum(sizes)), np.arange(start, start + size)).astype(np.float64))
        for row, constraint in zip(rows, space.spec.linear_constraints, strict=True):
            row[start : start + size] = constraint.terms.get(name, 0.0) * numbers
    limits = [
        Rows(np.array(rows), ub=np.array([constraint.bound for constraint in space.spec.linear_constraints]))
    ]
    if one_of:
        limits.append(Rows(np.array(one_of), lb=1.0, ub=1.0))
    solved = milp(np.zeros(sum(sizes)), constraints=limits, integrality=whole, bounds=Bounds(low, high))
    texts = ", ".join(repr(constraint.text) for constraint in space.spec.linear_constraints)
    if solved.x is None:
        raise SearchError(f"no point of the search space keeps the parameter constraints {texts}")
    values: dict[str, Scalar] = {}
    for name, domain, start, size in zip(names, domains, starts, sizes, strict=True):
        part = solved.x[start : start + size]
        values[name] = (
            domain.values[int(part.argmax())]
            if isinstance(domain, (IntChoice, FloatChoice))
            else float(part[0])
        )
    code = space.encode_values(values)
    if not space.feasible(code[None])[0]:
        raise SearchError(f"cannot find a point that keeps the parameter constraints {texts}")
    return code
