"""The rules between fields of an experiment: each is a small function that yields what is wrong."""

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from paretonas.api.constraints import ConstraintSyntaxError, LinearConstraint, parse_linear, parse_outcome
from paretonas.api.experiment import ExperimentSpec
from paretonas.api.parameters import (
    Bool,
    Choice,
    Fixed,
    FloatChoice,
    FloatRange,
    IntChoice,
    IntRange,
    Parameter,
)
from paretonas.api.problems import Problem
from paretonas.api.template import TRIAL_REFERENCES, references

RESERVED_ENV = "PARETONAS_"
"""Environment variables that every trial gets from us begin with this."""


def broken(spec: ExperimentSpec, hidden: frozenset[str] = frozenset()) -> list[Problem]:
    """Every rule that the spec breaks.

    ``hidden`` has the names of parameters that could not be read: what is said of them is no mistake.
    """
    return [problem for rule in _RULES for problem in rule(spec, hidden)]


def _unique(spec: ExperimentSpec, _: frozenset[str]) -> Iterator[Problem]:
    trial = spec.trial
    mounts = [("spec.logs.mountPath", spec.logs.mount_path)] if spec.logs else []
    volumes = list(enumerate(trial.volumes))
    mounts += [(f"spec.trial.volumes[{i}].mountPath", v.mount_path) for i, v in volumes]
    yield from _twice(
        "is the name of two parameters", _paths("spec.parameters[{}].name", _names(spec.parameters))
    )
    yield from _twice(
        "is the metric of two objectives",
        _paths("spec.objectives[{}].metric", [o.metric for o in spec.objectives]),
    )
    yield from _twice("is described twice", _paths("spec.metrics[{}].name", [m.name for m in spec.metrics]))
    yield from _twice("is set twice", _paths("spec.trial.env[{}].name", [e.name for e in trial.env]))
    yield from _twice(
        "is the name of two volumes", _paths("spec.trial.volumes[{}].name", [v.name for _, v in volumes])
    )
    yield from _twice("is the mount path of two volumes", mounts)
    described = [m.name for m in spec.metrics]
    tags = (
        [
            (
                f"spec.metrics[{described.index(m.name)}].tag" if m.name in described else "spec.metrics",
                (m.tag, m.reduce),
            )
            for m in spec.metric_sources
        ]
        if not _unreadable_outcomes(spec)
        else []
    )
    yield from (
        Problem(p.path, "is the tag of two metrics with the same reduce", p.remedy, p.value[0])
        for p in _twice("", tags)
    )


def _budget(spec: ExperimentSpec, _: frozenset[str]) -> Iterator[Problem]:
    if spec.parallelism > spec.max_trials:
        yield Problem(
            "spec.parallelism",
            f"is more than maxTrials ({spec.max_trials})",
            "lower it, or raise maxTrials",
            spec.parallelism,
        )
    initial = spec.search.initial_trials
    if initial is not None and initial > spec.max_trials:
        yield Problem(
            "spec.search.initialTrials",
            f"is more than maxTrials ({spec.max_trials})",
            "lower it, or raise maxTrials",
            initial,
        )


def _parameter_constraints(spec: ExperimentSpec, hidden: frozenset[str]) -> Iterator[Problem]:
    by_name = {p.name: p for p in spec.parameters}
    for position, text in enumerate(spec.parameter_constraints):
        path = f"spec.parameterConstraints[{position}]"
        try:
            constraint = parse_linear(text)
        except ConstraintSyntaxError as error:
            yield Problem(path, str(error), "write a linear one, as '2*a + b <= c'", text)
            continue
        if hidden.intersection(constraint.terms):
            continue
        unknown = [name for name in constraint.terms if name not in by_name]
        for name in unknown:
            yield Problem(path, f"names {name!r}, which is no parameter", _suggest(name, by_name), text)
        if unknown:
            continue
        yield from _constraint_kinds(path, constraint, [by_name[name] for name in constraint.terms])


def _constraint_kinds(
    path: str, constraint: LinearConstraint, parameters: Sequence[Parameter]
) -> Iterator[Problem]:
    text = constraint.text
    countable = True
    for p in parameters:
        if not p.numeric:
            countable = False
            yield Problem(
                path, f"names {p.name!r}, which is of kind {p.kind} and not numeric", _NUMERIC, text
            )
        elif isinstance(p.domain, (IntChoice, FloatChoice)) and not p.domain.ordered:
            countable = False
            yield Problem(
                path, f"names {p.name!r}, whose values have no order", "set ordered: true on it", text
            )
    if not countable:
        return
    log = [
        p.name for p in parameters if isinstance(p.domain, (IntRange, FloatRange)) and p.domain.scale == "Log"
    ]
    factors = sorted(constraint.terms.values())
    is_order = len(parameters) == 2 and constraint.bound == 0 and factors[0] < 0 < factors[1]  # noqa: PLR2004 # a pair
    if log and not (is_order and len(log) == len(parameters)):
        remedy = (
            "narrow its min or max instead"
            if len(parameters) == 1
            else "use scale: Linear for them, or an order between two Log parameters, as 'a <= 0.5*b'"
        )
        yield Problem(path, f"adds or bounds parameters on a Log scale ({', '.join(log)})", remedy, text)
    elif _least(constraint, parameters) > constraint.bound:
        yield Problem(
            path, "cannot be kept by any point of the search space", "widen a range, or correct it", text
        )


