"""The rules between fields of an experiment: each is a small function that yields problems."""

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from pathlib import PurePosixPath

from paretonas.api.constraints import ConstraintSyntaxError, OutcomeConstraint, parse_outcome
from paretonas.api.experiment import ExperimentSpec, NASExperiment
from paretonas.api.formula_rules import formula_problems
from paretonas.api.objectives import MetricSource
from paretonas.api.parameters import Bool, Fixed
from paretonas.api.space_rules import SPACE_RULES
from paretonas.api.substitution import TRIAL_REFERENCES, Flag, has_unclosed_reference, references
from paretonas.api.validation import Problem, suggestion

RESERVED_ENV = "PARETONAS_"
"""The prefix of the environment variables that ParetoNAS sets for every trial."""


def find_problems(spec: ExperimentSpec, hidden: frozenset[str] | None = frozenset()) -> list[Problem]:
    """Find every rule that the spec breaks.

    Args:
        spec: The spec.
        hidden: The names of parameters that could not be read, so that references to them are not reported. None if
            the whole list of parameters could not be read; then no rule about parameters is checked.
    """
    problems = [problem for rule in _RULES for problem in rule(spec)]
    if hidden is not None:
        problems += [
            problem
            for rule in (*SPACE_RULES, formula_problems, _parameter_references, _flags)
            for problem in rule(spec, hidden)
        ]
    return problems


def find_name_problems(experiment: NASExperiment) -> list[Problem]:
    """Find the problems that depend on the experiment's own name."""
    remedy = "name another experiment, or leave it out"
    return [
        Problem(f"spec.warmStartFrom[{i}].name", "is the experiment itself", remedy, start.name)
        for i, start in enumerate(experiment.spec.warm_start_from)
        if start.name == experiment.name
    ]


def _names_once(spec: ExperimentSpec) -> Iterator[Problem]:
    def named(pattern: str, values: Sequence[str]) -> list[tuple[str, str]]:
        return [(pattern.format(position), value) for position, value in enumerate(values)]

    trial = spec.trial
    mounts = [("spec.logs.mountPath", spec.logs.mount_path)] if spec.logs else []
    mounts += named("spec.trial.volumes[{}].mountPath", [v.mount_path for v in trial.volumes])
    objectives = named("spec.objectives[{}].metric", [o.metric for o in spec.objectives])
    metrics = named("spec.metrics[{}].name", [m.name for m in spec.metrics])
    env = named("spec.trial.env[{}].name", [e.name for e in trial.env])
    volumes = named("spec.trial.volumes[{}].name", [v.name for v in trial.volumes])
    yield from _twice("is the metric of two objectives", objectives)
    yield from _twice("is described twice", metrics)
    yield from _twice("is set twice", env)
    yield from _twice("is the name of two volumes", volumes)
    yield from _twice("is the mount path of two volumes", mounts, same=PurePosixPath)


def _twice(message: str, found: Sequence[tuple[str, str]], same: Callable[[str], Hashable] = str) -> Iterator[Problem]:
    first: dict[Hashable, str] = {}
    for path, value in found:
        other = first.setdefault(same(value), path)
        if other != path:
            yield Problem(path, message, f"change it, or the one at {other}", value)


def _tags_once(spec: ExperimentSpec) -> Iterator[Problem]:
    described = {source.name: f"spec.metrics[{i}].tag" for i, source in enumerate(spec.metrics)}
    sources = [(described[s.name], s) for s in spec.metrics]
    for i, objective in enumerate(spec.objectives):
        if objective.metric not in described:
            source = MetricSource(name=objective.metric, tag=objective.metric)
            sources.append((f"spec.objectives[{i}].metric", source))
    first: dict[tuple[str, str, str | None], str] = {}
    for path, source in sources:
        other = first.setdefault((source.tag, source.reduce, source.run), source.name)
        if other != source.name:
            remedy = "give them different tags, or a different reduce or run, or drop one"
            yield Problem(
                path, f"is the tag of {source.name!r} and of {other!r}, both {source.reduce}", remedy, source.tag
            )


def _budget(spec: ExperimentSpec) -> Iterator[Problem]:
    limited = {"parallelism": spec.parallelism, "search.initialTrials": spec.search.initial_trials or 0}
    if spec.stop_when.hypervolume_stalls is not None:
        limited["stopWhen.hypervolumeStalls.trials"] = spec.stop_when.hypervolume_stalls.trials
    for field, value in limited.items():
        if value > spec.max_trials:
            message = f"is more than maxTrials ({spec.max_trials})"
            yield Problem(f"spec.{field}", message, "lower it, or raise maxTrials", value)


def _last_step(spec: ExperimentSpec) -> Iterator[Problem]:
    name = spec.early_stopping.last_step if spec.early_stopping else None
    if name is not None and name not in (formulas := [m.name for m in spec.metrics if m.formula is not None]):
        remedy = suggestion(name, formulas) if formulas else "describe it in metrics, with a formula over parameters"
        yield Problem("spec.earlyStopping.lastStep", "is not a metric with a formula", remedy, name)


def _warm_starts(spec: ExperimentSpec) -> Iterator[Problem]:
    names = [(f"spec.warmStartFrom[{i}].name", start.name) for i, start in enumerate(spec.warm_start_from)]
    yield from _twice("is named twice", names)


