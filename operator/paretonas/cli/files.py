"""The experiment's file: read, with the budget that the command line gives, and described in a line."""

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
    """Read and validate a file: an experiment, with the trials that it begins with if it is an export.

    Args:
        file: the file.
        budget: fields of the spec to set instead of what the file says, by their names there; None leaves it.

    Raises:
        InvalidDocument: with every problem.
    """
    try:
        documents = load_documents(file.read_text(encoding="utf-8"), json=file.suffix.lower() == ".json")
    except UnicodeDecodeError as error:
        message = f"is not UTF-8: {error.reason} at byte {error.start}"
        raise InvalidDocument([Problem("document", message, "save it as UTF-8")]) from None
    given = {field: value for field, value in budget.items() if value is not None}
    return import_experiment(documents, given)


def summary(search: Loaded) -> str:
    """``mnist-nas is valid: 6 parameters, 2 objectives, 48 trials, 2 at a time``."""
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
        parts.append(f"{count(len(search.trials), 'trial')} brought along")
    return f"{experiment.name} is valid: {', '.join(parts)}"


def space_size(spec: ExperimentSpec) -> int | None:
    """Points of the space without its constraints and conditions; None when a parameter is continuous."""
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
