"""The three kinds of resources that are read and written, and the calls for them."""

from dataclasses import dataclass
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

NOT_FOUND, CONFLICT = 404, 409


@dataclass(frozen=True, slots=True)
class Kind:
    """A custom resource's place in the API."""

    group: str
    version: str
    plural: str


EXPERIMENTS = Kind("paretonas.io", "v1alpha1", "nasexperiments")
TRIALS = Kind("paretonas.io", "v1alpha1", "nastrials")
VOLCANO_JOBS = Kind("batch.volcano.sh", "v1alpha1", "jobs")


class Resources:
    """Calls for custom resources, with one policy for what is there already or gone already."""

    TIMEOUT = 30.0
    """Seconds for one request: a pass must not hang on a dead connection."""

    def __init__(self, api: client.ApiClient) -> None:
        self._custom = client.CustomObjectsApi(api)

    def list(self, kind: Kind, namespace: str | None, selector: str = "") -> tuple[list[dict[str, Any]], int]:
        """All resources of a kind in a namespace, or everywhere, and the version of the listing."""
        if namespace:
            answer: Any = self._custom.list_namespaced_custom_object(
                kind.group,
                kind.version,
                namespace,
                kind.plural,
                label_selector=selector,
                _request_timeout=self.TIMEOUT,
            )
        else:
            answer = self._custom.list_cluster_custom_object(
                kind.group, kind.version, kind.plural, label_selector=selector, _request_timeout=self.TIMEOUT
            )
        return answer["items"], int(answer["metadata"]["resourceVersion"])

    def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
        """A resource, or None."""
        try:
            body: Any = self._custom.get_namespaced_custom_object(
                kind.group, kind.version, namespace, kind.plural, name, _request_timeout=self.TIMEOUT
            )
        except ApiException as error:
            if error.status == NOT_FOUND:
                return None
            raise
        return dict(body)

    def create(self, kind: Kind, namespace: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """The created resource; None when there is one of this name."""
        try:
            created: Any = self._custom.create_namespaced_custom_object(
                kind.group, kind.version, namespace, kind.plural, body, _request_timeout=self.TIMEOUT
            )
        except ApiException as error:
            if error.status == CONFLICT:
                return None
            raise
        return dict(created)

    def replace_status(self, kind: Kind, body: dict[str, Any]) -> dict[str, Any]:
        """Write a status in the place of the version that ``body`` is. Raises ApiException 409 when it has moved on."""
        metadata = body["metadata"]
        written: Any = self._custom.replace_namespaced_custom_object_status(
            kind.group,
            kind.version,
            metadata["namespace"],
            kind.plural,
            metadata["name"],
            body,
            _request_timeout=self.TIMEOUT,
        )
        return dict(written)
