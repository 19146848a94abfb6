"""Every point of a discrete space, one by one."""

from collections.abc import Iterator, Mapping, Sequence

from paretonas.api import ExperimentSpec, FloatChoice, IntChoice, IntRange, Parameter, Scalar
from paretonas.search.columns import column


def feasible_points(spec: ExperimentSpec) -> Iterator[dict[str, Scalar]]:
    """The points that keep every constraint, without inactive parameters.

    Depth first; a branch is left as soon as it cannot keep a constraint any more. Every parameter must be discrete.
    """
    order = _parents_first(spec)

    def extend(values: dict[str, Scalar], depth: int) -> Iterator[dict[str, Scalar]]:
        if depth == len(order):
            yield values
            return
        parameter = order[depth]
        if not all(values.get(when.parameter) in when.values for when in parameter.active_when):
            yield from extend(values, depth + 1)
            return
        for value in _values(parameter):
            extended = {**values, parameter.name: value}
            if _can_be_kept(spec, extended):
                yield from extend(extended, depth + 1)

    return extend({}, 0)


def _values(parameter: Parameter) -> Sequence[Scalar]:
    domain = parameter.domain
    if isinstance(domain, IntRange):
        return range(domain.min, domain.max + 1)
    values = column(parameter).values
    if values is None:
        raise TypeError(f"parameter {parameter.name!r} is continuous")
    return values


def _parents_first(spec: ExperimentSpec) -> list[Parameter]:
    order: dict[str, Parameter] = {}

    def add(parameter: Parameter) -> None:
        for when in parameter.active_when:
            add(spec.parameter(when.parameter))
        order.setdefault(parameter.name, parameter)

    for parameter in spec.parameters:
        add(parameter)
    return list(order.values())


def _can_be_kept(spec: ExperimentSpec, values: Mapping[str, Scalar]) -> bool:
    """Whether the parameters that are still open can satisfy every constraint."""
    for constraint in spec.linear_constraints:
        missing = [spec.parameter(name) for name in constraint.terms if name not in values]
        if any(parameter.active_when for parameter in missing):
            continue  # it may turn out inactive, and then the constraint does not apply
        best = {p.name: _best_end(p, constraint.terms[p.name]) for p in missing}
        if not constraint.satisfied({**values, **best}):
            return False
    return True


def _best_end(parameter: Parameter, factor: float) -> Scalar:
    """The value that adds least to a constraint's left side."""
    domain = parameter.domain
    if isinstance(domain, IntRange):
        return domain.min if factor > 0 else domain.max
    if isinstance(domain, (IntChoice, FloatChoice)):
        return min(domain.values, key=lambda value: factor * value)
    raise TypeError(f"parameter {parameter.name!r} cannot stand in a constraint")
