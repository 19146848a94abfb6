"""No request waits for an answer for ever, whoever makes it."""

import threading
import time

import pytest
import urllib3
from kubernetes import client
from tests.unit.api_server import ApiServer

from paretonas.kube.client import PatientClient, Resources
from paretonas.kube.kinds import TRIALS


@pytest.fixture
def api(server: ApiServer) -> PatientClient:
    return PatientClient(client.Configuration(host=server.url, retries=False))


def test_a_request_without_a_deadline_gets_one(
    server: ApiServer, api: PatientClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As TorchX makes them."""
    monkeypatch.setattr(Resources, "TIMEOUT", 0.1)
    jobs = client.CustomObjectsApi(api)
    begin = time.monotonic()
    with server.news, pytest.raises(urllib3.exceptions.TimeoutError):  # the server answers nobody meanwhile
        jobs.list_namespaced_custom_object("batch.volcano.sh", "v1alpha1", "team", "jobs")
    assert 0.1 <= time.monotonic() - begin < 10
    assert jobs.list_namespaced_custom_object("batch.volcano.sh", "v1alpha1", "team", "jobs")


def test_a_request_keeps_the_deadline_that_it_has(server: ApiServer, api: PatientClient) -> None:
    with server.news, pytest.raises(urllib3.exceptions.TimeoutError):
        client.CustomObjectsApi(api).list_namespaced_custom_object(
            "batch.volcano.sh", "v1alpha1", "team", "jobs", _request_timeout=0.1
        )


def test_a_watch_may_say_nothing_for_longer_than_a_request_takes(
    server: ApiServer, api: PatientClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Resources, "TIMEOUT", 0.2)
    monkeypatch.setattr(Resources, "WATCH_SECONDS", 5)
    watch = Resources(api).watch(TRIALS, "team", 0)
    later = threading.Timer(0.5, server.put, [{"kind": "NASTrial", "metadata": {"name": "nas-0"}}])
    later.start()
    assert next(watch)[0] == "ADDED"
    later.join()
