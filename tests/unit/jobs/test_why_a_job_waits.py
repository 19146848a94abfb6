"""Why a job does not start, as a function of its pods, its pod group and events."""

from typing import Any

import pytest

from paretonas.jobs.pod_status import events_wait, explained_by, pods_wait

Body = dict[str, Any]


def unscheduled(message: str | None, reason: str = "Unschedulable") -> Body:
    condition = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}
    return {"metadata": {"uid": "a pod"}, "status": {"conditions": [condition]}}


def pod(reason: str = "", message: str | None = None, *, init: bool = False) -> Body:
    """A pod that has a node, and whose container waits for this reason or runs."""
    state = {"waiting": {"reason": reason, "message": message}} if reason else {"running": {}}
    scheduled = {"type": "PodScheduled", "status": "True"}
    statuses = {"initContainerStatuses" if init else "containerStatuses": [{"state": state}]}
    return {"metadata": {"uid": f"{reason or 'running'} pod"}, "status": {"conditions": [scheduled], **statuses}}


def group(phase: str | None, *, queue: str | None = "gpus", condition: Body | None = None) -> Body:
    return {
        "metadata": {"uid": "the group"},
        "spec": {"queue": queue} if queue else {},
        "status": {"phase": phase, "conditions": [condition] if condition else None},
    }


def event(message: str, *, kind: str = "Warning", reason: str = "Failed", **times: Any) -> Body:
    return {"metadata": {}, "type": kind, "reason": reason, "message": message, **times}


def not_admitted(message: str, at: str = "2026-01-31T12:00:00Z") -> Body:
    return event(message, kind="Normal", reason="Unschedulable", lastTimestamp=at)


JOB: Body = {"metadata": {"name": "nas-0-a1", "uid": "the job"}}

EMPTY_GANG = event("0/0 tasks in gang unschedulable: pod group is not ready, 2 minAvailable", reason="Unschedulable")
"""What Volcano writes every second for a group in a queue."""


# --- pods


@pytest.mark.parametrize(
    ("reason", "message", "said"),
    [
        ("ImagePullBackOff", "no such image", "ImagePullBackOff: no such image"),
        ("ErrImagePull", None, "ErrImagePull"),
        ("CreateContainerConfigError", 'secret "s" not found', 'CreateContainerConfigError: secret "s" not found'),
        ("RunContainerError", "exec format error", "RunContainerError: exec format error"),
        ("ContainerCreating", None, ""),
        ("PodInitializing", None, ""),
        ("", None, ""),
    ],
)
@pytest.mark.parametrize("init", [False, True], ids=["container", "init container"])
def test_a_container_that_cannot_start_says_why(reason: str, message: str | None, said: str, init: bool) -> None:
    assert pods_wait([pod(reason, message, init=init)]) == said


def test_a_pod_that_no_node_takes_says_why() -> None:
    assert pods_wait([unscheduled("0/1 nodes: Insufficient cpu.")]) == "Unschedulable: 0/1 nodes: Insufficient cpu."
    assert pods_wait([unscheduled(None, "SchedulingGated")]) == "SchedulingGated"


def test_of_a_gang_the_pods_that_do_not_fit_explain_those_that_do() -> None:
    fits = unscheduled("can possibly be assigned to node-1, once minAvailable is satisfied", "Schedulable")
    full = unscheduled("0/1 nodes: Insufficient memory.")
    assert pods_wait([fits, full, full]) == "Unschedulable: 0/1 nodes: Insufficient memory."
    assert pods_wait([fits, full, pod("ErrImagePull", "no such image")]) == "ErrImagePull: no such image"
    assert pods_wait([fits]) == "Schedulable: can possibly be assigned to node-1, once minAvailable is satisfied"


def test_different_reasons_of_several_pods_are_all_told() -> None:
    reasons = [
        pod("ErrImagePull", "no route"),
        pod("CreateContainerError", "no space"),
        pod("ErrImagePull", "no route"),
    ]
    assert pods_wait(reasons) == "ErrImagePull: no route; CreateContainerError: no space"


@pytest.mark.parametrize("status", [{}, None, {"containerStatuses": None}, {"conditions": [{}]}])
def test_a_pod_without_a_status_says_nothing(status: Body | None) -> None:
    assert pods_wait([{"metadata": {}, "status": status}]) == ""
    assert pods_wait([]) == ""


