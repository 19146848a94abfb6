"""When the search process runs: what is decided, and that a process follows the decision."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from tests import builders
from tests.unit.controller.conftest import Cluster, GridSearch
from tests.waiting import eventually

from paretonas.api import Condition, ExperimentStatus
from paretonas.controller.search_lifetime import Demand, SearchLifetime, searches, seconds_left

IDLE = 600.0
A, B = ("team-a", "nas"), ("team-b", "nas")


def ended(status: str) -> ExperimentStatus:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    condition = Condition(type="Succeeded", status=status, reason="x", last_transition_time=since)  # type: ignore[arg-type] # a parameter
    return ExperimentStatus(conditions=(condition,))


@pytest.mark.parametrize(
    ("spec", "status", "does"),
    [
        ({}, ExperimentStatus(), True),
        ({}, ended("Unknown"), True),
        ({}, ended("True"), False),
        ({}, ended("False"), False),
        ({"suspend": True}, ended("Unknown"), False),
        ({"stop": True}, ended("Unknown"), False),
    ],
)
def test_an_experiment_searches_until_it_ends_is_suspended_or_stopped(
    spec: dict[str, Any], status: ExperimentStatus, does: bool
) -> None:
    assert searches(builders.experiment(**spec).replace(status=status)) is does


@pytest.mark.parametrize(
    ("noted", "now", "left"),
    [
        ([], 0.0, 600.0),  # an operator that has just started does not start the process
        ([], 599.5, 0.5),
        ([], 600.0, 0.0),
        ([], 1e9, 0.0),
        ([(A, 100.0, True)], 1e9, None),
        ([(A, 100.0, True), (B, 200.0, True), (A, 300.0, False)], 1e9, None),  # the other one still searches
        ([(A, 100.0, True), (B, 200.0, True), (A, 300.0, False), (B, 400.0, False)], 500.0, 500.0),
        ([(A, 100.0, True), (A, 200.0, False), (A, 700.0, False)], 799.0, 1.0),  # counted from the first time
        ([(A, 100.0, True), (A, 200.0, False), (A, 700.0, False)], 801.0, 0.0),
        ([(A, 100.0, True), (A, 200.0, False), (B, 800.0, True)], 801.0, None),  # at the very end
        ([(A, 100.0, True), (A, 200.0, False), (A, 300.0, True), (A, 400.0, False)], 500.0, 500.0),
        ([(B, 50.0, False)], 100.0, 500.0),  # a suspended one is seen first
    ],
)
def test_the_process_is_kept_while_an_experiment_searches_and_for_a_while_after_the_last(
    noted: Sequence[tuple[tuple[str, str], float, bool]], now: float, left: float | None
) -> None:
    demand = Demand()
    for key, moment, does in noted:
        demand = demand.after(key, moment, searches=does)
    assert seconds_left(demand, now, IDLE) == left


def test_a_process_that_is_at_work_when_its_time_is_over_ends_later() -> None:
    process = GridSearch()
    lifetime = SearchLifetime(process, 0.05)
    lifetime.start()
    lifetime.note(A, searches=True)
    eventually(lambda: process.running, "it is started")
    process.gate.clear()
    asking = threading.Thread(target=process.suggest, args=(builders.spec(), [], 1))
    asking.start()
    eventually(lambda: process.asked, "it is asked")
    lifetime.note(A, searches=False)
    eventually(lambda: process.refused_to_end, "its time is over")
    assert process.running
    process.gate.set()
    asking.join()
    eventually(lambda: not process.running, "it ends")
    lifetime.stop(5)


# The operator


def started(cluster: Cluster, **settings: Any) -> None:
    cluster.operator(idle_seconds=0.2, **settings).start()


def shown(cluster: Cluster) -> str:
    [line] = [line for line in cluster.exposed.splitlines() if line.startswith("paretonas_search_process_running")]
    return line.split()[1]


def finish(cluster: Cluster, name: str) -> None:
    cluster.until(lambda: f"{name}-0-a1" in cluster.names("jobs"), "its job")
    cluster.end(f"{name}-0-a1", accuracy=0.5, size=32.0)
    cluster.until(lambda: cluster.experiment(name)["status"].get("progress") == "1/1", "its end")


def test_an_operator_without_experiments_starts_no_search_process(cluster: Cluster) -> None:
    started(cluster)
    cluster.apply("later", suspend=True)
    cluster.until(lambda: cluster.condition("Suspended", "later")[0] == "True", "a pass")
    assert (cluster.search.starts, shown(cluster)) == (0, "0.0")


def test_the_search_process_ends_after_the_last_experiment_and_the_next_one_starts_it(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    started(cluster)
    for round_ in (1, 2):
        name = f"nas{round_}"
        cluster.apply(name, maxTrials=1, parallelism=1)
        cluster.until(lambda: cluster.search.running, "the process")
        assert shown(cluster) == "1.0"
        finish(cluster, name)
        eventually(lambda: not cluster.search.running, "it ends")
        assert shown(cluster) == "0.0"
        assert cluster.search.starts == round_
    assert "no experiment has searched for 0.2 s: the search process ends" in caplog.text


def test_suspending_or_deleting_the_last_experiment_ends_it_and_resuming_starts_it(cluster: Cluster) -> None:
    started(cluster)
    cluster.apply()
    cluster.until(lambda: cluster.search.running, "the process")
    cluster.edit(suspend=True)
    cluster.until(lambda: not cluster.search.running, "nobody asks for a suspended experiment")
    cluster.edit(suspend=False)
    cluster.until(lambda: cluster.search.running, "it may ask again")
    cluster.server.delete("nasexperiments", "nas", "team")
    cluster.until(lambda: not cluster.search.running, "it is gone")


def test_an_experiment_that_is_not_valid_or_not_ours_starts_no_search_process(cluster: Cluster) -> None:
    started(cluster)
    cluster.apply("theirs", managedBy="example.com/other")
    cluster.apply("wrong")
    cluster.edit("wrong", parallelism=0)
    cluster.until(lambda: cluster.condition("Valid", "wrong")[0] == "False", "a condition")
    cluster.until(lambda: cluster.condition("Progressing", "theirs")[0] == "Unknown", "a condition")
    assert cluster.search.starts == 0


def test_an_experiment_that_appears_while_the_process_ends_gets_its_candidates(cluster: Cluster) -> None:
    """In every order of the two, since a question starts the process again."""
    started(cluster)
    ending, go_on = threading.Event(), threading.Event()
    end = cluster.search.end_if_idle

    def end_slowly() -> bool:
        ending.set()
        assert go_on.wait(30)
        return end()

    cluster.search.end_if_idle = end_slowly  # type: ignore[method-assign]
    cluster.apply("first", maxTrials=1, parallelism=1)
    finish(cluster, "first")
    assert ending.wait(30)
    cluster.apply("second", maxTrials=1, parallelism=1)
    cluster.until(lambda: "second-0-a1" in cluster.names("jobs"), "its job does not wait for the end of the process")
    go_on.set()
    cluster.until(lambda: cluster.search.starts == 2, "it is started for the second one")
    finish(cluster, "second")


def test_a_question_that_is_asked_late_is_answered_all_the_same(cluster: Cluster) -> None:
    cluster.search.gate.clear()
    started(cluster)
    cluster.apply(maxTrials=1, parallelism=1)
    cluster.until(lambda: cluster.search.asked, "a question")
    cluster.edit(suspend=True)
    cluster.until(lambda: cluster.search.refused_to_end, "its time is over, and it is at work")
    cluster.edit(suspend=False)
    cluster.search.gate.set()
    finish(cluster, "nas")
