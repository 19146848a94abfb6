"""What a pod overlay may ask for."""

from typing import Any

import pytest
from tests import builders

from paretonas.api import TrialTemplate
from paretonas.jobs.pod_security import Level, violations


def trial(spec: Any) -> TrialTemplate:
    return builders.spec(trial={**builders.MINIMAL["trial"], "podOverlay": {"spec": spec}}).trial


def container(**fields: Any) -> dict[str, Any]:
    return {"containers": [{"name": "trial", **fields}]}


def context(**fields: Any) -> dict[str, Any]:
    return container(securityContext=fields)


HARMLESS: list[Any] = [
    {},
    {"nodeSelector": {"gpu": "yes"}},
    {"tolerations": [{"operator": "Exists"}], "affinity": {}},
    {"volumes": [{"name": "shm", "emptyDir": {"medium": "Memory"}}]},
    {"securityContext": {"fsGroup": 65532, "runAsUser": 1000}},
    context(readOnlyRootFilesystem=True),
    context(capabilities={"add": ["NET_BIND_SERVICE"]}),
    container(ports=[{"containerPort": 8080}]),
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
    (context(seLinuxOptions={"type": "spc_t"}), "containers[0].securityContext.seLinuxOptions"),
    ({"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}, "securityContext.sysctls"),
    (
        {"securityContext": {"windowsOptions": {"hostProcess": True}}},
        "securityContext.windowsOptions.hostProcess",
    ),
    (container(ports=[{"hostPort": 80}]), "containers[0].ports"),
    (
        {"initContainers": [{"name": "first", "securityContext": {"privileged": True}}]},
        "initContainers[0].securityContext.privileged",
    ),
]
BEYOND_RESTRICTED: list[tuple[Any, str]] = [
    ({"volumes": [{"name": "nfs", "nfs": {"server": "x", "path": "/"}}]}, "volumes[0].nfs"),
    ({"securityContext": {"runAsNonRoot": False}}, "containers[0].securityContext.runAsNonRoot"),
    ({"securityContext": {"runAsUser": 0}}, "securityContext.runAsUser"),
    (context(allowPrivilegeEscalation=True), "containers[0].securityContext.allowPrivilegeEscalation"),
    (context(capabilities=None), "containers[0].securityContext.capabilities.drop"),
    (context(capabilities={"add": ["CHOWN"]}), "containers[0].securityContext.capabilities.add"),
    ({"securityContext": None}, "containers[0].securityContext.seccompProfile"),
    (
        {"containers": [{"name": "beside", "image": "x"}]},
        "containers[1].securityContext.allowPrivilegeEscalation",
    ),
]


def paths(spec: Any, level: Level) -> list[str]:
    return [
        problem.path.removeprefix("spec.trial.podOverlay.spec.") for problem in violations(trial(spec), level)
    ]


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


def test_a_violation_names_the_field_the_value_and_the_remedy() -> None:
    [problem] = violations(trial({"volumes": [{"name": "root", "hostPath": {"path": "/etc"}}]}), "restricted")
    assert str(problem) == (
        'spec.trial.podOverlay.spec.volumes[0].hostPath: "/etc": is more than the pod security standard '
        "'restricted' allows; leave it out, or have the operator started with a wider PARETONAS_POD_SECURITY"
    )


@pytest.mark.parametrize("nonsense", [[], "x", {"containers": "x"}, {"volumes": [1]}, {"securityContext": 7}])
def test_an_overlay_of_any_shape_is_looked_at_without_an_error(nonsense: Any) -> None:
    violations(trial(nonsense), "restricted")
