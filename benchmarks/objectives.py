"""How long a candidate takes with two to four objectives, and what a search finds.

`python -m benchmarks.objectives`, from the root of the repository. The problem is DTLZ2 (Deb et al. 2002) of six
parameters, whose front is a part of a sphere. "s": processor seconds to one candidate, everything rebuilt and imports
not counted, with all known results on the front and 3 trials in flight. The share is the hypervolume that a search has
found, of that of the whole front, with 3 in flight that end in a random order. Each as it is; with the boxes of
BoTorch's exact `FastNondominatedPartitioning` in the place of `paretonas.search.boxes`; and with as many fantasies as
for two objectives. Each measurement is in a process of its own, on one thread.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from statistics import mean, median

import numpy as np
import torch
from benchmarks.harness import Result, in_own_process, markdown
from botorch.utils.multi_objective.box_decompositions.non_dominated import FastNondominatedPartitioning

from paretonas.api import ExperimentSpec, Scalar
from paretonas.search import KnownTrial, boxes, criterion, ehvi, suggest_here
from paretonas.search.pareto import hypervolume
from paretonas.search.suggest import forget

PARAMETERS = 6
REFERENCE = 1.5
IN_FLIGHT = 3
AS_IT_IS, BOTORCH, ALL_FANTASIES = "as it is", "BoTorch's boxes", "all fantasies"


def _spec(objectives: int, seed: int) -> ExperimentSpec:
    document = {
        "objectives": [{"metric": f"f{i}", "goal": "Minimize", "threshold": REFERENCE} for i in range(objectives)],
        "parameters": [{"name": f"x{i}", "float": {"min": 0, "max": 1}} for i in range(PARAMETERS)],
        "maxTrials": 400,
        "search": {"seed": seed},
        "trial": {"command": ["train"]},
    }
    return ExperimentSpec.model_validate_json(json.dumps(document))


def _dtlz2(point: Mapping[str, Scalar], objectives: int, *, on_front: bool = False) -> dict[str, float]:
    """The objectives: the first parameters are angles, the others a distance from the front."""
    x = [float(value) for value in point.values()]
    radius = 1.0 + (0.0 if on_front else sum((v - 0.5) ** 2 for v in x[objectives - 1 :]))
    angles = [0.5 * math.pi * v for v in x[: objectives - 1]]
    metrics = {}
    for i in range(objectives):
        cosines = math.prod(math.cos(angle) for angle in angles[: objectives - 1 - i])
        metrics[f"f{i}"] = radius * cosines * (math.sin(angles[objectives - 1 - i]) if i else 1.0)
    return metrics


def _whole(objectives: int) -> float:
    """The hypervolume of the whole front: all but the part of the unit ball."""
    ball = math.pi ** (objectives / 2) / math.gamma(objectives / 2 + 1)
    return REFERENCE**objectives - ball / 2.0**objectives


def _botorch(front: boxes.Corners, reference: boxes.Corners) -> tuple[boxes.Corners, boxes.Corners]:
    above = torch.tensor(front[(front > reference).all(1)])
    lower, upper = FastNondominatedPartitioning(torch.tensor(reference), Y=above).get_hypercell_bounds()
    return lower.numpy(), upper.numpy()


def _use(variant: str) -> None:
    if variant == BOTORCH:
        ehvi.boxes = _botorch
    if variant == ALL_FANTASIES:
        criterion.FEWER_FANTASIES = criterion.FANTASIES


def seconds(objectives: int, known: int, variant: str, repeats: int) -> Result:
    """Processor seconds of candidates with `known` results on the front; the number of boxes above them."""
    _use(variant)
    draws = np.random.default_rng(0).random((known + IN_FLIGHT, PARAMETERS))
    points = [{f"x{i}": float(v) for i, v in enumerate(row)} for row in draws]
    trials = [KnownTrial(i, p, "Observed", _dtlz2(p, objectives, on_front=True)) for i, p in enumerate(points[:known])]
    trials += [KnownTrial(i, points[i], "Pending") for i in range(known, known + IN_FLIGHT)]
    suggest_here(_spec(2, 0), [_measured(t, 2) for t in trials[:10]], 1)  # imports, first allocations
    taken = []
    for seed in range(repeats):
        forget()
        start = time.process_time()
        suggest_here(_spec(objectives, seed), trials, 1)
        taken.append(time.process_time() - start)
    front = -np.array([list(t.metrics.values()) for t in trials[:known]])
    count = len(ehvi.boxes(front, np.full(objectives, -REFERENCE))[0])
    return {"seconds": taken, "boxes": count}


def _measured(trial: KnownTrial, objectives: int) -> KnownTrial:
    """The trial with results for another number of objectives."""
    return KnownTrial(trial.index, trial.parameters, "Observed", _dtlz2(trial.parameters, objectives))


def share(objectives: int, evaluations: int, variant: str, seed: int) -> Result:
    """The share of the front's hypervolume that a search has found."""
    _use(variant)
    spec, order = _spec(objectives, seed), np.random.default_rng(seed)
    trials: list[KnownTrial] = []
    running: list[int] = []
    while len(trials) < evaluations or running:
        while len(running) < IN_FLIGHT and len(trials) < evaluations:
            [candidate] = suggest_here(spec, trials, 1).candidates
            running.append(len(trials))
            trials.append(KnownTrial(len(trials), candidate.parameters, "Pending"))
        ended = running.pop(order.integers(len(running)))
        point = trials[ended].parameters
        trials[ended] = KnownTrial(ended, point, "Observed", _dtlz2(point, objectives))
    found = hypervolume(spec, [t.metrics for t in trials], {o.metric: REFERENCE for o in spec.objectives})
    return {"share": found / _whole(objectives)}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _seconds_table(variants: Sequence[str], counts: Sequence[int]) -> str:
    rows = []
    for objectives in counts:
        for known in (50, 200):
            row = [str(objectives), str(known)]
            for variant in variants:
                repeats = 1 if variant == BOTORCH else 3
                key = {"objectives": objectives, "known": known, "variant": variant}
                run = in_own_process(seconds, key | {"repeats": repeats})
                row += [f"{median(run['seconds']):.2f}", str(run["boxes"])]
            _say(" ".join(row))
            rows.append(row)
    columns = [f"{d}, {what}" for d in variants for what in ("s", "boxes")]
    return markdown(["objectives", "known", *columns], rows)


