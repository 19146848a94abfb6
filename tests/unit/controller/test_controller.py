"""The operator brings experiments forward: what it makes of what the watch brings, and of refusals."""

import threading
import time
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException
from tests.unit.controller.conftest import Cluster, ReadHere
from tests.waiting import PATIENCE_SECONDS, eventually

from paretonas.backends.cluster.log_queue import LogQueue
from paretonas.controller import controller as under_test
from paretonas.controller.dispatch import Dispatcher
from paretonas.kube.kinds import EXPERIMENTS
from paretonas.metrics.reader_process import Question, ReaderAnswer


def opened(index: int) -> dict[str, Any]:
    """The first attempt of a trial, as it is stored before its job exists."""
    return {"job": f"nas-{index}-a1", "retryGeneration": 0}


def running(cluster: Cluster, *jobs: str) -> None:
    cluster.until(lambda: cluster.names("jobs") == list(jobs), f"the jobs {jobs}")


def test_what_there_is_at_the_start_is_listed_and_brought_forward(cluster: Cluster) -> None:
    cluster.apply()
    assert not cluster.controller.ready
    cluster.controller.start()
    assert (cluster.controller.ready, cluster.controller.alive) == (True, True)
    running(cluster, "nas-0-a1", "nas-1-a1")
    listed = [path.partition("?")[0].rpartition("/")[2] for path in cluster.server.requests[:3]]
    assert listed == ["nasexperiments", "nastrials", "jobs"]


def test_an_operator_that_may_not_list_does_not_start(cluster: Cluster) -> None:
    cluster.server.refused["nastrials"] = 403
    with pytest.raises(ApiException):
        cluster.controller.start()
    assert not cluster.controller.ready


def test_a_namespace_that_is_closed_meanwhile_does_not_keep_the_others_from_being_listed(
    cluster: Cluster,
) -> None:
    cluster.operator(resync_seconds=0.1, namespaces=("closed", "team")).start()
    cluster.server.refused["/namespaces/closed/"] = 403
    cluster.apply()
    cluster.deafen()
    eventually(lambda: cluster.names("jobs") == ["nas-0-a1", "nas-1-a1"], "the next listing of the other")


def test_a_new_experiment_gets_trials_and_their_jobs(cluster: Cluster) -> None:
    cluster.controller.start()
    cluster.apply()
    running(cluster, "nas-0-a1", "nas-1-a1")
    cluster.until(lambda: len(cluster.names("nastrials")) == 3, "a candidate is kept ready")
    for body in cluster.server.created:
        owner, name = body["metadata"]["ownerReferences"][0], body["metadata"]["name"]
        of = cluster.trial(name.removesuffix("-a1")) if body["kind"] == "Job" else cluster.experiment()
        assert (owner["kind"], owner["uid"]) == (of["kind"], of["metadata"]["uid"])
    attempts = [cluster.trial(f"nas-{i}").get("status", {}).get("attempts") for i in range(3)]
    assert attempts == [[opened(0)], [opened(1)], None]
    cluster.until(lambda: cluster.condition("Valid")[0] == "True", "the status")


def test_a_job_that_completes_makes_room_for_the_next(cluster: Cluster) -> None:
    cluster.controller.start()
    cluster.apply()
    running(cluster, "nas-0-a1", "nas-1-a1")
    cluster.end("nas-0-a1", accuracy=0.5, size=32.0)
    running(cluster, "nas-0-a1", "nas-1-a1", "nas-2-a1")
    assert cluster.state("nas-0") == "Succeeded"
    assert cluster.trial("nas-0")["status"]["metrics"] == {"accuracy": 0.5, "size": 32.0}
    cluster.until(lambda: len(cluster.names("nastrials")) == 4, "the next candidate is kept ready")
    said = cluster.until(lambda: [e for e in cluster.events() if e[0] == "TrialSucceeded"], "the event")
    assert said[0][1].endswith("accuracy 0.5, size 32")
    assert "hypervolume" in cluster.experiment()["status"]


def test_a_pod_that_has_ended_well_makes_room_before_its_job_says_so(cluster: Cluster) -> None:
    cluster.apply(maxTrials=3)
    cluster.controller.start()
    running(cluster, "nas-0-a1", "nas-1-a1")
    cluster.end_pod("nas-0-a1", accuracy=0.9, size=10)
    running(cluster, "nas-0-a1", "nas-1-a1", "nas-2-a1")
    assert cluster.state("nas-0") == "Succeeded"


