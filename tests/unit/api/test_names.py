from typing import Any

import pytest

from paretonas.api import InvalidDocument, NASExperiment, job_name, parse_experiment, trial_name
from paretonas.api.experiment import MAX_TRIALS, FailurePolicy
from paretonas.api.names import MAX_EXPERIMENT_NAME, MAX_POD_NAME, split_job_name


def named(document: dict[str, Any], name: str) -> NASExperiment:
    return parse_experiment({**document, "metadata": {"name": name}})


def test_a_trial_and_its_jobs_are_named_after_the_experiment():
    assert trial_name("mnist-nas", 7) == "mnist-nas-7"
    assert job_name("mnist-nas-7", 2) == "mnist-nas-7-a2"
    assert split_job_name("mnist-a1-7-a2") == ("mnist-a1-7", 2)


def test_the_longest_name_fits_into_the_name_of_the_last_pod_that_can_be(document: dict[str, Any]):
    name = "x" * MAX_EXPERIMENT_NAME
    assert named(document, name).name == name
    retries = next(m.le for m in FailurePolicy.model_fields["retries"].metadata if hasattr(m, "le"))
    pod = job_name(trial_name(name, MAX_TRIALS - 1), retries + 1) + "-trial-99-0"
    assert len(pod) <= MAX_POD_NAME, pod


def test_a_name_that_is_one_longer_is_refused(document: dict[str, Any]):
    with pytest.raises(InvalidDocument, match=r"metadata\.name"):
        named(document, "x" * (MAX_EXPERIMENT_NAME + 1))


@pytest.mark.parametrize("name", ["a", "a1", "mnist-nas", "a-1-b", "x" * MAX_EXPERIMENT_NAME])
def test_a_kubernetes_name_is_taken(document: dict[str, Any], name: str):
    assert named(document, name).name == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "a.b", "a b", "1a", "ä", "a\n"])
def test_another_name_is_refused(document: dict[str, Any], name: str):
    with pytest.raises(InvalidDocument, match=r"metadata\.name"):
        named(document, name)
