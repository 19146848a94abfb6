"""Checks that this machine has what a trial's command names: its program, its script, its module.

Only certain problems are reported. What depends on a ``${…}``, and the arguments of a program that is neither
Python nor a shell, are not checked.
"""

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from paretonas.api import Problem, TrialTemplate

_PYTHON = re.compile(r"python[\d.]*")
_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh"})


@dataclass(frozen=True, slots=True)
class Script:
    """The script or module that an interpreter runs."""

    position: int
    """The position of its word on the command line."""
    name: str
    module: bool = False
    """Whether it is a module (``python -m``) and not a file."""


def search_path(template: TrialTemplate, folder: Path) -> str:
    """The PATH on which a trial's program is found; the folder of this environment's Python comes first."""
    own = [variable.value for variable in template.env if variable.name == "PATH"]
    return os.pathsep.join([str(Path(sys.executable).parent), *own, str(folder), os.environ.get("PATH", "")])


def script(words: Sequence[str]) -> Script | None:
    """What the interpreter at the beginning of a command runs; None if that is not certain."""
    program = Path(words[0]).name
    python = _PYTHON.fullmatch(program) is not None
    if not python and program not in _SHELLS:
        return None
    position = 1
    while position < len(words):
        word = words[position]
        if "${" in word or word == "-" or (word.startswith("--") and word != "--"):
            return None
        if word == "--" or word[:1] not in {"-", "+"}:
            position += word == "--"
            return Script(position, words[position]) if position < len(words) else None
        letters = re.split("[WX]", word, maxsplit=1)[0] if python else word  # their argument follows in the same word
        if "c" in letters:  # the code itself comes next
            return None
        if python and "m" in letters:
            rest = [word.partition("m")[2], *words[position + 1 :]]
            name = next(filter(None, rest), "")
            return Script(position + rest.index(name), name, module=True) if name and "${" not in name else None
        position += 2 if word[-1] in ("WX" if python else "oO") else 1  # the next word belongs to the option
    return None


def missing(template: TrialTemplate, folder: Path, file: Path) -> Iterator[Problem]:
    """What a trial's command names, but this machine does not have.

    Args:
        template: the template of the trial.
        folder: the folder that trials run in.
        file: the experiment's file; a script that is not in the folder is looked for beside it.
    """
    words = [*template.command, *(template.args or ())]
    program = words[0]
    if "${" in program or any(v.name == "PATH" and "${" in v.value for v in template.env):
        return
    found = shutil.which(program if "/" not in program else str(folder / program), path=search_path(template, folder))
    if found is None:
        yield _no_program(template, folder)
        return
    run = script(words)
    if run is None:
        return
    path = _path(template, run.position)
    if run.module:
        if not _finds(run.name.partition(".")[0], template, folder, found):
            message = "is not a module that this Python finds"
            remedy = f"install it into {sys.prefix}, or set trial.workingDir to the folder that has it (it is {folder})"
            yield Problem(path, message, remedy, run.name)
    elif not (folder / run.name).exists():
        yield Problem(path, f"is not there: trials run in {folder}", _where_else(run.name, file), run.name)


def _no_program(template: TrialTemplate, folder: Path) -> Problem:
    program = template.command[0]
    path, file = "spec.trial.command[0]", folder / program
    if file.is_file():
        remedy = f"chmod +x {file}, or write what runs it before it, as in [python, {program}]"
        return Problem(path, "cannot be executed", remedy, program)
    if "/" in program:
        remedy = "correct it, or set trial.workingDir"
        return Problem(path, f"is not there: trials run in {folder}", remedy, program)
    return Problem(path, "is not a program on the PATH", "install it, or write its path", program)


def _where_else(name: str, file: Path) -> str:
    beside = file.resolve().parent
    if not Path(name).is_absolute() and (beside / name).exists():
        return f"it is beside the file: set trial.workingDir to ., or start the run in {beside}"
    return "correct it, set trial.workingDir, or start the run in the folder that has it"


def _path(template: TrialTemplate, position: int) -> str:
    arguments = position - len(template.command)
    return f"spec.trial.command[{position}]" if arguments < 0 else f"spec.trial.args[{arguments}]"


def _finds(module: str, template: TrialTemplate, folder: Path, python: str) -> bool:
    """Whether the interpreter finds a module; True if that is not certain."""
    own = [variable.value for variable in template.env if variable.name == "PYTHONPATH"]
    if Path(python).parent != Path(sys.executable).parent or any("${" in text for text in own):
        return True
    roots = [folder, *(folder / part for text in own for part in text.split(os.pathsep))]
    if any((root / module).exists() or (root / f"{module}.py").exists() for root in roots):
        return True
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return True
