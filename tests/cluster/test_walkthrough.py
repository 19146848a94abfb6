"""The mission's own sentence: apply the file, and read the Pareto set in the status. Everything in it is real.

The kubectl commands of the README are run on kind (tests/cluster/kind).
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.conftest import Start
from tests.cluster.kubectl import Kubectl, condition, eventually
from tests.cluster.quick import of, quick

MINUTES = 60.0

BUDGET = {
    "mnist-nas.yaml": {"maxTrials": 12, "search": {"seed": 0, "initialTrials": 6}},
    "one-objective.yaml": {"maxTrials": 2, "search": {"initialTrials": 2}, "stopWhen": {}},
    "constrained.yaml": {"maxTrials": 2, "search": {"initialTrials": 2}},
    "conditional.yaml": {"maxTrials": 2, "search": {"initialTrials": 2}},
    "distributed.yaml": {"maxTrials": 1, "search": {"initialTrials": 1}},
    "cnn-nas.yaml": {"maxTrials": 2, "search": {"initialTrials": 2}},
}


def example(file: str) -> dict[str, Any]:
    """An example's document with a small budget, in which two cores can carry two trials beside the operator."""
    document: dict[str, Any] = yaml.safe_load(Path("examples", file).read_text())
    spec = document["spec"]
    spec |= {**BUDGET[file], "parallelism": min(2, BUDGET[file]["maxTrials"])}
    return document


def dominates(one: Mapping[str, float], other: Mapping[str, float], goals: Mapping[str, str]) -> bool:
    """Whether one point is no worse in every objective and better in one."""
    pairs = [(one[m], other[m]) if goal == "Maximize" else (-one[m], -other[m]) for m, goal in goals.items()]
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


def brute_force(document: Mapping[str, Any], trials: Sequence[Mapping[str, Any]]) -> set[str]:
    """The names of the trials in the Pareto set, by comparing every one with every other."""
    objectives = document["spec"]["objectives"]
    goals = {o["metric"]: o["goal"] for o in objectives}

    def good(metrics: Mapping[str, float]) -> bool:
        return all(
            "threshold" not in o
            or (
                metrics[o["metric"]] >= o["threshold"]
                if o["goal"] == "Maximize"
                else metrics[o["metric"]] <= o["threshold"]
            )
            for o in objectives
        )

    observed = {
        t["metadata"]["name"]: t["status"]["metrics"]
        for t in trials
        if t["status"]["state"] == "Succeeded" and good(t["status"]["metrics"])
    }
    return {
        name
        for name, metrics in observed.items()
        if not any(dominates(other, metrics, goals) for other in observed.values())
    }


def test_the_mnist_example_runs_through_volcano_to_its_pareto_set(nas: Kubectl, start: Start):
    document = example("mnist-nas.yaml")
    name = start(document, as_it_is=True)
    nas.wait(f"nasexperiment/{name}", "Succeeded", 6 * MINUTES)
    experiment, trials = nas.get("nasexperiment", name), nas.list("nastrials", of(name))
    assert experiment is not None
    status = experiment["status"]
    assert [t["status"]["state"] for t in trials] == ["Succeeded"] * 12
    assert status["trials"] == {**status["trials"], "total": 12, "succeeded": 12, "running": 0, "failed": 0}
    assert {point["trial"] for point in status["paretoSet"]} == brute_force(document, trials)
    assert {t["metadata"]["name"] for t in trials if t["status"]["pareto"]} == brute_force(document, trials)
    assert all(0.8 < t["status"]["metrics"]["val_acc"] < 1.0 for t in trials), "12 networks that have learned MNIST"
    assert {t["spec"]["origin"] for t in trials} == {"Sobol", "BayesianOptimization"}


@pytest.mark.parametrize("file", [file for file in BUDGET if file != "mnist-nas.yaml"])
def test_every_other_example_runs_to_its_end(nas: Kubectl, start: Start, file: str):
    document = example(file)
    name = start(document)
    nas.wait(f"nasexperiment/{name}", "Succeeded", 4 * MINUTES)
    trials = nas.list("nastrials", of(name))
    assert [t["status"]["state"] for t in trials] == ["Succeeded"] * BUDGET[file]["maxTrials"]


def test_every_example_that_needs_no_gpu_is_run_here():
    assert {path.name for path in Path("examples").glob("*.yaml") if "gpu" not in path.stem} == set(BUDGET)


def test_the_tables_of_kubectl_get_tell_how_far_it_is(nas: Kubectl, start: Start):
    name = start(quick("table", maxTrials=3))
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    head, row = nas("get", "nasexperiment", name).splitlines()
    assert head.split() == [
        "NAME",
        "STATUS",
        "TRIALS",
        "RUNNING",
        "FAILED",
        "PARETO",
        "HYPERVOLUME",
        "AGE",
    ]
    assert row.split()[:5] == [name, "TrialsCompleted", "3/3", "0", "0"]
    rows = nas("get", "nastrials", "-l", of(name)).splitlines()
    assert len(rows) == 4
    assert "PARETO" in rows[0]
    assert all(re.search(r" accuracy=-?\d(\.\d{1,6})?,size=\d+(\.\d{1,4})? ", row) for row in rows[1:]), rows
    assert re.fullmatch(r"\d+(\.\d{1,5})?", row.split()[6]), "the hypervolume as a person writes it"
    experiment = eventually(lambda: nas.get("nasexperiment", name), "the experiment")
    assert condition(experiment, "Succeeded")["message"] == "3 trials ended, 3 succeeded"
