"""The search space in the model's coordinates: one column a parameter that can vary, every rule vectorised.

The optimiser only looks at codes that `Space.snap` has put on real values and that `Space.feasible` has passed,
so no candidate needs repair after it was chosen.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property

import numpy as np

from paretonas.api import ExperimentSpec, Parameter, Scalar
from paretonas.search.encoding import column
from paretonas.search.encoding.codes import Codes, Mask
from paretonas.search.region import Region

PointKey = tuple[Scalar | None, ...]
"""A point's values in the order of the parameters, None where inactive: what makes two points the same."""


class Space:
    """The parameters of an experiment, with their conditions and constraints. It never changes."""

    def __init__(self, spec: ExperimentSpec) -> None:
        self.spec = spec
        self.column_of = {p.name: column(p) for p in spec.parameters}
        self.columns = [c for c in self.column_of.values() if c.size != 1]
        self._position = {c.name: i for i, c in enumerate(self.columns)}
        self.region = Region(spec.linear_constraints, self.column_of)
        self._constrained = [self._position.get(c.name) for c in self.region.columns]

    def __deepcopy__(self, _: object) -> "Space":
        """Ax copies its options, and a value that never changes needs no copy."""
        return self

    # -- one point
    # -----------------------------------------------------------------------------------------------------

    def key(self, parameters: Mapping[str, Scalar]) -> PointKey:
        """What makes it the same point as another one, whatever JSON did to its numbers."""
        return tuple(
            p.cast(parameters[p.name]) if p.name in parameters else None for p in self.spec.parameters
        )

    def decode(self, code: Codes) -> dict[str, Scalar]:
        """The point of a snapped code, shape (columns,): without inactive parameters, in the order of the spec."""
        values = {
            name: c.decode(code[self._position[name]] if name in self._position else 0.0)
            for name, c in self.column_of.items()
        }
        return self.active_part(values)

    def active_part(self, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """The point without its inactive parameters."""
        active = (p for p in self.spec.parameters if p.name in values and self.spec.is_active(p, values))
        return {p.name: values[p.name] for p in active}

    def allows(self, parameters: Mapping[str, Scalar]) -> bool:
        """The last word on a decoded point, by the API's own check."""
        return all(constraint.is_satisfied_by(parameters) for constraint in self.spec.linear_constraints)

    # -- many points: codes have the shape (points, columns)
    # -------------------------------------------------------------

    def encode(self, points: Sequence[Mapping[str, Scalar]]) -> Codes:
        """The codes of points; inactive columns at rest."""
        if not points:
            return np.zeros((0, len(self.columns)))
        return self._rest(np.stack([c.encode([p.get(c.name) for p in points]) for c in self.columns], axis=1))

    def snap(self, codes: Codes) -> Codes:
        """The nearest codes of real points."""
        return self._rest(np.stack([c.snap(codes[:, i]) for i, c in enumerate(self.columns)], axis=1))

    def spread(self, unit: Codes) -> Codes:
        """Points of the space, as even as the given points of the unit cube."""
        return self._rest(np.stack([c.spread(unit[:, i]) for i, c in enumerate(self.columns)], axis=1))

    def mutate(
        self, codes: Codes, rng: np.random.Generator, reach: float, spared: Collection[str] = ()
    ) -> tuple[Codes, Mask]:
        """Each point with one or a few columns changed; ``reach`` in (0, 1] is the size of a step.

        Returns:
            The new points, and which columns were chosen to change. Those of ``spared`` parameters are left as they
            are all the same.
        """
        codes = codes.copy()
        rows, columns = codes.shape
        chosen = rng.random((rows, columns)) < 1.5 / columns
        chosen[np.arange(rows), rng.integers(columns, size=rows)] = True
        for i, c in enumerate(self.columns):
            if c.name not in spared:
                codes[chosen[:, i], i] = c.mutate(codes[chosen[:, i], i], rng, reach)
        return self.snap(codes), chosen

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
        if not self.spec.linear_constraints:
            return np.ones(len(codes), dtype=bool)
        return self.region.keeps(self.numbers(codes), self.applies(codes))

    def numbers(self, codes: Codes) -> Codes:
        """The numbers of the constrained parameters, in the order of `region`."""
        part = self.constrained(codes)
        return np.stack([c.number(part[:, i]) for i, c in enumerate(self.region.columns)], axis=1)

    def constrained(self, codes: Codes) -> Codes:
        """The codes of the constrained parameters alone, in the order of `region`."""
        part = np.zeros((len(codes), len(self._constrained)))
        for i, position in enumerate(self._constrained):
            if position is not None:
                part[:, i] = codes[:, position]
        return part

    def with_constrained(self, codes: Codes, part: Codes) -> Codes:
        """The codes with those of the constrained parameters replaced; inactive columns at rest."""
        codes = codes.copy()
        for i, position in enumerate(self._constrained):
            if position is not None:
                codes[:, position] = part[:, i]
        return self._rest(codes)

    def applies(self, codes: Codes) -> Mask:
        """Which rows of `region` hold for which point: none while one of its parameters is inactive."""
        active = np.ones((len(codes), len(self.spec.linear_constraints)), dtype=bool)
        for k, constraint in enumerate(self.spec.linear_constraints):
            for name in constraint.terms:
                active[:, k] &= self.active(self.spec.parameter(name), codes)
        return np.asarray(active[:, self.region.owners])

    @cached_property
    def decides(self) -> Mask:
        """Which constrained parameters decide, directly or through others, which rows of `region` hold."""
        return np.array([column.name in self._deciding for column in self.region.columns], dtype=bool)

    @cached_property
    def deciding_columns(self) -> list[int]:
        """The columns, constrained or not, that decide which rows of `region` hold."""
        return [i for i, column in enumerate(self.columns) if column.name in self._deciding]

    @cached_property
    def _deciding(self) -> set[str]:
        names = {name for constraint in self.spec.linear_constraints for name in constraint.terms}
        above: set[str] = set()
        while names:
            names = {when.parameter for name in names for when in self.spec.parameter(name).active_when}
            above |= names
        return above

    def identities(self, codes: Codes) -> list[bytes]:
        """What makes snapped codes the same point, one by one."""
        columns = [c.identity(codes[:, i]) for i, c in enumerate(self.columns)]
        return [row.tobytes() for row in np.stack(columns, axis=1)]

    def _rest(self, codes: Codes) -> Codes:
        for i, c in enumerate(self.columns):
            if c.parameter.active_when:
                codes[~self.active(c.parameter, codes), i] = c.resting
        return codes

    def active(self, parameter: Parameter, codes: Codes) -> Mask:
        """For which points a parameter is active."""
        rows = np.ones(len(codes), dtype=bool)
        for when in parameter.active_when:
            rows &= self.active(self.spec.parameter(when.parameter), codes)
            parent = self.column_of[when.parameter]
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
