"""The wheel in fresh environments: what each extra adds, and what is said without it."""

import json
import sys
from pathlib import Path

import pytest
from tests.local import runs
from tests.local.fresh import Environment, build_wheel, newest_python

pytestmark = pytest.mark.timeout(600)  # what is installed is fetched the first time

PYTHONS = pytest.mark.parametrize("python", sorted({Path(sys.executable), newest_python()}), ids=str)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runs folder with the finished experiment ``quick`` of four trials."""
    search = runs.Search.prepare(tmp_path_factory.mktemp("run") / "quick", runs.SEEDED, seconds="0.05", maxTrials=4)
    search.run()
    return search.folder / "runs"


@PYTHONS
def test_the_package_alone_does_everything_that_needs_no_search(
    tmp_path: Path, wheel: Path, results: Path, python: Path
) -> None:
    me = Environment.create(tmp_path / "home", python, wheel)
    assert "torch" not in me.type("paretonas --version")
    me.type("paretonas init digits")
    assert "digits is valid" in me.type("paretonas validate digits.yaml")
    assert "spec.objectives" in me.type("paretonas explain spec.objectives")

    assert "quick" in me.type(f"paretonas get --runs-dir {results}")
    assert "quick-3" in me.type(f"paretonas trials quick --runs-dir {results}")
    assert json.loads(me.type(f"paretonas pareto quick -o json --runs-dir {results}"))
    assert len(me.type(f"paretonas export quick --runs-dir {results}").splitlines()) == 1 + 4
    me.type(f"paretonas report quick --output page.html --runs-dir {results}")
    assert "Pareto set" in (me.folder / "page.html").read_text()

    assert "kubectl nas" in me.type("kubectl-nas --help")
    assert "no kubeconfig" in me.type("kubectl-nas get --kubeconfig none", code=3)  # after its client was imported


@PYTHONS
def test_a_missing_extra_costs_one_line_and_nothing_is_started(
    tmp_path: Path, wheel: Path, results: Path, python: Path
) -> None:
    me = Environment.create(tmp_path / "home", python, wheel)
    me.type("paretonas init digits")
    me.type("paretonas init mnist --template mnist-nas")
    before = sorted(me.folder.iterdir())
    for command, extras in {
        "paretonas run digits.yaml": "local",
        "paretonas run mnist.yaml": "local,trainer",
        "paretonas plan digits.yaml": "local",
        f"paretonas report quick --model --output page.html --runs-dir {results}": "local",
        "paretonas-operator": "operator",
        "python -m paretonas_trainer prepare": "trainer",
    }.items():
        said = me.type(command, code=2)
        assert said.count("\n") == 1, said
        assert f" paretonas[{extras}] (" in said
        assert "; to install it: " in said
    assert sorted(me.folder.iterdir()) == before
    said = me.type("python -c 'from paretonas.search import SearchWorker; SearchWorker()'", code=1)
    assert "MissingExtra: this needs paretonas[local]" in said


@pytest.mark.slow
def test_the_command_that_a_missing_extra_names_makes_the_run_work(tmp_path: Path, wheel: Path) -> None:
    me = Environment.create(tmp_path / "home", Path(sys.executable), wheel)
    me.type("paretonas init spirals")
    command = me.type("paretonas run spirals.yaml", code=2).partition("to install it: ")[2]
    me.type(command)
    assert {"ax", "botorch", "torch", "torchx"} <= set(me.type("paretonas --version").split())
    me.type("paretonas run spirals.yaml --max-trials 2")
    points = json.loads(me.type("paretonas export spirals -o json"))
    assert [(trial["state"], set(trial["metrics"])) for trial in points] == [
        ("Succeeded", {"num_params", "val_acc"})
    ] * 2


@pytest.mark.slow
def test_each_other_extra_brings_all_that_its_program_imports(tmp_path: Path, wheel: Path) -> None:
    operator = Environment.create(tmp_path / "operator", Path(sys.executable), wheel, "[operator]")
    assert "PARETONAS_NAMESPACES: is not set" in operator.type("paretonas-operator", code=1)
    operator.type("python -c 'import paretonas.jobs.kubernetes, paretonas.search.suggest'")
    trainer = Environment.create(tmp_path / "trainer", Path(sys.executable), wheel, "[trainer]")
    trainer.type("python -m paretonas_trainer prepare")
    trainer.type("python -c 'import paretonas_trainer.train'")
