import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks.stopping import __main__ as stopping
from benchmarks.stopping import tables
from benchmarks.stopping.replay import Decision, Rule, Seen, in_order, replay
from benchmarks.stopping.rules import optimistic_dominance, percentile, same_epoch_dominance
from benchmarks.stopping.searched import Searched
from benchmarks.stopping.tables import Metric, Network, Table, TableError, csv_table
from benchmarks.tables import Choice, Range

from paretonas.api import ExperimentSpec
from paretonas.engine.early_stopping import TrialCurves

LOSS, SIZE = Metric("loss"), Metric("size", scale="Log")
SPACE = (Range("width", 1, 64, integer=True, log=True), Choice("kind", ("a", "b"), ordered=False))


def _network(size: float, *losses: float, every: int = 1, kind: str = "a") -> Network:
    points = [(every * number, loss) for number, loss in enumerate(losses, start=1)]
    return Network({"loss": points}, {"size": size}, {"width": round(size), "kind": kind})


def _table(*networks: Network) -> Table:
    return Table("test", (LOSS,), (SIZE,), networks, SPACE)


def _stop_at(step: int) -> Rule:
    def rule(_: ExperimentSpec, running: TrialCurves, __: Seen) -> Decision:
        return "stop" if running.curves["loss"][-1][0] >= step else "continue"

    return rule


GOOD = _network(10, 9, 5, 4, 4, 4)
POOR = _network(20, 9, 9, 9, 9, 9)


def test_without_a_rule_everything_runs_and_nothing_is_lost() -> None:
    table = _table(GOOD, POOR, _network(5, 9, 8, 7))
    done = replay(table, table.spec(), 3, None, in_order([2, 0, 1]))
    assert (done.asked, sorted(done.completed), done.steps) == ([2, 0, 1], [0, 1, 2], 13)
    measured = stopping.measure(table, done)
    assert (measured["saved"], measured["front lost"], measured["hypervolume lost"]) == (0.0, 0, 0.0)


def test_what_a_rule_saves_and_loses_is_counted_against_the_whole_trials() -> None:
    table = _table(_network(10, 4, 3, 2, 1), _network(5, 9, 8), _network(50, 9, 9))
    done = replay(table, table.spec(), 3, _stop_at(3), in_order([0, 1, 2]))
    measured = stopping.measure(table, done)
    assert (done.completed, done.steps) == ([1, 2], 7)
    assert measured["saved"] == pytest.approx(1 / 8)
    assert (measured["front"], measured["front lost"]) == (2, 1)
    assert measured["hypervolume lost"] == pytest.approx(1 - 1 / (1 + 7 * math.log10(5))), "from the corner (9, 50)"


def test_equal_networks_have_no_hypervolume_to_lose() -> None:
    table = _table(*[_network(10, 9, 9, 9)] * 3)
    done = replay(table, table.spec(), 3, None, in_order([0, 1, 2]))
    assert stopping.measure(table, done)["hypervolume lost"] == 0.0


def test_four_trials_run_at_once_and_the_next_is_asked_when_one_has_ended() -> None:
    table = _table(*[_network(10 + row, *[9.0] * (row + 1)) for row in range(6)])
    started: list[tuple[int, int]] = []
    ended: list[int] = []
    rows = in_order(range(6))

    def ask() -> int:
        row = rows()
        started.append((row, len(ended)))
        return row

    replay(table, table.spec(), 6, None, ask, lambda row, *_: ended.append(row))
    assert started == [(0, 0), (1, 0), (2, 0), (3, 0), (4, 1), (5, 2)]


def test_our_rule_stops_the_poor_network_and_only_notes_it_in_an_audit() -> None:
    table = _table(*[GOOD] * 8, POOR, POOR)
    order = [*range(8), 8]
    stop = replay(table, table.spec(), 9, optimistic_dominance(audit_fraction=0.0), in_order(order))
    note = replay(table, table.spec(), 9, optimistic_dominance(audit_fraction=1.0), in_order(order))
    assert (8 in stop.completed, stop.steps) == (False, 8 * 5 + 2)
    assert (8 in note.completed, note.noted, note.steps) == (True, [8], 8 * 5 + 5)