def test_an_experiment_comes_to_its_end_and_its_progress_is_no_longer_measured(cluster: Cluster) -> None:
    cluster.controller.start()
    cluster.apply(maxTrials=1, parallelism=1)
    running(cluster, "nas-0-a1")
    cluster.end("nas-0-a1", accuracy=0.5, size=32.0)
    cluster.until(lambda: cluster.condition("Succeeded")[0] == "True", "the end")
    cluster.until(lambda: "last_progress_timestamp_seconds{" not in cluster.exposed, "no progress")
    assert cluster.names("nastrials") == ["nas-0"]


def test_a_new_operator_takes_up_what_its_predecessor_left(cluster: Cluster) -> None:
    cluster.controller.start()
    cluster.apply()
    running(cluster, "nas-0-a1", "nas-1-a1")
    cluster.controller.stop(5)
    cluster.end("nas-1-a1", accuracy=0.5, size=32.0)
    cluster.operator().start()
    running(cluster, "nas-0-a1", "nas-1-a1", "nas-2-a1")
    assert cluster.state("nas-1") == "Succeeded"


def test_an_experiment_that_is_not_valid_is_told_so_and_goes_on_once_it_is_mended(cluster: Cluster) -> None:
    cluster.controller.start()
    cluster.apply()
    cluster.deafen()
    cluster.edit(parallelism=0)
    cluster.until(lambda: cluster.condition("Valid")[0] == "False", "a condition")
    assert "spec.parallelism" in cluster.condition("Valid")[1]
    assert (cluster.names("nastrials"), cluster.search.asked) == ([], 0)
    written, passes = len(cluster.server.events), cluster.passes
    cluster.edit(parallelism=0)
    cluster.until(lambda: cluster.passes > passes, "another look")
    assert len(cluster.server.events) == written + 1, "the same is not written over and over"
    cluster.edit(parallelism=1)
    running(cluster, "nas-0-a1")
    cluster.until(lambda: cluster.condition("Valid")[0] == "True", "it is valid")


def test_one_that_became_invalid_while_the_search_was_asked_is_not_asked_for_again(cluster: Cluster) -> None:
    cluster.search.gate.clear()
    cluster.controller.start()
    cluster.apply()
    cluster.until(lambda: cluster.search.asked, "the search is asked")
    cluster.edit(parallelism=0)
    cluster.until(lambda: cluster.condition("Valid")[0] == "False", "it is told")
    asks = cluster.controller._asks
    asks.mark(("team", "nas"))
    cluster.search.gate.set()
    eventually(lambda: not (asks._running or asks._due), "nothing is left to be asked")
    assert cluster.search.asked == 1


def test_a_deleted_experiment_is_forgotten(cluster: Cluster) -> None:
    cluster.controller.start()
    cluster.apply()
    running(cluster, "nas-0-a1", "nas-1-a1")
    cluster.until(lambda: 'experiment="nas"' in cluster.exposed, "its metrics")
    cluster.server.delete("nasexperiments", "nas")
    cluster.until(lambda: 'experiment="nas"' not in cluster.exposed, "no metrics any more")
    assert ("team", "nas") not in cluster.controller._known
    cluster.watch()
    assert cluster.controller.alive


def test_what_a_deaf_watch_missed_the_next_listing_brings(cluster: Cluster) -> None:
    cluster.operator(resync_seconds=0.1).start()
    cluster.apply(maxTrials=1, parallelism=1)
    cluster.deafen()
    eventually(lambda: cluster.names("jobs") == ["nas-0-a1"], "its job")
    cluster.end("nas-0-a1", accuracy=0.5, size=32.0)
    cluster.deafen()
    eventually(lambda: cluster.condition("Succeeded")[0] == "True", "its end")
    eventually(lambda: 'experiment="nas"' in cluster.exposed, "its metrics")
    cluster.server.delete("nasexperiments", "nas")
    cluster.deafen()
    eventually(lambda: 'experiment="nas"' not in cluster.exposed, "no metrics any more")


# --- a name that was used before


def test_one_created_anew_does_not_take_its_namesakes_jobs_for_its_own(cluster: Cluster) -> None:
    cluster.operator(pass_seconds=0.05).start()
    cluster.apply()
    running(cluster, "nas-0-a1", "nas-1-a1")
    engine = cluster.controller._known["team", "nas"].engine
    cluster.server.delete("nasexperiments", "nas")
    for name in cluster.names("nastrials"):
        cluster.server.delete("nastrials", name)
    cluster.end("nas-0-a1", "Failed")  # before the garbage collector comes to it
    cluster.apply()
    cluster.until(lambda: ("nastrials", "team", "nas-1") in cluster.server.stored, "trials of its own")
    cluster.until(lambda: cluster.trial("nas-0").get("status", {}).get("attempts"), "an attempt")
    assert cluster.controller._known["team", "nas"].engine is not engine
    passes = cluster.passes
    cluster.until(lambda: cluster.passes > passes + 2, "some looks at its jobs")
    assert cluster.trial("nas-0")["status"]["attempts"] == [opened(0)], "what ended is another's"
    cluster.server.delete("jobs", "nas-0-a1")
    cluster.until(lambda: ("jobs", "team", "nas-0-a1") in cluster.server.stored, "a job of its own")
    cluster.end("nas-0-a1", accuracy=0.5, size=32.0)
    cluster.until(lambda: cluster.state("nas-0") == "Succeeded", "its own end")


