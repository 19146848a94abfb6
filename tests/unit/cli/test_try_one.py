"""`paretonas run --try-one`: the first trial alone, as somebody who brings a training of their own meets it."""

import re
import signal
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from click.testing import Result
from rich.console import Console
from tests.builders import attempt, experiment, trial
from tests.unit.cli.conftest import ARGS, Project
from tests.waiting import eventually

from paretonas.api import NASTrial
from paretonas.backends.local.store import exclusive, read_experiment, read_trials
from paretonas.cli.growing_file import MOST_BYTES
from paretonas.cli.trial_output import TrialOutput
from paretonas.cli.try_one import forecast, why_not
from paretonas.engine.engine import Snapshot
from paretonas.jobs.attempt_records import record
from paretonas.jobs.supervisor import OUTPUT

Tried = tuple[Project, Result]


def stored(project: Project) -> list[NASTrial]:
    return read_trials(project.runs / "nas")


def ends(project: Project) -> list[list[str | None]]:
    """How the attempts of each trial ended."""
    return [[attempt.reason for attempt in trial.status.attempts] for trial in stored(project)]


def program(project: Project, text: str, **spec: object) -> None:
    """Write an experiment whose trials run this program, which may call `log(**values)`."""
    script = project.folder / "own.py"
    helper = f"import os, sys, time; from pathlib import Path; sys.path.append({str(Path(__file__).parents[3])!r})"
    log = "def log(**values): write_scalars(Path(os.environ['PARETONAS_LOG_DIR']), values)"
    script.write_text(f"{helper}\nfrom tests.local.quick_trial import write_scalars\n{log}\n{text}\n")
    # not -I, which would ignore PYTHONUNBUFFERED
    command = {"command": [sys.executable, "-S", str(script)], "args": ARGS}
    project.write(**{"maxTrials": 3, "parallelism": 1, "trial": command, **spec})


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    """A try that has succeeded; tests only look at it."""
    project = Project(tmp_path_factory.mktemp("tried"))
    project.write(maxTrials=6, parallelism=2, activeDeadlineSeconds=3600)
    return project, project.run("--try-one")


def test_a_try_runs_one_trial_and_shows_what_it_prints(tried: Tried) -> None:
    project, result = tried
    assert result.exit_code == 0, result.output
    [one] = stored(project)
    assert ends(project) == [["Completed"]]
    assert f"\ntraining with x {one.spec.parameters['x']}\n" in result.stdout
    assert re.search(r"^\$ .*quick_trial.py --x 0\.\d+ --log-dir /.*/nas-0/a1$", result.stdout, re.MULTILINE)


def test_its_report_says_where_each_value_comes_from(tried: Tried) -> None:
    _, result = tried
    assert re.search(r"^nas-0 succeeded after \S+ s$", result.stdout, re.MULTILINE)
    for tag in ("accuracy", "size"):
        line = rf"^  {tag} [\d.]+: the last of 3 values of the tag '{tag}', at step 3$"
        assert re.search(line, result.stdout, re.MULTILINE)
        assert re.search(rf"^{tag} +\. +[\d.]+ +3  1 to 3$", result.stdout, re.MULTILINE)


def test_it_says_how_long_the_others_will_take_and_how_to_go_on(tried: Tried) -> None:
    project, result = tried
    assert "The other 5 trials, 2 at a time, will take about " in result.stdout
    assert result.stdout.endswith(f"To go on:  paretonas run {project.folder / 'nas.yaml'} --runs-dir {project.runs}\n")


def test_the_experiment_has_not_begun_by_a_try(tried: Tried) -> None:
    project, _ = tried
    status = read_experiment(project.runs / "nas").status
    assert status.start_time is None, "its deadline would count from the try"
    assert (status.trials.succeeded, status.finished) == (1, False)


def test_the_run_that_follows_goes_on_with_the_second_trial(project: Project) -> None:
    project.write(maxTrials=4)
    assert project.run("--try-one").exit_code == 0
    first = stored(project)[0]
    result = project.run()
    assert result.exit_code == 0
    assert ends(project) == [["Completed"]] * 4
    assert stored(project)[0].status.attempts == first.status.attempts, "nothing is run twice"
    alone = Project(project.folder / "alone")
    alone.folder.mkdir()
    alone.write(maxTrials=4)
    alone.run()
    points = [[t.spec.parameters for t in stored(p)] for p in (project, alone)]
    assert points[0] == points[1], "the same search as without a try"


