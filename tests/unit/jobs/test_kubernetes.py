"""Jobs on a cluster, against an API server of a few paths: why they wait, how they are made, ended and seen."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kubernetes import client
from tests import builders
from tests.unit.api_server import ApiServer, Body

from paretonas.api import TrialMetadata
from paretonas.jobs.job import Job, Launch, Phase, SubmitError
from paretonas.jobs.kubernetes import KubernetesJobs

EVENTS, GROUPS = "/events?", "/podgroups?"
NOT_SCHEDULED = {"type": "Unschedulable", "status": "True", "reason": "NotEnoughResources", "message": "1/1"}


@pytest.fixture
def jobs(server: ApiServer) -> KubernetesJobs:
    api = client.ApiClient(client.Configuration(host=server.url, retries=False))

    def pod(name: str) -> Body | None:
        status = server.pods.get(name)
        metadata = {"name": name, "uid": f"of {name}", "ownerReferences": [{"uid": "of nas-0-a1"}]}
        return None if status is None else {"metadata": metadata, "status": status}

    return KubernetesJobs(api, "team", lambda name: server.stored.get(("jobs", "team", name)), pod)


def launch(**template: Any) -> Launch:
    trial = builders.trial(0)
    metadata = {"name": trial.name, "namespace": "team", "uid": "trial-uid"}
    stored = trial.replace(metadata=TrialMetadata.model_validate(metadata))
    of = builders.experiment(trial={"image": "trainer:1", "command": ["python"], **template})
    return Launch(of, stored, 1)


OWNER = {"kind": "NASTrial", "name": "nas-0", "uid": "trial-uid"}


def put_job(
    server: ApiServer,
    phase: str = "Pending",
    *,
    created: str = "2026-01-31T12:00:00Z",
    replicas: int = 1,
    owner: Body = OWNER,
) -> None:
    owners = [owner] if owner else []
    metadata = {
        "name": "nas-0-a1",
        "uid": "of nas-0-a1",
        "creationTimestamp": created,
        "ownerReferences": owners,
    }
    server.put(
        {
            "kind": "Job",
            "metadata": metadata,
            "spec": {"tasks": [{"name": f"trial-{i}", "replicas": 1} for i in range(replicas)]},
            "status": {"state": {"phase": phase}},
        }
    )


def put_group(server: ApiServer, job: str = "nas-0-a1", phase: str = "Inqueue") -> None:
    metadata = {
        "name": f"{job}-uid",
        "uid": f"group of {job}",
        "labels": {"paretonas.io/trial": "nas-0"},
        "ownerReferences": [{"name": job, "uid": f"of {job}"}],
    }
    status = {"phase": phase, "conditions": [NOT_SCHEDULED]}
    server.put({"kind": "PodGroup", "metadata": metadata, "spec": {"queue": "gpus"}, "status": status})


def warning(message: str, *, at: str = "2026-01-31T12:00:00Z", about: str = "of nas-0-a1") -> Body:
    """An event about the resource with this uid."""
    return {
        "metadata": {"name": "event"},
        "involvedObject": {"uid": about},
        "type": "Warning",
        "message": message,
        "lastTimestamp": at,
    }


def seen(jobs: KubernetesJobs) -> Job:
    return jobs.observe([("nas-0", 1)])["nas-0-a1"]


def asked(server: ApiServer) -> list[str]:
    """What was asked for, in order."""
    return [part for path in server.requests for part in (EVENTS, GROUPS) if part in path]


# --- why it waits


def test_a_waiting_jobs_pod_says_why_and_nothing_is_looked_up(server: ApiServer, jobs: KubernetesJobs) -> None:
    put_job(server)
    put_group(server)
    pulling = {"name": "trial", "state": {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}}
    server.pods["nas-0-a1-trial-0-0"] = {"containerStatuses": [_whole(pulling)]}
    assert seen(jobs).message == "ErrImagePull: no such image"
    assert asked(server) == []


def test_in_a_queue_the_events_of_the_jobs_group_say_why(server: ApiServer, jobs: KubernetesJobs) -> None:
    put_job(server)
    put_group(server, phase="Pending")
    put_group(server, "nas-0-a10")
    server.warnings += [
        {**warning("overused cpu", about="group of nas-0-a1"), "type": "Normal", "reason": "Unschedulable"},
        {**warning("overused", about="group of nas-0-a10"), "type": "Normal", "reason": "Unschedulable"},
        warning("of the job"),
    ]
    assert seen(jobs).message == "waits in queue gpus: overused cpu"
    assert asked(server) == [GROUPS, EVENTS]


def test_with_a_pod_that_says_nothing_its_events_are_read_and_not_those_of_its_job(
    server: ApiServer, jobs: KubernetesJobs
) -> None:
    """The job's are of pods that it could not make, and it has made them meanwhile."""
    put_job(server)
    put_group(server)
    server.pods["nas-0-a1-trial-0-0"] = {}
    server.warnings += [warning("old"), warning("no such volume", about="of nas-0-a1-trial-0-0")]
    assert seen(jobs).message == "no such volume"


