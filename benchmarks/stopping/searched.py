"""Our own search over a table of networks that are no grid: each candidate stands for the nearest one that is left."""

import json
from dataclasses import asdict
from typing import Literal

from benchmarks.stopping.replay import Replay, Rule, Seen, replay
from benchmarks.stopping.tables import CACHE, Table

from paretonas.api import ExperimentSpec
from paretonas.engine.early_stopping import TrialCurves, impute_metrics
from paretonas.search import KnownTrial, suggest_here

Told = Literal["imputed", "last", "nothing"]
"""What the search is told of a stopped trial: its imputed values, its last ones, or nothing: it stays pending."""


def told_metrics(spec: ExperimentSpec, told: Told, curves: TrialCurves, seen: Seen) -> dict[str, float] | None:
    """The metrics of a stopped trial that the search is told; None for nothing."""
    match told:
        case "imputed":
            return impute_metrics(spec, curves, seen.prepared)
        case "last":
            return {name: points[-1][1] for name, points in curves.curves.items()} | dict(curves.known)
        case "nothing":
            return None


class Searched:
    """The rows that our search asks for. It is told the parameters of the row, not those that it proposed."""

    def __init__(self, table: Table, spec: ExperimentSpec, told: Told) -> None:
        self._table, self._spec, self._told = table, spec, told
        self._known: list[KnownTrial] = []
        self._numbers: dict[int, int] = {}  # row → number of its trial

    def ask(self) -> int:
        """Return the row that is nearest to the next candidate."""
        [candidate] = suggest_here(self._spec, self._known, 1).candidates
        row = self._table.nearest(candidate.parameters, self._numbers)
        self._numbers[row] = len(self._known)
        self._known.append(KnownTrial(len(self._known), self._table.networks[row].parameters, "Pending"))
        return row

    def tell(self, row: int, curves: TrialCurves, seen: Seen, stopped: bool) -> None:
        """Tell the search how a trial ended."""
        whole = self._table.networks[row].metrics
        metrics = told_metrics(self._spec, self._told, curves, seen) if stopped else whole
        if metrics is not None:
            trial = self._known[self._numbers[row]]
            self._known[trial.index] = KnownTrial(trial.index, trial.parameters, "Observed", metrics)


def search(table: Table, seed: int, trials: int, rule: Rule | None = None, told: Told = "imputed") -> Replay:
    """Search a table, with a rule that stops trials or without.

    What a search did is kept in the cache folder, since one takes a minute: delete it there when the search or the rule
    has changed.
    """
    file = CACHE / "searches" / f"{table.name}-{trials}-{seed}-{told if rule else 'all'}.json"
    if file.exists():
        return Replay(**json.loads(file.read_text()))
    spec = table.spec(seed, trials)
    searched = Searched(table, spec, told)
    done = replay(table, spec, trials, rule, searched.ask, searched.tell)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(done)) + "\n")
    return done
