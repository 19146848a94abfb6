"""What the kubelet and Prometheus are answered."""

import asyncio

import pytest
from aiohttp import ClientSession
from tests.unit.controller.conftest import Cluster

from paretonas.controller import controller as under_test
from paretonas.controller.server import serve

Answers = dict[str, tuple[int, str]]


def ask(cluster: Cluster) -> Answers:
    """Status and text of every path."""

    async def asked() -> Answers:
        runner = await serve(cluster.controller)
        try:
            port = next(port for host, port, *_ in runner.addresses if ":" not in host)
            answers: Answers = {}
            async with ClientSession(f"http://127.0.0.1:{port}") as session:
                for path in ("healthz", "readyz", "metrics"):
                    async with session.get(f"/{path}") as answer:
                        answers[path] = answer.status, await answer.text()
            return answers
        finally:
            await runner.cleanup()

    return asyncio.run(asked())


def test_it_is_alive_from_the_beginning_and_ready_once_everything_is_listed(cluster: Cluster) -> None:
    cluster.operator(port=0)
    before = ask(cluster)
    cluster.controller.start()
    after = ask(cluster)
    assert [answers["healthz"][0] for answers in (before, after)] == [200, 200]
    assert [answers["readyz"][0] for answers in (before, after)] == [503, 200]


def test_stuck_it_is_not_alive_but_can_still_be_looked_at(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.operator(port=0).start()
    monkeypatch.setattr(under_test, "STUCK_SECONDS", float("-inf"))
    answers = ask(cluster)
    assert answers["healthz"] == (503, "passes are stuck")
    assert (answers["metrics"][0], "paretonas_pass_seconds_count" in answers["metrics"][1]) == (200, True)
