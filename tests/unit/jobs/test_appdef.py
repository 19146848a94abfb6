"""A trial as TorchX's application."""

from typing import Any

import pytest
from tests.builders import experiment, trial
from torchx import specs

from paretonas.api import Attempt, NASTrial, TrialMetadata, TrialSpec, TrialStatus
from paretonas.api.quantities import amount
from paretonas.jobs.appdef import trial_app
from paretonas.jobs.attempt_folder import output_name
from paretonas.jobs.job import Launch


def role(parameters: dict[str, Any] | None = None, **template: Any) -> specs.Role:
    of = experiment(
        parameters=[
            {"name": "optimizer", "choice": {"values": ["adam", "sgd"]}},
            {
                "name": "momentum",
                "float": {"min": 0.0, "max": 1.0},
                "activeWhen": [{"parameter": "optimizer", "values": ["sgd"]}],
            },
            {"name": "bias", "bool": {}},
        ],
        trial={"command": ["python", "-m", "trainer"], **template},
    )
    chosen = parameters or {"optimizer": "sgd", "momentum": 0.1 + 0.2, "bias": True}
    one = NASTrial(metadata=TrialMetadata(name="nas-7"), spec=TrialSpec(experiment="nas", index=7, parameters=chosen))
    [only] = trial_app(Launch(of, one, 3), "/logs/here", "/logs/kept").roles
    return only


def test_without_arguments_of_its_own_a_trial_gets_every_parameter_and_its_folder() -> None:
    only = role()
    assert only.entrypoint == "python"
    assert only.args == [
        *("-m", "trainer"),
        *("--optimizer=sgd", "--momentum=0.30000000000000004", "--bias", "--log-dir=/logs/here"),
    ]


def test_the_output_folder_is_a_variable_and_what_refers_to_it() -> None:
    only = role(args=["--keep=${trial.outputDir}"], env=[{"name": "CACHE", "value": "${trial.outputDir}/cache"}])
    assert only.args == ["-m", "trainer", "--keep=/logs/kept"]
    assert (only.env["PARETONAS_OUTPUT_DIR"], only.env["CACHE"]) == ("/logs/kept", "/logs/kept/cache")
    assert "/logs/kept" not in role().args, "a program that keeps nothing need not know of it"


@pytest.mark.parametrize(
    ("past", "number", "first"),
    [((), 1, 1), ((), 4, 4), ((1,), 2, 1), ((3, 4), 7, 3)],
)
def test_the_output_folder_is_named_after_the_first_attempt(past: tuple[int, ...], number: int, first: int) -> None:
    attempts = tuple(Attempt(job=f"nas-7-a{n}") for n in (*past, number))
    one = trial(7).replace(status=TrialStatus(attempts=attempts))
    assert Launch(experiment(), one, number).first_attempt == first
    assert (output_name(1), output_name(3)) == ("output", "output-a3")


def test_an_inactive_parameter_is_absent_with_its_flag_and_its_variable() -> None:
    only = role(
        {"optimizer": "adam", "bias": False},
        args=[
            "--opt=${parameters.optimizer}",
            "--momentum",
            "${parameters.momentum}",
            "--bias",
            "${parameters.bias}",
        ],
        env=[
            {"name": "MOMENTUM", "value": "${parameters.momentum}"},
            {"name": "TRIAL", "value": "${trial.index}"},
        ],
    )
    assert only.args == ["-m", "trainer", "--opt=adam", "--bias", "false"]
    assert only.env["TRIAL"] == "7"
    assert "MOMENTUM" not in only.env
    assert only.env["PARETONAS_PARAMETERS"] == '{"optimizer": "adam", "bias": false}'


def test_a_trial_may_know_its_experiment_and_attempt() -> None:
    only = role(args=["${experiment.name}/${experiment.namespace}/${trial.name}/${trial.attempt}"])
    assert only.args[-1] == "nas/default/nas-7/3"


def test_torchx_does_not_retry() -> None:
    """The engine does, under a new name and with a folder of its own."""
    assert role().max_retries == 0


def test_resources_are_rounded_up_to_what_torchx_counts() -> None:
    resource = role(
        resources={"cpu": "1500m", "memory": "2Gi", "nvidia.com/gpu": 2, "rdma/hca": "1", "none/of": 0}
    ).resource
    assert (resource.cpu, resource.memMB, resource.gpu) == (2, 2148, 2)
    assert resource.devices == {"rdma/hca": 1}


def test_without_resources_none_are_asked_for() -> None:
    resource = role().resource
    assert (resource.cpu, resource.memMB, resource.gpu, resource.devices) == (-1, -1, 0, {})


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        *(("2", 2.0), ("0.5", 0.5), (".5", 0.5), ("500m", 0.5), ("1e3", 1000.0), ("2E-1", 0.2)),
        *(("1k", 1e3), ("1M", 1e6), ("2Gi", 2.0 * 2**30), ("1E", 1e18), ("1Ei", 2.0**60)),
    ],
)
def test_quantities_are_those_of_kubernetes(quantity: str, expected: float) -> None:
    assert amount(quantity) == pytest.approx(expected)


def test_a_launch_is_named_after_the_trial_and_the_attempt() -> None:
    assert Launch(experiment(), trial(7), 3).name == "nas-7-a3"
