"""From the text of a file to an experiment or a trial, or to everything that is wrong with it."""

from collections.abc import Mapping
from typing import Any

from paretonas.api.experiment import NASExperiment
from paretonas.api.problems import InvalidDocument, Location, Problem, read
from paretonas.api.rules import broken, broken_by_name
from paretonas.api.trial import NASTrial
from paretonas.api.yaml_text import load_yaml

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
    wanted = {"apiVersion": "paretonas.io/v1alpha1", "kind": "NASExperiment"}
    required = [
        Problem(field, "is required", f"add {field}: {value}")
        for field, value in wanted.items()
        if document.get(field) is None
    ]
    experiment, problems, unread = read(NASExperiment, document, _STAND_INS)
    problems = required + problems
    if experiment is not None:
        problems += broken(experiment.spec, _hidden(document, unread)) + broken_by_name(experiment)
    if problems or experiment is None:
        raise InvalidDocument(problems)
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
    if problems or trial is None:
        raise InvalidDocument(problems)
    return trial


def load_experiment(text: str) -> NASExperiment:
    """Read and validate the experiment of a YAML text. Raises InvalidDocument."""
    return parse_experiment(load_yaml(text))
