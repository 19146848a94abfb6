"""`paretonas init`, as somebody calls it in an empty folder."""

import ast
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from paretonas.api import load_experiment
from paretonas.cli.init import OWN_SCRIPT, templates
from paretonas.cli.main import main


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["init", *arguments])


def test_every_example_is_a_template() -> None:
    examples = Path(__file__).parents[3] / "examples"
    assert templates() == [OWN_SCRIPT, *sorted(path.stem for path in examples.glob("*.yaml"))]


@pytest.mark.parametrize("template", templates())
def test_what_a_template_creates_is_valid_and_has_the_name(template: str) -> None:
    result = init("own-one", "--template", template)
    assert result.exit_code == 0, result.output
    text = Path("own-one.yaml").read_text()
    assert load_experiment(text).name == "own-one"
    assert re.search(r"^#   .*(paretonas run|kubectl apply -f) own-one.yaml", text, re.MULTILINE)
    assert "$schema" not in text, "it would lead nowhere from here"
    assert Path("train.py").exists() == (template == OWN_SCRIPT)


def test_the_script_takes_the_parameters_of_the_file_and_logs_its_objectives() -> None:
    init("spirals")
    spec = load_experiment(Path("spirals.yaml").read_text()).spec
    texts = {node.value for node in ast.walk(ast.parse(Path("train.py").read_text())) if isinstance(node, ast.Constant)}
    assert {f"--{parameter.name}" for parameter in spec.parameters} | {"--log-dir"} <= texts
    assert {objective.metric for objective in spec.objectives} <= texts


@pytest.mark.parametrize("existing", ["spirals.yaml", "train.py"])
def test_nothing_is_overwritten(existing: str, empty: Path) -> None:
    Path(existing).write_text("mine")
    result = init("spirals")
    assert result.exit_code == 2
    assert f"{existing}: exists; move it" in result.stderr
    assert [path.name for path in empty.iterdir()] == [existing]
    assert Path(existing).read_text() == "mine"


@pytest.mark.parametrize("name", ["Spirals", "my_nas", "a" * 41, "../nas", "-x"])
def test_a_name_that_no_experiment_can_have_creates_nothing(name: str, empty: Path) -> None:
    result = init("--", name)
    assert result.exit_code == 2
    assert "name" in result.stderr
    assert not list(empty.iterdir())
