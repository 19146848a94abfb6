"""What trials have kept, as a user finds it: on this machine as a folder, from a cluster as a copy."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException
from kubernetes.stream.ws_client import ERROR_CHANNEL, STDOUT_CHANNEL
from tests import builders
from tests.unit.cli.conftest import ARGS, TRIAL, ClusterUser, Project
from tests.unit.cli.test_fetch import SUCCESS, packed, some_files

from paretonas.backends.cluster import claim_reader
from paretonas.backends.local.store import read_trials
from paretonas.cli.exit_codes import ExitCode
from paretonas.jobs.pod_security import violations

KEEPS = {"command": [*TRIAL, "--keep"], "args": ARGS}


def test_a_run_shows_where_the_networks_of_its_pareto_set_are(project: Project) -> None:
    project.write(maxTrials=4, trial=KEEPS)
    ran = project.run()
    points = json.loads(project.call("pareto", "nas", "-o", "json").stdout)
    assert points
    for point in points:
        folder = project.runs / "nas" / point["trial"] / "output"
        assert Path(point["outputDir"]) == folder
        assert float((folder / "model.txt").read_text()) == point["parameters"]["x"]
        assert str(folder) in ran.stdout
        assert str(folder) in project.call("pareto", "nas").stdout
    assert "OUTPUT" in ran.stdout
    assert points[0]["trial"] in (project.runs / "nas" / "report.html").read_text()
    exported = json.loads(project.call("export", "nas", "-o", "json").stdout)
    assert [row["outputDir"] for row in exported] == [f"nas/nas-{i}/output" for i in range(4)]


def test_with_keep_outputs_only_those_of_the_pareto_set_are_left(project: Project) -> None:
    one = [{"metric": "accuracy", "goal": "Maximize"}]
    project.write(maxTrials=5, objectives=one, trial={**KEEPS, "keepOutputs": "ParetoSet"})
    ran = project.run()
    [best] = json.loads(project.call("pareto", "nas", "-o", "json").stdout)
    assert sorted(project.runs.glob("nas/*/output")) == [Path(best["outputDir"])]
    assert len(list(project.runs.glob("nas/*/a1"))) == 5, "logs stay"
    removed = {t.name for t in read_trials(project.runs / "nas") if t.status.output_removed}
    assert removed == {f"nas-{i}" for i in range(5)} - {best["trial"]}
    assert "OutputsRemoved" in ran.stdout


def test_a_run_that_is_told_later_to_keep_only_the_pareto_set_removes_the_rest(project: Project) -> None:
    one = [{"metric": "accuracy", "goal": "Maximize"}]
    project.write(maxTrials=3, objectives=one, trial=KEEPS)
    project.run()
    assert len(list(project.runs.glob("nas/*/output"))) == 3
    project.write(maxTrials=3, objectives=one, trial={**KEEPS, "keepOutputs": "ParetoSet"})
    assert project.run().exit_code == ExitCode.FINE
    assert len(list(project.runs.glob("nas/*/output"))) == 1


def test_trials_that_keep_nothing_have_no_column(project: Project) -> None:
    project.write(maxTrials=2)
    assert "OUTPUT" not in project.run().stdout
    assert "outputDir" not in project.call("pareto", "nas", "-o", "json").stdout


# --- from a cluster


class FakeCore:
    """Pods, as a cluster would make them."""

    def __init__(self) -> None:
        self.api_client = self
        self.status: dict[str, Any] = {"phase": "Running"}
        self.created: list[dict[str, Any]] = []
        self.deleted: list[str] = []

    def create_namespaced_pod(self, namespace: str, body: dict[str, Any], **_: Any) -> Any:
        assert namespace == "team"
        self.created.append(body)
        return SimpleNamespace(metadata=SimpleNamespace(name=f"{body['metadata']['generateName']}x7k2p"))

    def read_namespaced_pod(self, name: str, *_: Any, **__: Any) -> Any:
        return {"metadata": {"name": name}, "status": self.status}

    def sanitize_for_serialization(self, body: Any) -> Any:
        return body

    def delete_namespaced_pod(self, name: str, *_: Any, **__: Any) -> None:
        self.deleted.append(name)


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch) -> FakeCore:
    core = FakeCore()
    monkeypatch.setattr(claim_reader.client, "CoreV1Api", lambda _: core)
    monkeypatch.setattr(claim_reader, "_START_SECONDS", 0.0)
    return core


@pytest.fixture
def ran(user: ClusterUser) -> ClusterUser:
    """A user of a cluster with one trial that has ended."""
    user.server.put(builders.experiment(**builders.ON_CLUSTER))
    ends = {"reason": "Completed", "end_time": "2026-01-31T12:00:00Z"}
    user.server.put(builders.trial(0, "Succeeded", attempts=(builders.attempt(number=3),)))
    status = user.server.stored["nastrials", "team", "nas-0"]["status"]
    status["attempts"][0] |= {"reason": ends["reason"], "endTime": ends["end_time"]}
    return user


def frames(monkeypatch: pytest.MonkeyPatch, *, error: BaseException | None = None) -> list[list[str]]:
    """What the pod sends; the commands that it was told to run are collected."""
    commands: list[list[str]] = []

    def _frames(_core: object, _namespace: str, _pod: str, command: list[str]) -> Iterator[tuple[int, bytes]]:
        commands.append(command)
        content = packed(some_files)
        yield STDOUT_CHANNEL, content[:9_000]
        if error is not None:
            raise error
        yield STDOUT_CHANNEL, content[9_000:]
        yield ERROR_CHANNEL, SUCCESS

    monkeypatch.setattr(claim_reader, "_frames", _frames)
    return commands


def test_what_a_trial_has_kept_is_copied_by_a_restricted_pod_that_only_reads(
    ran: ClusterUser, core: FakeCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = frames(monkeypatch)
    result = ran.call("fetch", "nas-0", str(tmp_path / "copy"))
    assert result.stdout == f"nas-0: 2 files, 48.8 KiB, copied to {tmp_path / 'copy'}\n"
    assert (tmp_path / "copy" / "deep" / "notes.txt").read_text() == "notes"
    assert commands == [["tar", "-C", "/claim/nas/nas-0", "-cf", "-", "--", "output-a3"]]
    [pod] = core.created
    assert not violations(pod, "restricted")
    spec = pod["spec"]
    assert spec["activeDeadlineSeconds"] == claim_reader.DEADLINE_SECONDS
    assert spec["automountServiceAccountToken"] is False
    assert spec["volumes"] == [{"name": "claim", "persistentVolumeClaim": {"claimName": "nas-logs", "readOnly": True}}]
    assert spec["containers"][0]["volumeMounts"][0]["readOnly"] is True
    assert spec["containers"][0]["image"] == "trainer:1"
    assert pod["metadata"]["ownerReferences"][0]["kind"] == "NASTrial"
    assert core.deleted == ["nas-0-fetch-x7k2p"]


@pytest.mark.parametrize(
    ("error", "code"),
    [(claim_reader.ClusterError("it was lost"), ExitCode.UNUSABLE), (KeyboardInterrupt(), ExitCode.INTERRUPTED)],
)
def test_the_pod_is_removed_after_an_error_and_ctrl_c_too(
    ran: ClusterUser,
    core: FakeCore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: ExitCode,
) -> None:
    frames(monkeypatch, error=error)
    folder = tmp_path / "here"
    folder.mkdir()
    assert ran.call("fetch", "nas-0", str(folder / "copy")).exit_code == code
    assert core.deleted == ["nas-0-fetch-x7k2p"]
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (
            {
                "phase": "Pending",
                "containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}}],
            },
            "does not start: ErrImagePull: no such image",
        ),
        ({"phase": "Pending"}, "does not start: it waits for its node"),
        ({"phase": "Failed"}, "ended before anything was copied; the image needs sleep and tar"),
    ],
)
def test_a_pod_that_does_not_start_says_why_and_is_removed(
    ran: ClusterUser, core: FakeCore, tmp_path: Path, status: dict[str, Any], message: str
) -> None:
    core.status = status
    result = ran.call("fetch", "nas-0", str(tmp_path / "copy"))
    assert result.exit_code == ExitCode.UNUSABLE
    assert message in result.stderr
    assert core.deleted == ["nas-0-fetch-x7k2p"]


def test_a_user_who_may_create_no_pod_is_told_so(ran: ClusterUser, core: FakeCore, tmp_path: Path) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ApiException(403, 'pods is forbidden: User "jane" cannot create resource "pods"')

    core.create_namespaced_pod = refuse  # type: ignore[method-assign] # for this test
    result = ran.call("fetch", "nas-0", str(tmp_path / "copy"))
    assert result.exit_code == ExitCode.UNUSABLE
    assert 'not allowed: pods is forbidden: User "jane" cannot create' in result.stderr
    assert core.deleted == []


def test_nothing_is_started_for_what_cannot_be_fetched(ran: ClusterUser, core: FakeCore, tmp_path: Path) -> None:
    ran.server.put(builders.trial(1))
    ran.server.put(builders.trial(2, "Succeeded", attempts=(builders.attempt(2),)).with_status(output_removed=True))
    (tmp_path / "there").mkdir()
    said = {
        ("nas-1", "copy"): "nas-1 has kept nothing: it has not run",
        ("nas-2", "copy"): "what nas-2 had kept was removed: it is not in the Pareto set",
        ("nas-0", "there"): "there exists; give another folder to copy to, or remove it",
        ("nas-7", "copy"): "no trial 'nas-7' in namespace team",
    }
    for (trial, folder), message in said.items():
        result = ran.call("fetch", trial, str(tmp_path / folder))
        assert result.exit_code == ExitCode.UNUSABLE
        assert message in result.stderr
    assert core.created == []


def test_a_running_trial_is_copied_with_a_warning(
    ran: ClusterUser, core: FakeCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames(monkeypatch)
    ran.server.put(builders.trial(4, "Running", attempts=(builders.attempt(4),)))
    result = ran.call("fetch", "nas-4", str(tmp_path / "copy"))
    assert result.exit_code == ExitCode.FINE
    assert "nas-4 is still running: its files may be incomplete" in result.stderr
    assert core.created[0]["metadata"]["generateName"] == "nas-4-fetch-"
