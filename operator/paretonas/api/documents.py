"""From the text of a file to an experiment or a trial, or to everything that is wrong with it."""

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
"""What is required, in its least form: put in the place of a part that cannot be read, to check the rest."""


def parse_experiment(document: Any) -> NASExperiment:
    """Read and validate an experiment.

    Raises:
        InvalidDocument: with every problem that was found.
    """
    if not isinstance(document, dict):
        problem = Problem(
            "document", "is not a mapping", "begin with apiVersion, kind, metadata and spec", document
        )
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
    """The names of the parameters that could not be read; None when their list could not be."""
    if ("spec", "parameters") in unread:
        return None
    written = enumerate(document["spec"]["parameters"])
    names = [p.get("name") for i, p in written if ("spec", "parameters", i) in unread and isinstance(p, dict)]
    return frozenset(name for name in names if isinstance(name, str) and name)


def parse_trial(document: Any) -> NASTrial:
    """Read a trial. Raises InvalidDocument."""
    trial, problems, _ = read(NASTrial, document, {})
    problems = _with_unusable_texts(document, problems)
    if problems or trial is None:
        raise InvalidDocument(as_typed(document, problem) for problem in problems)
    return trial


def read_trial(document: Any) -> NASTrial:
    """Read a stored trial, whatever its author has put into it: an `UnreadableTrial` where it cannot be read.

    Args:
        document: a resource: it has a name, and `spec.experiment` is a text.
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
    """The problems, where a text cannot be used with this one alone. A status is ours, and is only shown."""
    spec = document.get("spec") if isinstance(document, dict) and not too_deep(document) else None
    found = list(unusable(spec, ("spec",)))
    places = {problem.path for problem in found}
    return [*(problem for problem in problems if problem.path not in places), *found]


def load_experiment(text: str) -> NASExperiment:
    """Read and validate the experiment of a text, YAML or JSON. Raises InvalidDocument."""
    return parse_experiment(load_yaml(text))
