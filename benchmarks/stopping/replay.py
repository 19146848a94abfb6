"""A search over a table, step by step: trials run four at a time, and a rule may stop them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Literal

from benchmarks.stopping.tables import Table

from paretonas.api import ExperimentSpec
from paretonas.engine.early_stopping import CompletedTrial, CompletedTrials, TrialCurves

PARALLELISM = 4
Decision = Literal["continue", "stop", "note"]


@dataclass
class Seen:
    """What there is to decide from.

    Attributes:
        completed: The completed trials.
        prepared: The same, for the rule of the product.
        others: The curves of all trials so far, complete or not, by row.
    """

    completed: list[CompletedTrial]
    prepared: CompletedTrials
    others: dict[int, TrialCurves]


Rule = Callable[[ExperimentSpec, TrialCurves, Seen], Decision]


@dataclass
class Replay:
    """What happened.

    Attributes:
        asked: The rows of all trials, in the order in which they were asked for.
        completed: Those that ran to their end.
        steps: The number of steps that were made.
        noted: Rows with a verdict that was only noted.
    """

    asked: list[int] = field(default_factory=list)
    completed: list[int] = field(default_factory=list)
    steps: int = 0
    noted: list[int] = field(default_factory=list)


def replay(
    table: Table,
    spec: ExperimentSpec,
    trials: int,
    rule: Rule | None,
    ask: Callable[[], int],
    tell: Callable[[int, TrialCurves, Seen, bool], None] = lambda *_: None,
) -> Replay:
    """Run trials of a table, each one step in a unit of time.

    Args:
        table: The networks.
        spec: Its experiment.
        trials: The number of trials.
        rule: Decides after each step of a trial; None to let all run to their end.
        ask: Returns the row of the next trial.
        tell: Is called with each row that ends, its curves, what had been seen before, and whether it was stopped.
    """
    done = Replay()
    seen = Seen([], CompletedTrials(spec, []), {})
    running: list[tuple[int, int, int, int]] = []  # time of the next step, number of the trial, its row, steps made

    def start(time: int) -> None:
        if len(done.asked) < trials:
            done.asked.append(ask())
            heappush(running, (time + 1, len(done.asked), done.asked[-1], 0))

    for _ in range(PARALLELISM):
        start(0)
    while running:
        time, number, row, made = heappop(running)
        network = table.networks[row]
        steps = network.steps
        until = steps[made]
        name = f"trial-{row}"
        curves = TrialCurves(
            name, {m: [p for p in points if p[0] <= until] for m, points in network.curves.items()}, network.known
        )
        done.steps += 1
        seen.others[row] = curves
        ended = made + 1 == len(steps)
        decision = rule(spec, curves, seen) if rule and not ended and row not in done.noted else "continue"
        if decision == "note":
            done.noted.append(row)
        if ended or decision == "stop":
            tell(row, curves, seen, not ended)
            if ended:
                done.completed.append(row)
                seen.completed.append(network.result(name))
                seen.prepared = seen.prepared.extended([network.result(name)])
            start(time)
        else:
            heappush(running, (time + 1, number, row, made + 1))
    return done


def in_order(rows: Sequence[int]) -> Callable[[], int]:
    """Ask for these rows, one after the other."""
    remaining = iter(rows)
    return lambda: next(remaining)
