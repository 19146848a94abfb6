"""What a command names and this machine does not have."""

import sys
from pathlib import Path
from typing import Any

import pytest
from tests.builders import spec

from paretonas.jobs.program_checks import Script, missing, script


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["python", "train.py", "--x"], Script(1, "train.py")),
        (["python3.11", "-u", "-O", "sub/train.py"], Script(3, "sub/train.py")),
        (["/usr/bin/python3", "-X", "dev", "-W", "error", "t.py"], Script(5, "t.py")),
        (["python", "-Xdev", "-Wignore", "t.py"], Script(3, "t.py")),
        (["python", "-m", "pkg.train", "x"], Script(2, "pkg.train", module=True)),
        (["python", "-um", "pkg"], Script(2, "pkg", module=True)),
        (["python", "-mpkg"], Script(1, "pkg", module=True)),
        (["python", "--", "-t.py"], Script(2, "-t.py")),
        (["bash", "-e", "run.sh"], Script(2, "run.sh")),
        (["bash", "-euo", "pipefail", "run.sh"], Script(3, "run.sh")),
        (["sh", "+e", "run.sh", "-c"], Script(2, "run.sh")),
        (["python", "-c", "import train.py"], None),
        (["python", "-uc", "1"], None),
        (["bash", "-lc", "train.py"], None),
        (["python", "-"], None),
        (["python"], None),
        (["python", "-m"], None),
        (["python", "-u"], None),
        (["python", "--help-all", "x"], None),
        (["python", "-${trial.index}", "x"], None),
        (["python", "${parameters.script}"], None),
        (["python", "-m", "${parameters.module}"], None),
        (["uv", "run", "train.py"], None),
        (["torchrun", "--nproc-per-node=2", "train.py"], None),
    ],
)
def test_the_script_of_an_interpreter_is_found_where_it_can_be(words: list[str], expected: Script | None) -> None:
    assert script(words) == expected


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a script, beside one with none."""
    for name in ("code", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "code" / "train.py").write_text("")
    (tmp_path / "code" / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "code" / "tool").write_text("#!/bin/sh\n")
    (tmp_path / "code" / "tool").chmod(0o755)
    return tmp_path


def lacking(folder: Path, *command: str, file: Path | None = None, **template: Any) -> list[str]:
    """All that is missing."""
    of = spec(trial={"command": list(command), "args": [], **template})
    return [str(problem) for problem in missing(of.trial, folder, file or folder / "nas.yaml")]


@pytest.mark.parametrize(
    "command",
    [
        ["python", "train.py"],
        [sys.executable, "-u", "./train.py"],
        ["sh", "run.sh"],
        ["./tool"],
        ["tool"],
        ["python", "-m", "train"],
        ["python", "-m", "paretonas_trainer"],
        ["python", "-m", "json.tool"],
        ["python", "-c", "print('no such.py')"],
        ["sh", "-c", "no-such-program"],
        ["env", "A=b", "no-such-program"],
        ["${parameters.x}"],
    ],
)
def test_nothing_is_said_of_what_is_there_or_cannot_be_known(project: Path, command: list[str]) -> None:
    assert lacking(project / "code", *command) == []


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (
            ["python", "trian.py"],
            'spec.trial.command[1]: "trian.py": is not there: trials run in {code}; correct it, ',
        ),
        (["bash", "-e", "/no/run.sh"], 'spec.trial.command[2]: "/no/run.sh": is not there'),
        (
            ["pyhton", "train.py"],
            'spec.trial.command[0]: "pyhton": is not a program on the PATH; install it, or write',
        ),
        (["./tol"], 'spec.trial.command[0]: "./tol": is not there: trials run in {code}; correct it, or set'),
        (["/usr/bin/no such thing"], 'spec.trial.command[0]: "/usr/bin/no such thing": is not there'),
        (
            ["./train.py"],
            'spec.trial.command[0]: "./train.py": cannot be executed; chmod +x {code}/train.py, or write',
        ),
        (["run.sh"], 'spec.trial.command[0]: "run.sh": cannot be executed; chmod +x'),
        (["."], 'spec.trial.command[0]: ".": is not a program on the PATH'),
        (
            ["python", "-m", "no_such_module.x"],
            'spec.trial.command[2]: "no_such_module.x": is not a module that this',
        ),
    ],
)
def test_what_is_not_there_is_said_with_its_place(project: Path, command: list[str], expected: str) -> None:
    [line] = lacking(project / "code", *command)
    assert line.startswith(expected.format(code=project / "code"))


def test_a_script_among_the_arguments_is_said_to_be_there(project: Path) -> None:
    [line] = lacking(project / "code", "python", args=["-u", "no.py"])
    assert line.startswith('spec.trial.args[1]: "no.py": is not there')


def test_a_script_beside_the_file_is_offered_by_its_working_folder(project: Path) -> None:
    [line] = lacking(project / "elsewhere", "python", "train.py", file=project / "code" / "nas.yaml")
    assert f"trials run in {project}/elsewhere; it is beside the file: set trial.workingDir to ., or start" in line


def test_the_trials_own_variables_count(project: Path) -> None:
    path = [{"name": "PATH", "value": str(project / "code")}]
    assert lacking(project / "elsewhere", "tool", env=path) == []
    assert lacking(project / "elsewhere", "tool", env=[{"name": "PATH", "value": "/${trial.name}"}]) == []
    assert lacking(project / "elsewhere", "tool")
    path = [{"name": "PYTHONPATH", "value": "../code"}]
    assert lacking(project / "elsewhere", "python", "-m", "train", env=path) == []
    assert lacking(project / "elsewhere", "python", "-m", "train")
