"""The calls to an API server: for custom resources, pods and events, each with a deadline."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from kubernetes import client, watch
from kubernetes.client.exceptions import ApiException

from paretonas.kube.kinds import EVENTS, PODS, ResourceKind
from paretonas.kube.status_codes import CONFLICT, EXPIRED, NOT_FOUND, has_status


class PatientClient(client.ApiClient):
    """A client whose requests all have a deadline, including those of TorchX."""

    def call_api(self, *args: Any, **kwargs: Any) -> Any:
        """Make a request, with a default deadline."""
        kwargs["_request_timeout"] = kwargs.get("_request_timeout") or Resources.TIMEOUT
        return super().call_api(*args, **kwargs)


class Resources:
    """Calls for resources, with one policy for those that exist already or are gone already."""

    TIMEOUT = 30.0
    """Seconds for one request, so that a pass does not hang on a dead connection."""

    WATCH_SECONDS = 300
    """Seconds after which a watch ends by itself."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api, self._custom = api, client.CustomObjectsApi(api)

    def list(
        self, kind: ResourceKind, namespace: str | None, selector: str = "", *, fields: str = "", limit: int = 0
    ) -> tuple[list[dict[str, Any]], int]:
        """The resources of a kind in a namespace or in all (at most ``limit``), and the version of the listing."""
        listing, place = self._listing(kind, namespace)
        options = {"label_selector": selector, "field_selector": fields, "_request_timeout": self.TIMEOUT}
        if limit:
            options["limit"] = limit
        if kind.group:
            answer = listing(**place, **options)
        else:  # as plain values, like custom resources
            answer = json.loads(listing(**place, **options, _preload_content=False).data)
        return answer["items"], int(answer["metadata"]["resourceVersion"])

    def watch(
        self, kind: ResourceKind, namespace: str | None, version: int, selector: str = "", *, fields: str = ""
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the changes after a listing's version, as (ADDED, MODIFIED or DELETED, resource).

        Ends after WATCH_SECONDS, or when the API server no longer has the changes since that version: list again.
        """
        listing, place = self._listing(kind, namespace)
        try:
            for event in watch.Watch().stream(
                listing,
                **place,
                label_selector=selector,
                field_selector=fields,
                resource_version=str(version),
                timeout_seconds=self.WATCH_SECONDS,
                _request_timeout=(self.TIMEOUT, self.WATCH_SECONDS + self.TIMEOUT),
            ):
                yield event["type"], event["raw_object"]
        except ApiException as error:
            if not has_status(error, EXPIRED):
                raise

    def get(self, kind: ResourceKind, namespace: str, name: str) -> dict[str, Any] | None:
        """The resource, or None if it does not exist."""
        try:
            body: Any = self._custom.get_namespaced_custom_object(
                kind.group, kind.version, namespace, kind.plural, name, _request_timeout=self.TIMEOUT
            )
        except ApiException as error:
            if has_status(error, NOT_FOUND):
                return None
            raise
        return dict(body)

    def create(self, kind: ResourceKind, namespace: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """Create a resource and return it; None if the name is taken."""
        try:
            created: Any = self._custom.create_namespaced_custom_object(
                kind.group, kind.version, namespace, kind.plural, body, _request_timeout=self.TIMEOUT
            )
        except ApiException as error:
            if has_status(error, CONFLICT):
                return None
            raise
        return dict(created)

    def patch(self, kind: ResourceKind, namespace: str, name: str, changes: dict[str, Any]) -> None:
        """Merge changes into a resource (JSON merge patch)."""
        self._custom.patch_namespaced_custom_object(
            kind.group, kind.version, namespace, kind.plural, name, changes, _request_timeout=self.TIMEOUT
        )

    def apply(self, kind: ResourceKind, namespace: str, name: str, body: dict[str, Any]) -> None:
        """Create a resource, or change it; fields that an earlier call set and this one lacks are removed."""
        self._custom.patch_namespaced_custom_object(
            kind.group,
            kind.version,
            namespace,
            kind.plural,
            name,
            body,
            field_manager="paretonas",
            force=True,  # what kubectl has set is taken over, as `kubectl apply` takes over what we have set
            _content_type="application/apply-patch+yaml",
            _request_timeout=self.TIMEOUT,
        )

    def delete(self, kind: ResourceKind, namespace: str, name: str, uid: str) -> None:
        """Delete a resource, and in the background what it owns. Does nothing if it is gone or has another uid."""
        try:
            self._custom.delete_namespaced_custom_object(
                kind.group,
                kind.version,
                namespace,
                kind.plural,
                name,
                body=client.V1DeleteOptions(
                    propagation_policy="Background", preconditions=client.V1Preconditions(uid=uid)
                ),
                _request_timeout=self.TIMEOUT,
            )
        except ApiException as error:
            if not has_status(error, NOT_FOUND, CONFLICT):
                raise

    def replace_status(self, kind: ResourceKind, body: dict[str, Any]) -> dict[str, Any]:
        """Replace the status of the version that ``body`` is. Raises ApiException 409 if there is a newer version."""
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

    def _listing(self, kind: ResourceKind, namespace: str | None) -> tuple[Callable[..., Any], dict[str, str]]:
        """The call that lists a kind in a namespace or in all of them, and its arguments."""
        if not kind.group:
            core = client.CoreV1Api(self._api)
            one, every = {
                PODS: (core.list_namespaced_pod, core.list_pod_for_all_namespaces),
                EVENTS: (core.list_namespaced_event, core.list_event_for_all_namespaces),
            }[kind]
            return (one, {"namespace": namespace}) if namespace else (every, {})
        place = {"group": kind.group, "version": kind.version, "plural": kind.plural}
        if namespace:
            return self._custom.list_namespaced_custom_object, place | {"namespace": namespace}
        return self._custom.list_cluster_custom_object, place