def test_a_trials_name_that_is_still_taken_is_tried_again(cluster: Cluster) -> None:
    cluster.controller.start()
    cluster.apply()
    running(cluster, "nas-0-a1", "nas-1-a1")
    cluster.until(lambda: len(cluster.names("nastrials")) == 3, "a candidate is kept ready")
    cluster.server.delete("nasexperiments", "nas")
    cluster.apply()
    asked = cluster.search.asked
    cluster.until(lambda: cluster.search.asked > asked + 1, "it asks again")
    for plural in ("jobs", "nastrials"):  # the garbage collector comes late
        for name in cluster.names(plural):
            cluster.server.delete(plural, name)
    running(cluster, "nas-0-a1", "nas-1-a1")
    [owner] = cluster.trial("nas-0")["metadata"]["ownerReferences"]
    assert owner["uid"] == cluster.experiment()["metadata"]["uid"]


# --- what is refused


def test_a_conflict_leads_to_another_pass_until_the_watch_has_brought_the_newer_version(
    cluster: Cluster,
) -> None:
    cluster.controller.start()
    with cluster.server.news:  # before the status can be written, somebody changes the spec
        cluster.apply()
        cluster.watch()
        cluster.apply(maxTrials=7)
    eventually(lambda: cluster.passes > 2, "it tries again and again")
    assert cluster.condition("Valid") == ("", ""), "it was written over what it had not seen"
    running(cluster, "nas-0-a1", "nas-1-a1")
    cluster.until(lambda: cluster.experiment()["status"]["progress"] == "0/7", "the status of that version")


