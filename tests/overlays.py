"""Pod overlays of all kinds, for Hypothesis: with what the Pod Security Standards speak of, and with nonsense."""

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

_FLAGS = st.booleans()
_HOSTS = st.sampled_from(["", "169.254.169.254", "db"])
_PORTS = st.sampled_from([80, 9000, "http"])


def _some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with some of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


def _always(fields: dict[str, Any], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with these fields, and with some of the others."""
    return st.fixed_dictionaries({name: st.just(value) for name, value in fields.items()}, optional=more)


_PROFILES = st.sampled_from(
    [
        {"type": "RuntimeDefault"},
        {"type": "Unconfined"},
        {"type": "Localhost", "localhostProfile": "profiles/mine.json"},
    ]
)
_SELINUX = _some(
    type=st.sampled_from(["", "container_t", "container_engine_t", "spc_t"]),
    user=st.sampled_from(["", "system_u"]),
    role=st.sampled_from(["", "object_r"]),
    level=st.just("s0:c1"),
)
_USERS = st.sampled_from([0, 1, 1000])
_SHARED = {
    "runAsUser": _USERS,
    "runAsGroup": _USERS,
    "runAsNonRoot": _FLAGS,
    "seccompProfile": _PROFILES,
    "appArmorProfile": _PROFILES,
    "seLinuxOptions": _SELINUX,
}
_CAPABILITIES = _some(
    add=st.lists(st.sampled_from(["NET_BIND_SERVICE", "CHOWN", "SYS_ADMIN"]), max_size=2),
    drop=st.lists(st.sampled_from(["ALL", "NET_RAW", "all"]), max_size=2),
)
_CONTEXT = st.none() | _some(
    **_SHARED,
    allowPrivilegeEscalation=st.sampled_from([False, False, True, None]),
    privileged=st.sampled_from([False, False, True]),
    procMount=st.sampled_from(["Default", "Unmasked"]),
    capabilities=st.none() | _CAPABILITIES,
    readOnlyRootFilesystem=_FLAGS,
)
_POD_CONTEXT = st.none() | _some(
    **_SHARED,
    fsGroup=_USERS,
    sysctls=st.lists(
        st.sampled_from(
            [
                {"name": "net.ipv4.tcp_rmem", "value": "4096"},
                {"name": "kernel.shm_rmid_forced", "value": "1"},
                {"name": "kernel.msgmax", "value": "65536"},
                {"name": "net.core.somaxconn", "value": "1"},
            ]
        ),
        max_size=1,
    ),
)
_HANDLER = (
    st.builds(lambda host, port: {"httpGet": {"host": host, "port": port, "path": "/"}}, _HOSTS, _PORTS)
    | st.builds(lambda host, port: {"tcpSocket": {"host": host, "port": port}}, _HOSTS, _PORTS)
    | st.just({"exec": {"command": ["true"]}})
)
_CONTAINER = {
    "securityContext": _CONTEXT,
    "livenessProbe": _HANDLER,
    "readinessProbe": _HANDLER,
    "startupProbe": _HANDLER,
    "lifecycle": _some(postStart=_HANDLER, preStop=_HANDLER),
    "ports": st.lists(_always({"containerPort": 80}, hostPort=st.sampled_from([0, 80])), min_size=1, max_size=1),
    "env": st.just([{"name": "LEVEL", "value": "$(HOME)"}]),
    "tty": _FLAGS,
}
_BESIDE = _always({"name": "beside", "image": "helper:1"}, **_CONTAINER)
_TRIAL = _always({"name": "trial"}, **_CONTAINER)
_FIRST = _always(
    {"name": "first", "image": "helper:1"}, securityContext=_CONTEXT, env=_CONTAINER["env"]
)  # one that starts before the trial may have no probes
_SOURCES: list[dict[str, Any]] = [
    {"emptyDir": {}},
    {"configMap": {"name": "settings"}},
    {"secret": {"secretName": "keys"}},
    {"persistentVolumeClaim": {"claimName": "datasets"}},
    {"hostPath": {"path": "/etc"}},
    {"nfs": {"server": "files", "path": "/"}},
    {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
    {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
    {"csi": {"driver": "csi.example.com"}},
    {"iscsi": {"targetPortal": "files:3260", "iqn": "iqn.2026-01.com.example:a", "lun": 0}},
    {"fc": {"targetWWNs": ["500a0982991b8dc5"], "lun": 0}},
    {"gitRepo": {"repository": "https://example.com/a.git"}},
    {},
]
_VOLUMES = st.lists(st.sampled_from(_SOURCES), max_size=2).map(
    lambda found: [{"name": f"more-{i}", **source} for i, source in enumerate(found)]
)
_SPEC = _some(
    securityContext=_POD_CONTEXT,
    containers=st.one_of(
        _TRIAL.map(lambda trial: [trial]),
        _BESIDE.map(lambda beside: [beside]),
        st.tuples(_BESIDE, _TRIAL).map(list),
    ),
    initContainers=_FIRST.map(lambda first: [first]),
    volumes=_VOLUMES,
    hostNetwork=st.sampled_from([False, False, False, True]),
    hostPID=st.sampled_from([False, False, False, True]),
    hostIPC=st.sampled_from([False, False, False, True]),
    nodeSelector=st.just({"zone": "b"}),
    tolerations=st.just([{"operator": "Exists"}]),
    hostname=st.just("here"),
)
_ANNOTATIONS = st.dictionaries(
    st.sampled_from(
        [
            "example.com/note",
            "container.apparmor.security.beta.kubernetes.io/trial",
            "container.apparmor.security.beta.kubernetes.io/beside",
        ]
    ),
    st.sampled_from(["", "runtime/default", "unconfined", "localhost/mine"]),
    max_size=2,
)

OVERLAYS = _some(metadata=_some(annotations=_ANNOTATIONS), spec=_SPEC)
"""Of the right shape, harmless and not."""

_WORDS = st.sampled_from(
    [
        *("metadata", "labels", "annotations", "paretonas.io/trial", "name", "trial", "x"),
        *("spec", "containers", "initContainers", "volumes", "emptyDir", "serviceAccount", "tolerations"),
        *("affinity", "nodeAffinity", "securityContext", "capabilities", "add", "drop", "sysctls"),
        *("seccompProfile", "type", "ports", "hostPort", "env", "livenessProbe", "httpGet", "host"),
        *("volumeMounts", "mountPath"),
    ]
)
_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=4)  # no document holds a NUL
_ANYTHING = st.recursive(
    st.none() | _FLAGS | st.integers() | st.floats(allow_nan=False) | _WORDS | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=12,
)


@st.composite
def _spoiled(draw: st.DrawFn) -> dict[str, Any]:
    """A good overlay with something else in the place of one of its values."""
    overlay: Any = deepcopy(draw(OVERLAYS))
    place: Any = overlay
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return overlay
        key = draw(st.sampled_from(keys))
        if not isinstance(place[key], (dict, list)) or not place[key] or draw(st.integers(0, 2)) == 0:
            place[key] = draw(_ANYTHING)
            return overlay
        place = place[key]


NONSENSE = _spoiled() | st.dictionaries(_WORDS, _ANYTHING, max_size=4)
"""What somebody may write, or want to break something with."""
