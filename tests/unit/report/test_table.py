from datetime import timedelta

from tests.builders import attempt, experiment, trial
from tests.unit.report.made_up import EXAMPLES, START

from paretonas.report.results import Results
from paretonas.report.table import Cell, trial_table


def test_the_pareto_set_comes_first_and_then_the_order_of_the_trials():
    made = EXAMPLES["two"]()
    results = Results(made.experiment, tuple(made.trials))
    table = trial_table(results)
    names = [row.cells[0].text for row in table.rows]
    front = [t.name for t in results.front]
    assert names == [*front, *(t.name for t in made.trials if t.name not in front)]
    assert [row.pareto for row in table.rows] == [True] * len(front) + [False] * (48 - len(front))


def test_a_row_holds_what_was_tried_and_measured():
    made = EXAMPLES["four"]()
    table = trial_table(Results(made.experiment, tuple(made.trials)))
    [row] = [row for row in table.rows if row.cells[0].text == "mnist-nas-3"]
    cells = dict(zip(table.columns, row.cells, strict=True))
    spec, status = made.trials[3].spec, made.trials[3].status
    assert cells["num_params"] == Cell(
        f"{status.metrics['num_params']:,.0f}", status.metrics["num_params"], numeric=True
    )
    assert cells["train_loss"].order == status.metrics["train_loss"], "a constrained metric counts too"
    assert cells["epochs"] == Cell(str(spec.parameters["epochs"]), spec.parameters["epochs"], numeric=True)
    assert cells["origin"].text == "Sobol"


def test_a_failed_trial_says_why():
    ends = {"start_time": START, "end_time": START + timedelta(seconds=90)}
    attempts = (attempt(number=1, reason="Lost", **ends), attempt(number=2, reason="Crashed", **ends))
    failed = trial(0, "Failed", attempts=attempts).with_status(message="ended with exit code 1\nline 1\nline 2")
    [row] = trial_table(Results(experiment(), (failed,))).rows
    state, duration = row.cells[1], row.cells[-1]
    assert state.text == "Failed"
    assert state.remark == "Crashed: ended with exit code 1 (2 attempts)"
    assert state.more == "line 1\nline 2"
    assert (duration.text, duration.order) == ("3 min 00 s", 180.0)


def test_what_trials_have_kept_is_shown_where_any_has():
    kept = trial(0, "Succeeded").with_status(output_dir="nas/nas-0/output")
    removed = trial(1, "Succeeded", metrics={"accuracy": 0.1, "size": 90.0}).with_status(output_removed=True)
    table = trial_table(Results(experiment(), (kept, removed, trial(2, "Pending"))))
    assert table.columns[-1] == "output"
    assert [row.cells[-1].text for row in table.rows] == ["nas/nas-0/output", "removed", ""]


def test_what_is_unknown_is_empty():
    waiting = trial(0, "Pending")
    [row] = trial_table(Results(experiment(), (waiting,))).rows
    assert [cell.text for cell in row.cells] == ["nas-0", "Pending", "", "", "0.5", "Sobol", ""]
