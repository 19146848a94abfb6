"""The schema at the API server and the operator's own validation refuse the same files.

What CEL can say is refused by `kubectl create`; the rest ends as ``Valid=False`` with the text that `paretonas
validate` prints, and no trial or job is made. tests/unit/api holds the same files against api/ alone.
"""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.conftest import Start
from tests.cluster.kubectl import Kubectl, Refused, condition, eventually
from tests.cluster.quick import of, quick

from paretonas.api import InvalidDocument, load_yaml, parse_experiment

INVALID = sorted(Path("tests/data/invalid").glob("*.yaml"))
VALID = sorted([*Path("tests/data/valid").glob("*.yaml"), *Path("examples").glob("*.yaml")])


@cache
def answers(namespace: str) -> dict[Path, str]:
    """What the API server says of every file, "" where it takes it: asked for all at once, since kubectl is slow."""

    def ask(path: Path) -> str:
        text = re.sub(r"(?<=namespace: )[-\w]+", namespace, path.read_text())  # kubectl wants it to be the one of -n
        try:
            Kubectl(namespace)("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)
        except Refused as refused:
            return str(refused)
        return ""

    with ThreadPoolExecutor(4) as pool:
        files = [*INVALID, *VALID]
        return dict(zip(files, pool.map(ask, files), strict=True))


def told(document: dict[str, Any]) -> str:
    """What `paretonas validate` says of a document; nothing when it is right."""
    try:
        parse_experiment(document)
    except InvalidDocument as invalid:
        return str(invalid)
    return ""


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_a_wrong_file_is_refused_at_apply_or_is_one_that_the_schema_cannot_tell(nas: Kubectl, path: Path):
    text, answer = path.read_text(), answers(nas.namespace)[path]
    if "# cel: no" in text:
        return  # the next test has them
    assert answer, f"{path} is taken by the API server; mend crds/, or say '# cel: no, <why>' in the file"
    places = [place for place, _ in re.findall(r"^# expect: (.+?) \| (.+)$", text, re.MULTILINE)]
    places = [re.sub(r"\[\d+\]$|(?<=resources)\..*", "", place) for place in places]
    fields = [place.rpartition(".")[2] for place in places]
    assert any(field in answer for field in [*fields, "no matches for kind"]), (
        f"the answer names none of {fields}:\n{answer}"
    )


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_right_file_is_taken_by_the_api_server(nas: Kubectl, path: Path):
    assert answers(nas.namespace)[path] == ""


@pytest.mark.parametrize(
    "path", [path for path in INVALID if "# cel: no" in path.read_text()], ids=lambda path: path.stem
)
def test_what_the_schema_cannot_tell_ends_as_not_valid_with_the_same_text_and_no_job(
    nas: Kubectl, start: Start, path: Path
):
    if answers(nas.namespace)[path]:
        return  # kubectl or the API server refuse it after all
    try:
        # how a value was typed does not reach the cluster
        document = json.loads(json.dumps(load_yaml(path.read_text())))
    except InvalidDocument:
        document = {}
    if not isinstance(document, dict) or not document or not told(document):
        return  # only its text is wrong, of which nothing reaches the cluster
    name = start(document)
    seen = eventually(
        lambda: condition(nas.get("nasexperiment", name) or {}, "Valid")["status"] and nas.get("nasexperiment", name),
        f"the operator says whether {name} is valid",
    )
    valid = condition(seen, "Valid")
    assert (valid["status"], valid["reason"]) == ("False", "Invalid")
    assert valid["message"] == told(document)
    assert nas.list("nastrials,vcjob", of(name)) == []


UNCHANGEABLE: list[dict[str, Any]] = [
    {"objectives": [{"metric": "accuracy", "goal": "Maximize", "threshold": 0.1}]},
    {"parameters": [{"name": "x", "float": {"min": 0.0, "max": 2.0}}]},
    {"parameterConstraints": ["x <= 0.5"]},
    {"outcomeConstraints": ["seconds <= 0.5"]},
    {"metrics": [{"name": "accuracy", "tag": "other"}]},
    {"search": {"seed": 1}},
    {"maxTrials": 3},
]


@pytest.mark.parametrize("change", UNCHANGEABLE, ids=lambda change: next(iter(change)))
def test_what_would_make_the_history_wrong_cannot_be_changed(nas: Kubectl, start: Start, change: dict[str, Any]):
    name = start(quick("history", suspend=True, maxTrials=4))
    with pytest.raises(Refused) as refused:
        nas("patch", "nasexperiment", name, "--type=merge", "-p", json.dumps({"spec": change}))
    assert next(iter(change)) in str(refused.value)
    assert "Invalid value" in str(refused.value)


def test_the_budget_can_be_changed(nas: Kubectl, start: Start):
    name = start(quick("budget", suspend=True))
    change = {"maxTrials": 5, "parallelism": 3, "activeDeadlineSeconds": 600, "suspend": True}
    nas("patch", "nasexperiment", name, "--type=merge", "-p", json.dumps({"spec": change}))


def test_the_point_of_a_trial_cannot_be_changed(nas: Kubectl, start: Start):
    name = start(quick("record", maxTrials=1, parallelism=1))
    trial = eventually(lambda: nas.list("nastrials", of(name)), "a trial")[0]
    with pytest.raises(Refused, match="it is the record of what was asked"):
        nas(
            "patch",
            "nastrial",
            trial["metadata"]["name"],
            "--type=merge",
            "-p",
            '{"spec": {"parameters": {"x": 0}}}',
        )


@pytest.mark.parametrize(
    "field",
    ["nasexperiment.spec.parameters", "nasexperiment.spec.trial.podOverlay", "nastrial.status.attempts"],
)
def test_kubectl_explain_reads_like_documentation(nas: Kubectl, field: str):
    text = nas("explain", field)
    assert "<empty>" not in text, text