def test_a_try_that_succeeded_is_shown_again_and_runs_nothing(project: Project) -> None:
    project.write()
    first = project.run("--try-one")
    again = project.run("--try-one")
    assert again.exit_code == 0
    assert again.stdout.startswith("nas-0 was tried already:\nnas-0 succeeded after ")
    assert again.stdout.splitlines()[1:] == first.stdout[first.stdout.index("nas-0 succeeded") :].splitlines()
    assert ends(project) == [["Completed"]]


def test_a_run_that_has_begun_has_no_first_trial_to_try(project: Project) -> None:
    project.write(maxTrials=2)
    project.run()
    result = project.run("--try-one", "--max-trials", "5")
    assert result.exit_code == 2
    assert result.stderr == (
        "nas has begun already: 2 trials were run, and --try-one runs only the first; to continue: "
        f"paretonas run {project.folder / 'nas.yaml'} --max-trials 5 --runs-dir {project.runs}\n"
    )
    assert read_experiment(project.runs / "nas").spec.max_trials == 2, "nothing has changed"


def test_a_try_of_the_only_trial_ends_the_experiment(project: Project) -> None:
    project.write(maxTrials=1, parallelism=1)
    result = project.run("--try-one")
    assert result.exit_code == 0
    assert "There is no further trial to run." in result.stdout
    assert "nas: TrialsCompleted: 1 trial ended, 1 succeeded" in result.stdout


def test_a_try_is_refused_while_the_experiment_runs(project: Project) -> None:
    project.write()
    with exclusive(project.runs / "nas"):
        result = project.run("--try-one")
    assert result.exit_code == 3
    assert "is in use by process" in result.stderr


def test_a_crash_ends_the_try_at_once_and_the_next_one_is_another_attempt(project: Project) -> None:
    program(project, "raise ValueError('no shape')", failurePolicy={"retries": 1})
    for number in (1, 2, 3):  # also when the retries of the failure policy are spent
        result = project.run("--try-one")
        assert result.exit_code == 1
        assert "ValueError: no shape\n\nnas-0 failed after " in result.stdout
        assert "Its output above says why it ended; correct the program" in result.stdout
        assert result.stdout.count("ValueError: no shape") == 1, "it is not repeated"
        assert ends(project) == [["Crashed"] * number]
    program(project, "log(accuracy=0.5, size=3)")
    assert project.run("--try-one").exit_code == 0
    assert project.run().exit_code == 0
    assert ends(project) == [["Crashed"] * 3 + ["Completed"], ["Completed"], ["Completed"]]


