"""What a trial waits for is in its message, and in a condition of its experiment when none of its trials starts."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.cluster.conftest import Start
from tests.cluster.kubectl import Kubectl, condition, eventually
from tests.cluster.quick import of, quick
from tests.cluster.test_experiments import events

QUEUE = "narrow"

MINUTES = 60.0


@pytest.fixture
def narrow(nas: Kubectl) -> Iterator[None]:
    """A queue that admits a tenth of a core."""
    widen(nas, "100m")
    yield
    nas("delete", f"queue.scheduling.volcano.sh/{QUEUE}", "--ignore-not-found", "--wait=false")


def widen(nas: Kubectl, cpu: str) -> None:
    nas.apply(
        {
            "apiVersion": "scheduling.volcano.sh/v1beta1",
            "kind": "Queue",
            "metadata": {"name": QUEUE},
            "spec": {"weight": 1, "capability": {"cpu": cpu}},
        }
    )


def messages(nas: Kubectl, name: str) -> list[str]:
    return [t.get("status", {}).get("message", "") for t in nas.list("nastrials", of(name))]


def progressing(nas: Kubectl, name: str) -> dict[str, str]:
    return condition(nas.get("nasexperiment", name) or {}, "Progressing")


@pytest.mark.usefixtures("narrow")
def test_a_queue_that_is_too_narrow_is_named_by_trials_and_experiment_until_it_is_wider(nas: Kubectl, start: Start):
    trial = {"queue": QUEUE, "resources": {"cpu": "300m", "memory": "64Mi"}}
    name = start(quick("queued", maxTrials=2, parallelism=2, seconds=20, trial=trial))
    reason = f"waits in queue {QUEUE}: queue resource quota insufficient: insufficient cpu"
    eventually(lambda: messages(nas, name)[:2] == [reason] * 2, "both trials name the reason")
    assert nas("get", "nastrials", "-l", of(name)).count(reason) == 2
    assert nas.plugin("trials", name).count(reason) == 2
    assert progressing(nas, name)["status"] == "True", "not for the first minute"
    eventually(lambda: progressing(nas, name)["reason"] == "TrialsWaiting", "the experiment tells it", 3 * MINUTES)
    assert f"{name}-0, {name}-1: {reason}" in progressing(nas, name)["message"]
    assert reason in nas("get", "nasexperiment", name, "-o", "wide")
    assert "TrialsWaiting" in [event["reason"] for event in events(nas, name)]
    widen(nas, "2")
    eventually(
        lambda: progressing(nas, name)["status"] == "True", "it tells it no more, once a trial runs", 3 * MINUTES
    )
    assert progressing(nas, name)["message"] == ""
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    assert messages(nas, name) == ["", ""]


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "cluster": (
        {"resources": {"cpu": "600", "memory": "64Mi"}},
        "waits in queue default: resource in cluster is overused: overused cpu",
    ),
    "node": ({"podOverlay": {"spec": {"nodeSelector": {"disk": "holographic"}}}}, "Unschedulable: "),
    "mount": (
        {
            "podOverlay": {
                "spec": {
                    "containers": [{"name": "trial", "volumeMounts": [{"name": "more", "mountPath": "/more"}]}],
                    "volumes": [{"name": "more", "configMap": {"name": "late"}}],
                }
            }
        },
        'configmap "late" not found',
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_trial_waits_for_is_in_its_message(nas: Kubectl, start: Start, case: str):
    trial, reason = CASES[case]
    name = start(quick(f"waits-{case}", maxTrials=1, parallelism=1, trial=trial))
    eventually(lambda: any(reason in message for message in messages(nas, name)), reason, 2 * MINUTES)


def millicores(text: str) -> int:
    """A quantity of processors, as in ``500m`` and ``2``."""
    return int(text.removesuffix("m")) if text.endswith("m") else 1000 * int(text)


def test_of_a_gang_of_which_one_pod_fits_the_message_is_that_of_the_other(nas: Kubectl, start: Start):
    """Volcano's plugin `overcommit` admits a fifth more than the cluster has, so that the pods are created."""
    [node] = nas.list("nodes")
    used = re.search(r"^ +cpu +(\d+m?) ", nas("describe", "node", node["metadata"]["name"]), re.MULTILINE)
    assert used
    each = int(millicores(node["status"]["allocatable"]["cpu"]) * 1.1 - millicores(used[1])) // 2
    trial = {"replicas": 2, "resources": {"cpu": f"{each}m", "memory": "64Mi"}}
    name = start(quick("half-a-gang", maxTrials=1, parallelism=1, trial=trial))
    eventually(lambda: any("Insufficient cpu" in m for m in messages(nas, name)), "the pod that does not fit")
