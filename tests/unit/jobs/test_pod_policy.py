"""What the pods of trials may be, whoever wrote the experiment."""

import math
from typing import Any

import pytest
from hypothesis import given
from tests import builders
from tests.overlays import NONSENSE, OVERLAYS

from paretonas.api import ExperimentSpec, Problem
from paretonas.jobs.manifest import finish_template
from paretonas.jobs.overlay import AUTHORS_FIELDS
from paretonas.jobs.pod_policy import TORCHX_TEMPLATE, Account, PodPolicy
from paretonas.jobs.pod_shape import read_shape

OVERLAY = "spec.trial.podOverlay"
OPERATOR = Account("tools", "nas-runner")


def spec(overlay: Any = None, **trial: Any) -> ExperimentSpec:
    more = {} if overlay is None else {"podOverlay": overlay}
    return builders.spec(trial={**builders.MINIMAL["trial"], **more, **trial})


def problems(overlay: Any = None, namespace: str = "team", **trial: Any) -> list[Problem]:
    return PodPolicy(operator=OPERATOR).problems(spec(overlay, **trial), namespace)


def allowing(*fields: str) -> PodPolicy:
    return PodPolicy(overlay_fields=fields)


def finished(overlay: Any, **trial: Any) -> dict[str, Any]:
    labels = {"paretonas.io/trial": "nas-3"}
    return finish_template(TORCHX_TEMPLATE, spec(overlay, **trial), read_shape(overlay)[0], labels)


# --- its account


@pytest.mark.parametrize("field", ["serviceAccount", "serviceAccountName"])
@pytest.mark.parametrize("name", ["nas-runner", "other", "", None])
def test_an_overlay_has_no_say_in_the_account(field: str, name: str | None) -> None:
    overlay = {"spec": {field: name}}
    for policy in (PodPolicy(operator=OPERATOR), allowing("spec.*"), allowing(f"spec.{field}")):
        [problem] = policy.problems(spec(overlay), "tools")
        assert problem.path == f"{OVERLAY}.spec.{field}"
        assert "spec.trial.serviceAccountName" in problem.remedy
    pod = finished(overlay, serviceAccountName="trainer")["spec"]
    assert (pod["serviceAccountName"], pod.get("serviceAccount")) == ("trainer", None)


def test_no_trial_has_the_operators_account_where_the_operator_is() -> None:
    [problem] = problems(namespace="tools", serviceAccountName="nas-runner")
    assert str(problem) == (
        'spec.trial.serviceAccountName: "nas-runner": is the operator\'s own service account; name another one'
    )
    assert problems(namespace="tools", serviceAccountName="trainer") == []
    assert problems(namespace="elsewhere", serviceAccountName="nas-runner") == [], "an account of its own"


def test_a_trial_that_names_no_account_has_the_namespaces_default_one() -> None:
    policy = PodPolicy(operator=Account("tools", "default"))
    assert [p.path for p in policy.problems(spec(), "tools")] == ["spec.trial.serviceAccountName"]
    assert policy.problems(spec(serviceAccountName="trainer"), "tools") == []


def test_a_finished_pod_is_held_against_the_account_by_both_of_its_fields() -> None:
    """As it is sent, whatever made it: TorchX, or a field that nobody knew."""
    for field in ("serviceAccount", "serviceAccountName"):
        template = finished({})
        template["spec"][field] = "nas-runner"
        [problem] = PodPolicy(operator=OPERATOR).find_violations(template, {}, "tools")
        assert problem.message == "is the operator's own service account"


@pytest.mark.parametrize("value", [True, False, None])
def test_no_trial_gets_a_token_by_itself(value: bool | None) -> None:
    overlay = {"spec": {"automountServiceAccountToken": value}}
    assert [p.path for p in allowing("spec.*").problems(spec(overlay), "team")] == [
        f"{OVERLAY}.spec.automountServiceAccountToken"
    ]
    template = finished(overlay)
    assert template["spec"]["automountServiceAccountToken"] is False
    template["spec"]["automountServiceAccountToken"] = value
    assert len(list(PodPolicy().find_violations(template, {}, "team"))) == (value is not False)


