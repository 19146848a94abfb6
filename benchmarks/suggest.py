"""Seconds of one core from a result to the next suggestion, by the number of trials that are known already.

`python -m benchmarks.suggest`, from the root of the repository. Known trials are random points of a mixed space
with the values of an FCNet table; a few more are in flight. Then, as in a running search, one more trial ends and
the next is asked for: both together are timed.
"""

import argparse
import time
from itertools import product
from statistics import median

from benchmarks import harness, tables
from benchmarks.rivals import METHODS, OURS, RandomSearch, Task

KNOWN = (10, 50, 100, 200, 500)
WARM_UP = 2  # the first call compiles and fills caches; plain Ax answers it by random search, whatever it knows
TIMED = 5


def suggest(table: str, space: str, pending: int, known: int, method: str, seed: int) -> harness.Result:
    """Time suggestions at `known` finished trials and a few more, with `pending` trials in flight.

    Returns:
        `seconds`: of one core, for each timed suggestion.
    """
    fcnet = tables.load(table)
    parameters, metrics = (fcnet.space, fcnet.metrics) if space == "table" else (tables.MIXED_SPACE, fcnet.interpolated)
    task = Task(parameters, fcnet.objectives, fcnet.worst, seed, known + pending + 1 + WARM_UP + TIMED, pending + 1)
    draws = RandomSearch(task)
    searcher = METHODS[method](task)
    for _ in range(known):
        _, point = draws.ask()
        searcher.know(point, metrics(point))
    running = []
    for _ in range(pending + 1):
        _, point = draws.ask()
        running.append((searcher.know(point, None), point))
    seconds = []
    for _ in range(WARM_UP + TIMED):
        ended, point = running.pop(0)
        values = metrics(point)
        start = time.process_time()  # the machine may be busy with something else
        searcher.tell(ended, values)
        running.append(searcher.ask())
        seconds.append(time.process_time() - start)
    return {"seconds": seconds[WARM_UP:]}


def report(table: str, options: argparse.Namespace, results: list[harness.Result]) -> str:
    """The Markdown of one table: medians by method, and this project's time as a share of each rival's."""
    seconds: dict[tuple[int, str], list[float]] = {}
    for run in results:
        if (run["table"], run["space"], run["pending"]) == (table, options.space, options.pending):
            seconds.setdefault((run["known"], run["method"]), []).extend(run["seconds"])
    times = {key: median(values) for key, values in seconds.items()}
    sizes = sorted({known for known, _ in times})
    methods = [method for method in METHODS if any((known, method) in times for known in sizes)]
    rivals = [method for method in methods if method != OURS]

    def ratio(known: int, rival: str) -> str:
        both = (known, OURS) in times and (known, rival) in times
        return f"{times[known, OURS] / times[known, rival]:.2f}" if both else "-"

    rows = [
        [
            str(known),
            *(f"{times[known, method]:.2f}" if (known, method) in times else "-" for method in methods),
            *(ratio(known, rival) for rival in rivals),
        ]
        for known in sizes
    ]
    header = [
        f"known ({table}, {options.space} space, {options.pending} pending)",
        *(f"{method}, s" for method in methods),
    ]
    return harness.markdown([*header, *(f"{OURS} / {rival}" for rival in rivals)], rows)


def main() -> None:
    """Parse the command line, run what is missing, print one table for each FCNet table."""
    parser = harness.parser(__doc__, methods=["gpsampler", "ax", OURS], tables=["naval_propulsion"], seeds=1)
    parser.add_argument("--known", type=int, nargs="+", default=KNOWN, help="default: %(default)s")
    parser.add_argument("--space", choices=["mixed", "table"], default="mixed", help="table: its choices alone")
    parser.add_argument("--pending", type=int, default=4, help="trials in flight; default: %(default)s")
    options = parser.parse_args()
    fixed = {"space": options.space, "pending": options.pending}
    keys = [
        {"table": table, **fixed, "known": known, "method": method, "seed": seed}
        for table, known, seed, method in product(options.tables, options.known, range(options.seeds), options.methods)
    ]
    results = harness.measure(suggest, keys, options, lambda run: f"{median(run['seconds']):.2f} s")
    for table in options.tables:
        print(report(table, options, results), end="\n\n")


if __name__ == "__main__":
    main()
