"""The experiment's file: reading it, with the budget from the command line, and summarising it in one line."""

import math
from pathlib import Path

from paretonas.api import (
    Bool,
    Choice,
    Domain,
    ExperimentSpec,
    Fixed,
    FloatChoice,
    FloatRange,
    IntChoice,
    IntRange,
    InvalidDocument,
    Loaded,
    Problem,
    import_experiment,
    load_documents,
)
from paretonas.engine.wording import count


def load(file: Path, **budget: int | None) -> Loaded:
    """Read and validate a file: an experiment, or an export of one with its trials.

    Args:
        file: YAML or JSON.
        budget: Values that replace fields of the spec, by the field's name in the file; None keeps the file's value.

    Raises:
        InvalidDocument: The file is not valid; the error lists every problem.
    """
    try:
        documents = load_documents(file.read_text(encoding="utf-8"), json=file.suffix.lower() == ".json")
    except UnicodeDecodeError as error:
        message = f"is not UTF-8: {error.reason} at byte {error.start}"
        raise InvalidDocument([Problem("document", message, "save it as UTF-8")]) from None
    given = {field: value for field, value in budget.items() if value is not None}
    return import_experiment(documents, given)


def summary(search: Loaded) -> str:
    """A summary such as ``mnist-nas is valid: 6 parameters, 2 objectives, 48 trials, 2 at a time``."""
    experiment, spec = search.experiment, search.experiment.spec
    parts = [
        count(len(spec.parameters), "parameter"),
        count(len(spec.objectives), "objective"),
        f"{count(spec.max_trials, 'trial')}, {spec.parallelism:,} at a time",
    ]
    points = space_size(spec)
    if points is not None:
        fewer = "at most " if spec.parameter_constraints or _conditional(spec) else ""
        parts.insert(1, f"{fewer}{count(points, 'point')}")
    if search.trials:
        parts.append(f"{count(len(search.trials), 'trial')} imported")
    return f"{experiment.name} is valid: {', '.join(parts)}"


def space_size(spec: ExperimentSpec) -> int | None:
    """The number of points, ignoring constraints and conditions; None if a parameter is continuous."""
    sizes = [_size(parameter.domain) for parameter in spec.parameters]
    return None if None in sizes else math.prod(size for size in sizes if size is not None)


def _size(domain: Domain) -> int | None:
    if isinstance(domain, (IntRange, FloatRange)):
        return domain.count
    if isinstance(domain, (Choice, IntChoice, FloatChoice, Bool)):
        return len(domain.values)
    return 1 if isinstance(domain, Fixed) else None


def _conditional(spec: ExperimentSpec) -> bool:
    return any(parameter.active_when for parameter in spec.parameters)
