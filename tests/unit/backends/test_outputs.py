"""Output folders on a disk, and the job that removes them on a claim."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client
from tests import builders
from tests.unit.api_server import ApiServer, Body

from paretonas.api import NASExperiment, NASTrial
from paretonas.backends.cluster.cache import Cache
from paretonas.backends.cluster.outputs import ClusterOutputs
from paretonas.backends.local.outputs import FolderOutputs
from paretonas.jobs.job import Removal
from paretonas.jobs.removal_job import MOST_FOLDERS
from paretonas.kube.client import PatientClient


def ended(index: int = 0, first: int = 1) -> NASTrial:
    attempts = (builders.attempt(index, first), builders.attempt(index, first + 1))
    return builders.trial(index, "Succeeded", attempts=attempts)


def keep(root: Path, name: str = "output", index: int = 0) -> Path:
    folder = root / "nas" / f"nas-{index}" / name
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "model.pt").write_text("weights")
    return folder


@pytest.fixture(params=["local", "cluster"])
def outputs(request: pytest.FixtureRequest) -> Callable[[Path], Any]:
    api = client.ApiClient(client.Configuration(host="http://127.0.0.1:1"))
    if request.param == "local":
        return FolderOutputs
    return lambda root: ClusterOutputs(api, "team", lambda: root, Cache())


def test_a_folder_with_something_in_it_is_found_under_the_name_of_the_first_attempt(
    outputs: Callable[[Path], Any], tmp_path: Path
) -> None:
    found = outputs(tmp_path)
    assert found.find(ended()) is None
    keep(tmp_path)
    assert found.find(ended()) == "nas/nas-0/output"
    assert found.find(ended(first=3)) is None, "that is a namesake's"
    keep(tmp_path, "output-a3")
    assert found.find(ended(first=3)) == "nas/nas-0/output-a3"
    assert found.find(builders.trial(0)) is None, "it never ran"


def test_an_empty_folder_a_file_and_a_link_are_nothing(outputs: Callable[[Path], Any], tmp_path: Path) -> None:
    found, folder = outputs(tmp_path), tmp_path / "nas" / "nas-0"
    (folder / "output").mkdir(parents=True)
    assert found.find(ended()) is None
    (folder / "output").rmdir()
    (folder / "output").write_text("")
    assert found.find(ended()) is None
    (folder / "output").unlink()
    keep(tmp_path, index=1)
    (folder / "output").symlink_to(tmp_path / "nas" / "nas-1" / "output")
    assert found.find(ended()) is None, "of another trial"


def test_on_this_machine_it_is_removed_at_once_and_again_without_harm(tmp_path: Path) -> None:
    gone, stays = keep(tmp_path), keep(tmp_path, index=1)
    logs = tmp_path / "nas" / "nas-0" / "a1"
    logs.mkdir()
    for _ in range(2):
        assert FolderOutputs(tmp_path).remove(builders.experiment(), [ended()]) == Removal(frozenset({"nas-0"}))
    assert not gone.exists()
    assert stays.exists()
    assert logs.exists()


def test_what_a_link_leads_to_is_never_removed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "model.pt").write_text("weights")
    runs = tmp_path / "runs"
    inside = keep(runs)
    (inside / "link").symlink_to(outside)
    other = runs / "nas" / "nas-1"
    other.mkdir()
    (other / "output").symlink_to(outside)
    removal = FolderOutputs(runs).remove(builders.experiment(), [ended(0), ended(1)])
    assert removal == Removal(frozenset({"nas-0", "nas-1"}))
    assert not os.path.lexists(other / "output")
    assert (outside / "model.pt").exists()


def test_a_trials_folder_that_is_a_link_to_another_trials_is_left_alone(tmp_path: Path) -> None:
    kept = keep(tmp_path, index=1)
    (tmp_path / "nas" / "nas-0").symlink_to(tmp_path / "nas" / "nas-1")
    removal = FolderOutputs(tmp_path).remove(builders.experiment(), [ended(0)])
    assert removal.gone == frozenset()
    assert "the output folder of nas-0 cannot be removed" in removal.problem
    assert "symbolic link" in removal.problem
    assert kept.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may remove anything")
def test_a_folder_that_cannot_be_removed_is_named_and_the_others_go(tmp_path: Path) -> None:
    stuck, gone = keep(tmp_path), keep(tmp_path, index=1)
    stuck.chmod(0o555)
    try:
        removal = FolderOutputs(tmp_path).remove(builders.experiment(), [ended(0), ended(1)])
    finally:
        stuck.chmod(0o755)
    assert removal.gone == {"nas-1"}
    assert "output folder of nas-0 cannot be removed (" in removal.problem
    assert not gone.exists()


# --- on a cluster


@pytest.fixture
def server() -> Iterator[ApiServer]:
    server = ApiServer()
    yield server
    server.close()


class Watched(Cache):
    """The jobs as a watch that delivers at once brings them."""

    def __init__(self, server: ApiServer) -> None:
        super().__init__()
        self._server = server

    def all(self, namespace: str | None = None) -> list[Body]:
        return [
            body for (plural, where, _), body in self._server.stored.items() if (plural, where) == ("jobs", namespace)
        ]


@pytest.fixture
def claimed(server: ApiServer, tmp_path: Path) -> ClusterOutputs:
    api = PatientClient(client.Configuration(host=server.url, retries=False))
    return ClusterOutputs(api, "team", lambda: tmp_path, Watched(server))


def of(**template: Any) -> NASExperiment:
    found = builders.experiment(
        **{**builders.ON_CLUSTER, "trial": {**builders.ON_CLUSTER["trial"], "keepOutputs": "ParetoSet", **template}}
    )
    return found.replace(metadata=found.metadata.replace(namespace="team", uid="nas-uid"))


def jobs(server: ApiServer) -> list[Body]:
    return [body for (plural, _, _), body in server.stored.items() if plural == "jobs"]


def command(server: ApiServer) -> list[str]:
    [job] = jobs(server)
    [task] = job["spec"]["tasks"]
    words: list[str] = task["template"]["spec"]["containers"][0]["command"]
    return words


def end(server: ApiServer, phase: str = "Completed") -> None:
    [job] = jobs(server)
    server.set_status("jobs", job["metadata"]["name"], {"state": {"phase": phase, "message": "it failed"}})


def test_a_job_removes_them_and_only_its_end_says_that_they_are_gone(
    server: ApiServer, claimed: ClusterOutputs
) -> None:
    first = [ended(0), ended(3, first=2)]
    assert claimed.remove(of(), first) == Removal()
    assert command(server) == ["rm", "-rf", "--", "/claim/nas/nas-0/output", "/claim/nas/nas-3/output-a2"]
    assert claimed.remove(of(), [*first, ended(5)]) == Removal(), "one job at a time"
    assert len(server.created) == 1
    end(server)
    assert claimed.remove(of(), [*first, ended(5)]) == Removal(frozenset({"nas-0", "nas-3"}))
    assert command(server)[3:] == ["/claim/nas/nas-5/output"], "the next job begins at once"
    one, other = (job["metadata"]["name"] for job in server.created)
    assert one != other, "Volcano confuses jobs of one name"
    end(server)
    assert claimed.remove(of(), [ended(5)]) == Removal(frozenset({"nas-5"}))
    assert jobs(server) == []


def test_until_the_watch_shows_a_job_no_second_one_begins(server: ApiServer, tmp_path: Path) -> None:
    api = PatientClient(client.Configuration(host=server.url, retries=False))
    late = ClusterOutputs(api, "team", lambda: tmp_path, Cache())
    for _ in range(3):
        assert late.remove(of(), [ended()]) == Removal()
    assert len(server.created) == 1


def test_a_job_that_is_gone_although_the_watch_still_shows_it_is_no_result(server: ApiServer, tmp_path: Path) -> None:
    api, seen = PatientClient(client.Configuration(host=server.url, retries=False)), Cache()
    late = ClusterOutputs(api, "team", lambda: tmp_path, seen)
    late.remove(of(), [ended()])
    end(server)
    [job] = jobs(server)
    seen.put(job)
    server.delete("jobs", job["metadata"]["name"])
    assert late.remove(of(), [ended()]) == Removal()
    assert len(server.created) == 2


def test_a_job_that_failed_is_told_and_not_repeated_until_somebody_deletes_it(
    server: ApiServer, claimed: ClusterOutputs
) -> None:
    claimed.remove(of(), [ended()])
    name = jobs(server)[0]["metadata"]["name"]
    server.logs[f"{name}-rm-0"] = ["rm: cannot remove 'model.pt': Permission denied\n"]
    end(server, "Failed")
    for _ in range(2):
        removal = claimed.remove(of(), [ended()])
        assert removal.gone == frozenset()
        assert f"job {name} failed (rm: cannot remove 'model.pt': Permission denied); mend that" in removal.problem
    assert len(server.created) == 1
    assert sum("/log" in path for path in server.requests) == 1, "what it printed does not change any more"
    server.delete("jobs", name)
    assert claimed.remove(of(), [ended()]) == Removal()
    assert len(server.created) == 2


def test_an_earlier_experiments_job_is_left_alone(server: ApiServer, claimed: ClusterOutputs) -> None:
    owner = {"kind": "NASExperiment", "name": "nas", "uid": "an earlier one"}
    metadata = {"name": "nas-outputs-x", "ownerReferences": [owner]}
    server.put({"kind": "Job", "metadata": metadata, "spec": {"tasks": []}})
    end(server)
    assert claimed.remove(of(), [ended()]) == Removal()
    assert len(jobs(server)) == 2


def test_a_refusal_is_told(server: ApiServer, claimed: ClusterOutputs) -> None:
    server.refused["/jobs"] = 403
    assert "are not removed: " in claimed.remove(of(), [ended()]).problem


def test_a_thousand_folders_take_several_jobs(server: ApiServer, claimed: ClusterOutputs) -> None:
    many = [ended(index) for index in range(MOST_FOLDERS + 7)]
    claimed.remove(of(), many)
    end(server)
    assert len(claimed.remove(of(), many).gone) == MOST_FOLDERS
    assert len(command(server)) == 3 + 7


def test_the_job_is_the_experiments_and_may_do_what_a_trial_may(server: ApiServer, claimed: ClusterOutputs) -> None:
    overlay = {
        "spec": {
            "nodeSelector": {"zone": "b"},
            "securityContext": {"runAsUser": 1000},
            "containers": [
                {"name": "trial", "securityContext": {"runAsGroup": 7}, "env": [{"name": "A", "value": "b"}]},
                {"name": "beside", "image": "other"},
            ],
            "initContainers": [{"name": "before", "image": "other"}],
        }
    }
    claimed.remove(of(podOverlay=overlay, resources={"nvidia.com/gpu": "1"}, queue="research"), [ended()])
    [job] = jobs(server)
    [owner] = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("NASExperiment", "nas-uid")
    assert job["spec"]["queue"] == "research"
    pod = job["spec"]["tasks"][0]["template"]["spec"]
    [container] = pod["containers"]
    assert "initContainers" not in pod, "what else the overlay adds has nothing to do here"
    assert pod["nodeSelector"] == {"zone": "b"}
    assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 1000)
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["runAsGroup"] == 7
    assert container["image"] == "trainer:1"
    assert "nvidia.com/gpu" not in container["resources"]["limits"]
    assert pod["automountServiceAccountToken"] is False
