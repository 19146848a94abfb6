"""Writing an experiment in Python: constructors of the values of `paretonas.api`, in the words of the YAML file.

Each returns a value of the API and checks it at once, so that a mistake is reported by the line that has it, as an
`InvalidDocument` that names the field.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Final

from pydantic.alias_generators import to_camel

from paretonas.api import (
    InvalidDocument,
    Loaded,
    Model,
    NASExperiment,
    Objective,
    Parameter,
    Problem,
    Scalar,
    TrialTemplate,
    dump_yaml,
    load_experiment,
    parse_experiment,
)
from paretonas.api.validation import ModelType, read
from paretonas.cli.files import summary
from paretonas.cli.preflight import warnings
from paretonas.python.words import warn

Conditions = Mapping[str, Scalar | Sequence[Scalar]]
"""The values of other parameters, by name, with which a parameter is active."""

FUNCTION_COMMAND: Final = ("python3", "-P", "-m", "paretonas.call_function")
"""What runs a Python function as a trial: it finds the function in the experiment's folder."""

MAX_TRIALS: Final = 50
"""The budget of an experiment that names none: enough for the model to take over in a space of ten parameters."""


def Int(  # noqa: N802 # a constructor, as all here
    name: str,
    min: int,  # noqa: A002 # the word of the file, as below
    max: int,  # noqa: A002
    *,
    step: int | None = None,
    log: bool = False,
    active_when: Conditions | None = None,
) -> Parameter:
    """A parameter that is a whole number from ``min`` to ``max``, both included.

    Args:
        name: An identifier.
        min: The smallest value.
        max: The largest value.
        step: Only ``min``, ``min + step``, … are tried.
        log: Whether values are spread evenly over orders of magnitude; ``min`` must then be above 0.
        active_when: The values of other parameters with which it exists, such as ``{"optimizer": "sgd"}``.

    Raises:
        InvalidDocument: The error names the argument.
    """
    return _parameter(name, "int", _range(min, max, step, log=log), active_when)


def Float(  # noqa: N802 # as above
    name: str,
    min: float,  # noqa: A002
    max: float,  # noqa: A002
    *,
    step: float | None = None,
    log: bool = False,
    active_when: Conditions | None = None,
) -> Parameter:
    """A parameter that is a real number from ``min`` to ``max``; the arguments are those of `Int`."""
    return _parameter(name, "float", _range(min, max, step, log=log), active_when)


def Choice(  # noqa: N802 # as above
    name: str, values: Iterable[Scalar], *, ordered: bool = False, active_when: Conditions | None = None
) -> Parameter:
    """A parameter that is one of several values of the same type: texts, numbers, or ``[False, True]``.

    Args:
        name: An identifier.
        values: The values; a single one is passed to every trial.
        ordered: Whether neighbours in the list are more alike than others, such as batch sizes.
        active_when: As for `Int`.

    Raises:
        InvalidDocument: The error names the argument.
    """
    if isinstance(values, str):
        problem = Problem(f"{name}.values", "is one text, not a list of values", f"write [{values!r}]", values)
        raise InvalidDocument([problem])
    kind, domain = _choice(plain(list(values)), ordered=ordered)
    return _parameter(name, kind, domain, active_when)


def maximize(
    metric: str, *, threshold: float | None = None, target: float | None = None, log: bool = False
) -> Objective:
    """An objective: a metric of which more is better.

    Args:
        metric: The name of the metric.
        threshold: The worst value of interest, which is also its coordinate of the reference point.
        target: The value that is good enough: the experiment ends when one trial reaches the targets of all objectives.
        log: Whether the metric spans several orders of magnitude.

    Raises:
        InvalidDocument: The error names the argument.
    """
    return _objective(metric, "Maximize", threshold, target, log=log)


def minimize(
    metric: str, *, threshold: float | None = None, target: float | None = None, log: bool = False
) -> Objective:
    """An objective: a metric of which less is better; the arguments are those of `maximize`."""
    return _objective(metric, "Minimize", threshold, target, log=log)


def Trial(  # noqa: N802 # as above
    command: Sequence[str | PathLike[str]] | None = None,
    *,
    args: Sequence[str | PathLike[str]] | None = None,
    env: Mapping[str, object] | None = None,
    **fields: Any,
) -> TrialTemplate:
    """How a trial is run.

    Args:
        command: The program with its first arguments, such as ``["python", "train.py"]``. Left out for a trial that is
            a Python function (`run`).
        args: Further arguments, with ``${parameters.width}``; by default every parameter as ``--width=64``.
        env: Environment variables.
        fields: Any other field of ``spec.trial``, such as ``image``, ``working_dir`` and ``resources``.

    Raises:
        InvalidDocument: The error names the argument.
    """
    if isinstance(command, str):
        problem = Problem("trial.command", "is one text, not a list of words", f"write {shlex.split(command)}", command)
        raise InvalidDocument([problem])
    if command is None:
        command, args = FUNCTION_COMMAND, args or ()
    variables = None if env is None else [{"name": name, "value": str(value)} for name, value in env.items()]
    given = {"command": command, "args": args, "env": variables, **fields}
    return _read(TrialTemplate, {to_camel(key): plain(value) for key, value in given.items()}, "trial")


