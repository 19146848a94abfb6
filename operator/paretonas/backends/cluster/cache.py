"""The resources as last seen. Watches and our own writes fill the cache; passes read it instead of the API server."""

import threading
from collections.abc import Iterable

from paretonas.kube.metadata import Body, ResourceKey, is_owned_by, key_of, owners_of, version_of


class Cache:
    """Resources of one kind by namespace and name; the newest version of each is kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bodies: dict[ResourceKey, Body] = {}
        self._gone: dict[ResourceKey, int] = {}

    def put(self, body: Body) -> bool:
        """Store a version. False if this version, a newer one or its deletion is known already."""
        key, version = key_of(body), version_of(body)
        with self._lock:
            known = self._bodies.get(key)
            if version <= self._gone.get(key, -1) or (known is not None and version <= version_of(known)):
                return False
            self._bodies[key] = body
            return True

    def remove(self, body: Body) -> None:
        """Record a deletion."""
        key, version = key_of(body), version_of(body)
        with self._lock:
            known = self._bodies.get(key)
            if known is not None and version_of(known) <= version:
                del self._bodies[key]
            self._gone[key] = max(version, self._gone.get(key, -1))

    def replace(self, bodies: Iterable[Body], version: int, namespace: str | None = None) -> set[ResourceKey]:
        """Store the listing of a namespace, or of all namespaces. Returns the keys that changed.

        A resource that the listing lacks is gone, unless it is newer than the listing.
        """
        listed = {key_of(body): body for body in bodies}
        changed = {key for key, body in listed.items() if self.put(body)}
        with self._lock:
            gone = [
                key
                for key, body in self._bodies.items()
                if namespace in {None, key[0]} and key not in listed and version_of(body) <= version
            ]
            for key in gone:
                del self._bodies[key]
            self._gone = {key: v for key, v in self._gone.items() if v > version or namespace not in {None, key[0]}}
        return changed | set(gone)

    def get(self, namespace: str, name: str) -> Body | None:
        """One resource."""
        with self._lock:
            return self._bodies.get((namespace, name))

    def all(self, namespace: str | None = None) -> list[Body]:
        """All resources, or those of a namespace."""
        with self._lock:
            return [body for (ns, _), body in self._bodies.items() if namespace in {None, ns}]


def belongs(body: Body, experiment: str, uid: str) -> bool:
    """Whether a trial belongs to this experiment, and not to a deleted one of the same name."""
    return experiment_name_of(body) == experiment and (not owners_of(body) or is_owned_by(body, uid))


def experiment_name_of(body: Body) -> str:
    """The name of the experiment in a trial's spec."""
    return str((body.get("spec") or {}).get("experiment", ""))
