"""Results from elsewhere as trials of an experiment. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from paretonas.api import (
    Bool,
    Choice,
    Domain,
    FloatChoice,
    FloatRange,
    IntChoice,
    IntRange,
    NASExperiment,
    NASTrial,
    Observation,
    misfits,
    new_trial,
)
from paretonas.exchange.errors import ExchangeError


@dataclass(frozen=True, slots=True)
class Row:
    """One result.

    Attributes:
        where: What it is called there, such as ``line 3`` or ``trial 12``.
        parameters: By the experiment's names; texts are read as values of the parameter.
        metrics: Also by the experiment's names.
        state: How it ended; None for one without a known end, which is left out.
    """

    where: str
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float] = field(default_factory=dict)
    state: Literal["Succeeded", "Failed", "Infeasible"] | None = "Succeeded"


@dataclass(frozen=True, slots=True)
class Imported:
    """The trials, and why each of the other rows was left out."""

    trials: Sequence[NASTrial]
    left_out: Sequence[str]


def known_results(experiment: NASExperiment, rows: Iterable[Row], *, first: int = 0) -> Imported:
    """The rows that fit the experiment, as trials with a known result.

    Args:
        experiment: The experiment.
        rows: The results.
        first: The index of the first trial.

    Raises:
        ExchangeError: No row fits; the message says why the first does not.
    """
    trials, left_out = list[NASTrial](), list[str]()
    for row in rows:
        if row.state is None:
            left_out.append(f"{row.where}: it has no final result")
            continue
        point = {name: _value(experiment, name, value) for name, value in row.parameters.items()}
        metrics = dict(row.metrics) if row.state == "Succeeded" else {}
        trial = new_trial(
            experiment,
            first + len(trials),
            experiment.spec.cast(point) | {n: v for n, v in point.items() if n not in _names(experiment)},
            origin="User",
            observation=Observation(state=row.state, metrics=metrics),
        )
        problems = misfits(experiment.spec, trial)
        if problems:
            left_out.append(f"{row.where}: {problems[0]}")
        else:
            trials.append(trial)
    if left_out and not trials:
        raise ExchangeError(f"none of the {len(left_out):,} results fits {experiment.name!r}, as {left_out[0]}")
    return Imported(trials, left_out)


def _names(experiment: NASExperiment) -> frozenset[str]:
    return frozenset(parameter.name for parameter in experiment.spec.parameters)


def _value(experiment: NASExperiment, name: str, value: Any) -> Any:
    """A text as the value of a parameter; unchanged if it is none, so that it is reported as it was written."""
    if not isinstance(value, str) or name not in _names(experiment):
        return value
    domain = experiment.spec.parameter(name).domain
    if isinstance(domain, Choice):
        return value
    try:
        return _reader(domain)(value)
    except (ValueError, KeyError):
        return value


def _reader(domain: Domain) -> Callable[[str], Any]:
    if isinstance(domain, IntRange | IntChoice):
        return _whole
    if isinstance(domain, FloatRange | FloatChoice):
        return float
    if isinstance(domain, Bool):
        return lambda text: {"true": True, "false": False}[text.lower()]
    return lambda text: type(domain.value)(text) if not isinstance(domain.value, bool) else text.lower() == "true"  # type: ignore[union-attr] # a fixed one is left


def _whole(text: str) -> int:
    """A whole number, which a spreadsheet may have written as ``64.0``."""
    number = float(text)
    return int(text) if not number.is_integer() else int(number)