# --- its labels and annotations


@pytest.mark.parametrize(
    "metadata", [None, "x", [], {"labels": None}, {"labels": "x"}, {"annotations": None}, {"labels": {}}]
)
def test_our_labels_are_on_the_pod_whatever_an_overlay_has(metadata: Any) -> None:
    template = finished({"metadata": metadata})
    assert template["metadata"]["labels"] == {"paretonas.io/trial": "nas-3"}
    if metadata != {"labels": {}}:
        [problem] = problems({"metadata": metadata})
        assert problem.path.startswith(f"{OVERLAY}.metadata")
        assert problem.message == "is not a mapping"


@pytest.mark.parametrize("part", ["labels", "annotations"])
@pytest.mark.parametrize(
    "name",
    [
        "paretonas.io/experiment",
        "paretonas.io/anything",
        "app.kubernetes.io/component",
        "app.kubernetes.io/name",
        "volcano.sh/job-name",
        "scheduling.k8s.io/group-name",
        "torchx.pytorch.org/role-name",
    ],
)
def test_what_pods_are_known_by_is_reserved(part: str, name: str) -> None:
    overlay = {"metadata": {part: {name: "operator"}}}
    for policy in (PodPolicy(), allowing(f"metadata.{part}.*")):
        [problem] = policy.problems(spec(overlay), "team")
        assert problem.path == f"{OVERLAY}.metadata.{part}.{name}"
        assert problem.message == "is set by ParetoNAS itself"


def test_labels_and_annotations_are_those_that_the_operator_lists() -> None:
    overlay = {"metadata": {"labels": {"team": "a"}, "annotations": {"example.com/cost": "b"}}}
    assert [p.path for p in problems(overlay)] == [
        f"{OVERLAY}.metadata.labels.team",
        f"{OVERLAY}.metadata.annotations.example.com/cost",
    ]
    policy = allowing("metadata.labels.team", "metadata.annotations.example.com/*")
    assert policy.problems(spec(overlay), "team") == []
    longer = {"metadata": {"labels": {"team.of": "a"}, "annotations": {"example.org/cost": "b"}}}
    assert len(policy.problems(spec(longer), "team")) == 2, "a name is one part of a path, dots and all"


@pytest.mark.parametrize("field", ["finalizers", "ownerReferences", "name", "namespace"])
def test_a_pods_name_owner_and_finalizers_are_not_the_authors(field: str) -> None:
    [problem] = allowing("metadata.*").problems(spec({"metadata": {field: ["x"]}}), "team")
    assert (problem.path, problem.message) == (f"{OVERLAY}.metadata.{field}", "is not a known field")


# --- what an author may set


@pytest.mark.parametrize(
    "overlay",
    [
        {"nodeSelector": {"disk": "ssd"}},
        {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}},
        {"affinity": {}},
        {"securityContext": {"fsGroup": 65532, "runAsUser": 1000}},
        {"initContainers": [{"name": "fetch", "image": "fetch:1"}]},
        {"containers": [{"name": "trial", "tty": True}, {"name": "beside", "image": "x"}]},
        {
            "volumes": [
                {"name": "a", "emptyDir": {}},
                {"name": "b", "secret": {"secretName": "b"}},
                {"name": "c", "configMap": {"name": "c"}},
                {"name": "d", "persistentVolumeClaim": {"claimName": "d"}},
            ]
        },
    ],
    ids=str,
)
def test_what_a_program_needs_and_where_it_runs_is_the_authors(overlay: Any) -> None:
    assert problems({"spec": overlay}) == []


