"""What a user sees after ``make kind-up``: its example to the end, and each kubectl command of the README.

``cluster.sh e2e`` (``make kind-e2e``) runs them, right after kind-up.
"""

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.cluster.conftest import NAMESPACE
from tests.cluster.kubectl import BINARY, PLUGINS, Kubectl, eventually
from tests.cluster.quick import of
from tests.cluster.test_walkthrough import MINUTES, brute_force

NAME = "mnist-nas"

EXAMPLE = Path("examples", f"{NAME}.yaml")

BUDGET = {"maxTrials": 8, "search": {"seed": 0, "initialTrials": 5}}
"""In place of 48 trials, which take ten minutes. Nothing else of the example is changed."""


@pytest.fixture(scope="module")
def kubectl(context: str) -> Kubectl:
    """The namespace of the example, which has ended with a smaller budget; kind-up's own had begun."""
    assert context.startswith("kind-")
    kubectl = Kubectl(NAMESPACE)
    eventually(
        lambda: any(
            attempt.get("startTime")
            for trial in kubectl.list("nastrials", of(NAME))
            for attempt in trial.get("status", {}).get("attempts", ())
        ),
        "a trial of the example as it is has begun",
    )
    kubectl("delete", "nasexperiment", NAME)  # a budget cannot be lowered
    document = yaml.safe_load(EXAMPLE.read_text())
    document["spec"] |= BUDGET
    kubectl.apply(document)
    kubectl.wait(f"nasexperiment/{NAME}", "Succeeded", 6 * MINUTES)
    return kubectl


def test_the_example_runs_beside_the_pods_of_the_system_to_its_pareto_set(kubectl: Kubectl):
    experiment, trials = kubectl.get("nasexperiment", NAME), kubectl.list("nastrials", of(NAME))
    assert experiment is not None
    assert [t["status"]["state"] for t in trials] == ["Succeeded"] * BUDGET["maxTrials"]
    assert all(0.8 < t["status"]["metrics"]["val_acc"] < 1.0 for t in trials), "networks that learned MNIST"
    assert {point["trial"] for point in experiment["status"]["paretoSet"]} == brute_force(experiment, trials)


def test_every_kubectl_command_of_the_readme_works(kubectl: Kubectl):
    walk_through = (
        Path("README.md").read_text().partition("## On a cluster")[2].partition("```bash")[2].partition("```")[0]
    )
    commands = [line.partition("#")[0].split() for line in walk_through.strip().splitlines()]
    assert len(commands) >= 6, "the walk-through in README.md is found"
    for command in commands:
        assert command[0] == "kubectl", command
        done = subprocess.run(
            [BINARY, *command[1:]],
            env={**os.environ, "PATH": PLUGINS},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        assert NAME in done.stdout, f"{' '.join(command)} says nothing of {NAME}"
    assert kubectl.get("nasexperiment", NAME) is None, "the last command deletes it"
