"""What a pod overlay may ask for: the Pod Security Standards, checked on the pod that it makes. Pure.

An operator makes pods for whoever may create a NASExperiment, who need not be allowed to create pods. The namespace's
own admission has the last word; this is the first, also where a namespace enforces nothing.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/ (of Kubernetes 1.34).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

from paretonas.api import Problem, TrialTemplate
from paretonas.jobs.appdef import ROLE
from paretonas.jobs.manifest import RESTRICTED_CONTAINER, RESTRICTED_POD, merged

Level = Literal["restricted", "baseline", "privileged"]
LEVELS: tuple[Level, ...] = get_args(Level)

_PATH = "spec.trial.podOverlay"

_HOST = ("hostNetwork", "hostPID", "hostIPC")

_VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
"""Kinds of volumes that `restricted` allows."""

_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
"""Those that `baseline` allows."""

_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
_SELINUX = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})

Found = Iterator[tuple[str, Any]]
"""Fields below the overlay that ask for too much, with their values."""


def violations(trial: TrialTemplate, level: Level) -> list[Problem]:
    """What a trial's overlay asks for beyond a level, field by field."""
    if level == "privileged" or not trial.pod_overlay:
        return []
    base = {
        "spec": {
            "securityContext": RESTRICTED_POD,
            "containers": [{"name": ROLE, "securityContext": RESTRICTED_CONTAINER}],
        }
    }
    spec = _mapping(merged(base, trial.pod_overlay).get("spec"))
    found = [*_baseline(spec), *(_restricted(spec) if level == "restricted" else ())]
    remedy = "leave it out, or have the operator started with a wider PARETONAS_POD_SECURITY"
    message = f"is more than the pod security standard {level!r} allows"
    return [Problem(f"{_PATH}.{path}", message, remedy, value) for path, value in dict(found).items()]


def _baseline(spec: Mapping[str, Any]) -> Found:
    for name in _HOST:
        if spec.get(name):
            yield f"spec.{name}", spec[name]
    for path, volume in _items(spec, "volumes"):
        if "hostPath" in volume:
            yield f"{path}.hostPath", _mapping(volume["hostPath"]).get("path")
    for path, context in _contexts(spec):
        yield from ((f"{path}.{field}", value) for field, value in _context_baseline(context))
    for path, container in _containers(spec):
        for port in container.get("ports") or ():
            if port.get("hostPort"):
                yield f"{path}.ports", port["hostPort"]


def _context_baseline(context: Mapping[str, Any]) -> Found:
    if context.get("privileged"):
        yield "privileged", True
    if context.get("procMount") not in {None, "Default"}:
        yield "procMount", context["procMount"]
    if _mapping(context.get("windowsOptions")).get("hostProcess"):
        yield "windowsOptions.hostProcess", True
    for kind in ("seccompProfile", "appArmorProfile"):
        if _mapping(context.get(kind)).get("type") == "Unconfined":
            yield f"{kind}.type", "Unconfined"
    selinux = _mapping(context.get("seLinuxOptions"))
    if selinux.get("type", "") not in _SELINUX or selinux.get("user") or selinux.get("role"):
        yield "seLinuxOptions", str(dict(selinux))
    if added := _added(context) - _CAPABILITIES:
        yield "capabilities.add", ", ".join(sorted(added))
    for setting in context.get("sysctls") or ():
        if setting.get("name") not in _SYSCTLS:
            yield "sysctls", setting.get("name")


def _restricted(spec: Mapping[str, Any]) -> Found:
    for path, volume in _items(spec, "volumes"):
        for kind in volume.keys() - {"name", "hostPath"} - _VOLUMES:
            yield f"{path}.{kind}", kind
    pod = _mapping(spec.get("securityContext"))
    for path, context in _contexts(spec):
        if context.get("runAsUser") == 0:
            yield f"{path}.runAsUser", 0
    for path, container in _containers(spec):
        context = _mapping(container.get("securityContext"))
        if not context.get("runAsNonRoot", pod.get("runAsNonRoot")):
            yield f"{path}.securityContext.runAsNonRoot", context.get("runAsNonRoot")
        if context.get("allowPrivilegeEscalation") is not False:
            value = context.get("allowPrivilegeEscalation")
            yield f"{path}.securityContext.allowPrivilegeEscalation", value
        profile = _mapping(context.get("seccompProfile") or pod.get("seccompProfile")).get("type")
        if profile not in {"RuntimeDefault", "Localhost"}:
            yield f"{path}.securityContext.seccompProfile", profile
        capabilities = _mapping(context.get("capabilities"))
        if "ALL" not in (capabilities.get("drop") or ()):
            yield f"{path}.securityContext.capabilities.drop", str(capabilities.get("drop"))
        if added := _added(context) - {"NET_BIND_SERVICE"}:
            yield f"{path}.securityContext.capabilities.add", ", ".join(sorted(added))


def _added(context: Mapping[str, Any]) -> set[str]:
    return set(map(str, _mapping(context.get("capabilities")).get("add") or ()))


def _contexts(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The security contexts of the pod and of its containers."""
    yield "spec.securityContext", _mapping(spec.get("securityContext"))
    for path, container in _containers(spec):
        yield f"{path}.securityContext", _mapping(container.get("securityContext"))


def _containers(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        yield from _items(spec, kind)


def _items(spec: Mapping[str, Any], field: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    items = spec.get(field)
    for number, item in enumerate(items if isinstance(items, list) else ()):
        yield f"spec.{field}[{number}]", _mapping(item)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
