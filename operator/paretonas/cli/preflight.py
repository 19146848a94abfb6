"""What a local run needs of this machine, said before anything starts."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from paretonas.api import ExperimentSpec, InvalidDocument, NASExperiment, Problem
from paretonas.engine.wording import count
from paretonas.jobs.argument_checks import misread
from paretonas.jobs.device_detection import detect
from paretonas.jobs.devices import (
    KINDS,
    Device,
    DeviceError,
    DeviceKind,
    Slots,
    allots_itself,
    free,
    limits,
    requests,
)
from paretonas.jobs.program_checks import missing, script


@dataclass(frozen=True, slots=True)
class Machine:
    """What trials get here."""

    folder: Path
    """The one that they run in."""
    slots: Mapping[DeviceKind, Slots]
    """The GPUs that they may have, of the kinds that they ask for."""
    notes: tuple[Problem, ...]
    """What is possible, but likely not meant."""


def check_kind(experiment: NASExperiment) -> None:
    """Refuse what cannot be done on one machine, whichever. Raises InvalidDocument."""
    problems, spec = [], experiment.spec
    if spec.trial.replicas > 1:
        message = "needs a cluster: a local run starts one process a trial"
        remedy = "set it to 1, or kubectl apply the file"
        problems.append(Problem("spec.trial.replicas", message, remedy, spec.trial.replicas))
    for field, idle in {"suspend": spec.suspend, "stop": spec.stop}.items():
        if idle:
            message, remedy = "leaves a local run nothing to do", "remove it, or set it to false"
            problems.append(Problem(f"spec.{field}", message, remedy, idle))
    if problems:
        raise InvalidDocument(problems)


def this_machine(experiment: NASExperiment, file: Path) -> Machine:
    """What the trials of an experiment's file get here.

    Raises:
        InvalidDocument: this machine lacks something that they need.
    """
    spec, problems, slots = experiment.spec, list[Problem](), dict[DeviceKind, Slots]()
    folder = _working_folder(spec, file)
    if folder.is_dir():
        problems += missing(spec.trial, folder, file)
    else:
        remedy, given = (
            "correct it, it leads from the folder of the file, or leave it out",
            spec.trial.working_dir,
        )
        problems.append(Problem("spec.trial.workingDir", f"is no folder here: {folder}", remedy, given))
    for kind, number in requests(spec.trial).items():
        try:
            slots |= _slots(kind, number, spec)
        except InvalidDocument as error:
            problems += error.problems
    if problems:
        raise InvalidDocument(problems)
    return Machine(folder, slots, (*_device_notes(spec, slots), *warnings(experiment, file)))


def warnings(experiment: NASExperiment, file: Path) -> Iterator[Problem]:
    """What is likely not meant, where the trial's script is here to be looked at."""
    template = experiment.spec.trial
    run = script([*template.command, *(template.args or ())])
    if run is not None and not run.module:
        try:
            source = (_working_folder(experiment.spec, file) / run.name).read_text(encoding="utf-8")
        except (OSError, ValueError):  # it is elsewhere, or no text
            return
        yield from misread(experiment.spec, run.name, source)


def _working_folder(spec: ExperimentSpec, file: Path) -> Path:
    """The folder that trials run in.

    ``workingDir`` is a path in a file, so it leads from that file's folder; without it trials run where the run is
    started, as any program does.
    """
    given = spec.trial.working_dir
    return Path.cwd() if given is None else (file.resolve().parent / given).resolve()


def _slots(kind: DeviceKind, number: int, spec: ExperimentSpec) -> dict[DeviceKind, Slots]:
    """The GPUs of a kind that trials may have; none where the file gives each trial its own.

    Raises:
        InvalidDocument: there are not as many as one trial asks for.
    """
    path, asked = f"spec.trial.resources.{kind.resource}", spec.trial.resources[kind.resource]
    found, limited = detect(kind), limits(spec.trial, os.environ)
    if found and allots_itself(kind, spec.trial):
        return {}
    try:
        allowed = kind.allowed(found, limited) if found else ()
    except DeviceError as error:
        remedy = "correct the variable, or unset it to allow all"
        raise InvalidDocument([Problem(path, f"cannot be given: {error}", remedy, asked)]) from None
    if free(allowed, (), number) is None:
        message = f"is more than there is here: {_there_is(kind, found, allowed, limited)}"
        remedy = (
            f"write {1 if any(s.sliced for s in allowed) else len(allowed)}" if allowed else "leave it out"
        )
        raise InvalidDocument([Problem(path, message, f"{remedy}, or kubectl apply the file", asked)])
    return {kind: allowed}


def _there_is(kind: DeviceKind, found: Sequence[Device], allowed: Slots, limited: Mapping[str, str]) -> str:
    """``no NVIDIA GPU is found``, ``CUDA_VISIBLE_DEVICES=1 allows 1 of 4 NVIDIA GPUs``."""
    given = [f"{name}={limited[name]}" for name in kind.variables if name in limited]
    if not found:
        return f"no {kind.words} is found"
    if any(slot.sliced for slot in allowed):
        return f"{count(len(allowed), 'MIG slice')}, of which a process can use one"
    if given and len(allowed) < len(found):
        return f"{' and '.join(given)} allows {len(allowed)} of {count(len(found), kind.words)}"
    return count(len(allowed), kind.words)


def _device_notes(spec: ExperimentSpec, slots: Mapping[DeviceKind, Slots]) -> Iterator[Problem]:
    for kind, allowed in slots.items():
        at_once = len(allowed) // requests(spec.trial)[kind]
        if at_once < spec.parallelism:
            message = f"is more than {count(len(allowed), kind.words)} can serve: {count(at_once, 'trial')} at a time"
            yield Problem("spec.parallelism", message, "the others wait", spec.parallelism)
    for name, amount in spec.trial.resources.items():
        if "/" in name and amount != "0" and name not in {kind.resource for kind in KINDS}:
            message = "is nothing that a local run gives out"
            yield Problem(f"spec.trial.resources.{name}", message, "trials run without", amount)
