"""How many steps early stopping saves, and what it costs (docs/benchmarks.md, docs/adr/0023 and 0024).

`python -m benchmarks.stopping`, from the root of the repository, searches tables of learning curves with our own
search, four trials at a time, and replays every rule on the order that it asked for. `--told` lets the rule stop trials
while the search runs, and compares what the search may be told of them.

A table of one's own has the columns trial and step and one for each metric, and is replayed in random orders:
`python -m benchmarks.stopping --csv FILE --curve loss:Minimize --known size:Minimize:Log`.
"""

import argparse
import logging
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import mean
from typing import get_args

import numpy as np
from benchmarks import harness
from benchmarks.stopping.replay import Replay, Rule, Seen, in_order, replay
from benchmarks.stopping.rules import optimistic_dominance, percentile, same_epoch_dominance
from benchmarks.stopping.searched import Told, search, told_metrics
from benchmarks.stopping.tables import Metric, Table, TableError, csv_table, digits_table, llm_table, vlm_table

from paretonas.engine.early_stopping import TrialCurves
from paretonas.search.pareto import hypervolume, pareto_set

TABLES: Mapping[str, Callable[[], Table]] = {
    "vlm": vlm_table,
    "digits": digits_table,
    "llm": llm_table,
    "digits-acc": partial(digits_table, "val_acc"),
}


def rules(table: Table) -> dict[str, Rule]:
    """What is compared, by name; `no audit` shows what `auditFraction` costs."""
    lengths = {f"trial-{row}": network.steps[-1] for row, network in enumerate(table.networks)}
    found = {
        "optimistic dominance": optimistic_dominance(),
        "the same, no audit": optimistic_dominance(audit_fraction=0.0),
        "the same, safety 1": optimistic_dominance(audit_fraction=0.0, safety=1.0),
        "the same, safety 1.5": optimistic_dominance(audit_fraction=0.0, safety=1.5),
        "the same, graceSteps 3": optimistic_dominance(audit_fraction=0.0, grace_steps=3),
        "the same, lengths known": optimistic_dominance(audit_fraction=0.0, lengths=lengths),
        "dominated at the same step": same_epoch_dominance,
        f"percentile 50 of {table.curves[0].name}": percentile,
    }
    if len(set(lengths.values())) == 1:
        del found["the same, lengths known"]
    return found


def measure(table: Table, done: Replay) -> dict[str, float]:
    """What a replay saved and lost, against letting all of its trials run to their end."""
    spec = table.spec()
    metrics = [table.networks[row].metrics for row in done.asked]
    front = {done.asked[position] for position in pareto_set(spec, metrics)}
    whole = _volume(table, done.asked)
    return {
        "saved": 1 - done.steps / sum(len(table.networks[row].steps) for row in done.asked),
        "front": len(front),
        "front lost": len(front.difference(done.completed)),
        "hypervolume lost": 1 - _volume(table, done.completed) / whole if whole else 0.0,
        "noted": len(done.noted),
        "false": len(front.intersection(done.noted)),
    }


def _volume(table: Table, rows: Sequence[int]) -> float:
    spec = table.spec()
    reference = {o.metric: o.threshold for o in spec.objectives if o.threshold is not None}
    return hypervolume(spec, [table.networks[row].metrics for row in rows], reference)


def compare_rules(table: Table, orders: Sequence[Sequence[int]]) -> str:
    """The Markdown of one table: each rule on the same orders of trials."""
    rows = []
    for name, rule in rules(table).items():
        runs = [
            measure(table, replay(table, table.spec(trials=len(order)), len(order), rule, in_order(order)))
            for order in orders
        ]
        lost = [run["hypervolume lost"] for run in runs]
        rows.append(
            [
                name,
                f"{mean(run['saved'] for run in runs):.1%}",
                f"{sum(run['front lost'] for run in runs):.0f} of {sum(run['front'] for run in runs):.0f}",
                f"{mean(lost):.4f}",
                f"{max(lost):.4f}",
                f"{sum(run['false'] for run in runs):.0f} of {sum(run['noted'] for run in runs):.0f}",
            ]
        )
    header = [f"{table.name}, {len(orders)} times {len(orders[0])} trials", "steps saved", "front lost"]
    return harness.markdown([*header, "hypervolume lost", "at worst", "false of noted"], rows)


def compare_estimates(table: Table, orders: Sequence[Sequence[int]]) -> str:
    """The Markdown of one table: how far what is told of stopped trials is from how they would have ended.

    It is the error of the first curve, on the scale of its objective: above 0 if the trial would have been better.
    """
    spec = table.spec()
    metric = table.curves[0].name
    [objective] = [o for o in spec.objectives if o.metric == metric]
    errors: dict[Told, list[float]] = {"imputed": [], "last": []}

    def note(row: int, curves: TrialCurves, seen: Seen, stopped: bool) -> None:
        for told, found in errors.items() if stopped else ():
            metrics = told_metrics(spec, told, curves, seen)
            if metrics is not None:
                final = table.networks[row].metrics[metric]
                found.append(objective.comparable(metrics[metric]) - objective.comparable(final))

    for order in orders:
        replay(table, spec, len(order), optimistic_dominance(), in_order(order), note)
    rows = [
        [
            told,
            str(len(found)),
            *(f"{figure(found):.3f}" if found else "-" for figure in (np.mean, _mean_size, _usual_size)),
        ]
        for told, found in errors.items()
    ]
    header = [f"{table.name}, {metric} at the end", "stopped", "mean error", "mean size of an error", "9 of 10 below"]
    return harness.markdown(header, rows)


