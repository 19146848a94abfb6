"""How much of the exact hypervolume a search has found after 24 and 48 evaluations, 4 in flight.

`python -m benchmarks.quality`, from the root of the repository. In-flight trials end in a random order that only
the seed decides, so every method meets the same order. `--ahead 0 1` also measures what it costs to ask for a candidate
before the trial has ended whose slot it is to take, as the operator does (docs/adr/0005).
"""

import time
from itertools import product
from statistics import mean, stdev

import numpy as np
from benchmarks import harness, tables
from benchmarks.rivals import METHODS, OURS, Task

EVALUATIONS = 48
PARALLELISM = 4


def search(table: str, method: str, seed: int, ahead: int = 0) -> harness.Result:
    """One search.

    Returns:
        `shares`: of the exact hypervolume after each evaluation; `seconds`: of one core for all suggestions.
    """
    networks = tables.load(table)
    order = np.random.default_rng(seed)
    task = Task(networks.space, networks.objectives, networks.worst, seed, EVALUATIONS, PARALLELISM)
    searcher = METHODS[method](task)
    asked: list[tuple[int, tables.Parameters]] = []  # the first four of them run
    ended: list[tables.Metrics] = []
    shares: list[float] = []
    seconds = 0.0
    while len(ended) < EVALUATIONS:
        start = time.process_time()  # the machine may be busy with something else
        while len(asked) < min(PARALLELISM + ahead, EVALUATIONS - len(ended)):
            asked.append(searcher.ask())
        seconds += time.process_time() - start
        trial, parameters = asked.pop(order.integers(min(PARALLELISM, len(asked))))
        ended.append(networks.metrics(parameters))
        searcher.tell(trial, ended[-1])
        shares.append(networks.share(ended))
    return {"shares": shares, "seconds": seconds}


def report(table: str, results: list[harness.Result]) -> str:
    """The Markdown of one table: each method's means over its seeds, and the best rival's mean as the measure."""
    runs: dict[str, list[harness.Result]] = {}
    for run in results:
        if run["table"] == table:
            ahead = f", {run['ahead']} ahead" if run.get("ahead") else ""
            runs.setdefault(run["method"] + ahead, []).append(run)

    def shares(method: str, evaluations: int) -> list[float]:
        return [run["shares"][evaluations - 1] for run in runs[method]]

    final = {method: mean(shares(method, EVALUATIONS)) for method in runs}
    best = max((share for method, share in final.items() if not method.startswith(OURS)), default=None)
    rows = [
        [
            method,
            str(len(runs[method])),
            _mean(shares(method, EVALUATIONS // 2)),
            _mean(shares(method, EVALUATIONS)),
            f"{min(shares(method, EVALUATIONS)):.3f}",
            f"{final[method] / best:.3f}" if best else "-",
            f"{mean(run['seconds'] for run in runs[method]):.1f}",
        ]
        for method in runs
    ]
    columns = ["seeds", f"at {EVALUATIONS // 2}", f"at {EVALUATIONS}", f"worst at {EVALUATIONS}"]
    return harness.markdown([table, *columns, "to the best rival", "seconds a search"], rows)


def _mean(values: list[float]) -> str:
    """Mean and its standard error, where there are values enough."""
    error = f" ± {stdev(values) / len(values) ** 0.5:.3f}" if len(values) > 1 else ""
    return f"{mean(values):.3f}{error}"


def main() -> None:
    """Parse the command line, run what is missing, print one table for each of --tables."""
    parser = harness.parser(__doc__, methods=list(METHODS), tables=["naval_propulsion", "protein_structure"], seeds=6)
    parser.add_argument("--ahead", nargs="+", type=int, default=[0], metavar="N", help="candidates kept ready")
    options = parser.parse_args()
    keys = [
        {"table": table, "method": method, "seed": seed, "ahead": ahead}
        for seed, table, method, ahead in product(range(options.seeds), options.tables, options.methods, options.ahead)
    ]
    results = harness.measure(search, keys, options, lambda run: f"{run['shares'][-1]:.3f} in {run['seconds']:.1f} s")
    for table in options.tables:
        print(report(table, results), end="\n\n")


if __name__ == "__main__":
    main()
