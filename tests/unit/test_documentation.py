"""What docs/kubernetes.md lists is what there is."""

import re
from pathlib import Path

import yaml
from tests.builders import experiment

from paretonas.controller.telemetry import Telemetry
from paretonas.engine.engine import Snapshot
from paretonas.engine.verdicts import REASONS
from paretonas.jobs.appdef import RENDEZVOUS_PORT

PAGE = Path("docs/kubernetes.md").read_text()


def table(first: str) -> list[list[str]]:
    """The rows of the table whose first column is called so."""
    [body] = re.findall(rf"^\| {first} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines()]


def test_the_verbs_are_those_of_the_role() -> None:
    [role] = (d for d in yaml.safe_load_all(Path("deploy/base/role.yaml").read_text()) if d["kind"] == "Role")
    rules = [(rule["apiGroups"], rule["resources"], rule["verbs"]) for rule in role["rules"]]
    listed = [
        ([group.replace("core", "")], [resource], verbs.split(", "))
        for group, resource, verbs in table("group")
    ]
    assert listed == rules


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
