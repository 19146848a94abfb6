"""`kubectl nas` on a real cluster: tests/unit/cli has every command and error against a fake one."""

import csv
import io
import json
from pathlib import Path

import pytest
from tests.cluster.conftest import Start
from tests.cluster.kubectl import Kubectl, eventually
from tests.cluster.quick import of, quick


@pytest.fixture
def done(nas: Kubectl, start: Start) -> str:
    """An experiment that has ended."""
    name = start(quick("looked-at", maxTrials=3, parallelism=3))
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    return name


def test_an_experiment_is_listed_printed_exported_and_reported(nas: Kubectl, done: str, tmp_path: Path):
    resource = nas.get("nasexperiment", done)
    assert resource is not None
    assert f"{done} " in nas.plugin("get")
    assert json.loads(nas.plugin("pareto", done, "-o", "json")) == resource["status"]["paretoSet"]
    rows = list(csv.DictReader(io.StringIO(nas.plugin("export", done))))
    assert [row["trial"] for row in rows] == [f"{done}-{i}" for i in range(3)]
    assert len(nas.plugin("trials", done).splitlines()) == 4
    assert "x is 0." in nas.plugin("logs", f"{done}-0")
    page = tmp_path / "report.html"
    nas.plugin("report", done, "--output", str(page))
    assert f"{done}-2" in page.read_text()


def test_a_suspended_experiment_starts_no_trial_until_it_is_resumed(nas: Kubectl, start: Start):
    name = start(quick("halted", seconds=2, maxTrials=4, parallelism=1))
    eventually(lambda: nas.list("vcjob", of(name)), "its first job")
    nas.plugin("suspend", name)
    nas.wait(f"nasexperiment/{name}", "Suspended")
    eventually(lambda: not _open(nas, name), "what ran has ended")
    jobs = len(nas.list("vcjob", of(name)))
    assert jobs < 4
    nas.plugin("resume", name)
    nas.wait(f"nasexperiment/{name}", "Succeeded")


def _open(nas: Kubectl, name: str) -> list[str]:
    return [
        t["metadata"]["name"]
        for t in nas.list("nastrials", of(name))
        if t.get("status", {}).get("state") == "Running"
    ]
