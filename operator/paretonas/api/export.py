"""An experiment with its trials as one document, to go on elsewhere: on another cluster, on a laptop.

What has ended travels as an observation, what has not as a point to try, each under its index: the search, which is a
function of these, goes on with the same candidates.
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
    """An experiment, and the trials that it begins with, in index order."""

    experiment: NASExperiment
    trials: tuple[NASTrial, ...] = ()


def export_experiment(experiment: NASExperiment, trials: Sequence[NASTrial]) -> dict[str, Any]:
    """A List for ``kubectl apply`` and ``paretonas run``: the trials first, so that the search begins knowing them."""
    spec = experiment.spec.replace(suspend=False, stop=False, retry=Retry())
    items = [
        _document(trial, trial.spec.replace(observation=_observation(trial)))
        for trial in trials
        if not trial.refused
    ]
    return {"apiVersion": "v1", "kind": "List", "items": [*items, _document(experiment, spec)]}


def import_experiment(documents: Sequence[Any], changes: Mapping[str, Any] = {}) -> Loaded:
    """What such a List holds, or a lone experiment.

    Args:
        documents: of one file, as plain values.
        changes: fields of the experiment's spec (camelCase) to set instead of what is written there.

    Raises:
        InvalidDocument: with every problem, also of trials that do not fit the experiment.
    """
    items = [item for document in documents for item in _items(document)]
    trials = [item for item in items if _is_trial(item)]
    others = [item for item in items if not _is_trial(item)]
    if len(others) != 1:
        message = f"holds {len(others)} documents" + (" that are no NASTrial" if trials else "")
        raise InvalidDocument([Problem("document", message, "write one NASExperiment in a file")])
    experiment = parse_experiment(_changed(others[0], changes))
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
        return [
            Problem("spec.experiment", "is not the experiment of this file", remedy, trial.spec.experiment)
        ]
    return misfits(experiment.spec, trial)


def _at(number: int, problem: Problem) -> Problem:
    return Problem(f"trials[{number}].{problem.path}", problem.message, problem.remedy, problem.value)


def _is_trial(item: Any) -> bool:
    return isinstance(item, dict) and item.get("kind") == "NASTrial"


def _changed(document: Any, changes: Mapping[str, Any]) -> Any:
    if changes and isinstance(document, dict) and isinstance(document.get("spec"), dict):
        return with_values(document, {"spec": with_values(document["spec"], changes)})
    return document


def _items(document: Any) -> list[Any]:
    is_list = isinstance(document, dict) and document.get("kind") == "List"
    return document.get("items") or [] if is_list else [document]


def _observation(trial: NASTrial) -> Observation | None:
    """What came of it; None while nothing has."""
    if trial.spec.observation is not None or not trial.ended:
        return trial.spec.observation
    if trial.status.state == "Succeeded":
        return Observation(metrics=trial.status.metrics)
    return Observation(state="Infeasible" if trial.status.state == "Infeasible" else "Failed")


def _document(of: NASExperiment | NASTrial, spec: Model) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": of.name}
    if isinstance(of, NASTrial):
        metadata["labels"] = {EXPERIMENT_LABEL: of.spec.experiment}
    return {"apiVersion": of.api_version, "kind": of.kind, "metadata": metadata, "spec": spec.to_dict()}
