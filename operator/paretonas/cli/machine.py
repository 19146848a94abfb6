"""What a local run needs of this machine, said before anything starts."""

from collections.abc import Iterator
from pathlib import Path

from paretonas.api import ExperimentSpec, InvalidDocument, NASExperiment, Problem
from paretonas.jobs.misreadings import misread
from paretonas.jobs.programs import missing, script


def working_folder(spec: ExperimentSpec, file: Path) -> Path:
    """The folder that trials run in.

    ``workingDir`` is a path in a file, so it leads from that file's folder; without it trials run where the run is
    started, as any program does.
    """
    given = spec.trial.working_dir
    return Path.cwd() if given is None else (file.resolve().parent / given).resolve()


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


def check_machine(experiment: NASExperiment, file: Path) -> None:
    """Refuse what this machine does not have. Raises InvalidDocument."""
    spec = experiment.spec
    folder = working_folder(spec, file)
    if not folder.is_dir():
        remedy = "correct it: it leads from the folder of the file; or leave it out"
        raise InvalidDocument(
            [Problem("spec.trial.workingDir", f"is no folder here: {folder}", remedy, spec.trial.working_dir)]
        )
    problems = list(missing(spec.trial, folder, file))
    if problems:
        raise InvalidDocument(problems)


def warnings(experiment: NASExperiment, file: Path) -> Iterator[Problem]:
    """What is likely not meant, where the trial's script is here to be looked at."""
    template = experiment.spec.trial
    run = script([*template.command, *(template.args or ())])
    if run is not None and not run.module:
        try:
            source = (working_folder(experiment.spec, file) / run.name).read_text(encoding="utf-8")
        except (OSError, ValueError):  # it is elsewhere, or no text
            return
        yield from misread(experiment.spec, run.name, source)
