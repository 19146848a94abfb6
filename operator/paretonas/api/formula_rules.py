"""The rules of formulas: their names, tables and defaults, a value at every point, and bounds that some point keeps."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

from paretonas.api.base import Scalar
from paretonas.api.constraints import ConstraintSyntaxError, parse_outcome
from paretonas.api.experiment import ExperimentSpec
from paretonas.api.formula import (
    Formula,
    FormulaSyntaxError,
    Lookup,
    NoValueError,
    Number,
    Operation,
    Step,
    parse_formula,
)
from paretonas.api.objectives import MetricSource
from paretonas.api.parameters import Fixed, FloatRange, IntRange, Parameter
from paretonas.api.substitution import format_value
from paretonas.api.validation import Problem, list_names, suggestion

if TYPE_CHECKING:
    from paretonas.api.formula_ranges import Array, Ranges

MOST_POINTS = 4096
"""The number of points that are tried to find one at which a formula has no value: a tenth of a second."""
MARGIN = 1e-9
"""The relative margin by which a bound must be missed everywhere: far more than the rounding of powers and logarithms,
which is not monotone to the last bit."""

Point = dict[str, Scalar]


def formula_problems(spec: ExperimentSpec, hidden: frozenset[str]) -> Iterator[Problem]:
    """Yield the problems of all formulas; one that names a parameter of ``hidden`` is skipped."""
    parameters = {p.name: p for p in spec.parameters}
    for i, metric in enumerate(spec.metrics):
        path = f"spec.metrics[{i}]"
        if metric.formula is None:
            for name, given in {"tables": metric.tables, "whenInactive": metric.when_inactive}.items():
                if given:
                    yield Problem(f"{path}.{name}", "is given without a formula", "add the formula, or remove it")
            continue
        try:
            formula = parse_formula(metric.formula, metric.tables, metric.when_inactive)
        except FormulaSyntaxError as error:
            remedy = "write arithmetic over parameters, such as '2*a + b' or 'a*cost[b]'"
            yield Problem(f"{path}.formula", str(error), remedy, metric.formula)
            continue
        if hidden.intersection(lookup.parameter for lookup in formula.lookups):
            continue
        problems = [
            *_names(path, formula, parameters, spec),
            *_tables(path, metric, formula, parameters),
            *_defaults(path, metric, formula, parameters),
        ]
        yield from problems
        if not problems:
            yield from _values(path, metric, formula, spec)


def _names(path: str, formula: Formula, parameters: Mapping[str, Parameter], spec: ExperimentSpec) -> Iterator[Problem]:
    metrics = {o.metric for o in spec.objectives}.union(m.name for m in spec.metrics)
    for lookup in formula.lookups:
        name = lookup.parameter
        if lookup.table is not None and lookup.table not in formula.tables:
            remedy = suggestion(lookup.table, formula.tables) if formula.tables else "add it to tables"
            yield Problem(f"{path}.formula", f"names {lookup.table!r}, which is not a table", remedy, formula.text)
        if name not in parameters:
            what = "a metric: a formula is over parameters only" if name in metrics else "not a parameter"
            yield Problem(
                f"{path}.formula", f"names {name!r}, which is {what}", suggestion(name, parameters), formula.text
            )
        elif lookup.table is None and any(isinstance(v, str) for v in _listed(parameters[name])):
            remedy = f"look their numbers up, as in cost[{name}], and list these in tables"
            yield Problem(f"{path}.formula", f"names {name!r}, whose values are texts", remedy, formula.text)
        elif lookup.table is not None and isinstance(parameters[name].domain, (IntRange, FloatRange)):
            message = f"looks up {name!r}, which is of kind {parameters[name].kind}"
            remedy = f"use {name} as a number, or make it a choice, intChoice, floatChoice or bool"
            yield Problem(f"{path}.formula", message, remedy, formula.text)


def _tables(
    path: str, metric: MetricSource, formula: Formula, parameters: Mapping[str, Parameter]
) -> Iterator[Problem]:
    used = {lookup.table for lookup in formula.lookups}
    for table in metric.tables:
        if table not in used:
            message = f"has {table!r}, which the formula does not use"
            yield Problem(f"{path}.tables", message, f"remove it, or look a parameter up in it, as {table}[…]")
    for lookup in formula.lookups:
        if lookup.table is None or lookup.table not in formula.tables or lookup.parameter not in parameters:
            continue
        lacks = [v for v in _listed(parameters[lookup.parameter]) if not _has_number(formula, lookup, v)]
        if lacks:
            names = list_names([format_value(value) for value in lacks])
            message = f"has no number for {names}, of {lookup.parameter!r}"
            yield Problem(f"{path}.tables.{lookup.table}", message, "add a number for each value")


def _defaults(
    path: str, metric: MetricSource, formula: Formula, parameters: Mapping[str, Parameter]
) -> Iterator[Problem]:
    used = {lookup.parameter for lookup in formula.lookups}
    for name, value in metric.when_inactive.items():
        where = f"{path}.whenInactive.{name}"
        if name not in used:
            yield Problem(where, "is not in the formula", suggestion(name, used), value)
        elif name in parameters and not parameters[name].active_when:
            yield Problem(where, "is for a parameter that is always active", "remove it", value)
    for lookup in formula.lookups:
        name = lookup.parameter
        if name not in parameters or not parameters[name].active_when:
            continue
        if name not in metric.when_inactive:
            remedy = f"say what it counts as then, as in whenInactive: {{{name}: 0}}"
            yield Problem(f"{path}.formula", f"needs {name!r}, which is not always active", remedy, formula.text)


def _has_number(formula: Formula, lookup: Lookup, value: Scalar) -> bool:
    try:
        formula.number(lookup, value)
    except NoValueError:
        return False
    return True


def _listed(parameter: Parameter) -> Sequence[Scalar]:
    """The values of a parameter that is not a range."""
    domain = parameter.domain
    if isinstance(domain, (IntRange, FloatRange)):
        return ()
    return (domain.value,) if isinstance(domain, Fixed) else domain.values


def _values(path: str, metric: MetricSource, formula: Formula, spec: ExperimentSpec) -> Iterator[Problem]:
    """Points without a value, and bounds that no point keeps."""
    from paretonas.api.formula_ranges import parts  # noqa: PLC0415 # numpy, which few validations need

    whole = _range(formula, formula.steps, spec)
    if whole.may_fail[0]:
        for part in parts(formula.steps):
            if _range(formula, part, spec).may_fail[0]:
                found = _failure(formula, _reciprocal(part), spec) or _failure(formula, part, spec)
                if found:
                    remedy = "change the formula or the ranges, so that every point has a finite value"
                    yield Problem(f"{path}.formula", f"has no value at {found}", remedy, formula.text)
                return
    yield from _unreachable(metric.name, float(whole.low[0]) + 0.0, float(whole.high[0]) + 0.0, spec)  # + 0.0: no -0


def _unreachable(name: str, low: float, high: float, spec: ExperimentSpec) -> Iterator[Problem]:
    """Bounds on a metric beyond its smallest or largest value."""
    bounds: list[tuple[str, bool, float, Scalar]] = []
    for i, text in enumerate(spec.outcome_constraints):
        try:
            constraint = parse_outcome(text)
        except ConstraintSyntaxError:  # reported elsewhere
            continue
        if constraint.metric == name:
            bounds.append((f"spec.outcomeConstraints[{i}]", constraint.upper, constraint.bound, text))
    for i, o in enumerate(spec.objectives):
        if o.metric == name and o.threshold is not None:
            bounds.append((f"spec.objectives[{i}].threshold", o.goal == "Minimize", o.threshold, o.threshold))
    for path, upper, bound, value in bounds:
        end = low if upper else high
        missed = end - bound if upper else bound - end
        if missed > MARGIN * max(abs(end), abs(bound)):
            message = f"excludes every point: {name} is at {'least' if upper else 'most'} {end:.10g}"
            yield Problem(path, message, "change the bound, the formula or the ranges", value)
    for i, o in enumerate(spec.objectives):
        if o.metric == name and o.scale == "Log" and high <= 0:
            message = f"has no logarithm anywhere: {name} is at most {high:.10g}"
            yield Problem(f"spec.objectives[{i}].scale", message, "use scale: Linear, or change the formula", o.scale)


def _range(formula: Formula, steps: tuple[Step, ...], spec: ExperimentSpec) -> "Ranges":
    """The range of a part of a formula over the whole space."""
    import numpy as np  # noqa: PLC0415 # few validations need it

    from paretonas.api.formula_ranges import ranges  # noqa: PLC0415 # numpy, too

    def load(lookup: Lookup) -> "tuple[Array, Array]":
        parameter = spec.parameter(lookup.parameter)
        values: Sequence[Scalar] = _listed(parameter) or _ends(parameter)
        numbers = [formula.number(lookup, value) for value in values]
        if parameter.active_when:
            numbers.append(formula.when_inactive[parameter.name])
        return np.array([min(numbers)]), np.array([max(numbers)])

    return ranges(steps, load)


def _ends(parameter: Parameter) -> tuple[float, float]:
    domain = parameter.domain
    assert isinstance(domain, (IntRange, FloatRange))  # noqa: S101 # the caller's other case is a list of values
    return domain.min, domain.max if domain.count is None else domain.value(domain.count - 1)


def _failure(formula: Formula, part: tuple[Step, ...], spec: ExperimentSpec) -> str:
    """A point of the space at which a part has no value, and why; "" if none was found.

    Points are tried along the values of the parameters on which the part depends. Between two neighbours at which a
    divisor has different signs, its zero is looked for.
    """
    computed = Formula(formula.text, part, formula.tables, formula.when_inactive)
    names = {lookup.parameter for lookup in computed.lookups}
    before: Point = {}
    for point in _points(spec, names):
        tried = [point]
        between = _zero_between(computed, before, point, spec)
        tried += [between] if between else []
        for candidate in tried:
            if not all(c.is_satisfied_by(candidate) for c in spec.linear_constraints):
                continue
            try:
                computed.value(candidate)
            except NoValueError as error:
                shown = [f"{n} = {format_value(candidate[n])}" for n in sorted(names) if n in candidate]
                return f"{', '.join(shown) or 'any point'}: {error}"
        before = point
    return ""


def _reciprocal(part: tuple[Step, ...]) -> tuple[Step, ...]:
    """One over the same divisor, which depends on fewer parameters; nothing that can fail if it is no division."""
    from paretonas.api.formula_ranges import argument  # noqa: PLC0415 # numpy, which few validations need

    return (Number(1.0), *argument(part, 1), part[-1]) if part[-1] == Operation("/", 2) else (Number(1.0),)


def _points(spec: ExperimentSpec, names: set[str]) -> Iterator[Point]:
    """Points in all parameters that matter to some: those that decide whether they are active, or limit them."""
    own = names
    for _ in spec.parameters:  # as often as one parameter can lead to another
        names = names.union(
            *({w.parameter for w in spec.parameter(name).active_when} for name in names),
            *(c.terms for c in spec.linear_constraints if names.intersection(c.terms)),
        )
    # ranges come last, so that neighbours differ in one of them
    parameters = sorted((p for p in spec.parameters if p.name in names), key=lambda p: isinstance(p.domain, FloatRange))
    lists = {p.name: _some_values(p) for p in parameters}
    others = [lists[p.name] for p in parameters if p.name not in own and isinstance(p.domain, (IntRange, FloatRange))]
    everything = list(lists.values())
    # of a range that only limits the others, the ends do; of the others, every value may be the one
    for thinned, fewest in ((others, 2), (everything, 2), (everything, 1)):
        _thin(thinned, fewest, everything)
    for values in product(*lists.values()):
        point = dict(zip((p.name for p in parameters), values, strict=True))
        yield {p.name: point[p.name] for p in parameters if spec.is_active(p, point)}


def _thin(lists: list[list[Scalar]], fewest: int, everything: list[list[Scalar]]) -> None:
    """Remove values from lists, the longest first, until everything has at most `MOST_POINTS` combinations.

    ``fewest`` values stay in each of the lists.
    """
    while math.prod(map(len, everything)) > MOST_POINTS and lists:
        longest = max(lists, key=len)
        if len(longest) <= fewest:
            return
        longest[:] = _evenly(longest, max(fewest, len(longest) * 3 // 4))


def _evenly(values: Sequence[Scalar], count: int) -> list[Scalar]:
    if count == 1:
        return [values[0]]
    return [values[round(k * (len(values) - 1) / (count - 1))] for k in range(count)]


def _some_values(parameter: Parameter) -> list[Scalar]:
    """All values of a parameter, or `MOST_POINTS` of them, evenly spaced."""
    domain = parameter.domain
    if not isinstance(domain, (IntRange, FloatRange)):
        return list(_listed(parameter))
    count = domain.count or MOST_POINTS
    most = min(count, MOST_POINTS)
    places = (k * (count - 1) // max(1, most - 1) for k in range(most))
    if isinstance(domain, FloatRange) and domain.step is None:
        width = domain.max - domain.min
        return [min(domain.min + k * width / (count - 1), domain.max) for k in places]
    return [domain.value(k) for k in places]


def _zero_between(computed: Formula, a: Point, b: Point, spec: ExperimentSpec) -> Point | None:
    """The point between two at which a division's divisor is zero, found by bisection along the only difference."""
    from paretonas.api.formula_ranges import argument  # noqa: PLC0415 # numpy, which few validations need

    differ = [name for name in a if a.get(name) != b.get(name)]
    if computed.steps[-1] != Operation("/", 2) or len(differ) != 1 or a.keys() != b.keys():
        return None
    [name] = differ
    domain = spec.parameter(name).domain
    if not isinstance(domain, FloatRange) or domain.step is not None:
        return None
    divisor = Formula(computed.text, argument(computed.steps, 1), computed.tables, computed.when_inactive)

    def sign(x: float) -> float:
        try:
            return divisor.value({**a, name: x})
        except NoValueError:
            return math.nan

    low, high = sorted((float(a[name]), float(b[name])))
    if not sign(low) * sign(high) < 0:
        return None
    while low < (middle := low + 0.5 * (high - low)) < high:
        if sign(middle) == 0:
            return {**a, name: middle}
        low, high = (middle, high) if sign(middle) * sign(low) > 0 else (low, middle)
    return next(({**a, name: x} for x in (low, high) if sign(x) == 0), None)
