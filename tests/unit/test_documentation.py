"""What the documentation lists is what there is."""

import dataclasses
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import yaml
from tests.builders import experiment

from paretonas.controller.settings import Settings
from paretonas.controller.telemetry import Telemetry
from paretonas.engine.engine import Snapshot
from paretonas.jobs.appdef import RENDEZVOUS_PORT
from paretonas.jobs.overlay import AUTHORS_FIELDS

PAGE = Path("docs/kubernetes.md").read_text()
GLOSSARY = Path("docs/glossary.md").read_text()
TERMS = (
    *(
        "experiment",
        "objective",
        "threshold",
        "formula",
        "target",
        "stall",
        "early stopping",
        "search",
        "candidate",
        "trial",
        "attempt",
        "slot",
        "pass",
    ),
    *("output folder", "Pareto set", "front", "reference point", "hypervolume", "queue", "gang", "claim"),
)


def table(first: str) -> list[list[str]]:
    """The rows of the table whose first column is called so."""
    [body] = re.findall(rf"^\| {first} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines()]


def test_the_verbs_are_those_of_the_role() -> None:
    text = Path("deploy/components/namespace/role.yaml").read_text()
    [role] = (d for d in yaml.safe_load_all(text) if d["kind"] == "Role")
    rules = [(rule["apiGroups"], rule["resources"], rule["verbs"]) for rule in role["rules"]]
    listed = [([group.replace("core", "")], [resource], verbs.split(", ")) for group, resource, verbs in table("group")]
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
    telemetry = Telemetry(lambda: True)
    telemetry.record_snapshot(("team", "nas"), Snapshot(experiment(), ()))
    exposed = re.findall(r"^# TYPE (\S+) (?:counter|gauge|histogram)$", telemetry.exposition().decode(), re.MULTILINE)
    assert {name.strip("`") for name, _ in table("metric")} == {n for n in exposed if not n.endswith("_created")}


def test_the_port_at_which_replicas_meet_is_the_one_that_is_used() -> None:
    assert f"port {RENDEZVOUS_PORT} " in PAGE


def defined() -> list[str]:
    """The terms that the glossary has an entry for."""
    return re.findall(r"^### (.+)$", GLOSSARY, re.MULTILINE)


def linked(page: str) -> set[str]:
    """The entries of the glossary that a page of the root folder links to."""
    return {anchor.replace("-", " ") for anchor in re.findall(r"\]\(docs/glossary\.md#([^)]+)\)", page)}


def test_the_glossary_defines_each_term_once() -> None:
    assert sorted(map(str.lower, defined())) == sorted(map(str.lower, TERMS))


def test_the_readme_links_the_glossary_and_each_term_that_it_uses() -> None:
    readme = Path("README.md").read_text()
    prose = re.sub(r"^```.*?^```$|`[^`]*`|\]\([^)]*\)", "", readme, flags=re.DOTALL | re.MULTILINE)
    used = {term.lower() for term in TERMS if re.search(rf"\b{term}s?\b", prose)}
    assert "(docs/glossary.md)" in readme
    assert linked(readme) == used


def test_each_link_between_pages_leads_somewhere() -> None:
    pages = [Path("README.md"), Path("CONTRIBUTING.md"), Path("CHANGELOG.md"), *Path("docs").rglob("*.md")]
    for page in pages:
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", page.read_text()):
            there = page.parent / target if target else page
            assert there.exists(), f"{page} links {target}"
            titles = re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE) if anchor else []
            anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
            assert not anchor or anchor in anchors, f"{page} links {target}#{anchor}"


def test_make_help_lists_every_target_that_has_a_description() -> None:
    described = re.findall(r"^([^\s:]+):.*## ", Path("Makefile").read_text(), re.MULTILINE)
    shown = subprocess.run(["make", "help"], capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^  make (\S+)", shown, re.MULTILINE) == described


def test_make_help_lists_the_benchmarks_that_need_no_cluster() -> None:
    [line] = [line for line in Path("Makefile").read_text().splitlines() if line.startswith("bench-%")]
    described = list(dict.fromkeys(re.findall(r"make (bench-\w+)", Path("docs/benchmarks.md").read_text())))
    assert re.findall(r"bench-\w+", line) == described
    assert all(find_spec(f"benchmarks.{name.removeprefix('bench-')}") for name in described)


def test_the_list_of_decisions_has_each_page_under_its_title() -> None:
    pages = [page for page in sorted(Path("docs/adr").glob("*.md")) if page.name != "README.md"]
    titles = [page.read_text().partition("\n")[0] for page in pages]
    rows = [
        f"| {number} | [{name}]({page.name}) |"
        for page, title in zip(pages, titles, strict=True)
        for number, name in re.findall(r"^# (\d+)\. (.+)$", title)
    ]
    assert re.findall(r"^\| \d+ \|.*$", Path("docs/adr/README.md").read_text(), re.MULTILINE) == rows
