"""What is removed of a finished experiment, and when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests import builders
from tests.unit.controller.conftest import Cluster

from paretonas.api import ExperimentStatus, NASExperiment
from paretonas.controller.expiry import Expiry, expiry, trials_removed, without_trials

END = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ended(**spec: Any) -> NASExperiment:
    return builders.experiment(**spec).replace(status=ExperimentStatus(completion_time=END))


def after(seconds: float) -> datetime:
    return END + timedelta(seconds=seconds)


def trial(ttl: int) -> dict[str, Any]:
    return {**builders.ON_CLUSTER["trial"], "ttlSecondsAfterFinished": ttl}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, Expiry()),
        ({"ttlSecondsAfterFinished": 60}, Expiry(None, after(60))),
        ({"trial": trial(5)}, Expiry(after(5), None)),
        ({"trial": trial(0), "ttlSecondsAfterFinished": 0}, Expiry(END, END)),
    ],
)
def test_each_time_is_counted_from_the_end(spec: dict[str, Any], expected: Expiry) -> None:
    assert expiry(ended(**spec)) == expected


def test_an_experiment_that_runs_has_no_end() -> None:
    assert expiry(builders.experiment(ttlSecondsAfterFinished=0)) == Expiry()


def test_that_trials_are_removed_is_said_beside_what_stays() -> None:
    before = ended(trial=trial(5))
    after_ = without_trials(before, after(5))
    assert (trials_removed(before), trials_removed(after_)) == (False, True)
    assert after_.status.completion_time == END


def finish(cluster: Cluster, **spec: Any) -> None:
    cluster.controller.start()
    cluster.apply(maxTrials=1, parallelism=1, **spec)
    cluster.until(lambda: cluster.names("jobs") == ["nas-0-a1"], "the job")
    cluster.end("nas-0-a1", accuracy=0.5, size=32.0)


def test_trials_go_after_their_time_and_the_pareto_set_stays(cluster: Cluster) -> None:
    finish(cluster, trial=trial(1))
    cluster.until(lambda: cluster.condition("Succeeded")[0] == "True", "the end")
    assert cluster.names("nastrials") == ["nas-0"], "not before their time"
    cluster.until(lambda: not cluster.names("nastrials"), "the trial is removed")
    assert cluster.condition("TrialsRemoved")[0] == "True"
    assert [point["trial"] for point in cluster.experiment()["status"]["paretoSet"]] == ["nas-0"]
    cluster.edit(maxTrials=2)
    passes = cluster.search.asked
    cluster.operator().start()
    cluster.until(lambda: cluster.controller.ready, "another operator")
    assert (cluster.names("nastrials"), cluster.search.asked) == ([], passes), "it is not begun again"


def test_an_experiment_is_deleted_after_its_time(cluster: Cluster) -> None:
    finish(cluster, ttlSecondsAfterFinished=1)
    cluster.until(lambda: cluster.condition("Succeeded")[0] == "True", "the end")
    cluster.until(lambda: not cluster.names("nasexperiments"), "the experiment is deleted")
