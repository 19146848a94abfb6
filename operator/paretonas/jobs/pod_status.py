"""What the phases and reasons of Volcano and Kubernetes mean for an attempt."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from paretonas.api.reasons import AttemptReason
from paretonas.jobs.job import Job, Phase

_log = logging.getLogger(__name__)

PHASES: Mapping[str, Phase] = {
    "Pending": Phase.PENDING,
    "Running": Phase.RUNNING,  # also while a pod still waits (volcano #2684)
    "Restarting": Phase.RUNNING,
    "Completing": Phase.RUNNING,  # its pods are still ending
    "Aborting": Phase.RUNNING,
    "Terminating": Phase.RUNNING,
    "Completed": Phase.SUCCEEDED,
    "Failed": Phase.FAILED,
    "Terminated": Phase.FAILED,  # by the policy that ends a gang with its first failed pod
    "Aborted": Phase.LOST,  # by an administrator, so it is not the candidate's fault
}

POD_REASONS: Mapping[str, AttemptReason] = {
    "Evicted": AttemptReason.EVICTED,
    "Preempted": AttemptReason.EVICTED,
    "Preempting": AttemptReason.EVICTED,
    "Terminated": AttemptReason.NODE_LOST,  # graceful node shutdown
    "NodeShutdown": AttemptReason.NODE_LOST,
    "NodeLost": AttemptReason.NODE_LOST,
    "NodeAffinity": AttemptReason.NODE_LOST,
    "Shutdown": AttemptReason.NODE_LOST,
    "DeadlineExceeded": AttemptReason.DEADLINE_EXCEEDED,
    "OOMKilled": AttemptReason.OUT_OF_MEMORY,
    "UnexpectedAdmissionError": AttemptReason.NODE_LOST,
}
"""What the reason of a failed pod means. Apart from OOMKilled, none of them is the trial's fault."""

STARTING = frozenset({"ContainerCreating", "PodInitializing"})
"""The reasons of containers that are about to start. With any other one, somebody has to fix something."""

NOT_ADMITTED = frozenset({"", "Pending"})
"""The phases of a pod group that its queue has not admitted. It has no pods yet: Volcano creates them afterwards."""


def phase(word: str | None) -> Phase:
    """The phase of a job; PENDING if it has no status yet, or an unknown one."""
    if word and word not in PHASES:
        _log.warning("unknown Volcano phase %r is taken for Pending", word)
    return PHASES.get(word or "Pending", Phase.PENDING)


def read_job(body: Mapping[str, Any], pods: Sequence[Mapping[str, Any]] = ()) -> Job:
    """The job of a Volcano Job and its pods, as last seen by a watch.

    A single pod shows more exactly when it started, and a second earlier that it succeeded: the kubelet
    tidies up for a second before it sets the pod to Succeeded, for which Volcano waits. A failure is read
    from the job.
    """
    state = (body.get("status") or {}).get("state") or {}
    at = phase(state.get("phase"))
    since = _time(state.get("lastTransitionTime"))
    started = since if at is Phase.RUNNING else None
    ended = since if at in {Phase.SUCCEEDED, Phase.FAILED, Phase.LOST} else None
    if len(pod_names(body)) == 1 and pods and not pods[0]["metadata"].get("deletionTimestamp"):
        container = _container(pods[0])
        ran = container.get("terminated") or {}
        started = _time((ran or container.get("running") or {}).get("startedAt")) or started
        if ran.get("exitCode") == 0 and at in {Phase.PENDING, Phase.RUNNING, Phase.SUCCEEDED}:
            at, ended = Phase.SUCCEEDED, _time(ran.get("finishedAt"))
    message = state.get("message") or ""
    return Job(
        body["metadata"]["name"],
        at,
        created=_time(body["metadata"].get("creationTimestamp")),
        started=started,
        ended=ended,
        message=message if at is not Phase.RUNNING else "",
        reason=AttemptReason.ABORTED if at is Phase.LOST else None,
    )


def pod_names(body: Mapping[str, Any]) -> list[str]:
    """The names that Volcano gives to the pods of a job, one for each replica of each task."""
    job, tasks = body["metadata"]["name"], (body.get("spec") or {}).get("tasks") or ()
    return [f"{job}-{task['name']}-{number}" for task in tasks for number in range(task.get("replicas", 1))]


