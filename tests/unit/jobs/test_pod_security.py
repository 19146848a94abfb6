"""Which pods the Pod Security Standards forbid: the overlay that asks for them is not valid."""

from typing import Any

import pytest
from tests import builders

from paretonas.api import Problem
from paretonas.jobs.pod_policy import PodPolicy
from paretonas.jobs.pod_security import Level

EVERYTHING = ("spec.*", "metadata.annotations.*", "metadata.labels.*")
"""Fields that an author may set here: what is forbidden all the same is so by the standards."""


def problems(overlay: Any, level: Level = "restricted") -> list[Problem]:
    trial = {**builders.MINIMAL["trial"], "podOverlay": overlay}
    return PodPolicy(level, EVERYTHING).problems(builders.spec(trial=trial), "team")


def container(**fields: Any) -> dict[str, Any]:
    return {"containers": [{"name": "trial", **fields}]}


def context(**fields: Any) -> dict[str, Any]:
    return container(securityContext=fields)


def probe(kind: str, handler: str, host: str = "169.254.169.254") -> dict[str, Any]:
    return container(**{kind: {handler: {"host": host, "port": 80}}})


HARMLESS: list[Any] = [
    {},
    {"nodeSelector": {"gpu": "yes"}},
    {"tolerations": [{"operator": "Exists"}], "affinity": {}},
    {"volumes": [{"name": "shm", "emptyDir": {"medium": "Memory"}}]},
    {"securityContext": {"fsGroup": 65532, "runAsUser": 1000}},
    context(readOnlyRootFilesystem=True),
    context(capabilities={"add": ["NET_BIND_SERVICE"]}),
    container(ports=[{"containerPort": 8080}]),
    probe("livenessProbe", "httpGet", ""),
    container(readinessProbe={"exec": {"command": ["true"]}}),
    container(lifecycle={"preStop": {"httpGet": {"port": 80}}}),
    {"containers": [{"name": "beside", "image": "x"}], "initContainers": [{"name": "first", "image": "x"}]},
]
BEYOND_BASELINE: list[tuple[Any, str]] = [
    ({"hostNetwork": True}, "hostNetwork"),
    ({"hostPID": True}, "hostPID"),
    ({"hostIPC": True}, "hostIPC"),
    ({"volumes": [{"name": "root", "hostPath": {"path": "/"}}]}, "volumes[0].hostPath"),
    (context(privileged=True), "containers[0].securityContext.privileged"),
    (context(capabilities={"add": ["SYS_ADMIN"]}), "containers[0].securityContext.capabilities.add"),
    (context(procMount="Unmasked"), "containers[0].securityContext.procMount"),
    (context(seccompProfile={"type": "Unconfined"}), "containers[0].securityContext.seccompProfile.type"),
    (context(appArmorProfile={"type": "Unconfined"}), "containers[0].securityContext.appArmorProfile.type"),
    (context(seLinuxOptions={"type": "spc_t"}), "containers[0].securityContext.seLinuxOptions.type"),
    (context(seLinuxOptions={"role": "object_r"}), "containers[0].securityContext.seLinuxOptions.role"),
    (context(seccompProfile={"type": "Mine"}), "containers[0].securityContext.seccompProfile.type"),
    (
        {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
        "securityContext.sysctls[0].name",
    ),
    (
        {"securityContext": {"windowsOptions": {"hostProcess": True}}},
        "securityContext.windowsOptions.hostProcess",
    ),
    (container(ports=[{"containerPort": 1}, {"hostPort": 80}]), "containers[0].ports[1].hostPort"),
    *(
        (probe(kind, handler), f"containers[0].{kind}.{handler}.host")
        for kind in ("livenessProbe", "readinessProbe", "startupProbe")
        for handler in ("httpGet", "tcpSocket")
    ),
    *(
        (container(lifecycle={when: {how: {"host": "db"}}}), f"containers[0].lifecycle.{when}.{how}.host")
        for when in ("postStart", "preStop")
        for how in ("httpGet", "tcpSocket")
    ),
    (
        {"initContainers": [{"name": "first", "securityContext": {"privileged": True}}]},
        "initContainers[0].securityContext.privileged",
    ),
]
BEYOND_RESTRICTED: list[tuple[Any, str]] = [
    ({"volumes": [{"name": "nfs", "nfs": {"server": "x", "path": "/"}}]}, "volumes[0].nfs"),
    ({"securityContext": {"runAsNonRoot": False}}, "securityContext.runAsNonRoot"),
    ({"securityContext": {"runAsNonRoot": None}}, "securityContext.runAsNonRoot"),
    (context(runAsNonRoot=False), "containers[0].securityContext.runAsNonRoot"),
    ({"securityContext": {"runAsUser": 0}}, "securityContext.runAsUser"),
    (context(allowPrivilegeEscalation=True), "containers[0].securityContext.allowPrivilegeEscalation"),
    (context(capabilities=None), "containers[0].securityContext.capabilities.drop"),
    (context(capabilities={"add": ["CHOWN"]}), "containers[0].securityContext.capabilities.add"),
    ({"securityContext": None}, "securityContext.seccompProfile"),
    (
        {"containers": [{"name": "beside", "image": "x", "securityContext": None}, {"name": "trial"}]},
        "containers[0].securityContext.allowPrivilegeEscalation",
    ),
    (context(capabilities={"drop": ["NET_RAW"]}), "containers[0].securityContext.capabilities.drop"),
]


def paths(spec: Any, level: Level) -> list[str]:
    found = problems({"spec": spec}, level)
    return [problem.path.removeprefix("spec.trial.podOverlay.spec.") for problem in found]


@pytest.mark.parametrize("spec", HARMLESS, ids=str)
def test_what_places_a_pod_is_allowed(spec: Any) -> None:
    assert paths(spec, "restricted") == []


@pytest.mark.parametrize(("spec", "path"), BEYOND_BASELINE, ids=lambda value: str(value)[:50])
def test_what_reaches_the_node_is_refused_at_both_levels(spec: Any, path: str) -> None:
    assert path in paths(spec, "baseline")
    assert path in paths(spec, "restricted")
    assert paths(spec, "privileged") == []


@pytest.mark.parametrize(("spec", "path"), BEYOND_RESTRICTED, ids=lambda value: str(value)[:50])
def test_what_weakens_a_pod_is_refused_at_the_stricter_level(spec: Any, path: str) -> None:
    assert path in paths(spec, "restricted")
    assert paths(spec, "baseline") == []


@pytest.mark.parametrize("name", ["trial", "beside"])
def test_an_annotation_does_not_switch_apparmor_off(name: str) -> None:
    field = f"container.apparmor.security.beta.kubernetes.io/{name}"
    for value in ("", "runtime/default", "localhost/mine"):
        assert problems({"metadata": {"annotations": {field: value}}}) == []
    for value in ("unconfined", "localhost", "Runtime/Default"):
        [problem] = problems({"metadata": {"annotations": {field: value}}}, "baseline")
        assert problem.path == f"spec.trial.podOverlay.metadata.annotations.{field}"


def test_a_violation_names_the_field_the_value_and_the_remedy() -> None:
    [problem] = problems({"spec": {"volumes": [{"name": "root", "hostPath": {"path": "/etc"}}]}})
    assert str(problem) == (
        'spec.trial.podOverlay.spec.volumes[0].hostPath: "/etc": is more than the pod security standard '
        "'restricted' allows; leave it out, or have the operator started with a wider PARETONAS_POD_SECURITY"
    )
