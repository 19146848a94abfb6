"""From the text of a file to an experiment or a trial, or to everything that is wrong with it."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from paretonas.api.experiment import NASExperiment
from paretonas.api.problems import InvalidDocument, Location, Problem, read
from paretonas.api.rules import broken
from paretonas.api.trial import NASTrial

_STAND_INS: Mapping[Location, Any] = {
    ("metadata",): {"name": "stand-in"},
    ("spec", "objectives"): [{"metric": "_", "goal": "Maximize"}],
    ("spec", "objectives", "*"): {"metric": "_", "goal": "Maximize"},
    ("spec", "parameters"): [{"name": "_", "fixed": {"value": 0}}],
    ("spec", "parameters", "*"): {"name": "_", "fixed": {"value": 0}},
    ("spec", "maxTrials"): 1000,
    ("spec", "trial"): {"command": ["stand-in"]},
}
"""What is required, in its least form: put in the place of a part that cannot be read, to check the rest."""


class _Loader(yaml.SafeLoader):
    """The safe loader, as Kubernetes reads YAML: 1e-4 is a number, a key that stands twice a mistake."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    result: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(
                None, None, f"key {key!r} is not a text", key_node.start_mark
            )
        if key in result:
            raise yaml.constructor.ConstructorError(
                None, None, f"key {key!r} stands twice", key_node.start_mark
            )
        result[key] = loader.construct_object(value_node, deep=deep)
    return result


_Loader.add_constructor("tag:yaml.org,2002:map", lambda loader, node: _mapping(loader, node, deep=True))  # type: ignore[arg-type] # the stubs do not tie the loader to its class


def load_yaml(text: str) -> Any:
    """The one document of a YAML text.

    Raises:
        InvalidDocument: it does not parse, or holds none or several documents.
    """
    try:
        documents = [d for d in yaml.load_all(text, _Loader) if d is not None]  # a SafeLoader of our own
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "document"
        raise InvalidDocument(
            [Problem(where, f"is not YAML: {error.problem}", "correct the syntax")]
        ) from None
    except yaml.YAMLError as error:
        raise InvalidDocument([Problem("document", f"is not YAML: {error}", "correct the syntax")]) from None
    if len(documents) != 1:
        message = f"holds {len(documents)} documents"
        raise InvalidDocument([Problem("document", message, "write one NASExperiment in a file")])
    return documents[0]


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
        if field not in document
    ]
    experiment, problems, unread = read(NASExperiment, document, _STAND_INS)
    problems = required + problems
    if experiment is not None:
        parameters = enumerate(experiment.spec.parameters)
        hidden = frozenset(p.name for i, p in parameters if ("spec", "parameters", i) in unread)
        problems += broken(experiment.spec, hidden)
    if problems or experiment is None:
        raise InvalidDocument(problems)
    return experiment


def parse_trial(document: Any) -> NASTrial:
    """Read a trial. Raises InvalidDocument."""
    trial, problems, _ = read(NASTrial, document, {})
    if problems or trial is None:
        raise InvalidDocument(problems)
    return trial


def load_experiment(text: str) -> NASExperiment:
    """Read and validate the experiment of a YAML text. Raises InvalidDocument."""
    return parse_experiment(load_yaml(text))
