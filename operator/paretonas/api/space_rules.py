"""The rules of the search space, between parameters, their constraints and their conditions."""

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from paretonas.api.base import Scalar
from paretonas.api.constraints import ConstraintSyntaxError, LinearConstraint, parse_linear
from paretonas.api.experiment import ExperimentSpec
from paretonas.api.parameters import ActiveWhen, Fixed, FloatChoice, FloatRange, IntChoice, IntRange, Parameter
from paretonas.api.validation import Problem, list_names, suggestion


def _names_once(spec: ExperimentSpec, _: frozenset[str]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for i, parameter in enumerate(spec.parameters):
        other = first.setdefault(parameter.name, i)
        if other != i:
            remedy = f"rename it, or the one at spec.parameters[{other}]"
            yield Problem(f"spec.parameters[{i}].name", "is the name of two parameters", remedy, parameter.name)


def _constraints(spec: ExperimentSpec, hidden: frozenset[str]) -> Iterator[Problem]:
    by_name = {p.name: p for p in spec.parameters}
    for position, text in enumerate(spec.parameter_constraints):
        if any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in hidden):
            continue
        path = f"spec.parameterConstraints[{position}]"
        try:
            constraint = parse_linear(text)
        except ConstraintSyntaxError as error:
            yield Problem(path, str(error), "write a linear constraint, such as '2*a + b <= c' or 'a + b == 1'", text)
            continue
        unknown = [name for name in constraint.terms if name not in by_name]
        for name in unknown:
            yield Problem(path, f"names {name!r}, which is not a parameter", suggestion(name, by_name), text)
        if not unknown:
            parameters = [by_name[name] for name in constraint.terms]
            yield from _not_numeric(path, text, parameters) or _unsatisfiable(path, constraint, parameters)


def _not_numeric(path: str, text: str, parameters: Sequence[Parameter]) -> list[Problem]:
    """Find the parameters of a constraint that are not numeric, or whose numbers have no order."""
    problems = []
    for p in parameters:
        if isinstance(p.domain, Fixed):
            problems.append(Problem(path, f"names {p.name!r}, which is fixed", "write its value instead", text))
        elif not p.numeric:
            message = f"names {p.name!r}, which is of kind {p.kind} and not numeric"
            remedy = "constrain int, float, intChoice or floatChoice parameters only"
            problems.append(Problem(path, message, remedy, text))
        elif isinstance(p.domain, (IntChoice, FloatChoice)) and not p.domain.ordered:
            message = f"names {p.name!r}, whose values have no order"
            problems.append(Problem(path, message, "set ordered: true for it", text))
    return problems


def _unsatisfiable(path: str, constraint: LinearConstraint, parameters: Sequence[Parameter]) -> Iterator[Problem]:
    """Report a constraint that the search cannot handle or that no point satisfies.

    Between parameters on a Log scale, the search handles only orders such as ``a <= 0.5*b``.
    """
    text = constraint.text
    log = [p.name for p in parameters if isinstance(p.domain, (IntRange, FloatRange)) and p.domain.scale == "Log"]
    signs = [factor > 0 for factor in sorted(constraint.terms.values())]
    is_order = constraint.bound == 0 and signs == [False, True]
    least = [constraint.terms[p.name] * float(_end(p, constraint.terms[p.name])) for p in parameters]
    most = [constraint.terms[p.name] * float(_end(p, -constraint.terms[p.name])) for p in parameters]
    if log and len(parameters) == 1:
        remedy = "narrow its min or max instead"
        yield Problem(path, f"bounds {log[0]!r}, which has a Log scale", remedy, text)
    elif log and not (is_order and len(log) == len(parameters)):
        message = f"is not an order between two Log parameters, though {' and '.join(log)} has scale: Log"
        remedy = "use scale: Linear for all of them, or write an order, such as 'a <= 0.5*b'"
        yield Problem(path, message, remedy, text)
    elif not math.isfinite(sum(map(abs, [*least, *most]))):
        yield Problem(path, "has sums that are too large for a double", "scale it down", text)
    elif not _reached(constraint, least, most) or not _divides(constraint, parameters):
        remedy = "widen a range, or correct the constraint"
        yield Problem(path, "cannot be satisfied by any point of the search space", remedy, text)


def _reached(constraint: LinearConstraint, least: Sequence[float], most: Sequence[float]) -> bool:
    """Whether the bound can be reached, given the smallest and the largest value of each summand."""
    names = list(constraint.terms)
    # as constraints with factor 1 for each summand, so that the constraint's own slack applies
    below = replace(constraint, terms=dict.fromkeys(names, 1.0), equality=False)
    above = replace(constraint, terms=dict.fromkeys(names, -1.0), bound=-constraint.bound, equality=False)
    kept = below.is_satisfied_by(dict(zip(names, least, strict=True)))
    return kept and (not constraint.equality or above.is_satisfied_by(dict(zip(names, most, strict=True))))