def test_percentile_and_the_same_step_would_stop_a_late_learner() -> None:
    late = _network(10, 9, 9, 9, 9, 1)
    table = _table(*[late] * 5, *[GOOD] * 8)
    order = [0, 1, 2, 3, *range(5, 13), 4]
    for rule, kept in ((percentile, False), (same_epoch_dominance, False), (optimistic_dominance(), True)):
        done = replay(table, table.spec(), 13, rule, in_order(order))
        assert (4 in done.completed) is kept


def test_a_candidate_stands_for_the_nearest_network_that_is_left() -> None:
    table = _table(_network(1, 9, kind="a"), _network(8, 9, kind="b"), _network(64, 9, kind="b"))
    assert table.nearest({"width": 20, "kind": "b"}, []) == 1, "by the logarithm"
    assert table.nearest({"width": 20, "kind": "b"}, [1]) == 2
    assert table.nearest({"width": 64, "kind": "a"}, []) == 0, "another kind is as far as the whole range"


def test_an_estimate_is_compared_with_how_the_stopped_trial_would_have_ended() -> None:
    falls = _network(20, 19, 19, 19, 19, 18)  # stopped at step 1, as the others gained 5 from there
    table = _table(*[GOOD] * 8, falls)
    report = stopping.compare_estimates(table, [[*range(9)]]).splitlines()
    assert report[2:] == ["| imputed | 1 | -4.000 | 4.000 | 4.000 |", "| last | 1 | 1.000 | 1.000 | 1.000 |"]
    nothing_stopped = stopping.compare_estimates(_table(GOOD), [[0]]).splitlines()
    assert nothing_stopped[2] == "| imputed | 0 | - | - | - |"


@pytest.mark.parametrize(
    ("told", "loss"), [("imputed", {"loss": 8.0, "size": 20.0}), ("last", {"loss": 9.0, "size": 20.0}), ("nothing", {})]
)
def test_the_search_is_told_of_a_stopped_trial_as_chosen(told: str, loss: dict[str, float]) -> None:
    table = _table(*[GOOD] * 8, POOR)
    spec = table.spec(trials=9)
    searched = Searched(table, spec, told)  # type: ignore[arg-type]
    replay(table, spec, 9, optimistic_dominance(audit_fraction=0.0), searched.ask, searched.tell)
    known = searched._known[searched._numbers[8]]
    assert dict(known.metrics) == loss
    assert known.state == ("Pending" if told == "nothing" else "Observed")


def test_the_committed_table_is_whole() -> None:
    table = tables.digits_table()
    assert len(table.networks) == 512
    for network in table.networks:
        assert network.steps == tuple(range(1, 51))
        first, second = network.parameters["width_1"], network.parameters["width_2"]
        assert isinstance(first, int)
        assert isinstance(second, int)
        assert network.known["num_params"] == 65 * first + (first + 1) * second + (second + 1) * 10
    finals = np.array([network.metrics["val_loss"] for network in table.networks])
    assert 0.05 < finals.min() < 0.2
    assert tables.digits_table("val_acc").spec().objectives[0].goal == "Maximize"


