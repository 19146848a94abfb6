"""Output for scripts: JSON, YAML and CSV, with every significant digit. Pure."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from paretonas.api import NASTrial, dump_yaml
from paretonas.api.status import ParetoPoint
from paretonas.api.untrusted_text import HIDDEN
from paretonas.engine.wording import shortest

Record = Mapping[str, Any]
"""One row of a table; its ``parameters`` and ``metrics`` are mappings."""


def as_json(document: Any) -> str:
    """JSON, indented by two spaces; control characters that a terminal would obey are escaped."""
    lines = json.dumps(document, indent=2, ensure_ascii=False).split("\n")
    return "".join(HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", line) + "\n" for line in lines)


def as_yaml(document: Any) -> str:
    """YAML that `load_yaml` reads back as the same values."""
    return dump_yaml(document)


def as_csv(records: Sequence[Record]) -> str:
    """CSV with one line per record; a parameter's column is ``parameters.<name>``, a metric's ``metrics.<name>``.

    The prefix distinguishes a parameter from a metric of the same name. A list is given as its length. Text that a
    spreadsheet would take for a formula is preceded by ``'`` (`_text`).
    """
    rows = [_flat(record) for record in records]
    titles = dict.fromkeys(title for row in rows for title in row)
    return "".join(map(_line, [titles, *([row.get(title, "") for title in titles] for row in rows)]))


def _line(cells: Iterable[Any]) -> str:
    r"""One line that ends with ``\n``.

    It is written with ``\r\n`` first, since the csv module quotes a cell with ``\r`` only if that is part of the line
    terminator.
    """
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n").writerow(cells)
    return file.getvalue().removesuffix("\r\n") + "\n"


def trial_records(trials: Sequence[NASTrial]) -> list[dict[str, Any]]:
    """Everything that is known about each trial, as one record per trial."""
    return [_trial_record(trial) for trial in trials]


def pareto_records(points: Sequence[ParetoPoint]) -> list[dict[str, Any]]:
    """The trials of a Pareto set, as one record per trial."""
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
        "outputDir": status.get("outputDir"),
        "message": status["message"],
    }


def _flat(record: Record) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for title, content in record.items():
        if isinstance(content, Mapping):
            row |= {f"{title}.{name}": _cell(value) for name, value in content.items()}
        else:
            row[title] = len(content) if isinstance(content, list) else _cell(content)
    return row


def _cell(value: Any) -> Any:
    """A value as JSON writes it: CSV readers understand true and false, but not Python's True."""
    if isinstance(value, str):
        return _text(value)
    return str(value).lower() if isinstance(value, bool) else value


_COMPUTED = (*"=+-@\t\r\n", *"\uff1d\uff0b\uff0d\uff20")
"""The characters that a formula can begin with; the last four are the full-width forms of the first four."""


def _text(text: str) -> str:
    """Text as written to CSV: ``'`` precedes whatever a spreadsheet would take for a formula, and a leading ``'``.

    Quoting the cell does not help, since spreadsheets remove the quotes first (OWASP, CSV Injection). To restore the
    text, remove one leading ``'`` if there is one.
    """
    return f"'{text}" if text.startswith((*_COMPUTED, "'")) else text