def test_an_experiment_whose_passes_fail_keeps_no_other_waiting(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paretonas.controller.dispatch.FIRST_DELAY", 0.01)
    cluster.server.refused["nasexperiments/bad/status"] = 500
    cluster.controller.start()
    cluster.apply("bad")
    cluster.apply()
    running(cluster, "nas-0-a1", "nas-1-a1")
    cluster.until(lambda: "pass_errors_total 0" not in cluster.exposed, "the error is counted")
    cluster.server.refused.clear()
    running(cluster, "bad-0-a1", "bad-1-a1", "nas-0-a1", "nas-1-a1")


def test_a_job_that_is_refused_is_told_in_the_status_and_submitted_again(cluster: Cluster) -> None:
    cluster.operator(pass_seconds=0.05).start()
    cluster.server.refused["/jobs"] = 400
    cluster.apply(parallelism=1)
    said = cluster.until(lambda: [e for e in cluster.events() if e[0] == "SubmitFailed"], "the event")
    assert said == [("SubmitFailed", "nas: cannot submit nas-0-a1: refused")]
    assert cluster.condition("Progressing") == ("False", "cannot submit nas-0-a1: refused")
    cluster.server.refused.clear()
    running(cluster, "nas-0-a1")
    cluster.until(lambda: cluster.condition("Progressing")[0] == "True", "it goes on")


# --- its own end, and its health


def test_a_pass_that_hangs_shows(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.controller.start()
    cluster.apply()
    running(cluster, "nas-0-a1", "nas-1-a1")
    monkeypatch.setattr(under_test, "STUCK_SECONDS", 0.1)
    with cluster.server.news:  # the server answers nobody meanwhile
        cluster.controller.handle_change(EXPERIMENTS, "MODIFIED", _newer(cluster))
        eventually(lambda: not cluster.controller.alive, "it is seen to hang")
    eventually(lambda: cluster.controller.alive, "it goes on")


def _newer(cluster: Cluster) -> dict[str, object]:
    body = cluster.experiment()
    version = str(len(cluster.server.events) + 1)
    return {**body, "status": {}, "metadata": {**body["metadata"], "resourceVersion": version}}


def test_a_search_that_takes_long_is_no_hang(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "STUCK_SECONDS", 0.1)
    cluster.search.gate.clear()
    cluster.controller.start()
    cluster.apply()
    cluster.until(lambda: cluster.controller._asks.lateness() > 0.15, "the search takes its time")
    eventually(lambda: cluster.controller.alive, "it is alive")
    assert cluster.controller._asks.lateness() > 0.15


def test_stopped_it_does_nothing_more(cluster: Cluster) -> None:
    cluster.controller.start()
    cluster.apply()
    running(cluster, "nas-0-a1", "nas-1-a1")
    cluster.controller.stop(5)
    written = len(cluster.server.events)
    cluster.end("nas-0-a1", accuracy=0.5, size=32.0)
    cluster.watch()
    assert len(cluster.server.events) == written + 1
    assert not [t for t in cluster.controller._passes._threads if t.is_alive()]


def test_a_search_that_takes_long_does_not_keep_it_from_ending(cluster: Cluster) -> None:
    cluster.search.gate.clear()
    cluster.controller.start()
    cluster.apply()
    cluster.until(lambda: cluster.search.asked, "the search is asked")
    cluster.controller.stop(0.2)
    assert not [t for t in cluster.controller._passes._threads if t.is_alive()]


def test_all_its_work_together_gets_the_time_that_there_is(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []

    def stop(_: object, timeout: float) -> None:
        given.append(timeout)
        time.sleep(0.02)

    monkeypatch.setattr(Dispatcher, "stop", stop)
    cluster.controller.stop(0.05)
    passes, resyncs, *later = given
    assert 0.05 >= passes >= resyncs + 0.02 >= 0.02
    assert len(later) == 2
    assert all(0.0 <= time <= 0.01 for time in later)


def test_an_experiment_that_waits_for_another_one_is_asked_for_again_only_after_a_while(
    cluster: Cluster,
) -> None:
    cluster.operator(pass_seconds=0.3).start()
    cluster.apply(warmStartFrom=[{"name": "other"}])
    cluster.until(lambda: "no experiment 'other'" in cluster.condition("Progressing")[1], "what is missing is named")
    before, begin = cluster.passes, time.monotonic()
    time.sleep(1)
    rate = (cluster.passes - before) / (time.monotonic() - begin)
    assert rate < 30, "it goes round and round"
    cluster.apply("other", maxTrials=1, parallelism=1)
    cluster.until(lambda: cluster.names("jobs") == ["nas-0-a1", "nas-1-a1", "other-0-a1"], "it goes on")


def test_logs_that_take_for_ever_to_read_keep_no_other_experiment_waiting(cluster: Cluster) -> None:
    """Nor does the operator count as stuck, for a restart would only begin again with them."""
    gate, hostile = threading.Event(), threading.Event()

    class Slow(ReadHere):
        def ask(self, question: Question) -> ReaderAnswer:
            if question.folder.below[0] == "slow":
                hostile.set()
                assert gate.wait(PATIENCE_SECONDS)
            return super().ask(question)

    cluster.operator(queue=LogQueue(Slow, workers=2)).start()
    for name in ("slow", "quick"):
        cluster.apply(name, maxTrials=1, parallelism=1)
    cluster.until(lambda: len(cluster.names("jobs")) == 2, "each has its job")
    cluster.end("slow-0-a1", accuracy=0.5, size=1.0)
    cluster.until(hostile.is_set, "its logs are being read")
    cluster.end("quick-0-a1", accuracy=0.75, size=2.0)
    cluster.until(lambda: cluster.experiment("quick")["status"].get("progress") == "1/1", "the other one ends")
    eventually(lambda: not cluster.controller._passes._running, "no pass waits for the logs")
    assert cluster.state("slow-0") == "Running"
    gate.set()
    cluster.until(lambda: cluster.state("slow-0") == "Succeeded", "it ends as well")


def test_an_experiment_of_another_controller_is_left_alone_and_says_so_once(cluster: Cluster) -> None:
    cluster.apply("theirs", managedBy="kueue.x-k8s.io/multikueue")
    cluster.apply("ours", managedBy="paretonas.io/operator", maxTrials=2, parallelism=2)
    cluster.controller.start()
    cluster.until(lambda: len(cluster.names("nastrials")) == 2, "trials of ours")
    [condition] = cluster.until(lambda: cluster.experiment("theirs").get("status", {}).get("conditions"), "a word")
    assert (condition["type"], condition["status"]) == ("Progressing", "Unknown")
    assert condition["reason"] == "ManagedElsewhere"
    assert "kueue.x-k8s.io/multikueue" in condition["message"]
    assert not any(name.startswith("theirs") for name in cluster.names("nastrials"))


@pytest.mark.parametrize("conditions", [[{"type": "Running", "status": "True"}], [{"anything": 1}]])
def test_what_another_controller_has_written_is_never_touched(
    cluster: Cluster, conditions: list[dict[str, Any]]
) -> None:
    cluster.apply("theirs", managedBy="example.com/other")
    body = cluster.experiment("theirs")
    body["status"] = {"conditions": conditions}
    cluster.server.put(body)
    cluster.apply("ours", maxTrials=2, parallelism=2)
    cluster.controller.start()
    cluster.until(lambda: len(cluster.names("nastrials")) == 2, "trials of ours")
    assert cluster.experiment("theirs")["status"] == {"conditions": conditions}
