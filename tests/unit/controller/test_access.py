"""Which namespaces an operator can see."""

import pytest
from kubernetes import client
from tests.unit.api_server import ApiServer

from paretonas.controller.access import hidden_namespaces


@pytest.fixture
def api(server: ApiServer) -> client.ApiClient:
    return client.ApiClient(client.Configuration(host=server.url, retries=False))


@pytest.mark.parametrize("kind", ["nasexperiments", "nastrials", "jobs", "pods"])
def test_a_namespace_that_forbids_one_kind_is_hidden_and_costs_only_itself(
    server: ApiServer, api: client.ApiClient, kind: str
) -> None:
    server.refused[f"/namespaces/closed/{kind}"] = 403
    hidden = hidden_namespaces(api, ("open", "closed", "also-open"))
    assert list(hidden) == ["closed"]
    assert hidden["closed"].startswith("PARETONAS_NAMESPACES: cannot read closed: forbidden")


@pytest.mark.parametrize("code", [404, 429, 500, 503])
def test_a_server_that_is_in_trouble_hides_nothing(server: ApiServer, api: client.ApiClient, code: int) -> None:
    server.refused["/namespaces/"] = code
    assert hidden_namespaces(api, ("team",)) == {}


def test_a_server_that_cannot_be_reached_hides_nothing() -> None:
    api = client.ApiClient(client.Configuration(host="http://127.0.0.1:1", retries=False))
    assert hidden_namespaces(api, ("team",)) == {}
