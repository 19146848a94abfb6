"""Kubernetes Events on an experiment."""

import hashlib
import logging
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from paretonas.api import NASExperiment
from paretonas.engine.events import Event

_log = logging.getLogger(__name__)

_MESSAGE = 1024
"""Characters that the API server accepts."""


class EventPoster:
    """Posts events. An event that cannot be posted is only logged, since it repeats what is stored already."""

    def __init__(self, api: client.ApiClient) -> None:
        self._core = client.CoreV1Api(api)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="events")  # passes do not wait for their events

    def post(self, experiment: NASExperiment, events: Iterable[Event]) -> None:
        """Post an experiment's events in this order, in the background."""
        posting = self._thread.submit(self._post, experiment, tuple(events))
        posting.add_done_callback(Future.result)  # raises unexpected errors, which are then logged

    def close(self, timeout: float) -> None:
        """Post the waiting events within ``timeout`` seconds, and none after that."""
        with suppress(TimeoutError, RuntimeError):  # RuntimeError: already closed
            self._thread.submit(lambda: None).result(timeout)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _post(self, experiment: NASExperiment, events: Iterable[Event]) -> None:
        metadata = experiment.metadata
        namespace = metadata.namespace or "default"
        at = datetime.now(UTC)
        for event in events:
            digest = hashlib.sha256(f"{metadata.uid}{event.reason}{event.message}{at}".encode()).hexdigest()[:16]
            body = client.CoreV1Event(
                metadata=client.V1ObjectMeta(name=f"{experiment.name}.{digest}", namespace=namespace),
                involved_object=client.V1ObjectReference(
                    api_version=experiment.api_version,
                    kind=experiment.kind,
                    name=experiment.name,
                    namespace=namespace,
                    uid=metadata.uid,
                ),
                type="Warning" if event.warning else "Normal",
                reason=event.reason,
                message=f"{event.about}: {event.message}"[:_MESSAGE],
                first_timestamp=at,
                last_timestamp=at,
                count=1,
                source=client.V1EventSource(component="paretonas"),
            )
            try:
                self._core.create_namespaced_event(namespace, body, _request_timeout=10)
            except (ApiException, HTTPError) as error:
                _log.warning("event %s of %s/%s was not posted: %s", event.reason, namespace, experiment.name, error)
