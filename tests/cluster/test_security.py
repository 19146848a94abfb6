"""What a trial's author cannot do to others, on a cluster whose namespace enforces nothing by itself."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.cluster.conftest import Start
from tests.cluster.kubectl import Kubectl, condition, eventually
from tests.cluster.quick import PROGRAM, of, quick

LABEL = "pod-security.kubernetes.io/enforce"


@pytest.fixture
def unguarded(nas: Kubectl) -> Iterator[Kubectl]:
    """The namespace without Pod Security admission."""
    nas("label", "namespace", nas.namespace, f"{LABEL}=privileged", "--overwrite")
    yield nas
    nas("label", "namespace", nas.namespace, f"{LABEL}=restricted", "--overwrite")


@pytest.mark.parametrize(
    ("overlay", "field"),
    [
        ({"volumes": [{"name": "root", "hostPath": {"path": "/"}}]}, "volumes[0].hostPath"),
        (
            {"containers": [{"name": "trial", "securityContext": {"privileged": True}}]},
            "containers[0].securityContext.privileged",
        ),
        ({"hostNetwork": True}, "hostNetwork"),
        ({"serviceAccountName": "paretonas-operator"}, "serviceAccountName"),
    ],
)
def test_an_overlay_that_reaches_beyond_its_pod_is_refused_by_the_operator_itself(
    unguarded: Kubectl, start: Start, overlay: dict[str, Any], field: str
):
    name = start(quick("greedy", trial={"podOverlay": {"spec": overlay}}))
    unguarded.wait(f"nasexperiment/{name}", "Valid=False")
    told = condition(unguarded.get("nasexperiment", name) or {}, "Valid")["message"]
    assert told.startswith(f"spec.trial.podOverlay.spec.{field}: ")
    assert unguarded.list("nastrials,vcjob,pods", of(name)) == []


def test_a_trial_has_no_token_of_the_api_server(nas: Kubectl, start: Start):
    looks = "import os; assert not os.path.exists('/var/run/secrets/kubernetes.io'), 'a token'\n"
    name = start(
        quick("tokenless", maxTrials=1, parallelism=1, trial={"command": ["python", "-c", looks + PROGRAM]})
    )
    nas.wait(f"nasexperiment/{name}", "Succeeded")


def test_a_trial_that_puts_a_link_in_the_place_of_its_logs_gets_no_result(nas: Kubectl, start: Start):
    """To where only the operator can read: its own token."""
    links = "\n".join(
        [
            "import os, sys",
            "folder = sys.argv[3]",
            "os.makedirs(os.path.dirname(folder))",
            "os.symlink('/var/run/secrets', folder)",
        ]
    )
    name = start(
        quick(
            "linked",
            maxTrials=1,
            parallelism=1,
            failurePolicy={"retries": 0},
            trial={"command": ["python", "-c", links]},
        )
    )
    nas.wait(f"nasexperiment/{name}", "Succeeded=False")
    [trial] = nas.list("nastrials", of(name))
    assert trial["status"]["state"] == "Failed"
    assert "is a symbolic link, which is not followed" in trial["status"]["message"]


def test_metrics_show_no_parameter(nas: Kubectl, start: Start):
    name = start(
        quick(
            "private",
            maxTrials=1,
            parallelism=1,
            parameters=[{"name": "x", "float": {"min": 0.123454321, "max": 0.123454322}}],
        )
    )
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    [pod] = nas.list("pods", "app.kubernetes.io/component=operator")
    path = f"/api/v1/namespaces/{nas.namespace}/pods/{pod['metadata']['name']}:8080/proxy/metrics"
    text = eventually(lambda: name in (found := nas("get", "--raw", path)) and found, "its metrics")
    assert "0.1234" not in text
