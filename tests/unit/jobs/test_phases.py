from typing import Any

import pytest

from paretonas.engine.verdicts import REASONS
from paretonas.jobs.job import Phase
from paretonas.jobs.phases import POD_REASONS, group_wait, phase, pod_end, pod_wait, seen


def volcano_job(word: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {"metadata": {"name": "nas-0-a1"}}
    if word is not None:
        body["status"] = {"state": {"phase": word, "lastTransitionTime": "2026-01-31T12:00:00Z"}}
    return body


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (None, Phase.PENDING),
        ("Pending", Phase.PENDING),
        ("Running", Phase.RUNNING),
        ("Restarting", Phase.RUNNING),
        ("Completing", Phase.RUNNING),
        ("Aborting", Phase.RUNNING),
        ("Terminating", Phase.RUNNING),
        ("Completed", Phase.SUCCEEDED),
        ("Failed", Phase.FAILED),
        ("Terminated", Phase.FAILED),
        ("Aborted", Phase.LOST),
        ("Levitating", Phase.PENDING),
    ],
)
def test_every_word_of_volcano_has_a_phase_and_an_unknown_one_is_pending(
    word: str | None, expected: Phase
) -> None:
    assert phase(word) is expected
    assert seen(volcano_job(word)).phase is expected


def test_a_half_written_status_is_pending() -> None:
    for status in ({}, {"state": {}}, {"state": None}, None):
        assert seen({"metadata": {"name": "nas-0-a1"}, "status": status}).phase is Phase.PENDING


def test_times_come_with_the_phase_that_they_are_of() -> None:
    running, ended = seen(volcano_job("Running")), seen(volcano_job("Completed"))
    assert running.started is not None
    assert running.ended is None
    assert ended.started is None
    assert ended.ended is not None


def pod(terminated: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    containers = [{"state": {"terminated": terminated}}] if terminated else []
    return {"status": {"containerStatuses": containers, **status}}


@pytest.mark.parametrize(
    ("given", "code", "reason"),
    [
        (pod({"exitCode": 7, "reason": "Error"}), 7, ""),
        (pod({"exitCode": 137, "reason": "OOMKilled"}), 137, "OutOfMemory"),
        (pod({"exitCode": 137, "reason": "Error"}, reason="Evicted"), 137, "Evicted"),
        (pod(reason="Evicted"), None, "Evicted"),
        (pod(reason="NodeLost"), None, "NodeLost"),
        (pod(), None, "NodeLost"),
    ],
)
def test_how_a_pod_ended(given: dict[str, Any], code: int | None, reason: str) -> None:
    assert pod_end(given)[:2] == (code, reason)


def test_every_reason_of_a_pod_has_a_consequence() -> None:
    assert set(POD_REASONS.values()) <= REASONS.keys()


def test_why_a_pod_waits() -> None:
    pulling = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
    assert pod_wait({"status": {"containerStatuses": [pulling]}}) == "ImagePullBackOff: no such image"
    unscheduled = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes",
    }
    assert pod_wait({"status": {"conditions": [unscheduled]}}) == "Unschedulable: 0/1 nodes"
    assert pod_wait({"status": {"containerStatuses": [{"state": {"running": {}}}]}}) == ""


def test_why_a_group_waits() -> None:
    condition = {
        "type": "Unschedulable",
        "status": "True",
        "reason": "NotEnoughResources",
        "message": "1/1 tasks",
    }
    assert group_wait({"status": {"conditions": [condition]}}) == "NotEnoughResources: 1/1 tasks"
    assert group_wait({"status": {"conditions": [{**condition, "status": "False"}]}}) == ""
    assert group_wait({}) == ""
