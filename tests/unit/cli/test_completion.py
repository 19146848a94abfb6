"""What the TAB key finds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from tests.unit.cli.conftest import Project

from paretonas.cli.completion import complete_for_kubectl
from paretonas.cli.kubectl import nas

Finished = tuple[Project, Result]

TAB = "from paretonas.cli.main import main; main(prog_name='paretonas')"
HEAVY = ("torch", "torchx", "ax", "numpy", "plotly", "kubernetes", "rich.live")


def tab(folder: Path, *words: str, shell: str = "bash") -> list[str]:
    """The values that a shell gets for these words, the last of which is not complete."""
    typed = {"COMP_WORDS": " ".join(["paretonas", *words]), "COMP_CWORD": str(len(words))}
    environment = {**os.environ, **typed, "_PARETONAS_COMPLETE": f"{shell}_complete"}
    command = [sys.executable, "-c", TAB]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return [line.rpartition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize("command", ["get", "trials", "pareto", "export", "report", "retry", "delete"])
def test_the_names_of_experiments_are_completed(finished: Finished, command: str) -> None:
    folder = finished[0].folder
    assert tab(folder, command, "n") == ["nas"]
    assert tab(folder, command, "x") == []


def test_the_names_of_trials_are_completed_by_number(project: Project) -> None:
    trials = project.runs / "nas" / "trials"
    trials.mkdir(parents=True)
    (trials.parent / "experiment.json").touch()
    for index in (0, 2, 10):
        (trials / f"nas-{index}.json").write_text("damaged; it is not even read")
    assert tab(project.folder, "logs", "nas-") == ["nas-0", "nas-2", "nas-10"]
    assert tab(project.folder, "logs", "nas-1") == ["nas-10"]


def test_another_runs_folder_is_looked_into(finished: Finished, tmp_path: Path) -> None:
    assert tab(tmp_path, "get", "") == []
    assert tab(tmp_path, "get", "--runs-dir", str(finished[0].runs), "") == ["nas"]


def test_commands_options_and_templates_are_completed(tmp_path: Path) -> None:
    assert tab(tmp_path, "pa") == ["pareto"]
    assert "--try-one" in tab(tmp_path, "run", "--")
    assert "mnist-nas" in tab(tmp_path, "init", "own", "--template", "")
    assert tab(tmp_path, "trials", "-o", "w") == ["wide"]


def test_a_tab_imports_nothing_heavy(finished: Finished) -> None:
    script = f"import sys, atexit\natexit.register(lambda: print([m for m in {HEAVY!r} if m in sys.modules]))\n{TAB}"
    typed = {"COMP_WORDS": "paretonas logs ", "COMP_CWORD": "2", "_PARETONAS_COMPLETE": "bash_complete"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=finished[0].folder,
        env={**os.environ, **typed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert "plain,nas-0" in done.stdout


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubectl that lists two experiments and a trial, and writes down how it was called."""
    program = tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path / "calls"}\n'
        'case "$2" in nastrials*) echo nastrial.paretonas.io/mnist-7 ;;\n'
        "*) echo nasexperiment.paretonas.io/mnist; echo nasexperiment.paretonas.io/cifar ;; esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return tmp_path / "calls"


def test_kubectl_gets_the_names_that_it_lists_itself(kubectl: Path) -> None:
    assert complete_for_kubectl(nas, ["get", ""]) == "mnist\ncifar\n:4\n"
    assert complete_for_kubectl(nas, ["logs", "-f", "mn"]) == "mnist-7\n:4\n"
    assert kubectl.read_text().splitlines() == [
        "get nasexperiments.paretonas.io -o name --request-timeout=3s",
        "get nastrials.paretonas.io -o name --request-timeout=3s",
    ]


@pytest.mark.parametrize("words", [["-n", "team", "get"], ["get", "--namespace=team"], ["get", "-n", "team"]])
def test_names_are_those_of_the_namespace_that_was_typed(kubectl: Path, words: list[str]) -> None:
    assert complete_for_kubectl(nas, [*words, ""]).startswith("mnist\n")
    assert kubectl.read_text() == "get nasexperiments.paretonas.io -o name --namespace=team --request-timeout=3s\n"


def test_kubectl_gets_commands_with_their_help(kubectl: Path) -> None:
    [line, directive] = complete_for_kubectl(nas, ["su"]).splitlines()
    assert line.startswith("suspend\tStart no more trials of the experiment")
    assert directive == ":4"
    assert not kubectl.exists(), "no cluster is asked for that"


def test_without_a_cluster_nothing_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert complete_for_kubectl(nas, ["get", ""]) == ":4\n"


def test_the_plugin_that_kubectl_calls_prints_the_completions() -> None:
    script = "from paretonas.cli.main import kubectl_completion; kubectl_completion()"
    done = subprocess.run([sys.executable, "-c", script, "par"], capture_output=True, text=True, check=True)
    assert done.stdout.partition("\t")[0] == "pareto"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_lines_that_the_readme_gives_set_the_completion_up(shell: str) -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    assert f"_PARETONAS_COMPLETE={shell}_source paretonas" in readme
    environment = {**os.environ, "_PARETONAS_COMPLETE": f"{shell}_source"}
    done = subprocess.run([sys.executable, "-c", TAB], env=environment, capture_output=True, text=True, check=True)
    assert f"_PARETONAS_COMPLETE={shell}_complete" in done.stdout