class Experiment(NASExperiment):
    """An experiment written in Python: a `NASExperiment`, as the YAML file describes one."""

    def __init__(  # what nearly every experiment has; the rest are fields
        self,
        name: str,
        *,
        objectives: Sequence[Objective | Mapping[str, Any]],
        parameters: Sequence[Parameter | Mapping[str, Any]],
        trial: TrialTemplate | Mapping[str, Any] | None = None,
        max_trials: int = MAX_TRIALS,
        parallelism: int = 1,
        **fields: Any,
    ) -> None:
        """Create and validate an experiment.

        Args:
            name: Lower case letters, digits and ``-``.
            objectives: One to four of `maximize` and `minimize`.
            parameters: The search space: `Int`, `Float` and `Choice`.
            trial: How a trial is run; left out for a trial that is a Python function (`run`).
            max_trials: The number of trials.
            parallelism: The number of trials at a time.
            fields: Any other field of ``spec``, such as ``parameter_constraints=["depth <= width"]``,
                ``search={"seed": 1}`` or ``metrics=[{"name": "acc", "tag": "val/acc"}]``; nested fields have the names
                of the YAML file.

        Raises:
            InvalidDocument: The error lists every problem, with the field that has it.
        """
        spec = {
            "objectives": objectives,
            "parameters": parameters,
            "trial": Trial() if trial is None else trial,
            "max_trials": max_trials,
            "parallelism": parallelism,
            **fields,
        }
        document = {to_camel(key): plain(value) for key, value in spec.items()}
        parsed = parse_experiment({**_HEAD, "metadata": {"name": plain(name)}, "spec": document})
        super().__init__(metadata=parsed.metadata, spec=parsed.spec)

    @classmethod
    def from_yaml(cls, text: str) -> "Experiment":
        """Parse and validate the text of a YAML file. Raises InvalidDocument."""
        parsed = load_experiment(text)
        return cls.model_construct(**{name: getattr(parsed, name) for name in cls.model_fields})

    def validate(self) -> str:  # type: ignore[override] # hides a deprecated method of pydantic
        """Check it once more, and the script that its trials run, if that is on this machine.

        Returns:
            A summary, such as ``mine is valid: 2 parameters, 2 objectives, 50 trials, 1 at a time``. What the script
            will probably misread is printed as warnings.

        Raises:
            InvalidDocument: The error lists every problem.
        """
        parsed = parse_experiment(self.to_dict())
        for problem in warnings(parsed, file_of(parsed)):
            warn(f"warning: {problem}")
        return summary(Loaded(parsed))

    def to_yaml(self) -> str:
        """The YAML file of this experiment, for ``paretonas run`` and ``kubectl apply``, without defaults."""
        given = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
        return dump_yaml({**_HEAD, "metadata": given["metadata"], "spec": given["spec"]})


_HEAD = {"apiVersion": "paretonas.io/v1alpha1", "kind": "NASExperiment"}


def file_of(experiment: NASExperiment) -> Path:
    """Where the file of an experiment would be that was written in Python: paths start at the current folder."""
    return Path.cwd() / f"{experiment.name}.yaml"


def runs_function(experiment: NASExperiment) -> bool:
    """Whether its trials are calls of a Python function."""
    return experiment.spec.trial.command == FUNCTION_COMMAND


def plain(value: Any) -> Any:
    """A value of Python as a document has it: also models and NumPy's numbers; paths as texts, sequences as lists."""
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, PathLike):
        return fspath(value)
    if hasattr(value, "tolist"):  # of NumPy, torch and pandas: a number, or a list of them
        return value.tolist()
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return [plain(item) for item in value]
    return value


def _range(low: float, high: float, step: float | None, *, log: bool) -> dict[str, Any]:
    return {"min": plain(low), "max": plain(high), "step": plain(step), "scale": "Log" if log else "Linear"}


def _choice(values: list[Any], *, ordered: bool) -> tuple[str, dict[str, Any]]:
    """The kind of a parameter with these values, and its domain."""
    types = {type(value) for value in values}
    if types == {bool}:
        both = len(values) == 2 and values[0] != values[1]  # noqa: PLR2004 # there are no more
        if both:
            return "bool", {}
        if len(values) == 1:
            return "fixed", {"value": values[0]}
    if types == {int}:
        return "intChoice", {"values": values, "ordered": ordered}
    if types and types <= {int, float}:
        return "floatChoice", {"values": [float(value) for value in values], "ordered": ordered}
    return "choice", {"values": values, "ordered": ordered}


def _parameter(name: str, kind: str, domain: dict[str, Any], active_when: Conditions | None) -> Parameter:
    conditions = [
        {"parameter": other, "values": plain(values if _several(values) else [values])}
        for other, values in (active_when or {}).items()
    ]
    return _read(Parameter, {"name": name, kind: domain, "activeWhen": conditions}, name)


def _several(values: object) -> bool:
    return isinstance(values, Iterable) and not isinstance(values, str)


def _objective(metric: str, goal: str, threshold: float | None, target: float | None, *, log: bool) -> Objective:
    document = {"metric": metric, "goal": goal, "threshold": plain(threshold), "target": plain(target)}
    return _read(Objective, {**document, "scale": "Log" if log else "Linear"}, metric)


def _read(model: type[ModelType], document: dict[str, Any], where: object) -> ModelType:
    """Read one part of an experiment. Raises InvalidDocument, whose paths begin at the part's name."""
    value, problems, _ = read(model, document, {})
    if problems or value is None:
        raise InvalidDocument(
            Problem(
                f"{where}.{p.path}".removesuffix(".document").replace(".document.", "."), p.message, p.remedy, p.value
            )
            for p in problems
        )
    return value