def _divides(constraint: LinearConstraint, parameters: Sequence[Parameter]) -> bool:
    """Whether whole numbers can add up to the bound of an equality; for ``2*a + 4*b == 7`` they cannot."""
    ranges = [p.domain for p in parameters if isinstance(p.domain, IntRange)]
    factors = [constraint.terms[p.name] for p in parameters]
    exact = all(factor.is_integer() for factor in [*factors, constraint.bound])
    if not constraint.equality or not exact or len(ranges) < len(parameters):
        return True
    rest = int(constraint.bound) - sum(int(f) * r.min for f, r in zip(factors, ranges, strict=True))
    return rest % math.gcd(*(int(f) * (r.step or 1) for f, r in zip(factors, ranges, strict=True))) == 0


def _end(parameter: Parameter, factor: float) -> Scalar:
    """The value of a numeric parameter for which its summand is smallest."""
    domain = parameter.domain
    values: Sequence[float] = ()
    if isinstance(domain, (IntRange, FloatRange)):
        values = (domain.min, domain.max if domain.count is None else domain.value(domain.count - 1))
    elif isinstance(domain, (IntChoice, FloatChoice)):
        values = domain.values
    return min(values, key=lambda value: factor * value)


def _conditions(spec: ExperimentSpec, hidden: frozenset[str]) -> Iterator[Problem]:
    by_name = {p.name: p for p in spec.parameters}
    for i, parameter in enumerate(spec.parameters):
        path = f"spec.parameters[{i}].activeWhen"
        for j, when in enumerate(parameter.active_when):
            if when.parameter not in hidden:
                yield from _condition(f"{path}[{j}]", when, by_name)
    circles = list(_circles(spec))
    yield from circles
    if not circles:
        yield from _never_active(spec, by_name)


def _never_active(spec: ExperimentSpec, by_name: dict[str, Parameter]) -> Iterator[Problem]:
    """Parameters whose conditions, with those of the parameters that they name, contradict each other."""
    for i, parameter in enumerate(spec.parameters):
        allowed, contradicted = dict[str, set[Scalar]](), dict[str, None]()
        conditions, seen = list(parameter.active_when), set[str]()
        for when in conditions:  # grows while it is walked
            values = set(when.values)
            allowed[when.parameter] = allowed.get(when.parameter, values) & values
            if not allowed[when.parameter]:
                contradicted[when.parameter] = None
            if when.parameter in by_name and when.parameter not in seen:
                seen.add(when.parameter)
                conditions.extend(by_name[when.parameter].active_when)
        for name in contradicted:
            remedy = f"let the conditions agree on a value of {name!r}, or remove one of them"
            path = f"spec.parameters[{i}].activeWhen"
            yield Problem(path, f"is never true: its conditions need different values of {name!r}", remedy)


def _condition(path: str, when: ActiveWhen, by_name: dict[str, Parameter]) -> Iterator[Problem]:
    parent = by_name.get(when.parameter)
    if parent is None:
        yield Problem(f"{path}.parameter", "is not a parameter", suggestion(when.parameter, by_name), when.parameter)
    elif isinstance(parent.domain, (IntRange, FloatRange)):
        remedy = "depend on a choice, intChoice, floatChoice or bool parameter"
        yield Problem(f"{path}.parameter", f"is of kind {parent.kind}, a range", remedy, when.parameter)
    else:
        domain = parent.domain
        values = (domain.value,) if isinstance(domain, Fixed) else domain.values
        for k, value in enumerate(when.values):
            if not parent.contains(parent.cast(value)):
                remedy = f"write one of {list_names([json.dumps(v, ensure_ascii=False) for v in values])}"
                yield Problem(f"{path}.values[{k}]", f"is not a value of {parent.name!r}", remedy, value)


def _circles(spec: ExperimentSpec) -> Iterator[Problem]:
    """Find parameters that depend on themselves; each circle is reported once."""
    parents = {p.name: [when.parameter for when in p.active_when] for p in spec.parameters}
    told = set[str]()
    for i, parameter in enumerate(spec.parameters):
        circle = _shortest_path(parents, parameter.name, parameter.name)
        if circle and told.isdisjoint(circle):
            told.update(circle)
            way = " → ".join([parameter.name, *circle])
            path = f"spec.parameters[{i}].activeWhen"
            yield Problem(path, f"depends on itself: {way}", "remove one of these conditions", parameter.name)


def _shortest_path(parents: dict[str, list[str]], start: str, goal: str) -> list[str]:
    """The shortest path from a parameter up to another, without the start; empty if there is none."""
    ways, seen = [[start]], set[str]()
    for way in ways:  # grows during the loop: breadth first
        for parent in parents.get(way[-1], []):
            if parent == goal:
                return [*way[1:], goal]
            if parent not in seen:
                seen.add(parent)
                ways.append([*way, parent])
    return []


SPACE_RULES: tuple[Callable[[ExperimentSpec, frozenset[str]], Iterator[Problem]], ...] = (
    _names_once,
    _constraints,
    _conditions,
)
"""Each rule yields problems, given the spec and the names of parameters that could not be read."""
