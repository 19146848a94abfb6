"""What a formula of a cheap objective is worth: the share of the exact hypervolume with it and without it.

`python -m benchmarks.formula`, from the root of the repository. The FCNet tables' model size follows from the two
widths. The search is that of `benchmarks.quality`, 4 in flight; a pair of runs has the same
seed and the same order of endings.
"""

import time
from itertools import product
from statistics import mean, stdev

import numpy as np
from benchmarks import harness, tables
from benchmarks.rivals import OURS, Task, experiment

from paretonas.api import parse_experiment
from paretonas.search import KnownTrial, suggest_here

EVALUATIONS = 48
PARALLELISM = 4
WEIGHTS = {"naval_propulsion": 16, "parkinsons_telemonitoring": 21}
"""The weights that each unit of the first layer has, which differ by the data's inputs."""
WAYS = ("modelled", "formula")


def search(table: str, way: str, seed: int) -> harness.Result:
    """One search.

    Returns:
        `shares`: of the exact hypervolume after each evaluation; `seconds`: of one core for all suggestions.
    """
    fcnet = tables.load(table)
    order = np.random.default_rng(seed)
    document = experiment(Task(fcnet.space, fcnet.objectives, fcnet.worst, seed, EVALUATIONS, PARALLELISM))
    if way == "formula":
        size = f"{WEIGHTS[table]}*n_units_1 + n_units_1*n_units_2 + 2*n_units_2 + 1"
        document["spec"]["metrics"] = [{"name": tables.SIZE, "formula": size}]
    spec = parse_experiment(document).spec
    known: list[KnownTrial] = []
    ended: list[tables.Metrics] = []
    shares: list[float] = []
    seconds = 0.0
    while len(ended) < EVALUATIONS:
        start = time.process_time()  # the machine may be busy with something else
        while len(known) < min(EVALUATIONS, len(ended) + PARALLELISM):
            [candidate] = suggest_here(spec, known, 1).candidates
            known.append(KnownTrial(len(known), candidate.parameters, "Pending"))
        seconds += time.process_time() - start
        running = [trial for trial in known if trial.state == "Pending"]
        trial = running[order.integers(len(running))]
        ended.append(fcnet.metrics(trial.parameters))
        if spec.known_metrics(trial.parameters).get(tables.SIZE, ended[-1][tables.SIZE]) != ended[-1][tables.SIZE]:
            raise ValueError(f"the formula is not that of the table {table}")
        known[trial.index] = KnownTrial(trial.index, trial.parameters, "Observed", ended[-1])
        shares.append(fcnet.share(ended))
    return {"shares": shares, "seconds": seconds}


def report(results: list[harness.Result]) -> str:
    """The Markdown of all tables: mean and standard error over the seeds."""
    rows = []
    for table, way in product(dict.fromkeys(run["table"] for run in results), WAYS):
        runs = [run for run in results if (run["table"], run["way"]) == (table, way)]
        shares = [_mean([run["shares"][count - 1] for run in runs]) for count in (12, 24, EVALUATIONS)]
        rows.append([table, way, str(len(runs)), *shares, f"{mean(run['seconds'] for run in runs):.1f}"])
    return harness.markdown(["table", "model size", "seeds", "at 12", "at 24", "at 48", "seconds a search"], rows)


def _mean(values: list[float]) -> str:
    error = f" ± {stdev(values) / len(values) ** 0.5:.3f}" if len(values) > 1 else ""
    return f"{mean(values):.3f}{error}"


def main() -> None:
    """Parse the command line, run what is missing, print the table."""
    parser = harness.parser(__doc__, tables=list(WEIGHTS), methods=[OURS], seeds=4)
    options = parser.parse_args()
    keys = [
        {"table": table, "way": way, "seed": seed}
        for seed, table, way in product(range(options.seeds), options.tables, WAYS)
    ]
    results = harness.measure(search, keys, options, lambda run: f"{run['shares'][-1]:.3f} in {run['seconds']:.1f} s")
    print(report(results))


if __name__ == "__main__":
    main()