_NUMERIC = "constrain int, float, intChoice or floatChoice parameters only"


def _least(constraint: LinearConstraint, parameters: Sequence[Parameter]) -> float:
    """The smallest value of the constraint's left side over the box of its parameters."""
    total = 0.0
    for p in parameters:
        domain = p.domain
        ends: Iterable[float] = ()
        if isinstance(domain, (IntRange, FloatRange)):
            ends = (domain.min, domain.max)
        elif isinstance(domain, (IntChoice, FloatChoice)):
            ends = domain.values
        total += min(constraint.terms[p.name] * end for end in ends)
    return total


def _unreadable_outcomes(spec: ExperimentSpec) -> list[tuple[int, str, ConstraintSyntaxError]]:
    unreadable = []
    for position, text in enumerate(spec.outcome_constraints):
        try:
            parse_outcome(text)
        except ConstraintSyntaxError as error:
            unreadable.append((position, text, error))
    return unreadable


def _outcome_constraints(spec: ExperimentSpec, _: frozenset[str]) -> Iterator[Problem]:
    unreadable = _unreadable_outcomes(spec)
    for position, text, error in unreadable:
        path = f"spec.outcomeConstraints[{position}]"
        yield Problem(path, str(error), "write one metric and one number, as 'latency_ms <= 20'", text)
    if unreadable:
        return
    objectives = {o.metric for o in spec.objectives}
    for position, constraint in enumerate(spec.outcomes):
        if constraint.metric in objectives:
            yield Problem(
                f"spec.outcomeConstraints[{position}]",
                f"bounds {constraint.metric!r}, which is an objective",
                "give the objective a threshold instead",
                constraint.text,
            )


def _conditions(spec: ExperimentSpec, hidden: frozenset[str]) -> Iterator[Problem]:
    by_name = {p.name: p for p in spec.parameters}
    for i, parameter in enumerate(spec.parameters):
        for j, when in enumerate(parameter.active_when):
            path = f"spec.parameters[{i}].activeWhen[{j}]"
            parent = by_name.get(when.parameter)
            if when.parameter in hidden:
                continue
            if parent is None:
                remedy = _suggest(when.parameter, by_name)
                yield Problem(f"{path}.parameter", "is no parameter", remedy, when.parameter)
            elif not isinstance(parent.domain, (Choice, IntChoice, FloatChoice, Bool, Fixed)):
                remedy = "depend on a choice, intChoice, floatChoice or bool parameter"
                yield Problem(
                    f"{path}.parameter", f"is of kind {parent.kind}, a range", remedy, when.parameter
                )
            else:
                for k, value in enumerate(when.values):
                    if not parent.contains(parent.cast(value)):
                        remedy = "write values that it can take"
                        message = f"is no value of {parent.name!r}"
                        yield Problem(f"{path}.values[{k}]", message, remedy, value)
        if _in_cycle(parameter, by_name):
            path = f"spec.parameters[{i}].activeWhen"
            yield Problem(path, "depends on itself in a circle", "break the circle", parameter.name)


def _in_cycle(start: Parameter, by_name: dict[str, Parameter]) -> bool:
    seen, frontier = set[str](), [start.name]
    while frontier:
        current = by_name.get(frontier.pop())
        for when in current.active_when if current else ():
            if when.parameter == start.name:
                return True
            if when.parameter not in seen:
                seen.add(when.parameter)
                frontier.append(when.parameter)
    return False


def _trial_references(spec: ExperimentSpec, _: frozenset[str]) -> Iterator[Problem]:
    known = {f"parameters.{p.name}" for p in spec.parameters} | set(TRIAL_REFERENCES)
    for path, text in spec.trial.texts:
        for name in references(text):
            if name not in known:
                yield Problem(
                    f"spec.trial.{path}", f"refers to an unknown ${{{name}}}", _suggest(name, known), text
                )
    for position, variable in enumerate(spec.trial.env):
        if variable.name.startswith(RESERVED_ENV):
            remedy = f"choose a name that does not begin with {RESERVED_ENV}"
            yield Problem(
                f"spec.trial.env[{position}].name", "is set by ParetoNAS itself", remedy, variable.name
            )


def _resources(spec: ExperimentSpec, _: frozenset[str]) -> Iterator[Problem]:
    plain = ("cpu", "memory", "ephemeral-storage")
    for name in spec.trial.resources:
        if name not in plain and "/" not in name:
            remedy = _suggest(name, plain) + ", or a device as nvidia.com/gpu"
            yield Problem(f"spec.trial.resources.{name}", "is no resource", remedy)


_RULES: tuple[Callable[[ExperimentSpec, frozenset[str]], Iterator[Problem]], ...] = (
    _unique,
    _budget,
    _parameter_constraints,
    _outcome_constraints,
    _conditions,
    _trial_references,
    _resources,
)


def _names(parameters: Iterable[Parameter]) -> list[str]:
    return [p.name for p in parameters]


def _paths(pattern: str, values: Sequence[Any]) -> list[tuple[str, Any]]:
    return [(pattern.format(position), value) for position, value in enumerate(values)]


def _twice(message: str, found: Sequence[tuple[str, Any]]) -> Iterator[Problem]:
    first: dict[Any, str] = {}
    for path, value in found:
        if value in first:
            yield Problem(path, message, f"change it, or the one at {first[value]}", value)
        first.setdefault(value, path)


def _suggest(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"