@pytest.mark.parametrize(
    ("overlay", "path"),
    [
        ({"nodeName": "control-plane"}, "nodeName"),
        ({"priorityClassName": "system-node-critical"}, "priorityClassName"),
        ({"priority": 2_000_000_000}, "priority"),
        ({"tolerations": [{"operator": "Exists"}]}, "tolerations"),
        ({"runtimeClassName": "kata"}, "runtimeClassName"),
        ({"schedulerName": "default-scheduler"}, "schedulerName"),
        ({"terminationGracePeriodSeconds": 10**6}, "terminationGracePeriodSeconds"),
        ({"hostNetwork": True}, "hostNetwork"),
        ({"affinity": {"podAntiAffinity": {}}}, "affinity.podAntiAffinity"),
        ({"affinity": None}, "affinity"),
        ({"volumes": [{"name": "x", "emptyDir": {}}, {"name": "y", "hostPath": {}}]}, "volumes[1].hostPath"),
        ({"volumes": [{"name": "t", "projected": {"sources": []}}]}, "volumes[0].projected"),
        ({"volumes": [{"name": "c", "csi": {"driver": "d"}}]}, "volumes[0].csi"),
        ({"volumes": [{"name": "e", "ephemeral": {}}]}, "volumes[0].ephemeral"),
        ({"resourceClaims": [{"name": "gpu"}]}, "resourceClaims"),
        ({"ephemeralContainers": [{"name": "debug"}]}, "ephemeralContainers"),
        ({"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}]}, "hostAliases"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_whatever_else_a_pod_has_is_the_operators_to_allow(overlay: Any, path: str) -> None:
    [problem] = problems({"spec": overlay})
    assert problem.path == f"{OVERLAY}.spec.{path}"
    field = path.replace("[0]", "").replace("[1]", "")
    assert problem.remedy.endswith(f"started with spec.{field} in PARETONAS_OVERLAY_FIELDS")
    allowed = PodPolicy("privileged", (*AUTHORS_FIELDS, f"spec.{field}")).problems(spec({"spec": overlay}), "team")
    assert all(p.message == "is kept for the cluster's own pods" for p in allowed)


def test_no_trial_has_a_priority_of_the_clusters_own_pods() -> None:
    for name in ("system-node-critical", "system-cluster-critical"):
        [problem] = problems(priorityClassName=name)
        assert (problem.path, problem.value) == ("spec.trial.priorityClassName", name)
        overlay = {"spec": {"priorityClassName": name}}
        [problem] = allowing("spec.priorityClassName").problems(spec(overlay), "team")
        assert problem.path == f"{OVERLAY}.spec.priorityClassName"
    assert problems(priorityClassName="systematic") == []


# --- its shape


@pytest.mark.parametrize(
    ("overlay", "path", "message"),
    [
        (
            {"spec": {"containers": [{"name": "trial", "ports": ["x"]}]}},
            "spec.containers[0].ports[0]",
            "mapping",
        ),
        (
            {"spec": {"containers": [{"name": "trial", "securityContext": {"capabilities": {"drop": 5}}}]}},
            "spec.containers[0].securityContext.capabilities.drop",
            "list",
        ),
        (
            {"spec": {"containers": [{"name": "trial", "securityContext": {"procMount": []}}]}},
            "spec.containers[0].securityContext.procMount",
            "text",
        ),
        ({"spec": {"volumes": [{"name": {}}]}}, "spec.volumes[0].name", "text"),
        ({"spec": {"initContainers": [{"image": "x"}]}}, "spec.initContainers[0].name", "required"),
        ({"spec": {"containers": {"name": "trial"}}}, "spec.containers", "list"),
        ({"spec": {"containers": None}}, "spec.containers", "list"),
        ({"spec": {"volumes": [None]}}, "spec.volumes[0]", "mapping"),
        ({"spec": {"securityContext": 7}}, "spec.securityContext", "mapping"),
        ({"spec": {"securityContext": {"sysctls": [1]}}}, "spec.securityContext.sysctls[0]", "mapping"),
        ({"spec": {"securityContext": {"runAsUser": "0"}}}, "spec.securityContext.runAsUser", "number"),
        ({"spec": {"securityContext": {"fsGroup": True}}}, "spec.securityContext.fsGroup", "number"),
        ({"spec": {"securityContext": {"fsGroup": 2**63}}}, "spec.securityContext.fsGroup", "is more than"),
        ({"spec": {"nodeSelector": {"gpu": True}}}, "spec.nodeSelector.gpu", "text"),
        ({"spec": {"nodeSelector": ["gpu"]}}, "spec.nodeSelector", "mapping"),
        ({"spec": []}, "spec", "mapping"),
        ({"spec": None}, "spec", "mapping"),
        ({"spec": {"nodeSelektor": {"gpu": "yes"}}}, "spec.nodeSelektor", "not a known field"),
        ({"status": {}}, "status", "not a known field"),
        (
            {"spec": {"containers": [{"name": "trial", "livenessProbe": {"httpGet": {"port": 1.5}}}]}},
            "spec.containers[0].livenessProbe.httpGet.port",
            "neither a whole number nor a text",
        ),
        (
            {"spec": {"containers": [{"name": "trial", "env": [{"name": "A", "value": 5}]}]}},
            "spec.containers[0].env[0].value",
            "text",
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_no_pod_has_is_a_problem_with_its_field(overlay: Any, path: str, message: str) -> None:
    [problem] = problems(overlay)
    assert problem.path == f"{OVERLAY}.{path}"
    assert message in problem.message
    assert "see the documentation" not in problem.remedy


def test_of_two_items_of_one_name_none_is_taken_silently() -> None:
    twice = [{"name": "trial", "tty": True}, {"name": "trial", "stdin": True}]
    [problem] = problems({"spec": {"containers": twice}})
    assert (problem.path, problem.value) == (f"{OVERLAY}.spec.containers[1].name", "trial")
    mounts = [{"name": "data", "mountPath": "/a"}, {"name": "data", "mountPath": "/b"}]
    assert problems({"spec": {"containers": [{"name": "trial", "volumeMounts": mounts}]}}) == []


def test_mistakes_of_every_kind_are_told_at_once() -> None:
    overlay = {"metadata": None, "spec": {"hostPID": True, "nodeSelector": {"a": 1}, "serviceAccount": "x"}}
    found = {p.path.removeprefix(f"{OVERLAY}.") for p in problems(overlay, serviceAccountName="a")}
    assert found == {"metadata", "spec.hostPID", "spec.nodeSelector.a", "spec.serviceAccount"}


@given(NONSENSE)
def test_an_overlay_of_any_shape_is_a_problem_or_a_pod_and_never_an_error(overlay: dict[str, Any]) -> None:
    for policy in (PodPolicy(), allowing("spec.*", "metadata.*")):
        for problem in policy.problems(spec(overlay), "team"):
            assert problem.path.startswith(OVERLAY)
            assert str(problem)
    template = finished(overlay)
    assert template["metadata"]["labels"]["paretonas.io/trial"] == "nas-3"
    assert template["spec"]["containers"][0]["name"] == "trial"
    assert template["spec"]["automountServiceAccountToken"] is False


@given(OVERLAYS)
def test_a_pod_that_is_good_is_found_good_again_as_it_is_sent(overlay: dict[str, Any]) -> None:
    """The check of the experiment, and that of what is sent, are of one mind."""
    policy = allowing("spec.*", "metadata.*")
    found = policy.problems(spec(overlay), "team")
    beyond = list(policy.find_violations(finished(overlay), overlay, "team"))
    assert {p.path for p in beyond} == {p.path for p in found}


@given(OVERLAYS)
def test_a_finished_pod_has_the_shape_of_a_pod_and_no_nulls(overlay: dict[str, Any]) -> None:
    template = finished(overlay)
    plain, found = read_shape(template)
    assert found == []
    assert plain == template
    assert not _nulls(template)


def _nulls(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_nulls, value.values() if isinstance(value, dict) else value))
    return value is None or (isinstance(value, float) and math.isnan(value))
