"""How long the first candidates of a constrained search space take, and how far they spread.

Each space in a process of its own, one thread. "first" and "tenth" are processor seconds until that candidate is there,
imports not counted, each result given back before the next is asked; candidates are quasi-random up to the fifth, then
the model's. "spread" is the mean distance of two of 16 quasi-random candidates, in the model's coordinates, as a part
of that of two points of an exactly uniform sample.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from benchmarks.harness import Result, in_own_process, markdown
from numpy.typing import NDArray

from paretonas.api import ExperimentSpec
from paretonas.search.space import Space
from paretonas.search.suggest import suggest_here
from paretonas.search.types import KnownTrial

Codes = NDArray[np.float64]
UNIFORM = 2_000
"""Points of the exactly uniform sample."""
SPREAD_OF = 16


@dataclass(frozen=True)
class Case:
    """A search space, and a uniform sample of it in the model's coordinates: from (points, columns)."""

    parameters: list[dict[str, Any]]
    constraints: list[str]
    uniform: Callable[[int, int], Codes]


def _several(count: int, **kind: Any) -> list[dict[str, Any]]:
    return [{"name": f"x{i}", **kind} for i in range(count)]


def _order(count: int) -> list[str]:
    return [f"x{i + 1} <= x{i}" for i in range(count - 1)]


def _sum(count: int) -> str:
    return " + ".join(f"x{i}" for i in range(count))


def _box(points: int, columns: int) -> Codes:
    return np.random.default_rng(0).random((points, columns))


def _ordered(points: int, columns: int) -> Codes:
    return -np.sort(-_box(points, columns), axis=1)


def _below(points: int, columns: int) -> Codes:
    return _on(points, columns + 1)[:, :columns]


def _on(points: int, columns: int) -> Codes:
    drawn = np.random.default_rng(0).exponential(size=(points, columns))
    return np.asarray(drawn / drawn.sum(1, keepdims=True))


def _same(points: int, columns: int) -> Codes:
    return np.repeat(_box(points, 1), columns, axis=1)


CASES = {
    "6 widths, no constraint": Case(_several(6, int={"min": 8, "max": 512}), [], _box),
    "9 ordered widths": Case(_several(9, int={"min": 8, "max": 512}), _order(9), _ordered),
    "9 ordered widths, Log": Case(_several(9, int={"min": 8, "max": 512, "scale": "Log"}), _order(9), _ordered),
    "8 ordered widths to 100,000": Case(_several(8, int={"min": 1, "max": 100_000}), _order(8), _ordered),
    "9 ordered numbers": Case(_several(9, float={"min": 0, "max": 1}), _order(9), _ordered),
    "20 ordered numbers": Case(_several(20, float={"min": 0, "max": 1}), _order(20), _ordered),
    "8 numbers, sum at most 1": Case(_several(8, float={"min": 0, "max": 1}), [f"{_sum(8)} <= 1"], _below),
    "3 shares, sum 1": Case(_several(3, float={"min": 0, "max": 1}), [f"{_sum(3)} == 1"], _on),
    "the same as two inequalities": Case(
        _several(3, float={"min": 0, "max": 1}), [f"{_sum(3)} <= 1", f"{_sum(3)} >= 1"], _on
    ),
    "6 whole numbers, sum 100": Case(_several(6, int={"min": 0, "max": 100}), [f"{_sum(6)} == 100"], _on),
    "2 widths to 100,000 that are equal": Case(
        _several(2, int={"min": 1, "max": 100_000}), ["x0 <= x1", "x1 <= x0"], _same
    ),
}  # fmt: skip


def measure(space: str) -> Result:
    """Seconds and spread for one space."""
    case = CASES[space]
    suggest_here(_spec(CASES["6 widths, no constraint"]), [], 1)  # what is imported and compiled at first use
    spec, known, seconds = _spec(case), list[KnownTrial](), list[float]()
    start = time.process_time()
    for index in range(10):
        [candidate] = suggest_here(spec, known, 1).candidates
        seconds.append(time.process_time() - start)
        numbers = np.array([float(value) for value in candidate.parameters.values()])
        metrics = {"cost": float(numbers.sum()), "loss": float(np.abs(numbers - numbers.mean()).sum())}
        known.append(KnownTrial(index, candidate.parameters, "Observed", metrics))
    many = _spec(case, initial=SPREAD_OF)
    points = [candidate.parameters for candidate in suggest_here(many, [], SPREAD_OF).candidates]
    codes = Space(many).encode(points)
    spread = _distance(codes) / _distance(case.uniform(UNIFORM, codes.shape[1]))
    return {"first": seconds[0], "tenth": seconds[-1], "spread": spread}


def _spec(case: Case, initial: int = 5) -> ExperimentSpec:
    document = {
        "objectives": [{"metric": "cost", "goal": "Minimize"}, {"metric": "loss", "goal": "Minimize"}],
        "parameters": case.parameters,
        "parameterConstraints": case.constraints,
        "maxTrials": 48,
        "search": {"initialTrials": initial},
        "trial": {"command": ["train"]},
    }
    return ExperimentSpec.model_validate_json(json.dumps(document))


def _distance(codes: Codes) -> float:
    return float(np.abs(codes[:, None] - codes[None]).sum(2).sum() / (len(codes) * (len(codes) - 1)))


def report(results: Sequence[tuple[str, Result]]) -> str:
    """The table in docs/benchmarks.md."""
    rows = [
        (name, f"{result['first']:.2f}", f"{result['tenth']:.2f}", f"{result['spread']:.2f}")
        for name, result in results
    ]
    return markdown(("search space", "first", "tenth", "spread"), rows)


def main() -> None:
    """Measure the chosen spaces and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--spaces", nargs="+", choices=CASES, default=list(CASES), metavar="SPACE")
    results = []
    for name in options.parse_args().spaces:
        results.append((name, in_own_process(measure, {"space": name})))
        print(f"{name}: {results[-1][1]}", file=sys.stderr, flush=True)
    print(report(results))


if __name__ == "__main__":
    main()
