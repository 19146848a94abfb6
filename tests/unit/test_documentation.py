"""What the documentation lists is what there is."""

import dataclasses
import re
from pathlib import Path

import yaml
from tests.builders import experiment

from paretonas.controller.settings import Settings
from paretonas.controller.telemetry import Telemetry
from paretonas.engine.engine import Snapshot
from paretonas.engine.verdicts import REASONS
from paretonas.jobs.appdef import RENDEZVOUS_PORT
from paretonas.jobs.overlay import AUTHORS_FIELDS

PAGE = Path("docs/kubernetes.md").read_text()


def table(first: str) -> list[list[str]]:
    """The rows of the table whose first column is called so."""
    [body] = re.findall(rf"^\| {first} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines()]


def test_the_verbs_are_those_of_the_role() -> None:
    text = Path("deploy/components/namespace/role.yaml").read_text()
    [role] = (d for d in yaml.safe_load_all(text) if d["kind"] == "Role")
    rules = [(rule["apiGroups"], rule["resources"], rule["verbs"]) for rule in role["rules"]]
    listed = [
        ([group.replace("core", "")], [resource], verbs.split(", "))
        for group, resource, verbs in table("group")
    ]
    assert listed == rules


def test_the_settings_are_those_that_are_read() -> None:
    read = {f"`PARETONAS_{field.name.upper()}`" for field in dataclasses.fields(Settings)}
    assert {name for name, _, _ in table("variable")} == read


def test_the_fields_of_an_overlay_are_those_that_may_be_set() -> None:
    assert tuple(field.strip("`") for field, _ in table("field")) == AUTHORS_FIELDS


def test_each_promise_of_the_security_page_has_its_test() -> None:
    text = Path("docs/security.md").read_text()
    named = re.findall(r"`(tests/[^`]+)`", text)
    assert len(named) > 20
    for name in named:
        path, _, function = name.partition("::")
        assert Path(path).exists(), name
        assert not function or f"def {function}(" in Path(path).read_text(), name


def test_the_metrics_are_those_of_prometheus() -> None:
    telemetry = Telemetry()
    telemetry.snapshot(("team", "nas"), Snapshot(experiment(), ()))
    exposed = re.findall(
        r"^# TYPE (\S+) (?:counter|gauge|histogram)$", telemetry.exposition().decode(), re.MULTILINE
    )
    assert {name.strip("`") for name, _ in table("metric")} == {
        n for n in exposed if not n.endswith("_created")
    }


def test_every_reason_that_an_attempt_can_end_with_is_explained() -> None:
    assert {name.strip("`") for names, _ in table("reason") for name in names.split(", ")} == set(REASONS)


def test_the_port_at_which_replicas_meet_is_the_one_that_is_used() -> None:
    assert f"port {RENDEZVOUS_PORT} " in PAGE
