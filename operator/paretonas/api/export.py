"""Export and import: an experiment with its trials as one document, to continue the search elsewhere.

A trial that has ended is exported as an observation, any other trial as a point to try, each with its index. The search
depends on these alone, so it continues with the same candidates on another cluster or a laptop.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paretonas.api.as_typed import with_values
from paretonas.api.base import Model
from paretonas.api.documents import parse_experiment, parse_trial
from paretonas.api.experiment import NASExperiment, Retry
from paretonas.api.trial import NASTrial, Observation
from paretonas.api.trial_rules import misfits
from paretonas.api.validation import InvalidDocument, Problem
from paretonas.kube.labels import EXPERIMENT_LABEL


@dataclass(frozen=True, slots=True)
class Loaded:
    """An experiment and the trials imported with it, in index order."""

    experiment: NASExperiment
    trials: tuple[NASTrial, ...] = ()


def export_experiment(experiment: NASExperiment, trials: Sequence[NASTrial]) -> dict[str, Any]:
    """Export an experiment as a List for ``kubectl apply`` and ``paretonas run``.

    The trials come before the experiment, so that the search knows them when it starts.
    """
    spec = experiment.spec.replace(suspend=False, stop=False, retry=Retry())
    items = [
        _document(trial, trial.spec.replace(observation=_observation(trial))) for trial in trials if not trial.refused
    ]
    return {"apiVersion": "v1", "kind": "List", "items": [*items, _document(experiment, spec)]}


def import_experiment(documents: Sequence[Any], changes: Mapping[str, Any] = {}) -> Loaded:
    """Read an exported List, or a single experiment.

    Args:
        documents: The documents of one file, as plain values.
        changes: Values that replace fields of the experiment's spec, by their camelCase names.

    Raises:
        InvalidDocument: The error lists every problem, including those of trials that do not fit the experiment.
    """
    items = [item for document in documents for item in _items(document)]
    trials = [item for item in items if _is_trial(item)]
    others = [item for item in items if not _is_trial(item)]
    if len(others) != 1:
        message = f"holds {len(others)} documents" + (" that are not a NASTrial" if trials else "")
        raise InvalidDocument([Problem("document", message, "write one NASExperiment per file")])
    experiment = parse_experiment(_change_spec(others[0], changes))
    problems, found = list[Problem](), list[NASTrial]()
    for number, item in enumerate(trials):
        try:
            trial = parse_trial({key: value for key, value in item.items() if key != "status"})
        except InvalidDocument as error:
            problems += [_at(number, problem) for problem in error.problems]
            continue
        problems += [_at(number, problem) for problem in _problems(experiment, trial)]
        found.append(trial)
    if problems:
        raise InvalidDocument(problems)
    return Loaded(experiment, tuple(sorted(found, key=lambda trial: trial.spec.index)))


def _problems(experiment: NASExperiment, trial: NASTrial) -> list[Problem]:
    if trial.spec.experiment != experiment.name:
        remedy = f"write {experiment.name}, or leave the trial out"
        return [Problem("spec.experiment", "is not the experiment of this file", remedy, trial.spec.experiment)]
    return misfits(experiment.spec, trial)


def _at(number: int, problem: Problem) -> Problem:
    return Problem(f"trials[{number}].{problem.path}", problem.message, problem.remedy, problem.value)


def _is_trial(item: Any) -> bool:
    return isinstance(item, dict) and item.get("kind") == "NASTrial"


def _change_spec(document: Any, changes: Mapping[str, Any]) -> Any:
    if changes and isinstance(document, dict) and isinstance(document.get("spec"), dict):
        return with_values(document, {"spec": with_values(document["spec"], changes)})
    return document


def _items(document: Any) -> list[Any]:
    is_list = isinstance(document, dict) and document.get("kind") == "List"
    return document.get("items") or [] if is_list else [document]


def _observation(trial: NASTrial) -> Observation | None:
    """The trial's result as an observation; None while it has none."""
    given = trial.spec.observation
    if given is not None and trial.status.state == "Succeeded":
        return given.replace(metrics=trial.status.metrics)  # with the values of formulas
    if given is not None or not trial.ended:
        return given
    if trial.status.state == "Succeeded":
        return Observation(metrics=trial.status.metrics)
    if trial.status.state == "EarlyStopped":
        return Observation(state="EarlyStopped", metrics=trial.status.estimate)
    return Observation(state="Infeasible" if trial.status.state == "Infeasible" else "Failed")


def _document(of: NASExperiment | NASTrial, spec: Model) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": of.name}
    if isinstance(of, NASTrial):
        metadata["labels"] = {EXPERIMENT_LABEL: of.spec.experiment}
    return {"apiVersion": of.api_version, "kind": of.kind, "metadata": metadata, "spec": spec.to_dict()}
