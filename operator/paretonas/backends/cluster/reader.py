"""What the command line reads from a cluster: resources, their changes, and the output of pods."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from paretonas.api import NASExperiment, NASTrial
from paretonas.backends.cluster.connection import Connection
from paretonas.backends.cluster.errors import ClusterError, UnreachableError
from paretonas.kube.client import Resources
from paretonas.kube.kinds import ResourceKind
from paretonas.kube.labels import VOLCANO_JOB_LABEL
from paretonas.kube.metadata import key_of
from paretonas.kube.refusals import refusal_message
from paretonas.kube.status_codes import BAD_REQUEST, NOT_FOUND

if TYPE_CHECKING:
    from paretonas.backends.cluster.claim_reader import Archive

_NO_CRDS: Final = "the cluster has no NASExperiment resource: kubectl apply -k deploy/base"

_RETRY_SECONDS: Final = 2.0
"""Seconds before retrying an API server that stopped answering during a watch."""

Pod = tuple[str, str]
"""The name of a pod and of its first container, which is the trial's."""


class ClusterReader:
    """Reads with the user's account. Every method raises ClusterError."""

    def __init__(self, connection: Connection, warn: Callable[[str], None]) -> None:
        """Read through ``connection``; ``warn`` is called when a watched API server stops answering."""
        self._connection, self._warn = connection, warn
        self._resources = Resources(connection.api)

    @cached_property
    def _core(self) -> "client.CoreV1Api":
        """Created on first use: its import alone takes a second."""
        return client.CoreV1Api(self._connection.api)

    def all(
        self, kind: ResourceKind, namespace: str | None, selector: str = "", *, fields: str = ""
    ) -> list[dict[str, Any]]:
        """The resources of a kind in a namespace, or in all of them, that the selectors of labels and fields select."""
        return self._list(kind, namespace, selector, fields)[0]

    def get(self, kind: ResourceKind, namespace: str, name: str) -> dict[str, Any] | None:
        """A resource, or None."""
        with self._connection.translate_errors():
            return self._resources.get(kind, namespace, name)

    def patch(self, kind: ResourceKind, namespace: str, name: str, changes: dict[str, Any]) -> None:
        """Merge changes into a resource."""
        with self._connection.translate_errors(f"{name} has been deleted in the meantime"):
            self._resources.patch(kind, namespace, name, changes)

    def apply(self, kind: ResourceKind, namespace: str, name: str, body: dict[str, Any]) -> None:
        """Create a resource, or change it to be as given (server-side apply)."""
        with self._connection.translate_errors(_NO_CRDS):
            self._resources.apply(kind, namespace, name, body)

    def follow(
        self, kind: ResourceKind, namespace: str | None, selector: str = "", *, fields: str = ""
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the resources now and again after each change, without end."""
        seen = lost = False
        while True:
            try:
                for bodies in self._follow_once(kind, namespace, selector, fields):
                    yield bodies
                    seen, lost = True, False
            except UnreachableError as error:
                if not seen:
                    raise
                if not lost:
                    self._warn(f"{error}; trying again")
                lost = True
                time.sleep(_RETRY_SECONDS)

    def _follow_once(
        self, kind: ResourceKind, namespace: str | None, selector: str, fields: str
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield one listing, and the resources after each change that the following watch delivers."""
        items, version = self._list(kind, namespace, selector, fields)
        bodies = {key_of(body): body for body in items}
        yield list(bodies.values())
        with self._connection.translate_errors():
            for event, body in self._resources.watch(kind, namespace, version, selector, fields=fields):
                if event == "DELETED":
                    bodies.pop(key_of(body), None)
                else:
                    bodies[key_of(body)] = body
                yield list(bodies.values())

    def _list(
        self, kind: ResourceKind, namespace: str | None, selector: str, fields: str
    ) -> tuple[list[dict[str, Any]], int]:
        with self._connection.translate_errors(_NO_CRDS):
            return self._resources.list(kind, namespace, selector, fields=fields)

    @contextmanager
    def archive(
        self, namespace: str, experiment: NASExperiment, trial: NASTrial, folder: PurePosixPath
    ) -> "Iterator[Archive]":
        """A tar archive of a folder below the experiment's claim."""
        from paretonas.backends.cluster.claim_reader import open_archive  # noqa: PLC0415 # only one command needs it

        with open_archive(self._connection, namespace, experiment, trial, folder) as archive:
            yield archive

    def pods(self, namespace: str, job: str) -> list[Pod]:
        """The pods of a job, by name."""
        with self._connection.translate_errors():
            pods = self._core.list_namespaced_pod(
                namespace, label_selector=f"{VOLCANO_JOB_LABEL}={job}", _request_timeout=Resources.TIMEOUT
            )
        found: Any = self._connection.api.sanitize_for_serialization(pods)["items"]
        return sorted((pod["metadata"]["name"], pod["spec"]["containers"][0]["name"]) for pod in found)

    def log(self, namespace: str, pod: Pod, *, tail: int, follow: bool) -> Iterator[str] | None:
        """The last lines that a pod printed, and further ones with ``follow``; None if the pod is gone."""
        name, container = pod
        with self._connection.translate_errors():
            try:
                answer = self._core.read_namespaced_pod_log(
                    name, namespace, container=container, tail_lines=tail, follow=follow, _preload_content=False
                )
            except ApiException as error:
                if error.status == NOT_FOUND:
                    return None
                if error.status == BAD_REQUEST:  # its container has not started
                    where = f"see kubectl describe pod {name} -n {namespace}"
                    raise ClusterError(f"{refusal_message(error)}; {where}") from error
                raise
        return self._lines(answer)

    def _lines(self, answer: Any) -> Iterator[str]:
        with self._connection.translate_errors():
            yield from _lines(answer.stream())


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield each line as soon as it is complete."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace") for line in lines)
    if rest:
        yield rest.decode(errors="replace")
