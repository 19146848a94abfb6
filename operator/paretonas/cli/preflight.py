"""The checks before a local run: whether this machine has what the experiment needs."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from paretonas.api import ExperimentSpec, InvalidDocument, NASExperiment, Problem
from paretonas.engine.wording import count
from paretonas.extras import Extra, require
from paretonas.jobs.argument_checks import misread
from paretonas.jobs.device_detection import detect
from paretonas.jobs.devices import (
    KINDS,
    Device,
    DeviceError,
    DeviceKind,
    Slots,
    assigns_devices_itself,
    free,
    limits,
    requests,
)
from paretonas.jobs.program_checks import missing, script

_TRAINER, _OWN_PYTHON = "paretonas_trainer", {"python", "python3"}
"""The examples' trainer, which is part of this package, and the names by which a trial finds this environment's
Python."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What this machine provides to trials."""

    folder: Path
    """The folder that trials run in."""
    slots: Mapping[DeviceKind, Slots]
    """The GPUs that trials may use, by the kind that they request."""
    notes: tuple[Problem, ...]
    """Warnings about settings that are possible but probably not intended."""

    def at_once(self, spec: ExperimentSpec) -> int:
        """The number of trials that can run at a time: `parallelism`, or fewer if there are not enough GPUs."""
        return min([spec.parallelism, *(_at_once(kind, allowed, spec) for kind, allowed in self.slots.items())])


def check_kind(experiment: NASExperiment) -> None:
    """Refuse an experiment that no single machine can run. Raises InvalidDocument."""
    problems, spec = [], experiment.spec
    if spec.trial.replicas > 1:
        message = "needs a cluster: a local run starts one process per trial"
        remedy = "set it to 1, or run it on a cluster with kubectl apply"
        problems.append(Problem("spec.trial.replicas", message, remedy, spec.trial.replicas))
    for field, idle in {"suspend": spec.suspend, "stop": spec.stop}.items():
        if idle:
            message, remedy = "leaves a local run with nothing to do", "remove it, or set it to false"
            problems.append(Problem(f"spec.{field}", message, remedy, idle))
    if problems:
        raise InvalidDocument(problems)


def this_machine(experiment: NASExperiment, file: Path) -> Machine:
    """Find what this machine provides to an experiment's trials.

    Args:
        experiment: The experiment.
        file: The file that it was read from; `workingDir` is relative to its folder.

    Raises:
        InvalidDocument: This machine lacks something that the trials need.
        MissingExtra: This machine lacks what runs them.
    """
    _check_extras(experiment.spec)
    spec, problems, slots = experiment.spec, list[Problem](), dict[DeviceKind, Slots]()
    folder = _working_folder(spec, file)
    if folder.is_dir():
        problems += missing(spec.trial, folder, file)
    else:
        message = f"is not a folder on this machine: {folder}"
        remedy = "correct it (it is relative to the folder of the file), or leave it out"
        problems.append(Problem("spec.trial.workingDir", message, remedy, spec.trial.working_dir))
    for kind, number in requests(spec.trial).items():
        try:
            slots |= _slots(kind, number, spec)
        except InvalidDocument as error:
            problems += error.problems
    if problems:
        raise InvalidDocument(problems)
    return Machine(folder, slots, (*_device_notes(spec, slots), *warnings(experiment, file)))


def _check_extras(spec: ExperimentSpec) -> None:
    """Check that this environment has what a run needs, and what the examples' trials need. Raises MissingExtra."""
    words = [*spec.trial.command, *(spec.trial.args or ())]
    program = script(words)
    examples = program is not None and program.module and program.name == _TRAINER and words[0] in _OWN_PYTHON
    require(Extra.LOCAL, *([Extra.TRAINER] if examples else []))


def warnings(experiment: NASExperiment, file: Path) -> Iterator[Problem]:
    """Mistakes that the source of the trial's script suggests, if the script is on this machine."""
    template = experiment.spec.trial
    run = script([*template.command, *(template.args or ())])
    if run is not None and not run.module:
        try:
            source = (_working_folder(experiment.spec, file) / run.name).read_text(encoding="utf-8")
        except (OSError, ValueError):  # it is elsewhere, or not text
            return
        yield from misread(experiment.spec, run.name, source)


def _working_folder(spec: ExperimentSpec, file: Path) -> Path:
    """The folder that trials run in.

    ``workingDir`` is relative to the folder of the file that it is written in. Without it, trials run in the current
    folder of the run, as any program does.
    """
    given = spec.trial.working_dir
    return Path.cwd() if given is None else (file.resolve().parent / given).resolve()


def _slots(kind: DeviceKind, number: int, spec: ExperimentSpec) -> dict[DeviceKind, Slots]:
    """The GPUs of a kind that trials may use; none if the file itself assigns them to each trial.

    Raises:
        InvalidDocument: One trial requests more than there are.
    """
    path, asked = f"spec.trial.resources.{kind.resource}", spec.trial.resources[kind.resource]
    found, limited = detect(kind), limits(spec.trial, os.environ)
    if found and assigns_devices_itself(kind, spec.trial):
        return {}
    try:
        allowed = kind.allowed(found, limited) if found else ()
    except DeviceError as error:
        remedy = "correct the variable, or unset it to allow all"
        raise InvalidDocument([Problem(path, f"cannot be provided: {error}", remedy, asked)]) from None
    if free(allowed, (), number) is None:
        message = f"is more than this machine has: {_available(kind, found, allowed, limited)}"
        remedy = f"write {1 if any(s.sliced for s in allowed) else len(allowed)}" if allowed else "leave it out"
        remedy = f"{remedy}, or run it on a cluster with kubectl apply"
        raise InvalidDocument([Problem(path, message, remedy, asked)])
    return {kind: allowed}


def _available(kind: DeviceKind, found: Sequence[Device], allowed: Slots, limited: Mapping[str, str]) -> str:
    """``no NVIDIA GPU was found`` or ``CUDA_VISIBLE_DEVICES=1 allows 1 of 4 NVIDIA GPUs``."""
    given = [f"{name}={limited[name]}" for name in kind.variables if name in limited]
    if not found:
        return f"no {kind.words} was found"
    if any(slot.sliced for slot in allowed):
        return f"{count(len(allowed), 'MIG slice')}, of which a process can use one"
    if given and len(allowed) < len(found):
        return f"{' and '.join(given)} allows {len(allowed)} of {count(len(found), kind.words)}"
    return count(len(allowed), kind.words)


def _at_once(kind: DeviceKind, allowed: Slots, spec: ExperimentSpec) -> int:
    """The number of trials that the devices of a kind can serve at a time."""
    return len(allowed) // requests(spec.trial)[kind]


def _device_notes(spec: ExperimentSpec, slots: Mapping[DeviceKind, Slots]) -> Iterator[Problem]:
    for kind, allowed in slots.items():
        at_once = _at_once(kind, allowed, spec)
        if at_once < spec.parallelism:
            message = f"is more than {count(len(allowed), kind.words)} can serve: {count(at_once, 'trial')} at a time"
            yield Problem("spec.parallelism", message, "the other trials will wait", spec.parallelism)
    for name, amount in spec.trial.resources.items():
        if "/" in name and amount != "0" and name not in {kind.resource for kind in KINDS}:
            message = "is not managed by a local run"
            yield Problem(f"spec.trial.resources.{name}", message, "trials will run without it", amount)
