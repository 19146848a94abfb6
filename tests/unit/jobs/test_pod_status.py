from typing import Any

import pytest

from paretonas.jobs.job import Phase
from paretonas.jobs.pod_status import event_wait, group_wait, phase, pod_end, read_job


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
def test_every_word_of_volcano_has_a_phase_and_an_unknown_one_is_pending(word: str | None, expected: Phase) -> None:
    assert phase(word) is expected
    assert read_job(volcano_job(word)).phase is expected


def test_a_half_written_status_is_pending() -> None:
    for status in ({}, {"state": {}}, {"state": None}, None):
        assert read_job({"metadata": {"name": "nas-0-a1"}, "status": status}).phase is Phase.PENDING


def test_times_come_with_the_phase_that_they_are_of() -> None:
    running, ended = read_job(volcano_job("Running")), read_job(volcano_job("Completed"))
    assert running.started is not None
    assert running.ended is None
    assert ended.started is None
    assert ended.ended is not None


def pod(terminated: dict[str, Any] | None = None, *, deleted: bool = False, **status: Any) -> dict[str, Any]:
    containers = [{"state": {"terminated": terminated}}] if terminated else []
    metadata = {"deletionTimestamp": "2026-01-31T12:00:00Z"} if deleted else {}
    return {"metadata": metadata, "status": {"containerStatuses": containers, **status}}


@pytest.mark.parametrize(
    ("given", "code", "reason"),
    [
        (pod({"exitCode": 7, "reason": "Error"}), 7, None),
        (pod({"exitCode": 137, "reason": "OOMKilled"}), 137, "OutOfMemory"),
        (pod({"exitCode": 137, "reason": "Error"}, reason="Evicted"), 137, "Evicted"),
        (pod(reason="Evicted"), None, "Evicted"),
        (pod(reason="NodeLost"), None, "NodeLost"),
        (pod(), None, "NodeLost"),
        (pod({"exitCode": 143, "reason": "Error"}, deleted=True), 143, "Evicted"),
        (pod({"exitCode": 137, "reason": "OOMKilled"}, deleted=True), 137, "OutOfMemory"),
        (pod(deleted=True), None, "Evicted"),
    ],
)
def test_how_a_pod_ended(given: dict[str, Any], code: int | None, reason: str | None) -> None:
    assert pod_end(given)[:2] == (code, reason)


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


def quoted(message: str) -> dict[str, Any]:
    """A job's warning as Volcano makes it of the API server's answer; the message as Go quotes it."""
    status = (
        'v1.Status{TypeMeta:v1.TypeMeta{Kind:"", APIVersion:""}, ListMeta:v1.ListMeta{SelfLink:"", '
        'ResourceVersion:"", Continue:"", RemainingItemCount:(*int64)(nil)}, Status:"Failure", '
        f'Message:"{message}", Reason:"Forbidden", Details:(*v1.StatusDetails)(0xc000a), Code:403}}'
    )
    failure = f"failed to create pod nas-0-a1-trial-0-0, err: &errors.StatusError{{ErrStatus:{status}}}"
    return {"reason": "FailedCreate", "message": f"Error creating pods: [{failure}]"}


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            r"pods \"nas-0-a1-trial-0-0\" is forbidden: team/late: serviceaccount \"late\" not found",
            'pods "nas-0-a1-trial-0-0" is forbidden: team/late: serviceaccount "late" not found',
        ),
        (r"matches ^\\d+$, Reason:\"x\"", r'matches ^\d+$, Reason:"x"'),
        (
            r"denied the request:\n- no limits\n\t- no requests",
            "denied the request: - no limits - no requests",
        ),
        ("żadnych", "żadnych"),
    ],
    ids=["service account", "backslash", "several lines", "not ASCII"],
)
def test_why_a_job_has_no_pods_is_told_in_the_api_servers_words(message: str, said: str) -> None:
    assert event_wait(quoted(message)) == said


def test_the_first_of_several_answers_is_told() -> None:
    several = quoted("one")["message"] + quoted("two")["message"]
    assert event_wait({"message": several}) == "one"


@pytest.mark.parametrize("message", ["Error creating pods: [timeout]", 'Message:"cut of', "", None])
def test_a_warning_that_quotes_nothing_is_told_as_it_is(message: str | None) -> None:
    assert event_wait({"message": message}) == (message or "")