def pod_end(pod: Mapping[str, Any]) -> tuple[int | None, AttemptReason | None, datetime | None]:
    """The exit code, reason (None if the trial itself ended) and start time of a pod that has ended."""
    status = pod.get("status") or {}
    away = AttemptReason.EVICTED if pod["metadata"].get("deletionTimestamp") else None  # somebody has deleted it
    for container in status.get("containerStatuses") or ():
        ended = (container.get("state") or {}).get("terminated")
        if ended:
            reason = POD_REASONS.get(ended.get("reason") or "", POD_REASONS.get(status.get("reason") or "", away))
            return ended.get("exitCode"), reason, _time(ended.get("startedAt"))
    return None, POD_REASONS.get(status.get("reason") or "", away or AttemptReason.NODE_LOST), None


def pods_wait(pods: Iterable[Mapping[str, Any]]) -> str:
    """Why the pods of a job do not start, by their own status; "" if it does not say.

    In a gang, a pod that could be scheduled waits for one that cannot. So the latter explains more.
    """
    found = sorted(filter(None, map(_pod_wait, pods)), key=lambda wait: wait[0])
    return "; ".join(dict.fromkeys(words for rank, words in found if rank == found[0][0]))


def _pod_wait(pod: Mapping[str, Any]) -> tuple[int, str] | None:
    """Why a pod does not start, with its rank: 0 explains most."""
    status = pod.get("status") or {}
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") and waiting["reason"] not in STARTING:
            return 0, _words(waiting)
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return 1 + (condition.get("reason") == "Schedulable"), _words(condition)
    return None


def _words(state: Mapping[str, Any]) -> str:
    """A reason with its message."""
    return f"{state.get('reason')}: {state.get('message') or ''}".rstrip(": ")


def explained_by(
    job: Mapping[str, Any], pods: Sequence[Mapping[str, Any]], group: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """The resource whose events say why a job does not start.

    That is its pod group until the queue admits it, then the job until it has created its pods, then a pod.
    """
    if pods:
        return next((pod for pod in pods if "running" not in _container(pod)), pods[0])
    return group if group is not None and _in_queue(group) else job


def events_wait(group: Mapping[str, Any] | None, events: Iterable[Mapping[str, Any]]) -> str:
    """Why a job does not start, by its pod group and by the events of what `explained_by` returned."""
    telling = [event for event in events if _tells(event)]
    told = event_wait(max(telling, key=_last_seen)) if telling else ""
    told = told or (group_wait(group) if group is not None else "")
    if group is None or not _in_queue(group):
        return told or "waits for its pod"
    queue = (group.get("spec") or {}).get("queue") or "default"
    return f"waits in queue {queue}: {told or f'Volcano does not say why; see kubectl get queue {queue}'}"


def _in_queue(group: Mapping[str, Any]) -> bool:
    return ((group.get("status") or {}).get("phase") or "") in NOT_ADMITTED


def _tells(event: Mapping[str, Any]) -> bool:
    """Whether an event may say why something waits.

    Volcano writes every second that 0 of 0 pods cannot be scheduled, for a group that waits in its queue. The real
    reason is in an event of type Normal.
    """
    if str(event.get("message") or "").startswith("0/0 tasks in gang"):
        return False
    return event.get("type") == "Warning" or event.get("reason") in {"Unschedulable", "Pulling"}


def _last_seen(event: Mapping[str, Any]) -> datetime:
    """When an event was last reported; each of the two APIs for events has its own field for that."""
    times = (
        (event.get("series") or {}).get("lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("eventTime"),
        event["metadata"].get("creationTimestamp"),
    )
    return max(filter(None, map(_time, times)), default=datetime.min.replace(tzinfo=UTC))


_BLANK: Mapping[str, str] = {"n": "\n", "r": "\r", "t": "\t"}
"""What Go writes for whitespace after a backslash; any other escaped character stands for itself."""


def event_wait(event: Mapping[str, Any]) -> str:
    r"""What an event says; in the API server's words if those are quoted, as when a job's pods cannot be created.

    Volcano prints the API server's answer as a Go structure: ``… Message:"pods \"x\" is forbidden: …", Reason:…``.
    """
    text = str(event.get("message") or "")
    quoted = re.search(r'Message:"((?:[^"\\]|\\.)*)"', text)
    if not quoted:
        return text
    unescaped = re.sub(r"\\(.)", lambda escape: _BLANK.get(escape[1], escape[1]), quoted[1])
    return " ".join(unescaped.split())


def _container(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state of a pod's first container; empty if it has none yet."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or [{}]
    state: Mapping[str, Any] = statuses[0].get("state") or {}
    return state


def group_wait(group: Mapping[str, Any]) -> str:
    """Why a pod group is not scheduled."""
    for condition in (group.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Unschedulable" and condition.get("status") == "True":
            return _words(condition)
    return ""


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