@pytest.mark.parametrize(
    ("command", "first"),
    [
        (["run", "nas.yaml"], ["MetricsUnavailable"]),
        (["run", "nas.yaml", "--try-one"], ["MetricsUnavailable", "Completed"]),
        (["retry", "nas"], ["MetricsUnavailable", "Completed"]),
    ],
)
def test_after_a_try_that_failed_each_proposed_command_does_what_is_said(
    project: Project, command: list[str], first: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    program(project, "pass")
    result = project.call("run", "nas.yaml", "--try-one")
    assert result.exit_code == 1
    words = {
        "run": "the others without it",
        "retry": "the same trial, then the others",
    } | ({"run": "the same trial again"} if "--try-one" in command else {})
    proposed = ["paretonas", *command]
    proposed[3:3] = ["--runs-dir", str(project.runs)]
    assert f"  {words[command[0]]}:  {' '.join(proposed)}\n" in result.stdout
    program(project, "log(accuracy=0.5, size=3)")
    assert project.call(*command).exit_code == 0
    assert ends(project)[0] == first


def test_a_program_that_logs_nothing_is_told_where_to_log(project: Project) -> None:
    program(project, "print('done')")
    result = project.run("--try-one")
    assert result.exit_code == 1
    assert "nas-0 failed after " in result.stdout
    assert result.stdout.count("there is no TensorBoard event file in ") == 1, "once for all metrics"
    assert "which it gets as ${trial.logDir} (--log-dir without args) and as PARETONAS_LOG_DIR" in result.stdout


@pytest.mark.parametrize("logged", ["Accuracy", "accuracy/", "acc/uracy", "val-accuracy"])
def test_a_tag_that_is_near_is_proposed_and_naming_it_is_enough(project: Project, logged: str) -> None:
    program(project, f"log(**{{{logged!r}: 0.5, 'size': 3}})")
    result = project.run("--try-one")
    assert result.exit_code == 1
    proposed = f'{{name: accuracy, tag: "{logged}"}}'
    assert f"if '{logged}' is meant, say so in spec.metrics: {proposed}" in result.stdout
    program(project, f"log(**{{{logged!r}: 0.5, 'size': 3}})", metrics=[{"name": "accuracy", "tag": logged}])
    result = project.run("--try-one")
    assert result.exit_code == 0, result.output
    assert f"accuracy 0.5: the only value of the tag '{logged}'" in result.stdout


@pytest.mark.parametrize("logged", [None, 3])
def test_a_metric_with_a_formula_says_so(project: Project, logged: float | None) -> None:
    values = "accuracy=0.5" if logged is None else f"accuracy=0.5, size={logged}"
    program(project, f"log({values})", metrics=[{"name": "size", "formula": "100 * x"}])
    result = project.run("--try-one")
    assert result.exit_code == 0, result.output
    assert re.search(r"^  size [\d.]+: from its formula, 100 \* x$", result.stdout, re.MULTILINE)
    assert ("size is 3 in the logs, but its formula gives" in result.stdout) == (logged is not None)


def test_a_result_that_is_not_finite_is_no_success(project: Project) -> None:
    program(project, "log(accuracy=float('inf'), size=3)")
    result = project.run("--try-one")
    assert result.exit_code == 1
    assert re.search(r"^nas-0 is infeasible after \S+ s: NotFinite$", result.stdout, re.MULTILINE)
    assert "  metric 'accuracy': tag 'accuracy' is inf at step 1\n" in result.stdout
    assert f"paretonas retry nas --runs-dir {project.runs} --infeasible" in result.stdout


def test_output_is_shown_while_the_trial_runs_and_ctrl_c_stops_it(project: Project) -> None:
    program(project, "print('epoch 1'); print('epoch 2 …', end=''); time.sleep(600)")
    process = project.start("--try-one")
    assert process.stdout is not None
    lines = []
    while not lines or lines[-1] != "epoch 1\n":
        lines.append(process.stdout.readline())
        assert lines[-1], "the try ended without the output"
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "nas-0 was stopped after " in rest
    assert "If the program hangs, correct it; trial.activeDeadlineSeconds would end such a trial." in rest
    assert ends(project) == [["Stopped"]]
    program(project, "log(accuracy=0.5, size=3)")
    assert project.run("--try-one").exit_code == 0
    assert ends(project) == [["Stopped", "Completed"]]


def test_a_try_that_was_killed_is_taken_up_where_it_is(project: Project) -> None:
    go_on = project.folder / "go on"
    program(
        project,
        f"print('waiting')\nwhile not os.path.exists({str(go_on)!r}): time.sleep(0.02)\nlog(accuracy=0.5, size=3)",
    )
    process = project.start("--try-one")
    output = project.runs / "nas" / "jobs" / "nas-0-a1" / OUTPUT
    eventually(lambda: output.exists() and "waiting" in output.read_text(), "the first lines of the trial")
    process.kill()
    process.communicate()
    go_on.touch()
    result = project.run("--try-one")
    assert result.exit_code == 0, result.output
    assert "waiting\n" in result.stdout, "what it printed before is shown too"
    assert ends(project) == [["Completed"]]


def test_nothing_of_a_long_output_is_lost(project: Project) -> None:
    amount = 3 * MOST_BYTES // 10
    program(project, f"for i in range({amount}): print(f'line {{i:07}} é')\nlog(accuracy=0.5, size=3)")
    result = project.run("--try-one")
    assert result.exit_code == 0
    assert [int(number) for number in re.findall(r"^line (\d+) é$", result.stdout, re.MULTILINE)] == list(range(amount))


@pytest.mark.parametrize("width", [40, 80])
def test_a_report_fits_a_narrow_terminal(project: Project, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paretonas.cli.show._PIPE_WIDTH", width)
    project.write()
    lines = project.run("--try-one").stdout
    report = lines[lines.index("nas-0 succeeded") :].splitlines()
    too_long = [line for line in report if len(line) > width and str(project.folder) not in line]
    assert not too_long, "only paths are longer"


@pytest.mark.parametrize(
    ("seconds", "left", "at_once", "words"),
    [
        (90, 15, 2, "15 trials, 2 at a time, will take about 12 min 00 s (8 times 1 min 30 s), if each"),
        (0.1, 999, 1, "999 trials, one after the other, will take about 1 min 40 s (999 times 0.1 s), if each"),
        (7200, 3, 8, "3 trials, 3 at a time, will take about 2 h 00 min, if each"),
    ],
)
def test_the_forecast_says_what_it_assumes(seconds: float, left: int, at_once: int, words: str) -> None:
    others = ", and if they do not slow each other down" if at_once > 1 else ""
    said = forecast(timedelta(seconds=seconds), left, at_once)
    assert said == f"The other {words} takes as long as this one{others}."


def test_the_forecast_for_one_more_trial_is_simple() -> None:
    assert (
        forecast(timedelta(seconds=5), 1, 4)
        == "The other trial will take about 5.0 s, if it takes as long as this one."
    )


def test_trials_that_were_not_run_here_do_not_count_as_begun() -> None:
    waiting, failed = trial(0), trial(1, "Failed", attempts=(attempt(1, reason="Crashed"),))
    assert why_not("nas", [waiting, failed], "run") == ""
    assert "2 trials were run" in why_not("nas", [failed, trial(2, "Failed", attempts=(attempt(2),))], "run")


class SilentTrial:
    """A trial that runs on and on, a display of it, and a clock."""

    def __init__(self, runs: Path) -> None:
        self.now, self.shown = 0.0, StringIO()
        self.kept = record(runs, "nas", "nas-0", 1)
        self.kept.folder.mkdir(parents=True)
        console = Console(file=self.shown, width=200)
        self.display = TrialOutput(console, runs, pause=self._wait, clock=lambda: self.now)
        self.display.show(Snapshot(experiment(), (trial(attempts=(attempt(),)),)), ())

    def _wait(self, seconds: float) -> None:
        self.now += seconds

    def wait(self, seconds: int) -> None:
        for _ in range(10 * seconds):
            self.display.pause(0.1)

    def remarks(self) -> list[str]:
        return re.findall(r"printed nothing for (.*); Ctrl-C stops it", self.shown.getvalue())


def test_a_silent_trial_is_said_to_run_ever_less_often(tmp_path: Path) -> None:
    silent = SilentTrial(tmp_path)
    silent.wait(9)
    assert silent.remarks() == []
    silent.wait(100)
    assert silent.remarks() == ["10.0 s", "20.0 s", "40.0 s"]


def test_a_trial_that_prints_is_not_silent(tmp_path: Path) -> None:
    silent = SilentTrial(tmp_path)
    for second in range(30):
        with (silent.kept.folder / OUTPUT).open("a") as file:
            file.write(f"{second} ")
        silent.wait(1)
    assert silent.remarks() == []
    silent.display.say("a message")
    assert "28 29 \na message\n" in silent.shown.getvalue(), "on a line of its own"


def test_no_time_is_spent_on_an_output_that_nobody_waits_for(tmp_path: Path) -> None:
    silent = SilentTrial(tmp_path)
    (silent.kept.folder / OUTPUT).write_bytes(b"x" * 5 * MOST_BYTES)
    silent.display.finish(lambda: True)
    assert silent.shown.getvalue().count("x" * MOST_BYTES) == 1
    assert "(the rest of the output is left out)" in silent.shown.getvalue()