def _write(folder: Path, *lines: str) -> Path:
    file = folder / "own.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_a_table_of_ones_own_is_read_with_gaps_in_any_order_of_lines(tmp_path: Path) -> None:
    file = _write(tmp_path, "step,loss,trial,size", "5,0.5,a,", "0,0.9,a,7", "0,0.8,b,9", "3,,b,9")
    table = csv_table(file, [LOSS], [SIZE])
    assert [network.curves["loss"] for network in table.networks] == [[(0, 0.9), (5, 0.5)], [(0, 0.8)]]
    assert [network.known for network in table.networks] == [{"size": 7.0}, {"size": 9.0}]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["trial,epoch,loss,size", "a,1,1,1"], "has no column step; its columns are trial, epoch, loss, size"),
        ([""], "has no column trial, step, loss, size; its columns are none"),
        (["trial,step,loss,size", "a,1,1,1", "a,1,2,1"], "line 3: step 1 of trial a is already there"),
        (["trial,step,loss,size", "a,1,nan,1"], "line 2: loss is 'nan', not a finite number"),
        (["trial,step,loss,size", "a,1,low,1"], "line 2: loss is 'low', not a finite number"),
        (["trial,step,loss,size", "a,1,1,inf"], "line 2: size is 'inf', not a finite number"),
        (["trial,step,loss,size", "a,1.5,1,1"], "line 2: step is '1.5', not a whole number"),
        (["trial,step,loss,size", "a,1,1,1", "a,2,1,2", "b,1,1,1"], "trial a: size changes"),
        (["trial,step,loss,size", "a,1,1,1", "b,1,,1"], "trial b has no value of loss"),
        (["trial,step,loss,size", "a,1,1,0", "b,1,1,1"], "trial a: size is not above 0 everywhere"),
        (["trial,step,loss,size", "a,1,1,1"], "has 1 trials"),
    ],
)
def test_a_mistake_in_a_table_is_named_with_its_place(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(TableError) as error:
        csv_table(_write(tmp_path, *lines), [LOSS], [SIZE])
    assert message in str(error.value)
    assert "own.csv" in str(error.value)


def test_the_command_of_the_documentation_runs_as_a_program(tmp_path: Path) -> None:
    lines = [
        f"{trial},{step},{9 + 5 * trial - step / 10},{5 + trial % 3}" for trial in range(12) for step in (0, 10, 20)
    ]
    _write(tmp_path, "trial,step,loss,size", *lines)
    command = "-m benchmarks.stopping --csv own.csv --curve loss:Minimize --known size:Minimize --seeds 1"
    root = Path(stopping.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, *command.split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = dict(line.strip("| ").split(" | ", 1) for line in done.stdout.splitlines() if line.count("|") == 7)
    saved, lost = rows["optimistic dominance"].split(" | ")[:2]
    assert 0 < float(saved.rstrip("%")) < 100
    assert lost.startswith("0 of "), "the trials differ by a constant, so each obeys its bound"


def test_the_command_replays_a_table_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"{trial},{step},{9 - step + trial},{5 + trial % 3}" for trial in range(12) for step in range(6)]
    file = _write(tmp_path, "trial,step,loss,size", *lines)
    arguments = ["stopping", "--csv", str(file), "--curve", "loss:Minimize", "--known", "size:Minimize", "--seeds", "2"]
    monkeypatch.setattr(sys, "argv", arguments)
    stopping.main()
    printed = capsys.readouterr().out
    assert "own.csv, 2 times 12 trials" in printed
    assert "optimistic dominance" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--csv", "x.csv"], "--csv needs a --curve"),
        (["--curve", "loss:Minimize"], "describe the columns of a --csv FILE"),
        (["--csv", "x.csv", "--curve", "loss:Down"], "'loss:Down' is not NAME:Minimize or NAME:Maximize"),
        (["--csv", "x.csv", "--curve", "loss:Minimize:Ln"], "has the scale 'Ln'; write Log or Linear"),
        (["--csv", "x.csv", "--curve", "a", "--known", "a"], "must name different columns"),
        (["--seeds", "0"], "must be at least 1"),
        (["--first", "-1"], "--first at least 0"),
        (["--told", "--tables", "llm"], "the table llm has no parameters to search"),
        (["--csv", "x.csv", "--curve", "loss:Minimize"], "cannot read x.csv: No such file or directory"),
    ],
)
def test_a_wrong_option_is_named_with_its_remedy(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["stopping", *arguments])
    with pytest.raises(SystemExit) as error:
        stopping.main()
    assert message in capsys.readouterr().err + str(error.value)