def _outcome_constraints(spec: ExperimentSpec) -> Iterator[Problem]:
    objectives = {o.metric for o in spec.objectives}
    parameters = {p.name for p in spec.parameters}.difference(m.name for m in spec.metrics)
    bounds: dict[tuple[str, bool], OutcomeConstraint] = {}
    for position, text in enumerate(spec.outcome_constraints):
        path = f"spec.outcomeConstraints[{position}]"
        try:
            constraint = parse_outcome(text)
        except ConstraintSyntaxError as error:
            remedy = "compare one metric with one number, as in 'latency_ms <= 20'"
            yield Problem(path, str(error), remedy, text)
            continue
        metric = constraint.metric
        other = bounds.get((metric, not constraint.upper))
        if metric in objectives:
            remedy = "give the objective a threshold instead"
            yield Problem(path, f"bounds {metric!r}, which is an objective", remedy, text)
        elif metric in parameters:
            remedy = "move it to parameterConstraints, or describe the metric in spec.metrics"
            yield Problem(path, f"bounds {metric!r}, which is a parameter", remedy, text)
        elif (metric, constraint.upper) in bounds:
            remedy = f"drop it, or {bounds[metric, constraint.upper].text!r}"
            yield Problem(path, f"bounds {metric!r} a second time on the same side", remedy, text)
        elif other and not other.is_satisfied_by({metric: constraint.bound}):
            yield Problem(path, f"contradicts {other.text!r}", "correct one of them", text)
        bounds.setdefault((metric, constraint.upper), constraint)


def _texts(spec: ExperimentSpec) -> Iterator[Problem]:
    for path, text in spec.trial.texts:
        if has_unclosed_reference(text):
            yield Problem(f"spec.trial.{path}", "has a ${ without its }", "close it with }", text)
        if not path.startswith("env") and re.match(r"-[-\w]*\s", text):
            message = "is a flag and its value in one argument"
            yield Problem(f"spec.trial.{path}", message, "write them as two items of the list", text)


def _program(spec: ExperimentSpec) -> Iterator[Problem]:
    program = spec.trial.command[0]
    first, *rest = program.split() or [""]
    if not first:
        yield Problem(
            "spec.trial.command[0]", "does not name a program", "begin with one, as in [python, train.py]", program
        )
    elif rest and "/" not in first and "${" not in first:  # a path may contain a space
        remedy = f"write each word as an item of the list: [{', '.join([first, *rest])}]"
        yield Problem("spec.trial.command[0]", "is a program and its arguments in one text", remedy, program)


def _environment(spec: ExperimentSpec) -> Iterator[Problem]:
    for position, variable in enumerate(spec.trial.env):
        if variable.name.startswith(RESERVED_ENV):
            path = f"spec.trial.env[{position}].name"
            remedy = f"choose a name that does not begin with {RESERVED_ENV}"
            yield Problem(path, "is set by ParetoNAS itself", remedy, variable.name)


def _resources(spec: ExperimentSpec) -> Iterator[Problem]:
    for name, amount in spec.trial.resources.items():
        path = f"spec.trial.resources.{name}"
        if name in ("memory", "ephemeral-storage"):
            if amount.endswith("m"):
                yield Problem(path, "is in thousandths of a byte", f"write {amount[:-1]}Mi for mebibytes", amount)
        elif re.fullmatch(r"[a-z0-9.-]+/[A-Za-z0-9._-]+", name):
            if not amount.isdecimal():
                yield Problem(path, "is not a whole number of devices", "write a whole number", amount)
        elif name != "cpu":
            remedy = "use cpu, memory, ephemeral-storage or a device such as nvidia.com/gpu"
            yield Problem(path, "is not a resource", remedy, amount)


def _parameter_references(spec: ExperimentSpec, hidden: frozenset[str]) -> Iterator[Problem]:
    names = [*(p.name for p in spec.parameters), *hidden]
    known = {*(f"parameters.{name}" for name in names), *TRIAL_REFERENCES}
    conditional = {f"parameters.{p.name}" for p in spec.parameters if p.active_when}
    for path, text in spec.trial.texts:
        for name in references(text):
            if name not in known:
                remedy = f"{suggestion(name, known)} (for the literal text, write $${{{name}}})"
                yield Problem(f"spec.trial.{path}", f"refers to an unknown ${{{name}}}", remedy, text)
            elif name in conditional and path.startswith("command"):
                remedy = "move it to args, where inactive parameters are left out"
                yield Problem(f"spec.trial.{path}", f"needs ${{{name}}}, which is not always active", remedy, text)


def _flags(spec: ExperimentSpec, hidden: frozenset[str]) -> Iterator[Problem]:
    """Only a boolean may turn a flag on and off: otherwise 0 would mean off, but "no" would mean on."""
    other = {
        f"parameters.{p.name}"
        for p in spec.parameters
        if not isinstance(p.domain, Bool) and not (isinstance(p.domain, Fixed) and isinstance(p.domain.value, bool))
    }
    for path, text in spec.trial.texts:
        flag = Flag.of(text) if not path.startswith("env") else None
        if flag and flag.name in other.difference(f"parameters.{name}" for name in hidden):
            remedy = f"make the parameter a bool, or pass its value: --name=${{{flag.name}}}"
            yield Problem(f"spec.trial.{path}", "is a flag for a parameter that is not a boolean", remedy, text)


_RULES: tuple[Callable[[ExperimentSpec], Iterator[Problem]], ...] = (
    _names_once,
    _tags_once,
    _budget,
    _last_step,
    _warm_starts,
    _outcome_constraints,
    _texts,
    _program,
    _environment,
    _resources,
)