def test_without_a_pod_the_jobs_last_warning_says_why(server: ApiServer, jobs: KubernetesJobs) -> None:
    put_job(server)
    put_group(server)
    server.warnings += [
        warning("first"),
        warning("last", at="2026-01-31T12:00:09Z"),
        warning("of another", at="2026-01-31T12:00:10Z", about="of nas-1-a1"),
        {**warning("all is well", at="2026-01-31T12:00:11Z"), "type": "Normal"},
    ]
    assert seen(jobs).message == "last"


def test_without_a_pod_or_an_event_its_group_says_why(server: ApiServer, jobs: KubernetesJobs) -> None:
    put_job(server)
    put_group(server)
    assert seen(jobs).message == "NotEnoughResources: 1/1"


def test_the_group_of_another_attempt_says_nothing(server: ApiServer, jobs: KubernetesJobs) -> None:
    put_job(server)
    put_group(server, "nas-0-a10")
    assert seen(jobs).message == "waits for its pod"


def test_why_a_job_waits_is_looked_up_again_only_after_a_while(
    server: ApiServer, jobs: KubernetesJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_job(server)
    put_group(server)
    server.warnings.append(warning("first"))
    assert seen(jobs).message == "first"
    server.warnings.append(warning("second", at="2026-01-31T12:00:09Z"))
    assert [seen(jobs).message for _ in range(3)] == ["first"] * 3
    assert asked(server) == [GROUPS, EVENTS], "two requests, however many passes are made"
    monkeypatch.setattr("paretonas.jobs.kubernetes._LOOK_AGAIN", timedelta())
    assert seen(jobs).message == "second"


def test_what_was_looked_up_is_forgotten_once_the_job_starts(server: ApiServer, jobs: KubernetesJobs) -> None:
    put_job(server)
    server.warnings.append(warning("first"))
    assert seen(jobs).message == "first"
    put_job(server, "Running")
    assert seen(jobs).message == ""
    put_job(server)
    server.warnings[:] = [warning("second")]
    assert seen(jobs).message == "second"


@pytest.mark.parametrize("code", [403, 500])
def test_events_that_cannot_be_listed_are_told_and_keep_no_trial_from_going_on(
    server: ApiServer, jobs: KubernetesJobs, code: int
) -> None:
    put_job(server)
    put_group(server)
    server.refused["/events"] = code
    answer = 'forbidden: User "jane" cannot list resource "nasexperiments"' if code == 403 else "refused"
    assert seen(jobs).message == f"NotEnoughResources: 1/1; the operator cannot list events: {answer}"
    server.refused["/podgroups"] = code
    jobs = KubernetesJobs(jobs._api, "team", jobs._job, jobs._pod)
    words = [f"the operator cannot list {kind}: {answer}" for kind in ("podgroups", "events")]
    assert seen(jobs).message == "; ".join(["waits for its pod", *words])


def test_a_message_of_somebody_else_is_one_line_that_a_terminal_may_show(
    server: ApiServer, jobs: KubernetesJobs
) -> None:
    put_job(server)
    server.warnings.append(warning("\x1b[2Jred\r\nroses\x00\u202e " + "x" * 10_000))
    message = seen(jobs).message
    assert message.startswith("red roses xxx")
    assert message.endswith(" … (cut)")
    assert len(message) == 500


def test_a_job_that_is_new_is_not_asked_why_it_waits(server: ApiServer, jobs: KubernetesJobs) -> None:
    put_job(server, created=datetime.now(UTC).isoformat())
    assert (seen(jobs).message, asked(server)) == ("", [])


# --- how it is made


def test_a_job_is_created_and_submitted_again_it_is_left_as_it_is(server: ApiServer, jobs: KubernetesJobs) -> None:
    jobs.submit(launch())
    [first] = server.created
    jobs.submit(launch())
    assert first["metadata"]["name"] == "nas-0-a1"
    assert server.created == [first]
    assert server.stored["jobs", "team", "nas-0-a1"] == first


@pytest.mark.parametrize("code", [400, 403, 422, 500])
def test_a_refused_job_is_told_in_the_servers_own_words(server: ApiServer, jobs: KubernetesJobs, code: int) -> None:
    server.refused["/jobs"] = code
    words = "forbidden: .*" if code == 403 else "refused"
    with pytest.raises(SubmitError, match=rf"^cannot submit nas-0-a1: {words}$"):
        jobs.submit(launch())


FOREIGN: list[Body] = [
    {},
    {"kind": "CronJob", "name": "nightly", "uid": "nightly-uid"},
    {"kind": "NASTrial", "name": "nas-1", "uid": "another-uid"},
]


@pytest.mark.parametrize("owner", FOREIGN, ids=lambda owner: owner.get("kind", "nobody's"))
def test_somebody_elses_job_of_the_name_is_told_with_its_owner_and_left_alone(
    server: ApiServer, jobs: KubernetesJobs, owner: Body
) -> None:
    put_job(server, "Running", owner=owner)
    whose = owner.get("name", "nobody")
    with pytest.raises(SubmitError, match=rf"cannot submit nas-0-a1: there is a .* belongs to .*{whose}.*delete it"):
        jobs.submit(launch())
    jobs.cancel("nas-0", 1)
    assert server.deleted == []
    assert ("jobs", "team", "nas-0-a1") in server.stored


def test_the_job_of_a_deleted_trial_of_the_name_is_told_too(server: ApiServer, jobs: KubernetesJobs) -> None:
    put_job(server, owner={**OWNER, "uid": "the-one-before"})
    with pytest.raises(SubmitError, match=r"belongs to NASTrial nas-0 .the-one-before."):
        jobs.submit(launch())


# --- how it ends


def test_a_cancelled_job_is_deleted_and_what_never_existed_is_seen_as_ended(
    server: ApiServer, jobs: KubernetesJobs
) -> None:
    """The engine cancels until it sees the end; of a job that was never submitted there is nothing else to see."""
    assert jobs.observe([("nas-0", 1)]) == {}
    jobs.cancel("nas-0", 1)
    assert server.deleted == []
    assert (seen(jobs).phase, seen(jobs).over) == (Phase.LOST, True)
    assert jobs.observe([("nas-0", 2)]) == {}, "another attempt"


def test_a_cancelled_job_is_seen_as_it_is_until_it_is_gone(server: ApiServer, jobs: KubernetesJobs) -> None:
    put_job(server, "Running")
    body = server.stored["jobs", "team", "nas-0-a1"]
    jobs.cancel("nas-0", 1)
    assert seen(jobs).phase is Phase.LOST
    server.put(body)
    assert seen(jobs).phase is Phase.RUNNING, "its pods are still ending"


def test_a_cancellation_that_is_refused_is_no_end(server: ApiServer, jobs: KubernetesJobs) -> None:
    server.refused["/jobs"] = 500
    with pytest.raises(client.ApiException):
        jobs.cancel("nas-0", 1)
    assert jobs.observe([("nas-0", 1)]) == {}


def test_of_a_gangs_pods_the_one_that_ended_by_itself_is_told(server: ApiServer, jobs: KubernetesJobs) -> None:
    put_job(server, "Terminated", replicas=2)
    ended = {"exitCode": 7, "reason": "Error", "startedAt": "2026-01-31T12:00:00Z"}
    server.pods["nas-0-a1-trial-0-0"] = {"phase": "Failed"}
    server.pods["nas-0-a1-trial-1-0"] = {
        "containerStatuses": [_whole({"name": "trial", "state": {"terminated": ended}})]
    }
    server.logs = {"nas-0-a1-trial-0-0": ["taken away\n"], "nas-0-a1-trial-1-0": ["ValueError: no\n"]}
    job = seen(jobs)
    assert (job.phase, job.exit_code, job.reason, job.log_tail) == (Phase.FAILED, 7, None, "ValueError: no")


ENDED_WELL = {"exitCode": 0, "startedAt": "2026-01-31T12:00:05Z", "finishedAt": "2026-01-31T12:01:00Z"}


def test_a_pod_that_has_ended_well_is_not_waited_for_until_the_job_says_so(
    server: ApiServer, jobs: KubernetesJobs
) -> None:
    put_job(server, "Running")
    server.pods["nas-0-a1-trial-0-0"] = {
        "containerStatuses": [_whole({"name": "trial", "state": {"terminated": ENDED_WELL}})]
    }
    job = seen(jobs)
    assert (job.phase, job.started, job.ended) == (
        Phase.SUCCEEDED,
        datetime(2026, 1, 31, 12, 0, 5, tzinfo=UTC),
        datetime(2026, 1, 31, 12, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize("end", [{**ENDED_WELL, "exitCode": 1}, None], ids=["failed", "running"])
def test_how_a_pod_failed_is_left_to_its_job(server: ApiServer, jobs: KubernetesJobs, end: Body | None) -> None:
    """It may be evicted, or preempted: its own status has the reason only later."""
    put_job(server, "Running")
    state = {"terminated": end} if end else {"running": {"startedAt": ENDED_WELL["startedAt"]}}
    server.pods["nas-0-a1-trial-0-0"] = {"containerStatuses": [_whole({"name": "trial", "state": state})]}
    assert seen(jobs).phase is Phase.RUNNING


def test_a_gang_has_ended_when_its_job_has(server: ApiServer, jobs: KubernetesJobs) -> None:
    put_job(server, "Running", replicas=2)
    server.pods["nas-0-a1-trial-0-0"] = {
        "containerStatuses": [_whole({"name": "trial", "state": {"terminated": ENDED_WELL}})]
    }
    assert seen(jobs).phase is Phase.RUNNING


def test_a_failed_job_without_pods_is_lost(server: ApiServer, jobs: KubernetesJobs) -> None:
    put_job(server, "Failed")
    assert (seen(jobs).phase, seen(jobs).message) == (Phase.LOST, "its pod is gone")


def test_a_log_that_cannot_be_read_does_not_hide_the_end(server: ApiServer, jobs: KubernetesJobs) -> None:
    put_job(server, "Failed")
    server.pods["nas-0-a1-trial-0-0"] = {"reason": "Evicted"}
    server.refused["/log"] = 500
    job = seen(jobs)
    assert (job.reason, job.log_tail) == ("Evicted", "(its log cannot be read: refused)")


def _whole(status: Body) -> Body:
    """A container's status with the fields that the client asks for."""
    return {"image": "trainer:1", "imageID": "", "ready": False, "restartCount": 0, **status}
