"""Parsing and validating the documents of experiments and trials; every problem is reported at once."""

from collections.abc import Mapping
from typing import Any

from paretonas.api.as_typed import as_typed
from paretonas.api.base import as_whole
from paretonas.api.experiment import NASExperiment
from paretonas.api.experiment_rules import find_name_problems, find_problems
from paretonas.api.names import MAX_INDEX
from paretonas.api.size_limits import too_deep
from paretonas.api.texts import load_yaml, unusable
from paretonas.api.trial import NASTrial, TrialMetadata, TrialSpec, TrialStatus, UnreadableTrial
from paretonas.api.validation import InvalidDocument, Location, Problem, read
from paretonas.kube.kinds import API_VERSION

_STAND_INS: Mapping[Location, Any] = {
    ("metadata",): {"name": "stand-in"},
    ("spec", "objectives"): [{"metric": "_", "goal": "Maximize"}],
    ("spec", "objectives", "*"): {"metric": "_", "goal": "Maximize"},
    ("spec", "metrics", "*"): {"name": "_"},
    ("spec", "parameters"): [{"name": "_", "fixed": {"value": 0}}],
    ("spec", "parameters", "*"): {"name": "_", "fixed": {"value": 0}},
    ("spec", "maxTrials"): 1000,
    ("spec", "trial"): {"command": ["stand-in"]},
    ("spec", "trial", "command"): ["stand-in"],
    ("spec", "trial", "command", "*"): "stand-in",
    ("spec", "trial", "args", "*"): "stand-in",
    ("spec", "trial", "env", "*"): {"name": "_"},
}
"""A minimal valid value for each required part; it replaces a part that cannot be read, so that the rest is checked."""


def parse_experiment(document: Any) -> NASExperiment:
    """Parse and validate an experiment.

    Raises:
        InvalidDocument: The document is not valid; the error lists every problem.
    """
    if not isinstance(document, dict):
        problem = Problem("document", "is not a mapping", "begin with apiVersion, kind, metadata and spec", document)
        raise InvalidDocument([problem])
    wanted = {"apiVersion": API_VERSION, "kind": "NASExperiment"}
    required = [
        Problem(field, "is required", f"add {field}: {value}")
        for field, value in wanted.items()
        if document.get(field) is None
    ]
    experiment, problems, unread = read(NASExperiment, document, _STAND_INS)
    problems = required + problems
    if experiment is not None:
        problems += find_problems(experiment.spec, _hidden(document, unread)) + find_name_problems(experiment)
    problems = _with_unusable_texts(document, problems)
    if problems or experiment is None:
        raise InvalidDocument(as_typed(document, problem) for problem in problems)
    return experiment


def _hidden(document: Any, unread: set[Location]) -> frozenset[str] | None:
    """The names of the parameters that could not be read; None if their whole list could not be read."""
    if ("spec", "parameters") in unread:
        return None
    written = enumerate(document["spec"]["parameters"])
    names = [p.get("name") for i, p in written if ("spec", "parameters", i) in unread and isinstance(p, dict)]
    return frozenset(name for name in names if isinstance(name, str) and name)


def parse_trial(document: Any) -> NASTrial:
    """Parse a trial. Raises InvalidDocument."""
    trial, problems, _ = read(NASTrial, document, {})
    problems = _with_unusable_texts(document, problems)
    if problems or trial is None:
        raise InvalidDocument(as_typed(document, problem) for problem in problems)
    return trial


def read_trial(document: Any) -> NASTrial:
    """Read a stored trial; one that is not valid becomes an `UnreadableTrial`.

    Args:
        document: A stored resource: it has a name, and its `spec.experiment` is a string.
    """
    try:
        return parse_trial(document)
    except InvalidDocument as error:
        problems = error.problems
    metadata, spec = document["metadata"], document["spec"]
    index = as_whole(spec.get("index"))
    status, broken, _ = read(TrialStatus, document.get("status") or {}, {})
    return UnreadableTrial(
        metadata=TrialMetadata.model_construct(**metadata),
        spec=TrialSpec.model_construct(
            experiment=spec["experiment"],
            index=index if type(index) is int and 0 <= index <= MAX_INDEX else 0,
            parameters={},
            origin="User",
            observation=None,
        ),
        status=TrialStatus() if status is None or broken else status,
        problems=problems,
    )


def _with_unusable_texts(document: Any, problems: list[Problem]) -> list[Problem]:
    """Add the problems of unusable texts in the spec; they replace other problems at the same place.

    The status is not checked, since the operator writes it.
    """
    spec = document.get("spec") if isinstance(document, dict) and not too_deep(document) else None
    found = list(unusable(spec, ("spec",)))
    places = {problem.path for problem in found}
    return [*(problem for problem in problems if problem.path not in places), *found]


def load_experiment(text: str) -> NASExperiment:
    """Parse and validate an experiment given as YAML or JSON. Raises InvalidDocument."""
    return parse_experiment(load_yaml(text))
