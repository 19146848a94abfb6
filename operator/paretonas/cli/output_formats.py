"""What scripts read: JSON, YAML and CSV with every digit that says something. Pure."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from paretonas.api import NASTrial, dump_yaml
from paretonas.api.status import ParetoPoint
from paretonas.api.untrusted_text import HIDDEN
from paretonas.engine.wording import shortest

Row = Mapping[str, Any]
"""One row; its ``parameters`` and ``metrics`` are mappings."""


def as_json(document: Any) -> str:
    """JSON, two blanks a level; what a terminal would obey is escaped."""
    lines = json.dumps(document, indent=2, ensure_ascii=False).split("\n")
    return "".join(HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", line) + "\n" for line in lines)


def as_yaml(document: Any) -> str:
    """YAML that `load_yaml` reads back to the same values."""
    return dump_yaml(document)


def as_csv(records: Sequence[Row]) -> str:
    """CSV with one line a record; a parameter's column is ``parameters.<name>``, a metric's ``metrics.<name>``.

    The prefix keeps a parameter and a metric of one name apart; a list is given by its length. A text that a
    spreadsheet would compute has a ``'`` before it (`_text`).
    """
    rows = [_flat(record) for record in records]
    titles = dict.fromkeys(title for row in rows for title in row)
    return "".join(map(_line, [titles, *([row.get(title, "") for title in titles] for row in rows)]))


def _line(cells: Iterable[Any]) -> str:
    r"""One line, ended by ``\n``. A cell with a ``\r`` is put in quotes only where that ends lines too."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n").writerow(cells)
    return file.getvalue().removesuffix("\r\n") + "\n"


def trial_records(trials: Sequence[NASTrial]) -> list[dict[str, Any]]:
    """All that is known of each trial."""
    return [_trial_record(trial) for trial in trials]


def pareto_records(points: Sequence[ParetoPoint]) -> list[dict[str, Any]]:
    """The trials of a Pareto set."""
    records = [point.to_dict() for point in points]
    return [record | {"metrics": _metrics(record["metrics"])} for record in records]


def _metrics(values: Mapping[str, float]) -> dict[str, float]:
    return {name: shortest(value) for name, value in values.items()}


def _trial_record(trial: NASTrial) -> dict[str, Any]:
    spec, status = trial.to_dict()["spec"], trial.to_dict()["status"]
    attempts = status["attempts"]
    return {
        "trial": trial.name,
        "index": spec["index"],
        "origin": spec["origin"],
        "state": status["state"],
        "pareto": status["pareto"],
        "parameters": spec["parameters"],
        "metrics": _metrics(status["metrics"]),
        "attempts": attempts,
        "reason": attempts[-1].get("reason") if attempts else None,
        "startTime": attempts[0].get("startTime") if attempts else None,
        "endTime": attempts[-1].get("endTime") if attempts else None,
        "message": status["message"],
    }


def _flat(record: Row) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for title, content in record.items():
        if isinstance(content, Mapping):
            row |= {f"{title}.{name}": _cell(value) for name, value in content.items()}
        else:
            row[title] = len(content) if isinstance(content, list) else _cell(content)
    return row


def _cell(value: Any) -> Any:
    """A value as JSON writes it: CSV readers know true and false, and not Python's True."""
    if isinstance(value, str):
        return _text(value)
    return str(value).lower() if isinstance(value, bool) else value


_COMPUTED = (*"=+-@\t\r\n", *"\uff1d\uff0b\uff0d\uff20")
"""How a formula can begin; the last four are the wide forms of the first."""


def _text(text: str) -> str:
    """A text as CSV has it: with a ``'`` before what a spreadsheet would take for a formula, and before a ``'``.

    Quotes do not help: spreadsheets take them off first (OWASP, CSV Injection). To have the text again, take one ``'``
    off where there is one.
    """
    return f"'{text}" if text.startswith((*_COMPUTED, "'")) else text
