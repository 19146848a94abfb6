"""The operator's pod: what it may do, what it answers."""

from pathlib import Path
from typing import Any

import yaml
from tests.cluster.conftest import Start
from tests.cluster.kubectl import Kubectl, eventually
from tests.cluster.quick import quick

ACCOUNT = "system:serviceaccount:paretonas:paretonas-operator"


def granted(nas: Kubectl) -> set[tuple[str, frozenset[str]]]:
    """Resource and verbs that the operator's account has beyond what every account has."""

    def listed(who: str) -> set[tuple[str, frozenset[str]]]:
        lines = nas(
            "auth",
            "can-i",
            "--list",
            f"--as={who}",
            "--as-group=system:serviceaccounts",
            "--as-group=system:authenticated",
        ).splitlines()[1:]
        return {(line.split()[0], frozenset(line[line.rindex("[") + 1 : line.rindex("]")].split())) for line in lines}

    return listed(ACCOUNT) - listed("system:serviceaccount:paretonas:nobody")


def written(rules: list[dict[str, Any]]) -> set[tuple[str, frozenset[str]]]:
    """The rules as `kubectl auth can-i --list` prints them: resource.group/subresource."""

    def named(resource: str, group: str) -> str:
        plural, slash, part = resource.partition("/")
        return plural + (f".{group}" if group else "") + slash + part

    return {
        (named(resource, group), frozenset(rule["verbs"]))
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def test_the_operators_account_may_do_what_the_role_says_and_nothing_else(nas: Kubectl):
    text = Path("deploy/components/namespace/role.yaml").read_text()
    role = next(d for d in yaml.safe_load_all(text) if d["kind"] == "Role")
    assert granted(nas) == written(role["rules"])
    text = str(sorted(granted(nas), key=str))
    assert "*" not in text
    assert "secrets" not in text


def test_the_operators_pod_is_restricted_and_read_only(nas: Kubectl):
    namespace = nas.get("namespace", nas.namespace)
    assert namespace is not None
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    [pod] = nas.list("pods", "app.kubernetes.io/component=operator")
    container = pod["spec"]["containers"][0]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert pod["spec"]["serviceAccountName"] == "paretonas-operator"
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0, (
        "it has been killed by its probes or by its own doing"
    )


def test_probes_and_metrics_are_served(nas: Kubectl, start: Start):
    name = start(quick("measured", maxTrials=2))
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    [pod] = nas.list("pods", "app.kubernetes.io/component=operator")
    proxy = f"/api/v1/namespaces/{nas.namespace}/pods/{pod['metadata']['name']}:8080/proxy"
    assert nas("get", "--raw", f"{proxy}/healthz") == "passes are made"
    assert nas("get", "--raw", f"{proxy}/readyz") == "everything is listed"

    def metrics() -> str:
        return nas("get", "--raw", f"{proxy}/metrics")

    labels = f'experiment="{name}",namespace="{nas.namespace}"'
    eventually(lambda: f'paretonas_trials{{{labels},state="succeeded"}} 2.0' in metrics(), "the trials are counted")
    text = metrics()
    for metric in (
        "paretonas_pass_seconds_count",
        "paretonas_pass_errors_total",
        "paretonas_suggestion_seconds_count",
    ):
        assert f"\n{metric} " in text
    assert f"paretonas_hypervolume{{{labels}}}" in text
    assert f"paretonas_pareto_set_size{{{labels}}}" in text
