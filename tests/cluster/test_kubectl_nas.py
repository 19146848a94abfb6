"""`kubectl nas` on a real cluster: tests/unit/cli has every command and error against a fake one."""

import csv
import io
import json
from pathlib import Path

import pytest
from tests.cluster.conftest import Start
from tests.cluster.kubectl import Kubectl, Refused, condition, eventually
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
    shown, stored = json.loads(nas.plugin("pareto", done, "-o", "json")), resource["status"]["paretoSet"]
    for key in ("trial", "parameters"):  # metrics are shown as short as the float32 that were logged
        assert [point[key] for point in shown] == [point[key] for point in stored]
    rows = list(csv.DictReader(io.StringIO(nas.plugin("export", done))))
    assert [row["trial"] for row in rows] == [f"{done}-{i}" for i in range(3)]
    assert len(nas.plugin("trials", done).splitlines()) == 4
    assert "x is 0." in nas.plugin("logs", f"{done}-0")
    page = tmp_path / "report.html"
    nas.plugin("report", done, "--output", str(page))
    assert f"{done}-2" in page.read_text()


def test_lists_take_the_selectors_and_formats_of_kubectl(nas: Kubectl, done: str):
    nas("label", "nasexperiment", done, "team=vision")
    nas("label", "nastrial", f"{done}-1", "look=again")
    assert nas.plugin("get", "-l", "team=vision", "-o", "name") == f"{done}\n"
    assert f"{done} " in nas.plugin("get", "-l", "team in (vision, speech)", "-o", "wide")
    assert done not in nas.plugin("get", "-l", "team!=vision")
    assert nas.plugin("trials", done, "-l", "look", "-o", "name") == f"{done}-1\n"
    names = nas.plugin("trials", done, "-o", "name").split()
    assert names == [f"{done}-{index}" for index in range(3)]
    assert " x " in nas.plugin("trials", done, "-o", "wide").splitlines()[0]
    nas("get", "nastrials", *names)
    with pytest.raises(AssertionError, match="the API server answers 400"):
        nas.plugin("get", "-l", "=vision")


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
        t["metadata"]["name"] for t in nas.list("nastrials", of(name)) if t.get("status", {}).get("state") == "Running"
    ]


def test_failed_trials_are_retried_once_what_failed_is_mended(nas: Kubectl, start: Start):
    mended = quick("mended", maxTrials=5, parallelism=1, failurePolicy={"retries": 0, "afterTrials": 3})
    good = mended["spec"]["trial"]["command"]
    mended["spec"]["trial"]["command"] = ["python", "-c", "raise SystemExit('no data')"]
    name = start(mended)
    eventually(lambda: _reason(nas, name) == "TooManyFailures", "its end")
    found = [t for t in nas.list("nastrials", of(name)) if t.get("status", {}).get("state") == "Failed"]
    points = {t["metadata"]["name"]: t["spec"]["parameters"] for t in found}
    change = json.dumps({"spec": {"trial": {"command": good}}})
    nas("patch", "nasexperiment", name, "--type=merge", "-p", change)
    assert nas.plugin("retry", name) == f"{name}: 3 trials will be retried\n"
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    assert _reason(nas, name) == "TrialsCompleted"
    trials = {t["metadata"]["name"]: t for t in nas.list("nastrials", of(name))}
    assert {t["status"]["state"] for t in trials.values()} == {"Succeeded"}
    for trial, parameters in points.items():
        attempts = trials[trial]["status"]["attempts"]
        assert trials[trial]["spec"]["parameters"] == parameters
        assert attempts[-1]["retryGeneration"] == 1
        assert attempts[0]["job"] == f"{trial}-a1", "its past is kept"
    down = json.dumps({"spec": {"retry": {"generation": 0}}})
    with pytest.raises(Refused, match="can only be raised; each number asks for one more retry"):
        nas("patch", "nasexperiment", name, "--type=merge", "-p", down)


def test_a_threshold_that_nothing_reaches_is_named_in_the_status(nas: Kubectl, start: Start):
    goals = [{"metric": "accuracy", "goal": "Maximize", "threshold": 2.0}]
    name = start(quick("too-high", maxTrials=2, objectives=goals))
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    resource = nas.get("nasexperiment", name)
    assert resource is not None
    message = condition(resource, "Succeeded")["message"]
    assert "accuracy >= 2 (threshold) excludes 2; the nearest miss is" in message


def _reason(nas: Kubectl, name: str) -> str:
    resource = nas.get("nasexperiment", name)
    assert resource is not None
    conditions = {c["type"]: c["reason"] for c in resource.get("status", {}).get("conditions", [])}
    return conditions.get("Succeeded", "")
