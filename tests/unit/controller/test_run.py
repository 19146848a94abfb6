"""The operator's process begins, or says in a line why it cannot."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes import client
from tests.unit.api_server import ApiServer

from paretonas import handlers
from paretonas.jobs.pod_policy import Account

Begun = dict[str, Any]


@pytest.fixture
def begin(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Begun]:
    """The process in a cluster, with some variables; what kopf was started with comes back."""
    begun: list[Begun] = []
    api = client.ApiClient(client.Configuration(host=server.url, retries=False))
    monkeypatch.setattr(handlers, "PatientClient", lambda: api)
    monkeypatch.setattr(handlers.config, "load_incluster_config", lambda: None)
    monkeypatch.setattr(handlers, "allow_any_depth", lambda: None)  # it would last for all tests
    monkeypatch.setattr(handlers.kopf, "configure", lambda **_: None)
    monkeypatch.setattr(handlers.kopf, "run", lambda **given: begun.append(given))

    def begin(**variables: str) -> Begun:
        for name in ("NAMESPACES", "SERVICE_ACCOUNT", "PORT", "FAILPOINT"):
            monkeypatch.delenv(f"PARETONAS_{name}", raising=False)
        for name, value in {"SERVICE_ACCOUNT": "tools/operator", **variables}.items():
            monkeypatch.setenv(f"PARETONAS_{name}", value)
        handlers.run()
        return begun[-1]

    return begin


def test_its_own_process_imports_nothing_that_only_the_search_and_the_report_need() -> None:
    """An operator at rest is this process alone; torch and Ax would take 0.7 GB."""
    heavy = ("ax", "botorch", "gpytorch", "matplotlib", "pandas", "plotly", "scipy", "sympy", "torch")
    code = f"import sys, paretonas.handlers; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_it_serves_the_namespaces_of_its_list(begin: Callable[..., Begun]) -> None:
    begun = begin(NAMESPACES="team-a, team-b")
    assert (begun["clusterwide"], begun["namespaces"]) == (False, ["team-a", "team-b"])
    assert begun["memo"].settings.namespaces == ("team-a", "team-b")
    assert begun["memo"].settings.service_account == Account("tools", "operator")
    everywhere = begin(NAMESPACES="*")
    assert (everywhere["clusterwide"], everywhere["namespaces"]) == (True, [])


def test_it_leaves_out_what_it_cannot_see(
    begin: Callable[..., Begun], server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.refused["/namespaces/team-b/"] = 403
    begun = begin(NAMESPACES="team-a team-b team-c")
    assert begun["namespaces"] == ["team-a", "team-c"]
    assert (begun["memo"].settings.namespaces, begun["memo"].hidden) == (("team-a", "team-c"), ["team-b"])
    assert "PARETONAS_NAMESPACES: cannot read team-b: forbidden" in caplog.text


def test_it_survives_any_depth_before_it_looks_at_anything(
    begin: Callable[..., Begun], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first object of a listing may be the deep one."""
    order: list[str] = []
    monkeypatch.setattr(handlers, "allow_any_depth", lambda: order.append("survives"))
    monkeypatch.setattr(handlers, "hidden_namespaces", lambda *_: order.append("looks") or {})
    begin(NAMESPACES="team")
    assert order == ["survives", "looks"]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "PARETONAS_NAMESPACES: is not set; list the namespaces to serve, or write * for all namespaces"),
        ({"NAMESPACES": "team", "PORT": "http"}, "PARETONAS_PORT: 'http': Input should be a valid integer"),
        ({"NAMESPACES": "team", "FAILPOINT": "now"}, "PARETONAS_FAILPOINT: 'now' is not"),
        ({"NAMESPACES": "team", "SERVICE_ACCOUNT": ""}, "PARETONAS_SERVICE_ACCOUNT: is not set"),
        ({"NAMESPACES": "closed"}, "PARETONAS_NAMESPACES: the operator has access to none of them"),
        ({"NAMESPACES": "*"}, "PARETONAS_NAMESPACES: the operator has access to none of them"),
    ],
)
def test_it_says_in_a_line_why_it_cannot_begin(
    begin: Callable[..., Begun], server: ApiServer, variables: dict[str, str], said: str
) -> None:
    """Never with all namespaces in the place of none: kopf would take an empty list for that."""
    server.refused["/namespaces/closed/"] = server.refused["/v1alpha1/nasexperiments"] = 403
    with pytest.raises(SystemExit) as ended:
        begin(**variables)
    assert str(ended.value).startswith(said)
