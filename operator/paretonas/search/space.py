"""The search space in the model's coordinates: one column a parameter that can vary, every rule vectorised.

The optimiser only looks at codes that `Space.snap` has put on real values and that `Space.feasible` has passed,
so no candidate needs repair after it was chosen.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import islice

import numpy as np
import numpy.typing as npt

from paretonas.api import ExperimentSpec, LinearConstraint, Parameter, Scalar
from paretonas.search.columns import Codes, column
from paretonas.search.enumeration import feasible_points

Mask = npt.NDArray[np.bool_]
Key = tuple[Scalar | None, ...]
"""A point's values in the order of the parameters, None where inactive: what makes two points the same."""

SPARE_POINTS = 1_000
"""Points beyond twice the trials of an experiment up to which a discrete space is listed (it takes about 0.1
s). A space of more points cannot be exhausted by the experiment."""
TOLERANCE = 5e-10
"""Relative slack of a constraint, half of what the API grants, so that what passes here passes there."""


class Space:
    """The parameters of an experiment, with their conditions and constraints. It never changes."""

    def __init__(self, spec: ExperimentSpec) -> None:
        self.spec = spec
        self._column_of = {p.name: column(p) for p in spec.parameters}
        self.columns = [c for c in self._column_of.values() if c.size != 1]
        self._position = {c.name: i for i, c in enumerate(self.columns)}

    def __deepcopy__(self, _: object) -> "Space":
        """Ax copies its options, and a value that never changes needs no copy."""
        return self

    # -- one point
    # -----------------------------------------------------------------------------------------------------

    def key(self, parameters: Mapping[str, Scalar]) -> Key:
        """What makes it the same point as another one, whatever JSON did to its numbers."""
        return tuple(
            p.cast(parameters[p.name]) if p.name in parameters else None for p in self.spec.parameters
        )

    def decode(self, code: Codes) -> dict[str, Scalar]:
        """The point of a snapped code, shape (columns,): without inactive parameters, in the order of the spec."""
        values = {
            name: c.decode(code[self._position[name]] if name in self._position else 0.0)
            for name, c in self._column_of.items()
        }
        return self.active_part(values)

    def active_part(self, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """The point without its inactive parameters."""
        active = (p for p in self.spec.parameters if p.name in values and self.spec.is_active(p, values))
        return {p.name: values[p.name] for p in active}

    def allows(self, parameters: Mapping[str, Scalar]) -> bool:
        """The last word on a decoded point, by the API's own check."""
        return all(constraint.satisfied(parameters) for constraint in self.spec.linear_constraints)

    # -- many points: codes have the shape (points, columns)
    # -------------------------------------------------------------

    def encode(self, points: Sequence[Mapping[str, Scalar]]) -> Codes:
        """The codes of points; inactive columns at rest."""
        if not points:
            return np.zeros((0, len(self.columns)))
        return self._rest(np.stack([c.encode([p.get(c.name) for p in points]) for c in self.columns], axis=1))

    def encode_values(self, values: Mapping[str, Scalar]) -> Codes:
        """The code of some parameters' values with all others at rest, shape (columns,)."""
        [code] = self.encode([values])
        return np.asarray(code)

    def snap(self, codes: Codes) -> Codes:
        """The nearest codes of real points."""
        return self._rest(np.stack([c.snap(codes[:, i]) for i, c in enumerate(self.columns)], axis=1))

    def spread(self, unit: Codes) -> Codes:
        """Points of the space, as even as the given points of the unit cube."""
        return self._rest(np.stack([c.spread(unit[:, i]) for i, c in enumerate(self.columns)], axis=1))

    def mutate(self, codes: Codes, rng: np.random.Generator, reach: float) -> Codes:
        """Each point with one or a few columns changed; ``reach`` in (0, 1] is the size of a step."""
        codes = codes.copy()
        rows, columns = codes.shape
        chosen = rng.random((rows, columns)) < 1.5 / columns
        chosen[np.arange(rows), rng.integers(columns, size=rows)] = True
        for i, c in enumerate(self.columns):
            codes[chosen[:, i], i] = c.mutate(codes[chosen[:, i], i], rng, reach)
        return self.snap(codes)

    def neighbours(self, code: Codes) -> Codes:
        """Every point that differs from this one, shape (columns,), in the value of one choice."""
        rows = [
            np.where(np.arange(len(code)) == i, other, code)
            for i, c in enumerate(self.columns)
            for other in c.alternatives(code[i])
        ]
        return self.snap(np.array(rows)) if rows else np.zeros((0, len(code)))

    def feasible(self, codes: Codes) -> Mask:
        """Which snapped codes keep every parameter constraint."""
        rows = np.ones(len(codes), dtype=bool)
        for constraint in self.spec.linear_constraints:
            rows &= self._satisfied(constraint, codes)
        return rows

    def _satisfied(self, constraint: LinearConstraint, codes: Codes) -> Mask:
        """As `LinearConstraint.satisfied`: vacuous while one of its parameters is inactive."""
        total = np.zeros(len(codes))
        size = np.full(len(codes), max(abs(constraint.bound), 1.0))
        applies = np.ones(len(codes), dtype=bool)
        for name, factor in constraint.terms.items():
            i = self._position.get(name)
            part = factor * self._column_of[name].number(np.zeros(len(codes)) if i is None else codes[:, i])
            total += part
            size = np.maximum(size, np.abs(part))
            applies &= self._active_rows(self.spec.parameter(name), codes)
        return ~applies | (total <= constraint.bound + TOLERANCE * size)

    def _rest(self, codes: Codes) -> Codes:
        for i, c in enumerate(self.columns):
            if c.parameter.active_when:
                codes[~self._active_rows(c.parameter, codes), i] = c.resting
        return codes

    def _active_rows(self, parameter: Parameter, codes: Codes) -> Mask:
        rows = np.ones(len(codes), dtype=bool)
        for when in parameter.active_when:
            rows &= self._active_rows(self.spec.parameter(when.parameter), codes)
            parent = self._column_of[when.parameter]
            if when.parameter in self._position:
                rows &= np.isin(codes[:, self._position[when.parameter]], parent.encode(when.values))
            else:
                rows &= parent.decode(0.0) in when.values
        return rows

    # -- the model's view
    # ------------------------------------------------------------------------------------------------

    @cached_property
    def feature_names(self) -> list[str]:
        """The model's inputs: a parameter's name, or ``name=value`` for each value of a choice without order."""
        return [name for c in self.columns for name in c.feature_names]

    @cached_property
    def feature_columns(self) -> list[int]:
        """Which column each feature comes from; features of one column share a length scale."""
        return [i for i, c in enumerate(self.columns) for _ in c.feature_names]

    def features(self, codes: Codes) -> Codes:
        """The model's inputs for codes, shape (points, features)."""
        return np.concatenate([c.features(codes[:, i]) for i, c in enumerate(self.columns)], axis=1)

    def from_features(self, features: Codes) -> Codes:
        """The inverse of `features`."""
        ends = np.cumsum([len(c.feature_names) for c in self.columns])
        parts = np.split(features, ends[:-1], axis=1)
        return np.stack([c.from_features(part) for c, part in zip(self.columns, parts, strict=True)], axis=1)

    # -- all points
    # ------------------------------------------------------------------------------------------------------

    @cached_property
    def points(self) -> Codes | None:
        """Every feasible point of a small discrete space; None for a larger or continuous one."""
        sizes = [c.size for c in self.columns]
        limit = 2 * self.spec.max_trials + SPARE_POINTS
        free = not self.spec.linear_constraints and not any(p.active_when for p in self.spec.parameters)
        if None in sizes or (free and math.prod(filter(None, sizes)) > limit):
            return None
        found = list(islice(feasible_points(self.spec), limit + 1))
        return None if len(found) > limit else self.encode(found)
