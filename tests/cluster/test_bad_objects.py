"""Bad objects: refused where the API server can tell, and where one is stored all the same it costs only itself."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.cluster.conftest import RUN, Start
from tests.cluster.kubectl import Kubectl, Refused, condition, eventually
from tests.cluster.quick import IMAGE, of, quick

DEEPEST = 9_000
"""Levels; an API server takes 10,000."""


def trial(name: str, of_: str, index: int, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "paretonas.io/v1alpha1",
        "kind": "NASTrial",
        "metadata": {"name": name},
        "spec": {"experiment": of_, "index": index, "parameters": {"x": 0.5}, **spec},
    }


def with_overlay(name: str, overlay: str) -> str:
    """An experiment's document, with JSON for its overlay that Python would not write."""
    return json.dumps(quick(name, trial={"podOverlay": "OVERLAY"})).replace('"OVERLAY"', overlay)


DEEP = '{"a":' * DEEPEST + "1" + "}" * DEEPEST
LARGE = '{"a":[' + "{}," * 200_000 + "{}]}"
REFUSED = {
    "overlay-deep": (with_overlay("bad", DEEP), "has more than 500 mappings and lists"),
    "overlay-large": (with_overlay("bad", LARGE), "is larger than 64 KiB"),
    "overlay-of-many-parts": (with_overlay("bad", '{"a":[' + "[]," * 500 + "[]]}"), "more than 500 mappings"),
    "trial-with-a-list": (json.dumps(trial("b-0", "b", 0, parameters={"x": [1]})), "spec.parameters.x"),
    "trial-nested": (json.dumps(trial("b-0", "b", 0, parameters={"x": {"y": 1}})), "spec.parameters.x"),
    "trial-with-a-long-text": (
        json.dumps(trial("b-0", "b", 0, parameters={"x": "y" * 300})),
        "spec.parameters.x",
    ),
    "trial-of-an-index": (json.dumps(trial("b-2147483647", "b", 2147483647)), "spec.index"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_harm_everybody_is_refused_at_apply_with_its_field(nas: Kubectl, case: str):
    document, words = REFUSED[case]
    with pytest.raises(Refused) as refused:
        nas("create", "--validate=false", "-f", "-", stdin=document)
    assert words in str(refused.value)


@pytest.fixture
def unguarded(nas: Kubectl) -> Iterator[Kubectl]:
    """A cluster that has no such policy yet."""
    nas("delete", "validatingadmissionpolicybinding", "nasexperiments.paretonas.io")
    yield nas
    nas("delete", "nasexperiments", "stored-deep", "stored-large", "--ignore-not-found")
    nas("apply", "-k", "crds")


def test_what_is_stored_already_is_told_and_the_operator_begins_and_goes_on(unguarded: Kubectl, start: Start):
    nas = unguarded
    stored = {"stored-deep": (DEEP, "500 mappings and lists"), "stored-large": (LARGE, "larger than 64 KiB")}
    for name, (overlay, _) in stored.items():

        def create(name: str = name, overlay: str = overlay) -> bool:
            try:
                nas("create", "--validate=false", "-f", "-", stdin=with_overlay(name, overlay))
            except Refused as refused:
                if "ValidatingAdmissionPolicy" not in str(refused):
                    raise
                return False  # the API server has not noticed yet
            return True

        eventually(create, f"{name} is stored")
    nas("rollout", "restart", "deployment/paretonas-operator")
    nas("rollout", "status", "deployment/paretonas-operator", "--timeout=120s", timeout=150)
    neighbour = start(quick("neighbour", maxTrials=3))
    nas.wait(f"nasexperiment/{neighbour}", "Succeeded")
    for name, (_, words) in stored.items():
        nas.wait(f"nasexperiment/{name}", "Valid=False", 60)
        message = nas("get", "nasexperiment", name, "-o", 'jsonpath={.status.conditions[?(@.type=="Valid")].message}')
        assert words in message
    assert neighbour in nas.plugin("get"), "and a person can list them"


def test_a_bad_trial_is_infeasible_alone_and_a_strangers_name_is_passed_over(nas: Kubectl, start: Start):
    name = f"beset-{RUN}"
    bad = {
        f"{name}-0": trial(f"{name}-0", "somebody-else", 0),
        f"{name}-1": trial(f"{name}-1", name, 1, parameters={"x": {}}),
        f"{name}-2": trial(f"{name}-2", name, 2, parameters={"y" * 30_000: 1}),
        f"{name}-3": trial(f"{name}-3", name, 3, parameters={"x": 7}),
        f"other-{name}": trial(f"other-{name}", name, 4),
    }
    for document in bad.values():
        nas("create", "--validate=false", "-f", "-", stdin=json.dumps(document))
    try:
        start(quick("beset", maxTrials=2, parallelism=1, seconds=3))
        told = eventually(
            lambda: (
                (c := condition(nas.get("nasexperiment", name) or {}, "Progressing"))["message"].startswith("passed")
                and c
            ),
            "what was passed over is told",
        )
        assert f"{name}-0 (of somebody-else)" in told["message"]
        nas.wait(f"nasexperiment/{name}", "Succeeded")
        found = {t["metadata"]["name"]: t for t in json.loads(nas("get", "nastrials", "-o", "json"))["items"]}
        for one in list(bad)[1:]:
            assert found[one]["status"]["state"] == "Infeasible", one
            assert found[one]["status"]["message"], one
            assert found[one]["spec"]["parameters"] == bad[one]["spec"]["parameters"], "it is left as it was made"
        assert "status" not in found[f"{name}-0"]
        good = [t for t in nas.list("nastrials", of(name)) if t["metadata"]["name"] not in bad]
        assert sorted(t["spec"]["index"] for t in good) == [5, 6]
    finally:
        nas("delete", "nastrials", *bad, "--ignore-not-found")


def test_somebody_elses_job_of_the_name_is_told_with_its_owner_and_left_alone(nas: Kubectl, start: Start):
    name = f"taken-{RUN}"
    container = {"name": "c", "image": IMAGE, "command": ["sleep", "600"]}
    pod = {"restartPolicy": "Never", "containers": [container]}
    job = {
        "apiVersion": "batch.volcano.sh/v1alpha1",
        "kind": "Job",
        "metadata": {"name": f"{name}-0-a1"},
        "spec": {
            "schedulerName": "volcano",
            "minAvailable": 1,
            "tasks": [{"name": "t", "replicas": 1, "template": {"spec": pod}}],
        },
    }
    nas.apply(job)
    try:
        start(quick("taken", maxTrials=1, parallelism=1))
        told = eventually(
            lambda: (
                (c := condition(nas.get("nasexperiment", name) or {}, "Progressing"))["reason"] == "SubmitFailed" and c
            ),
            "the reason",
        )
        assert (
            f"cannot submit {name}-0-a1: there is a Volcano Job of that name, which belongs to nobody"
            in told["message"]
        )
        nas("patch", "nasexperiment", name, "--type=merge", "-p", '{"spec": {"stop": true}}')
        nas.wait(f"nasexperiment/{name}", "Succeeded=False", 60)
        assert nas.get("vcjob", f"{name}-0-a1") is not None, "it is not the operator's to delete"
    finally:
        nas("delete", "vcjob", f"{name}-0-a1", "--ignore-not-found")


def test_an_export_says_the_same_to_kubectl(nas: Kubectl, start: Start):
    values = ["y", "1e-4", "08", "0o17", "2026-01-31", "=1+1", "\x1b]0;x\x07", "a\u202eb", "~"]
    name = start(
        quick(
            "words",
            suspend=True,
            parameters=[{"name": "c", "choice": {"values": values}}],
            trial={"args": []},
        )
    )
    exported = nas.plugin("export", name, "-o", "yaml")
    again = json.loads(nas("create", "--dry-run=client", "-o", "json", "-f", "-", stdin=exported))
    items = again.get("items", [again])
    assert items[0]["spec"]["parameters"][0]["choice"]["values"] == values
