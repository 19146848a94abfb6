"""`paretonas import`: an experiment with results from elsewhere, as one file."""

from typing import Any

from paretonas.api import Loaded, export_experiment
from paretonas.api.yaml_text import MOST_YAML_VALUES
from paretonas.cli.result import complain
from paretonas.engine.wording import count
from paretonas.exchange.errors import ExchangeError
from paretonas.exchange.known_results import known_results
from paretonas.exchange.readers import read_rows

_SHOWN = 5
"""The number of left-out results that are listed: enough to see what is wrong with them."""


def with_known_results(search: Loaded, source: str, study: str | None, *, as_yaml: bool) -> dict[str, Any]:
    """The experiment with the results at a source as known trials; what was left out is printed.

    Args:
        search: The experiment, and trials that it has already.
        source: As for `read_rows`.
        study: As for `read_rows`.
        as_yaml: Whether it will be written as YAML, of which only so much is read.

    Raises:
        ExchangeError: The source cannot be read, or none of its results fits.
        MissingExtra: Optuna is not installed.
    """
    rows, notes = read_rows(search.experiment, source, study)
    first = max((trial.spec.index for trial in search.trials), default=-1) + 1
    imported = known_results(search.experiment, rows, first=first)
    for note in notes:
        complain(f"{source}: {note}")
    if imported.left_out:
        complain(f"{source}: {count(len(imported.left_out), 'result')} of {len(rows):,} left out:")
        for line in imported.left_out[:_SHOWN]:
            complain(f"  {line}")
        if (more := len(imported.left_out) - _SHOWN) > 0:
            complain(f"  and {more:,} more")
    document = export_experiment(search.experiment, [*search.trials, *imported.trials])
    if as_yaml and _size(document) > MOST_YAML_VALUES:
        raise ExchangeError(
            f"{count(len(imported.trials), 'result')} are more than a YAML file may have "
            f"({MOST_YAML_VALUES:,} values); write JSON: -o json > {search.experiment.name}.json"
        )
    complain(f"{search.experiment.name}: {count(len(imported.trials), 'known result')}")
    return document


def _size(value: Any) -> int:
    """The number of values in a document, keys included."""
    if isinstance(value, dict):
        return 1 + sum(1 + _size(item) for item in value.values())
    return 1 + sum(map(_size, value)) if isinstance(value, list) else 1
