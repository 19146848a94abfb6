"""What scripts read: nothing in it is computed by a spreadsheet or obeyed by a terminal, and nothing is lost."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from tests import builders

from paretonas.api import ExperimentSpec, ParetoPoint
from paretonas.cli.output_formats import as_csv, as_json, as_yaml, trial_records
from paretonas.cli.result import complain
from paretonas.cli.show import print_lines
from paretonas.cli.tables import TableColumn, pareto_columns, table

NASTY = st.text(
    st.sampled_from("=+-@'\",\t\r\n\x1b\x9b\x07\u202e\u2066\uff1d0a é") | st.characters(exclude_categories=["Cs"])
)
OBEYED = {
    "\x1b",
    "\x07",
    "\x7f",
    "\x85",
    "\x9b",
    "\x9d",
    "\u061c",
    "\u200f",
    "\u202e",
    "\u2066",
    "\u2069",
    "\u2028",
}


def cells(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def unquoted(cell: str) -> str:
    """As docs/kubernetes.md says."""
    return cell.removeprefix("'")


WIDE = "\uff1d\uff0b\uff0d\uff20"
"""The wide forms of = + - @."""


@pytest.mark.parametrize(
    "text", [*"=+-@\t\r\n'", "=1+1", "-2+3", "@SUM(A1)", "\r=1", "'=1", "--x", *(f"{wide}1" for wide in WIDE)]
)
def test_what_a_spreadsheet_would_compute_has_a_quote_before_it(text: str) -> None:
    [row] = cells(as_csv([{"trial": "nas-0", "parameters": {"c": text}, "message": text}]))
    assert row["parameters.c"] == row["message"] == f"'{text}"


def test_numbers_and_other_texts_are_as_they_are() -> None:
    values = {"a": -0.5, "b": -3, "c": "adam", "d": "a=b", "e": "", "f": True, "g": "1e-4"}
    [row] = cells(as_csv([{"parameters": values}]))
    assert list(row.values()) == ["-0.5", "-3", "adam", "a=b", "", "true", "1e-4"]


@given(st.lists(NASTY, min_size=1, max_size=4))
def test_a_text_comes_back_from_csv(texts: list[str]) -> None:
    rows = cells(as_csv([{"index": i, "parameters": {"c": text}} for i, text in enumerate(texts)]))
    assert [unquoted(row["parameters.c"]) for row in rows] == texts


@given(NASTY)
def test_no_terminal_obeys_what_is_written_and_it_is_read_back(text: str) -> None:
    document = {"items": [{"c": text, text: 1}]}
    for write in (as_json, as_yaml):
        assert not OBEYED & set(write(document))
    assert json.loads(as_json(document)) == document


def shown(columns: list[TableColumn]) -> str:
    console = Console(file=io.StringIO(), width=500, force_terminal=True, color_system=None)
    console.print(table(columns))
    written: str = console.file.getvalue()  # type: ignore[attr-defined] # the StringIO above
    return written


@given(NASTY)
def test_whatever_a_cell_holds_a_table_has_one_line_a_row_and_nothing_that_is_obeyed(text: str) -> None:
    printed = shown(
        [
            TableColumn("TRIAL", ["nas-0", "nas-1"]),
            TableColumn("c", [text, "adam"]),
            TableColumn("X", ["end", "end"]),
        ]
    )
    assert not OBEYED & set(printed.replace("\x1b[1m", "").replace("\x1b[0m", ""))
    assert [line.split()[-1] for line in printed.rstrip("\n").split("\n")] == ["X", "end", "end"]


def test_a_choice_with_a_window_title_is_shown_by_its_letters() -> None:
    values: list[Any] = ["\x1b]0;owned\x07", "safe\u202etxt.exe"]
    spec: ExperimentSpec = builders.spec(parameters=[{"name": "c", "choice": {"values": values}}])
    metrics = {"accuracy": 0.5, "size": 1.0}
    points = [
        ParetoPoint(trial=f"nas-{i}", index=i, parameters={"c": v}, metrics=metrics) for i, v in enumerate(values)
    ]
    printed = shown(list(pareto_columns(spec, points)))
    assert r"\x1b]0;owned\x07" in printed
    assert r"safe\u202etxt.exe" in printed


def test_a_trials_message_is_a_text_too() -> None:
    trial = builders.trial(0, "Failed").with_status(message="=cmd|' /C calc'!A0")
    [row] = cells(as_csv(trial_records([trial])))
    assert row["message"] == "'=cmd|' /C calc'!A0"


@pytest.mark.parametrize("terminal", [True, False])
def test_what_a_trial_printed_is_obeyed_by_no_terminal_and_whole_in_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool
) -> None:
    line = "\x1b]0;owned\x07loss \x9b31m0.5\u202e"
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    print_lines([line])
    assert capsys.readouterr().out == ("loss 31m0.5\n" if terminal else f"{line}\n")


def test_a_complaint_about_what_others_wrote_is_plain(capsys: pytest.CaptureFixture[str]) -> None:
    complain("no trial '\x1b[2Jx\u202e'")
    assert capsys.readouterr().err == "no trial 'x'\n"
