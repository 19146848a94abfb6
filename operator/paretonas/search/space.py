"""The search space in the model's coordinates: one column per parameter that can vary, with all rules vectorised.

The optimiser only evaluates codes that `Space.snap` has put on actual values and that `Space.feasible` accepts, so no
candidate has to be repaired after it was chosen.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property

import numpy as np

from paretonas.api import ExperimentSpec, Parameter, Scalar
from paretonas.search.encoding import column
from paretonas.search.encoding.choices import ChoiceColumn
from paretonas.search.encoding.codes import Codes, Mask
from paretonas.search.known import KnownMetrics
from paretonas.search.region import Region

PointKey = tuple[Scalar | None, ...]
"""A point's values in the order of the parameters, None if inactive; equal keys mean the same point."""


class Space:
    """The parameters of an experiment with their conditions and constraints. It is immutable."""

    def __init__(self, spec: ExperimentSpec) -> None:
        self.spec = spec
        self.column_of = {p.name: column(p) for p in spec.parameters}
        self.columns = [c for c in self.column_of.values() if c.size != 1]
        self._position = {c.name: i for i, c in enumerate(self.columns)}
        self.region = Region(spec.linear_constraints, self.column_of)
        self.known = KnownMetrics(self)
        self._constrained = [self._position.get(c.name) for c in self.region.columns]

    def __deepcopy__(self, _: object) -> "Space":
        """Return the space itself: Ax copies its options, but an immutable value needs no copy."""
        return self

    @property
    def restricted(self) -> bool:
        """Whether some points within the ranges and choices are not feasible."""
        return bool(self.spec.linear_constraints) or bool(self.known)

    # One point

    def key(self, parameters: Mapping[str, Scalar]) -> PointKey:
        """A key that is equal for equal points, even if JSON has changed the types of numbers."""
        return tuple(p.cast(parameters[p.name]) if p.name in parameters else None for p in self.spec.parameters)

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
        """Whether a decoded point satisfies all constraints, by the API's own check."""
        linear = all(constraint.is_satisfied_by(parameters) for constraint in self.spec.linear_constraints)
        return linear and self.known.allows(parameters)

    # Many points: codes have the shape (points, columns)

    def encode(self, points: Sequence[Mapping[str, Scalar]]) -> Codes:
        """The codes of points; inactive columns have their resting code."""
        if not points:
            return np.zeros((0, len(self.columns)))
        return self._rest(np.stack([c.encode([p.get(c.name) for p in points]) for c in self.columns], axis=1))

    def snap(self, codes: Codes) -> Codes:
        """The nearest codes that represent points."""
        return self._rest(np.stack([c.snap(codes[:, i]) for i, c in enumerate(self.columns)], axis=1))

    def spread(self, unit: Codes) -> Codes:
        """Map points of the unit cube to points of the space that are as evenly spread."""
        return self._rest(np.stack([c.spread(unit[:, i]) for i, c in enumerate(self.columns)], axis=1))

    def mutate(
        self, codes: Codes, rng: np.random.Generator, reach: float, spared: Collection[str] = ()
    ) -> tuple[Codes, Mask]:
        """Change one or a few columns of each point; ``reach`` in (0, 1] is the step size.

        Returns:
            The new points, and a mask of the columns that were chosen to change. Chosen columns of ``spared``
            parameters are not changed.
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
        """All points that differ from this one, shape (columns,), in the value of one choice."""
        rows = [
            np.where(np.arange(len(code)) == i, other, code)
            for i, c in enumerate(self.columns)
            for other in c.alternatives(code[i])
        ]
        return self.snap(np.array(rows)) if rows else np.zeros((0, len(code)))

    def feasible(self, codes: Codes) -> Mask:
        """A mask of the snapped codes that satisfy every parameter constraint and every bound on a formula."""
        kept = np.ones(len(codes), dtype=bool)
        if self.spec.linear_constraints:
            kept &= self.region.keeps(self.numbers(codes), self.applies(codes))
        if self.known:
            kept[kept] = self.known.feasible(codes[kept])
        return kept

    def numbers(self, codes: Codes) -> Codes:
        """The numbers of the constrained parameters, in the order of `region`."""
        part = self.take_constrained(codes)
        return np.stack([c.number(part[:, i]) for i, c in enumerate(self.region.columns)], axis=1)

    def take_constrained(self, codes: Codes) -> Codes:
        """The codes of the constrained parameters alone, in the order of `region`."""
        part = np.zeros((len(codes), len(self._constrained)))
        for i, position in enumerate(self._constrained):
            if position is not None:
                part[:, i] = codes[:, position]
        return part

    def replace_constrained(self, codes: Codes, part: Codes) -> Codes:
        """Replace the codes of the constrained parameters; inactive columns get their resting code."""
        codes = codes.copy()
        for i, position in enumerate(self._constrained):
            if position is not None:
                codes[:, position] = part[:, i]
        return self._rest(codes)

    def applies(self, codes: Codes) -> Mask:
        """A mask of the rows of `region` that apply to each point: not those with an inactive parameter."""
        active = np.ones((len(codes), len(self.spec.linear_constraints)), dtype=bool)
        for k, constraint in enumerate(self.spec.linear_constraints):
            for name in constraint.terms:
                active[:, k] &= self.active(self.spec.parameter(name), codes)
        return np.asarray(active[:, self.region.owners])

    @cached_property
    def decides(self) -> Mask:
        """A mask of the constrained parameters that decide, directly or not, which rows of `region` apply."""
        return np.array([column.name in self._deciding for column in self.region.columns], dtype=bool)

    @cached_property
    def deciding_columns(self) -> list[int]:
        """The columns, constrained or not, that decide which rows of `region` apply."""
        return [i for i, column in enumerate(self.columns) if column.name in self._deciding]

    @cached_property
    def _deciding(self) -> set[str]:
        names = {name for constraint in self.spec.linear_constraints for name in constraint.terms}
        above: set[str] = set()
        while names:
            names = {when.parameter for name in names for when in self.spec.parameter(name).active_when}
            above |= names
        return above

    @cached_property
    def parent_columns(self) -> list[int]:
        """The columns that decide whether any parameter is active."""
        parents = {when.parameter for p in self.spec.parameters for when in p.active_when}
        return [i for i, column in enumerate(self.columns) if column.name in parents]

    def depth(self, name: str) -> int:
        """The number of conditions above a parameter."""
        return max((1 + self.depth(when.parameter) for when in self.spec.parameter(name).active_when), default=0)

    def identities(self, codes: Codes) -> list[bytes]:
        """For each point of snapped codes, a key that is equal for equal points."""
        columns = [c.identity(codes[:, i]) for i, c in enumerate(self.columns)]
        return [row.tobytes() for row in np.stack(columns, axis=1)]

    def _rest(self, codes: Codes) -> Codes:
        for i, c in enumerate(self.columns):
            if c.parameter.active_when:
                codes[~self.active(c.parameter, codes), i] = c.resting
        return codes

    def active(self, parameter: Parameter, codes: Codes) -> Mask:
        """A mask of the points for which a parameter is active."""
        rows = np.ones(len(codes), dtype=bool)
        for when in parameter.active_when:
            rows &= self.active(self.spec.parameter(when.parameter), codes)
            parent = self.column_of[when.parameter]
            if when.parameter in self._position:
                rows &= np.isin(codes[:, self._position[when.parameter]], parent.encode(when.values))
            else:
                rows &= parent.decode(0.0) in when.values
        return rows

    # The model's view: the features of each column, then those of the groups of columns that are alike

    @cached_property
    def alike(self) -> list[list[ChoiceColumn]]:
        """The groups of two and more unordered choices with the same values, as the operations on a cell's edges are.

        How many of them have a value says much about a metric, besides which ones do (docs/adr/0025).
        """
        groups: dict[frozenset[Scalar], list[ChoiceColumn]] = {}
        for c in self.columns:
            if isinstance(c, ChoiceColumn) and c.one_hot:
                groups.setdefault(frozenset(c.values), []).append(c)
        return [group for group in groups.values() if len(group) > 1]

    @cached_property
    def feature_names(self) -> list[str]:
        """The names of the model's inputs.

        They are a parameter's name, or ``name=value`` for each value of an unordered choice, and ``names=value`` for
        the share of a group that has the value.
        """
        shares = ("+".join(c.name for c in group) + f"={value}" for group in self.alike for value in group[0].values)
        return [*(name for c in self.columns for name in c.feature_names), *shares]

    @cached_property
    def feature_groups(self) -> list[int]:
        """The group that each feature is in; the features of one group share a length scale."""
        members = [*self.columns, *(group[0] for group in self.alike)]
        return [i for i, c in enumerate(members) for _ in c.feature_names]

    def features(self, codes: Codes) -> Codes:
        """The model's inputs for codes, shape (points, features)."""
        own = [c.features(codes[:, i]) for i, c in enumerate(self.columns)]
        return np.concatenate([*own, *(self._shares(group, codes) for group in self.alike)], axis=1)

    def _shares(self, group: Sequence[ChoiceColumn], codes: Codes) -> Codes:
        """The mean features of choices that are alike, to which an inactive one adds nothing."""
        total = np.zeros((len(codes), group[0].size))
        for c in group:
            own = c.features(codes[:, self._position[c.name]])
            places = [c.values.index(value) for value in group[0].values]  # users may list the values in another order
            total += own[:, places] * self.active(c.parameter, codes)[:, None]
        return total / len(group)

    def from_features(self, features: Codes) -> Codes:
        """The inverse of `features`."""
        ends = np.cumsum([len(c.feature_names) for c in self.columns])
        parts = np.split(features, ends, axis=1)[:-1]
        return np.stack([c.from_features(part) for c, part in zip(self.columns, parts, strict=True)], axis=1)
