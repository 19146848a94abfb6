"""Reading results from elsewhere: a CSV file, or a study of Optuna."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from paretonas.api import NASExperiment, list_names
from paretonas.exchange.errors import ExchangeError
from paretonas.exchange.known_results import Row
from paretonas.exchange.optuna_export import SQLITE, quiet_optuna
from paretonas.extras import Extra, require_module

if TYPE_CHECKING:
    from optuna.study import Study

State = Literal["Succeeded", "Failed", "Infeasible"]

_STATES: Mapping[str, State | None] = {
    "succeeded": "Succeeded",
    "complete": "Succeeded",
    "completed": "Succeeded",
    "failed": "Failed",
    "fail": "Failed",
    "infeasible": "Infeasible",
}
"""How a result ended, by the word of `paretonas export` or of Optuna; any other has no final result."""

_PREFIXES = {"parameter": ("parameters.", "params_"), "metric": ("metrics.", "values_", "user_attrs_")}
"""What `paretonas export` and Optuna's ``trials_dataframe`` write before a name."""


def read_rows(experiment: NASExperiment, source: str, study: str | None) -> tuple[list[Row], list[str]]:
    """The results at a source, and what in it is not used, in words.

    Args:
        experiment: The experiment whose parameters and metrics are looked for.
        source: A CSV file, a file of SQLite, or the URL of a storage of Optuna.
        study: The study's name; needed if there are several.

    Raises:
        ExchangeError: It cannot be read, or lacks what is needed.
        MissingExtra: Optuna is not installed.
    """
    if source.lower().endswith(".csv"):
        return _read_csv(experiment, Path(source))
    return list(_read_study(experiment, _open(source, study))), []


def _read_csv(experiment: NASExperiment, file: Path) -> tuple[list[Row], list[str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            lines = list(csv.reader(text))
    except (OSError, ValueError, csv.Error) as error:
        raise ExchangeError(f"cannot read {file}: {error}") from error
    if not lines:
        raise ExchangeError(f"{file} is empty; its first line must name the columns")
    titles, spec = lines[0], experiment.spec
    parameters = _columns(titles, "parameter", [p.name for p in spec.parameters], file)
    metrics = _columns(titles, "metric", [m.name for m in spec.metric_sources], file)
    if not parameters or not metrics:
        wanted = [p.name for p in spec.parameters] if not parameters else sorted(spec.needed_metrics)
        raise ExchangeError(
            f"{file} has no column for any {'metric' if parameters else 'parameter'} of {experiment.name!r} "
            f"({list_names(wanted)}); its columns: {list_names(titles)}"
        )
    state = titles.index("state") if "state" in titles else None
    used = {*parameters.values(), *metrics.values(), state}
    rows = [
        _csv_row(f"line {number}", cells, parameters, metrics, state)
        for number, cells in enumerate(lines[1:], 2)
        if any(cells)
    ]
    unused = [title for position, title in enumerate(titles) if position not in used]
    return rows, [f"columns that are not used: {list_names(unused)}"] if unused else []


def _csv_row(
    where: str, cells: Sequence[str], parameters: Mapping[str, int], metrics: Mapping[str, int], state: int | None
) -> Row:
    def cell(position: int) -> str:
        return cells[position] if position < len(cells) else ""

    point = {name: _text(cell(at)) for name, at in parameters.items() if cell(at) != ""}
    values = {name: number for name, at in metrics.items() if (number := _number(cell(at))) is not None}
    ended = "Succeeded" if state is None else _STATES.get(cell(state).lower())
    return Row(where, point, values, ended)


def _columns(titles: Sequence[str], kind: str, names: Sequence[str], file: Path) -> dict[str, int]:
    """The column of each name that has one. Raises ExchangeError if it has several."""
    found = {}
    for name in names:
        spellings = [*(f"{prefix}{name}" for prefix in _PREFIXES[kind]), name]
        places = [position for position, title in enumerate(titles) if title in spellings]
        exact = [p for p in places if titles[p] != name] or places  # a bare name may be of the other kind
        if len(exact) > 1:
            titled = list_names([titles[place] for place in exact])
            raise ExchangeError(f"{file} has several columns for the {kind} {name!r}: {titled}; leave one")
        if exact:
            found[name] = exact[0]
    return found


def _text(cell: str) -> str:
    """A text as it was before `paretonas export` kept spreadsheets from computing it."""
    return cell.removeprefix("'")


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _open(source: str, name: str | None) -> "Study":
    require_module("optuna", Extra.OPTUNA)
    import optuna  # noqa: PLC0415 # after the check

    url = source if "://" in source else f"{SQLITE}{source}"
    file = Path(url.removeprefix(SQLITE))
    if url.startswith(SQLITE) and not file.is_file():
        raise ExchangeError(f"{file} does not exist")  # Optuna would create it
    try:
        with quiet_optuna():
            names = optuna.get_all_study_names(url)
            found = optuna.load_study(study_name=_choose(names, name, source), storage=url)
    except ExchangeError:
        raise
    except Exception as error:  # whatever SQLAlchemy and the driver raise
        why = " ".join(str(error).split())
        raise ExchangeError(f"cannot read {source} as a storage of Optuna: {why:.300}") from error
    return found


def _choose(names: Sequence[str], wanted: str | None, source: str) -> str:
    """The study to read. Raises ExchangeError unless there is one of the name, or a single one if none is given."""
    if wanted is None and len(names) != 1:
        raise ExchangeError(f"{source} has {len(names)} studies: {list_names(names)}; choose one with --study")
    if wanted is not None and wanted not in names:
        raise ExchangeError(f"{source} has no study {wanted!r}; available: {list_names(names)}")
    return wanted or names[0]


def _read_study(experiment: NASExperiment, study: "Study") -> Iterator[Row]:
    with quiet_optuna():
        trials, names = study.get_trials(deepcopy=False), study.metric_names
    objectives, directions = experiment.spec.objectives, [d.name.capitalize() for d in study.directions]
    named = {o.metric for o in objectives} <= set(names or ())
    order = list(names or ()) if named else [o.metric for o in objectives]
    goals = {o.metric: o.goal for o in objectives}
    expected = [goals.get(metric, direction) for metric, direction in zip(order, directions, strict=False)]
    if len(order) != len(directions) or expected != directions:
        mine = ", ".join(f"{o.goal.lower()} {o.metric}" for o in objectives)
        theirs = ", ".join(d.lower() for d in directions)
        raise ExchangeError(
            f"the study {study.study_name!r} has other objectives ({theirs}) than {experiment.name!r} ({mine}); "
            f"write the objectives in its order, or name its metrics (study.set_metric_names)"
        )
    known = {source.name for source in experiment.spec.metric_sources}
    for trial in trials:
        noted = {k: float(v) for k, v in trial.user_attrs.items() if k in known and _is_number(v)}
        values = dict(zip(order, trial.values or (), strict=False))
        state = _STATES.get(trial.state.name.lower())
        yield Row(f"trial {trial.number}", dict(trial.params), {**noted, **values}, state)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