def _share_table(variants: Sequence[str], counts: Sequence[int], evaluations: int, seeds: int) -> str:
    rows = []
    for objectives in counts:
        row = [str(objectives), str(seeds)]
        for variant in variants:
            key = {"objectives": objectives, "evaluations": evaluations, "variant": variant}
            shares = [in_own_process(share, key | {"seed": seed})["share"] for seed in range(seeds)]
            row += [f"{mean(shares):.4f}", f"{min(shares):.4f}"]
        _say(" ".join(row))
        rows.append(row)
    columns = [f"{d}, {what}" for d in variants for what in ("mean", "worst")]
    return markdown([f"objectives ({evaluations} evaluations)", "seeds", *columns], rows)


def main() -> None:
    """Parse the command line, print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    variants = [AS_IT_IS, BOTORCH, ALL_FANTASIES]
    add = parser.add_argument
    add("--variants", nargs="+", choices=variants, default=variants, help="default: all")
    add("--objectives", nargs="+", type=int, choices=[2, 3, 4], default=[2, 3, 4], help="default: all")
    add("--evaluations", type=int, default=24, help="of a search; default: %(default)s")
    add(
        "--seeds",
        type=int,
        default=4,
        metavar="N",
        help="seeds 0 to N-1, 0 for no search; default: %(default)s",
    )
    options = parser.parse_args()
    print(_seconds_table(options.variants, options.objectives), end="\n\n")
    if options.seeds:
        print(_share_table(options.variants, options.objectives, options.evaluations, options.seeds))


if __name__ == "__main__":
    main()