def _mean_size(errors: Sequence[float]) -> float:
    return float(np.mean(np.abs(errors)))


def _usual_size(errors: Sequence[float]) -> float:
    return float(np.quantile(np.abs(errors), 0.9))


def compare_told(table: Table, seeds: Sequence[int], trials: int) -> str:
    """The Markdown of one table: the whole search with the rule, by what it is told of a stopped trial."""
    whole = [search(table, seed, trials) for seed in seeds]
    rows = []
    for told in get_args(Told):
        runs = [search(table, seed, trials, optimistic_dominance(), told) for seed in seeds]
        saved = [measure(table, run)["saved"] for run in runs]
        share = [_volume(table, a.completed) / _volume(table, b.completed) for a, b in zip(runs, whole, strict=True)]
        error = f" ± {np.std(share, ddof=1) / len(seeds) ** 0.5:.4f}" if len(seeds) > 1 else ""
        rows.append([told, f"{mean(saved):.1%}", f"{mean(share):.4f}{error}", f"{min(share):.4f}"])
    header = [f"{table.name}, {len(seeds)} times {trials} trials", "steps saved"]
    return harness.markdown([*header, "hypervolume against nothing stopped", "at worst"], rows)


def _our_order(table: Table, seed: int, trials: int) -> list[int]:
    return search(table, seed, trials).asked


def _random_order(table: Table, seed: int, trials: int) -> list[int]:
    rows: list[int] = np.random.default_rng(seed).permutation(len(table.networks))[:trials].tolist()
    return rows


def _metric(text: str) -> Metric:
    name, *rest = text.split(":")
    if not name or len(rest) > 2 or [*rest, "Minimize"][0] not in ("Minimize", "Maximize"):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME:Minimize or NAME:Maximize, with :Log for a Log scale")
    if rest[1:] not in ([], ["Log"], ["Linear"]):
        raise argparse.ArgumentTypeError(f"{text!r} has the scale {rest[1]!r}; write Log or Linear")
    return Metric(name, *rest)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--tables", nargs="+", choices=TABLES, default=list(TABLES), help="default: all")
    add("--seeds", type=int, default=20, metavar="N", help="their number; default: %(default)s")
    add("--first", type=int, default=0, metavar="N", help="the first seed, if not 0")
    add("--trials", type=int, default=100, metavar="N", help="trials of one search; default: %(default)s")
    add(
        "--random",
        action="store_true",
        help="ask for the trials in random orders, not in that of our search; the table llm always does",
    )
    add("--told", action="store_true", help="compare what the search is told of a stopped trial, not the rules")
    add("--csv", type=Path, metavar="FILE", help="a table of one's own, in place of the others")
    add("--curve", type=_metric, action="append", default=[], metavar="NAME:GOAL[:Log]", help="a metric of --csv")
    add("--known", type=_metric, action="append", default=[], metavar="NAME:GOAL[:Log]", help="one known at the start")
    options = parser.parse_args()
    if options.seeds < 1 or options.trials < 1 or options.first < 0:
        parser.error("--seeds and --trials must be at least 1, and --first at least 0")
    if options.csv and (options.told or not options.curve):
        parser.error("--csv needs a --curve, and has no parameters to search: leave out --told")
    if options.told and "llm" in options.tables:
        parser.error("the table llm has no parameters to search: name other --tables with --told")
    if not options.csv and (options.curve or options.known):
        parser.error("--curve and --known describe the columns of a --csv FILE")
    if len({m.name for m in options.curve + options.known} - {"trial", "step"}) < len(options.curve + options.known):
        parser.error("--curve and --known must name different columns, other than trial and step")
    return options


def main() -> None:
    """Parse the command line, and print what was asked for."""
    options = _options()
    try:
        makers = [TABLES[name] for name in options.tables]
        if options.csv:
            makers = [partial(csv_table, options.csv, options.curve, options.known)]
        for make in makers:
            table = make()
            trials = min(options.trials, len(table.networks))
            seeds = range(options.first, options.first + options.seeds)
            if options.told:
                report = compare_told(table, seeds, trials)
            else:
                order = _random_order if options.csv or options.random or not table.space else _our_order
                orders = [order(table, seed, trials) for seed in seeds]
                report = compare_rules(table, orders) + "\n\n" + compare_estimates(table, orders)
            print(report, end="\n\n", flush=True)
    except TableError as error:
        sys.exit(f"stopping: {error}")


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # the notes of Ax would hide the tables
    warnings.simplefilter("ignore")
    main()
