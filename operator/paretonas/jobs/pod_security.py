"""Checks a pod template against the Pod Security Standards. Pure.

The operator creates pods for everyone who may create a NASExperiment, even if they may not create pods. The namespace's
own admission decides in the end; this check comes first, and also protects a namespace that enforces nothing.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/ (of Kubernetes 1.34).
"""

from collections.abc import Iterator, Mapping, Set
from typing import Any, Literal, get_args

from paretonas.api.validation import Location

Level = Literal["restricted", "baseline", "privileged"]
LEVELS: tuple[Level, ...] = get_args(Level)

RESTRICTED_POD = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
RESTRICTED_CONTAINER = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
"""The requirements of the Pod Security Standard `restricted`; `podOverlay` can change them if the operator allows."""

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
"""The kinds of volumes that `restricted` allows."""

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
"""The capabilities that `baseline` allows."""

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
_PROFILES = frozenset({"RuntimeDefault", "Localhost"})
"""The profiles of seccomp and AppArmor that are allowed."""

_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
"""The prefix of an annotation for each container, which is used if the security context sets no profile."""

_HANDLERS = (
    ("livenessProbe",),
    ("readinessProbe",),
    ("startupProbe",),
    ("lifecycle", "postStart"),
    ("lifecycle", "preStop"),
)
"""Requests that the kubelet makes from the node: with another host, they would come from the node's address."""

_SELINUX = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})

Found = Iterator[tuple[Location, Any]]
"""The violating fields of a pod template, with their values."""


def violations(template: Mapping[str, Any], level: Level) -> dict[Location, Any]:
    """The fields of a pod template, of the right shape, that a level does not allow, with their values."""
    if level == "privileged":
        return {}
    spec = template["spec"]
    found = [*_annotations(template), *_baseline(spec)]
    if level == "restricted":
        found += _restricted(spec)
    return dict(found)


def _annotations(template: Mapping[str, Any]) -> Found:
    for name, value in _at(template, "metadata", "annotations").items():
        harmless = value in {"", "runtime/default"} or value.startswith("localhost/")
        if name.startswith(_APPARMOR) and not harmless:
            yield ("metadata", "annotations", name), value


def _baseline(spec: Mapping[str, Any]) -> Found:
    for name in _HOST:
        if spec.get(name):
            yield ("spec", name), spec[name]
    for place, volume in _items(spec, "volumes"):
        if "hostPath" in volume:
            yield (*place, "hostPath"), _at(volume, "hostPath").get("path")
    for place, context in _contexts(spec):
        yield from (((*place, *field), value) for field, value in _context_baseline(context))
    for place, container in _containers(spec):
        for position, port in enumerate(container.get("ports", ())):
            if port.get("hostPort"):
                yield (*place, "ports", position, "hostPort"), port["hostPort"]
        for path in _HANDLERS:
            for kind in ("httpGet", "tcpSocket"):
                if host := _at(container, *path, kind).get("host"):
                    yield (*place, *path, kind, "host"), host


def _context_baseline(context: Mapping[str, Any]) -> Found:
    if context.get("privileged"):
        yield ("privileged",), True
    if context.get("procMount", "Default") != "Default":
        yield ("procMount",), context["procMount"]
    if _at(context, "windowsOptions").get("hostProcess"):
        yield ("windowsOptions", "hostProcess"), True
    for kind in ("seccompProfile", "appArmorProfile"):
        if kind in context and context[kind].get("type") not in _PROFILES:
            yield (kind, "type"), context[kind].get("type")
    selinux = _at(context, "seLinuxOptions")
    if selinux.get("type", "") not in _SELINUX:
        yield ("seLinuxOptions", "type"), selinux["type"]
    for field in ("user", "role"):
        if selinux.get(field):
            yield ("seLinuxOptions", field), selinux[field]
    yield from _added(context, _CAPABILITIES)
    for position, setting in enumerate(context.get("sysctls", ())):
        if setting.get("name") not in _SYSCTLS:
            yield ("sysctls", position, "name"), setting.get("name")


def _restricted(spec: Mapping[str, Any]) -> Found:
    for place, volume in _items(spec, "volumes"):
        for kind in volume.keys() - {"name", "hostPath"} - _VOLUMES:
            yield (*place, kind), kind
    pod, at_pod = _at(spec, "securityContext"), ("spec", "securityContext")
    for place, context in _contexts(spec):
        if context.get("runAsUser") == 0:
            yield (*place, "runAsUser"), 0
        if context.get("runAsNonRoot") is False:
            yield (*place, "runAsNonRoot"), False
    for place, container in _containers(spec):
        context, at = _at(container, "securityContext"), (*place, "securityContext")
        if "runAsNonRoot" not in context and not pod.get("runAsNonRoot"):
            yield (*at_pod, "runAsNonRoot"), pod.get("runAsNonRoot")
        if "seccompProfile" not in context and "seccompProfile" not in pod:
            yield (*at_pod, "seccompProfile"), None
        if context.get("allowPrivilegeEscalation") is not False:
            yield (*at, "allowPrivilegeEscalation"), context.get("allowPrivilegeEscalation")
        if "ALL" not in _at(context, "capabilities").get("drop", ()):
            yield (*at, "capabilities", "drop"), ", ".join(_at(context, "capabilities").get("drop", ()))
        yield from (((*at, *field), value) for field, value in _added(context, {"NET_BIND_SERVICE"}))


def _added(context: Mapping[str, Any], allowed: Set[str]) -> Found:
    if more := set(_at(context, "capabilities").get("add", ())) - allowed:
        yield ("capabilities", "add"), ", ".join(sorted(more))


def _contexts(spec: Mapping[str, Any]) -> Iterator[tuple[Location, Mapping[str, Any]]]:
    """The security contexts of the pod and of its containers."""
    yield ("spec", "securityContext"), _at(spec, "securityContext")
    for place, container in _containers(spec):
        yield (*place, "securityContext"), _at(container, "securityContext")


def _containers(spec: Mapping[str, Any]) -> Iterator[tuple[Location, Mapping[str, Any]]]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        yield from _items(spec, kind)


def _items(spec: Mapping[str, Any], field: str) -> Iterator[tuple[Location, Mapping[str, Any]]]:
    for position, item in enumerate(spec.get(field, ())):
        yield ("spec", field, position), item


def _at(value: Mapping[str, Any], *fields: str) -> Mapping[str, Any]:
    """A nested mapping; an empty one if it is absent."""
    for field in fields:
        value = value.get(field, {})
    return value