# --- whose events are asked for


def test_in_the_queue_the_group_explains_then_the_job_then_a_pod_that_does_not_run() -> None:
    def uid(pods: list[Body], of: Body | None) -> str:
        return str(explained_by(JOB, pods, of)["metadata"]["uid"])

    for phase in ("Pending", "", None):
        assert uid([], group(phase)) == "the group"
    assert uid([], group("Inqueue")) == "the job", "it is about to create its pods, or cannot"
    assert uid([], None) == "the job", "it could not create its group"
    assert uid([pod(), pod("ContainerCreating")], group("Running")) == "ContainerCreating pod"
    assert uid([pod(), pod()], group("Running")) == "running pod"


# --- events


@pytest.mark.parametrize(
    "reason",
    [
        "queue resource quota insufficient: insufficient cpu, insufficient nvidia.com/gpu",
        "resource in cluster is overused: overused memory",
        "resource quota insufficient, requested: map[pods:1], used: map[pods:3], limited: map[pods:3]",
    ],
)
def test_the_queue_is_named_with_the_reason_that_volcano_gives(reason: str) -> None:
    assert events_wait(group("Pending"), [EMPTY_GANG, not_admitted(reason)]) == f"waits in queue gpus: {reason}"
    assert events_wait(group(None, queue=None), [not_admitted(reason)]) == f"waits in queue default: {reason}"


@pytest.mark.parametrize("events", [[], [EMPTY_GANG]], ids=["no event", "an empty one"])
def test_of_a_closed_queue_or_one_that_is_gone_volcano_says_nothing_and_the_user_is_told_where_to_look(
    events: list[Body],
) -> None:
    said = "waits in queue gpus: Volcano does not say why; see kubectl get queue gpus"
    assert events_wait(group("Pending"), events) == said


def test_a_condition_of_the_group_explains_what_no_event_does() -> None:
    condition = {"type": "Unschedulable", "status": "True", "reason": "NotEnoughResources", "message": "2/2 tasks"}
    assert events_wait(group("Inqueue", condition=condition), []) == "NotEnoughResources: 2/2 tasks"
    assert (
        events_wait(group("Pending", condition=condition), []) == "waits in queue gpus: NotEnoughResources: 2/2 tasks"
    )


def test_without_anything_to_tell_it_waits_for_its_pod() -> None:
    assert events_wait(None, []) == events_wait(group("Inqueue"), []) == "waits for its pod"


def test_a_volume_that_does_not_mount_is_told_and_an_image_that_is_pulled() -> None:
    mount = event('MountVolume.SetUp failed for volume "more": configmap "late" not found', reason="FailedMount")
    assert events_wait(group("Running"), [mount]) == mount["message"]
    pulling = event('Pulling image "trainer:1"', kind="Normal", reason="Pulling")
    scheduled = event("Successfully assigned", kind="Normal", reason="Scheduled", lastTimestamp="2026-01-31T12:00:09Z")
    assert events_wait(group("Running"), [pulling, scheduled]) == 'Pulling image "trainer:1"'


LATER: list[Body] = [
    {"lastTimestamp": "2026-01-31T12:00:02Z"},
    {"lastTimestamp": None, "eventTime": "2026-01-31T12:00:01.500000Z"},
    {"eventTime": "2026-01-31T11:00:00.000000Z", "series": {"lastObservedTime": "2026-01-31T12:00:01.000001Z"}},
    {"metadata": {"creationTimestamp": "2026-01-31T14:00:00+01:00"}},
]


@pytest.mark.parametrize("times", LATER, ids=["lastTimestamp", "eventTime", "series", "created"])
def test_the_newest_of_several_events_counts_by_whichever_time_it_has(times: Body) -> None:
    old = event("old", lastTimestamp="2026-01-31T12:00:01Z")
    new = {**event("new"), **times}
    undated = event("undated")
    for events in ([old, new, undated], [undated, new, old]):
        assert events_wait(None, events) == "new"


@pytest.mark.parametrize("message", [None, ""])
def test_an_event_without_words_is_no_reason(message: str | None) -> None:
    assert events_wait(None, [{"metadata": {}, "type": "Warning", "message": message}]) == "waits for its pod"
