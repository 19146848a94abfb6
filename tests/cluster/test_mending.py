"""What is missing in the cluster is named in a condition, and the experiment goes on by itself once it is there."""

import json
from collections.abc import Callable, Iterator

import pytest
from tests.cluster.conftest import Start
from tests.cluster.kubectl import Kubectl, claim, condition, eventually
from tests.cluster.quick import of, quick

QUEUE = {
    "apiVersion": "scheduling.volcano.sh/v1beta1",
    "kind": "Queue",
    "metadata": {"name": "late"},
    "spec": {"weight": 1},
}
ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "late"}}


@pytest.fixture(autouse=True)
def tidy(nas: Kubectl) -> Iterator[None]:
    """What is made late in these tests goes with them."""
    yield
    nas(
        "delete",
        "queue.scheduling.volcano.sh/late",
        "serviceaccount/late",
        "pvc/late",
        "--ignore-not-found",
        "--wait=false",
    )


def told(nas: Kubectl, name: str) -> str:
    """Everything that the experiment and its trials say of themselves."""
    experiment = nas.get("nasexperiment", name) or {}
    trials = nas.list("nastrials", of(name))
    messages = [
        condition(experiment, "Progressing")["message"],
        *(t.get("status", {}).get("message", "") for t in trials),
    ]
    return " | ".join(filter(None, messages))


def says(nas: Kubectl, name: str, *words: str) -> Callable[[], bool]:
    return lambda: all(word in told(nas, name) for word in words)


def test_an_experiment_without_logs_is_not_valid_on_a_cluster(nas: Kubectl, start: Start):
    document = quick("no-logs")
    del document["spec"]["logs"]
    name = start(document)
    nas.wait(f"nasexperiment/{name}", "Valid=False")
    experiment = nas.get("nasexperiment", name)
    assert experiment is not None
    assert condition(experiment, "Valid")["message"].startswith("spec.logs: is required on a cluster")


def test_a_missing_queue_is_named_and_waited_for(nas: Kubectl, start: Start):
    name = start(quick("no-queue", maxTrials=1, parallelism=1, trial={"queue": "late"}))
    eventually(says(nas, name, "queue", "late"), "the queue is named")
    nas.apply(QUEUE)
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    [trial] = nas.list("nastrials", of(name))
    assert len(trial["status"]["attempts"]) == 1, "waiting is no attempt"


def test_a_missing_claim_is_named_and_waited_for(nas: Kubectl, start: Start):
    volume = {"name": "more", "persistentVolumeClaim": {"claimName": "late"}, "mountPath": "/more"}
    name = start(quick("no-claim", maxTrials=1, parallelism=1, trial={"volumes": [volume]}))
    eventually(says(nas, name, "persistentvolumeclaim", "late"), "the claim is named")
    nas.apply(claim("late"))
    nas.wait(f"nasexperiment/{name}", "Succeeded")


def test_a_missing_image_is_named(nas: Kubectl, start: Start):
    name = start(quick("no-image", maxTrials=1, parallelism=1, trial={"image": "localhost/nowhere:1"}))
    eventually(says(nas, name, "localhost/nowhere:1"), "the image is named")


def test_an_account_that_is_not_allowed_or_missing_is_named_and_waited_for(nas: Kubectl, start: Start):
    name = start(quick("no-account", maxTrials=1, parallelism=1, trial={"serviceAccountName": "late"}))
    eventually(says(nas, name, "paretonas.io/trial-accounts"), "the annotation is named that would allow it")
    nas("annotate", "namespace", nas.namespace, "paretonas.io/trial-accounts=default,late", "--overwrite")
    try:
        eventually(says(nas, name, "late"), "the account is named")
        nas.apply(ACCOUNT)
        nas.wait(f"nasexperiment/{name}", "Succeeded")
    finally:
        nas("annotate", "namespace", nas.namespace, "paretonas.io/trial-accounts-")


def test_a_pod_that_admission_refuses_is_told_in_its_words(nas: Kubectl, start: Start):
    limits = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "late"},
        "spec": {"limits": [{"type": "Container", "max": {"memory": "32Mi"}}]},
    }
    nas.apply(limits)
    try:
        name = start(quick("forbidden", maxTrials=1, parallelism=1))
        eventually(says(nas, name, "maximum memory usage", "32Mi"), "the limit is named")
    finally:
        nas("delete", "limitrange", "late")


def test_a_quota_that_is_used_up_is_named_and_waited_for(nas: Kubectl, start: Start):
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "late"},
        "spec": {"hard": {"pods": "0"}},
    }
    nas.apply(quota)
    try:
        name = start(quick("no-quota", maxTrials=1, parallelism=1))
        eventually(says(nas, name, "exceeded quota", "late"), "the quota is named")
    finally:
        nas("delete", "resourcequota", "late")
    nas.wait(f"nasexperiment/{name}", "Succeeded")


def test_a_forbidden_verb_is_named_and_waited_for(nas: Kubectl, start: Start):
    role = nas.get("role", "paretonas-operator")
    assert role is not None
    fewer = [
        {**r, "verbs": [v for v in r["verbs"] if v != "create"]} if r["resources"] == ["jobs"] else r
        for r in role["rules"]
    ]
    nas("patch", "role", "paretonas-operator", "--type=merge", "-p", json.dumps({"rules": fewer}))
    try:
        name = start(quick("no-verb", maxTrials=1, parallelism=1))
        eventually(says(nas, name, "cannot create resource", "jobs"), "verb and resource are named")
    finally:
        nas("patch", "role", "paretonas-operator", "--type=merge", "-p", json.dumps({"rules": role["rules"]}))
    nas.wait(f"nasexperiment/{name}", "Succeeded")
