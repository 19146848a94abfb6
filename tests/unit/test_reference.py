"""What is generated from the CRDs is fresh, and `paretonas explain` finds every field."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from scripts.make_reference import generate

from paretonas.api.field_reference import RESOURCES, Field, UnknownField, fields_of, find_field, schema
from paretonas.cli.main import main


def every_field(fields: list[Field]) -> Iterator[Field]:
    for field in fields:
        yield field
        yield from every_field(field.children)


@pytest.mark.parametrize("path", generate(), ids=lambda path: path.name)
def test_a_generated_file_is_fresh(path: Path) -> None:
    assert path.read_text() == generate()[path], "run make reference"


@pytest.mark.parametrize("kind", RESOURCES)
def test_every_field_is_described_and_can_be_explained(kind: str) -> None:
    fields = list(every_field(fields_of(schema(kind))))
    assert len(fields) > 20
    for field in fields:
        assert field.description.strip(), field.path
        assert find_field(f"{kind}.{field.path.replace('.*', '')}") == field


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("spec.parameters.int", "spec.parameters[].int"),
        ("spec.parameters[].int.step", "spec.parameters[].int.step"),
        ("trial.resources", "spec.trial.resources.*"),
        ("nasexperiment.status.conditions.reason", "status.conditions[].reason"),
        ("NASTrial.spec.origin", "spec.origin"),
        ("spec.failurePolicy.maxFailureRatio.", "spec.failurePolicy.maxFailureRatio"),
    ],
)
def test_a_path_is_found_as_people_write_it(path: str, found: str) -> None:
    assert find_field(path).path == found


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("spec.paralelism", "spec has no field 'paralelism'; did you mean 'parallelism'?"),
        (
            "spec.objectives.metric.name",
            "spec.objectives[].metric has no field 'name'; it has no fields below it",
        ),
        ("nastrial.metrics", "there is no field 'metrics'; known: apiVersion, kind, metadata, spec, status"),
    ],
)
def test_an_unknown_field_names_the_known_ones(path: str, message: str) -> None:
    with pytest.raises(UnknownField, match="no field") as error:
        find_field(path)
    assert str(error.value) == message


def test_explain_fits_a_narrow_terminal() -> None:
    result = CliRunner().invoke(main, ["explain", "spec.parameters.float"], env={"COLUMNS": "40"})
    assert result.exit_code == 0
    assert max(map(len, result.output.splitlines())) <= 40
    assert "step  (number; more than 0)" in result.output


def test_explain_without_a_field_shows_the_top() -> None:
    result = CliRunner().invoke(main, ["explain"])
    assert [line.split()[0] for line in result.output.splitlines() if line.startswith("  ") and "(" in line] == [
        *("apiVersion", "kind", "metadata", "spec", "status")
    ]


def test_explain_of_an_unknown_field_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["explain", "spec.trail"])
    assert result.exit_code == 2
    assert "did you mean 'trial'?" in result.output


@pytest.mark.parametrize("path", sorted(Path("examples").glob("*.yaml")), ids=lambda path: path.name)
def test_an_editor_knows_the_schema_of_an_example(path: Path) -> None:
    [line] = [line for line in path.read_text().splitlines() if line.startswith("# yaml-language-server: $schema=")]
    assert (path.parent / line.partition("=")[2]).is_file()
    known = schema("nasexperiment")["properties"]["spec"]["properties"]
    assert set(yaml.safe_load(path.read_text())["spec"]) <= set(known)
