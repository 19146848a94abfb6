import json
from argparse import Namespace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from benchmarks import harness, quality, spaces
from benchmarks.rivals import Task, experiment
from benchmarks.tables import LOSS, MIXED_SPACE, SIZE, load

from paretonas.api import parse_experiment


def _run(method: str, seed: int, share: float) -> dict[str, Any]:
    return {
        "table": "naval_propulsion",
        "method": method,
        "seed": seed,
        "shares": [share] * 48,
        "seconds": 1.0,
    }


def test_the_measure_of_quality_is_the_best_rival_and_never_ours() -> None:
    runs = [_run("random", 0, 0.5), _run("tpe", 0, 0.7), _run("tpe", 1, 0.9), _run("paretonas", 0, 1.0)]
    rows = quality.report("naval_propulsion", runs).splitlines()[2:]
    ratios = {row.split(" | ")[0].removeprefix("| "): row.split(" | ")[5] for row in rows}
    assert ratios == {"random": "0.625", "tpe": "1.000", "paretonas": "1.250"}


def test_results_that_are_kept_or_merged_are_not_run_again(tmp_path: Path) -> None:
    kept, merged = tmp_path / "kept.json", tmp_path / "merged.json"
    kept.write_text(json.dumps([_run("tpe", 0, 0.7)]))
    merged.write_text(json.dumps([_run("tpe", 0, 0.1), _run("tpe", 1, 0.9)]))
    keys = [{"table": "naval_propulsion", "method": "tpe", "seed": seed} for seed in range(2)]
    results = harness.measure(_never, keys, Namespace(json=kept, merge=[merged]), str)
    assert sorted(result["shares"][0] for result in results) == [0.7, 0.9], "each run once, --json before --merge"


@pytest.mark.parametrize(
    ("table", "space", "goals"),
    [
        ("naval_propulsion", MIXED_SPACE, {LOSS: ("Minimize", "Log"), SIZE: ("Minimize", "Log")}),
        ("naval_propulsion", None, {LOSS: ("Minimize", "Log"), SIZE: ("Minimize", "Log")}),
        ("nasbench201_cifar10", None, {"val_acc": ("Maximize", "Linear"), "latency": ("Minimize", "Log")}),
        ("hpobench_car", None, {"val_acc": ("Maximize", "Linear"), "train_time": ("Minimize", "Log")}),
    ],
)
def test_the_experiment_that_is_measured_is_one_that_a_user_can_write(table: str, space: Any, goals: Any) -> None:
    networks = load(table)
    space = space or networks.space
    task = Task(space, networks.objectives, networks.worst, seed=3, evaluations=48, parallelism=4)
    spec = parse_experiment(experiment(task)).spec
    assert {objective.metric: objective.threshold for objective in spec.objectives} == networks.worst
    assert {objective.metric: (objective.goal, objective.scale) for objective in spec.objectives} == goals
    assert [parameter.name for parameter in spec.parameters] == [parameter.name for parameter in space]


@pytest.mark.parametrize("name", spaces.CASES)
def test_the_uniform_sample_of_a_space_keeps_its_constraints(name: str) -> None:
    case = spaces.CASES[name]
    sample = case.uniform(50, len(case.parameters))
    assert ((sample >= 0) & (sample <= 1)).all()
    parameters = [{"name": p["name"], "float": {"min": 0, "max": 1}} for p in case.parameters]
    constraints = [text.replace("100", "1") for text in case.constraints]
    spec = spaces._spec(spaces.Case(parameters, constraints, case.uniform))
    for row in sample:
        point = dict(zip((p["name"] for p in parameters), row.tolist(), strict=True))
        assert all(constraint.is_satisfied_by(point) for constraint in spec.linear_constraints), point


def _never(**_key: Any) -> NoReturn:
    raise AssertionError("a run that has a result was run again")
