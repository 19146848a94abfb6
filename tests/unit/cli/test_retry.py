"""`paretonas retry`: what has failed is taken up again once it is mended."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.cli.conftest import ARGS, HERE, Project
from tests.waiting import eventually

from paretonas.api import Retry
from paretonas.backends.local import files
from paretonas.backends.local.store import FolderStore, exclusive, read_experiment, read_trials

BROKEN = ("--crash-below", "2")
POLICY = {"retries": 0, "afterTrials": 3}


def broken(project: Project, **spec: object) -> None:
    """Run an experiment all of whose trials fail, and mend what they call."""
    script = project.folder / "trial.py"
    script.write_text("raise ValueError('no shape')")
    command = {"command": [sys.executable, "-I", "-S", str(script)], "args": ARGS}
    project.write(**{"maxTrials": 5, "parallelism": 1, "failurePolicy": POLICY, "trial": command, **spec})
    result = project.run()
    assert result.exit_code == 1, result.output
    script.write_text(f"import runpy; runpy.run_path({str(HERE / 'quick_trial.py')!r}, run_name='__main__')")


def last_line(text: str) -> str:
    return text.splitlines()[-1]


def test_a_failed_run_ends_with_what_helps_and_that_helps(project: Project) -> None:
    broken(project)
    for text in (project.run().stdout.splitlines()[0],):
        assert text == (
            f"nas is finished; once the cause is fixed, paretonas retry nas --runs-dir {project.runs} "
            "retries the 3 failed trials"
        )
    result = project.call("retry", "nas")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("nas: 3 trials will be retried\n")
    assert "nas: TrialsCompleted: 5 trials ended, 5 succeeded\n" in result.stdout
    trials = read_trials(project.runs / "nas")
    assert [t.status.state for t in trials] == ["Succeeded"] * 5
    reasons = [[(a.number, a.reason) for a in t.status.attempts] for t in trials]
    assert reasons == [[(1, "Crashed"), (2, "Completed")]] * 3 + [[(1, "Completed")]] * 2
    assert (project.runs / "nas" / "jobs" / "nas-0-a1" / "output.log").exists(), "the past is kept"


def test_the_end_of_a_run_that_failed_tells_how_it_goes_on(project: Project) -> None:
    project.write(options=BROKEN, maxTrials=8, failurePolicy=POLICY)
    assert last_line(project.run().stdout).startswith("nas: once the cause is fixed, paretonas retry nas ")


def test_a_run_some_of_whose_trials_failed_tells_it_too(project: Project) -> None:
    project.write(options=("--crash-below", "0.3"), maxTrials=6, failurePolicy={"retries": 0, "maxFailureRatio": 1})
    result = project.run()
    failed = sum(t.status.state == "Failed" for t in read_trials(project.runs / "nas"))
    assert result.exit_code == 0
    assert 0 < failed < 6
    assert re.search(r"retries the (\d )?failed trials?; raise maxTrials", last_line(result.stdout))


def test_the_command_says_no_folder_where_the_default_is_used(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(options=BROKEN, maxTrials=3, failurePolicy=POLICY)
    monkeypatch.chdir(project.folder)
    project.runs = Path("runs")
    assert ", paretonas retry nas retries the 3 failed" in last_line(project.run().stdout)


def test_what_the_command_says_for_a_folder_with_a_blank_can_be_pasted(project: Project) -> None:
    project.runs = project.folder / "my runs"
    project.write(options=BROKEN, maxTrials=3, failurePolicy=POLICY)
    assert f"paretonas retry nas --runs-dir '{project.runs}' retries" in last_line(project.run().stdout)


def test_the_same_file_neither_withdraws_a_retry_nor_asks_for_one(project: Project) -> None:
    broken(project)
    assert project.call("retry", "nas").exit_code == 0
    again = project.run()
    assert again.exit_code == 0
    assert "nas is finished; raise maxTrials" in again.stdout
    assert "TrialSubmitted" not in again.stdout
    assert read_experiment(project.runs / "nas").spec.retry == Retry(generation=1)


def test_a_retry_that_was_killed_before_its_first_pass_is_not_forgotten(project: Project) -> None:
    broken(project)
    FolderStore(project.runs / "nas").retry(Retry(generation=1))  # and here its process dies
    result = project.run()
    assert result.exit_code == 0
    assert "nas: TrialsCompleted: 5 trials ended, 5 succeeded\n" in result.stdout


def test_a_mended_file_is_taken_over_and_its_end_says_what_to_do_next(project: Project) -> None:
    project.write(options=BROKEN, maxTrials=3, failurePolicy=POLICY)
    project.run()
    project.write(maxTrials=3, failurePolicy=POLICY)
    adopted = project.run()
    assert adopted.exit_code == 1
    assert last_line(adopted.stdout).startswith("nas: once the cause is fixed, paretonas retry nas ")
    assert project.call("retry", "nas").exit_code == 0, "with the command of the file as it is now"


def test_there_is_nothing_to_retry_where_nothing_failed(project: Project) -> None:
    project.write(maxTrials=2)
    assert project.run().exit_code == 0
    before = (project.runs / "nas" / "experiment.json").read_text()
    result = project.call("retry", "nas")
    assert result.exit_code == 0
    assert result.stdout.startswith("nas: no trial has failed; there is nothing to retry\n")
    assert "raise maxTrials (or --max-trials) to continue" in result.stdout
    assert (project.runs / "nas" / "experiment.json").read_text() == before


@pytest.mark.parametrize("option", [[], ["--infeasible"]])
def test_infeasible_trials_are_taken_up_when_asked_for(project: Project, option: list[str]) -> None:
    script = project.folder / "trial.py"
    script.write_text(
        f"import sys\nfrom pathlib import Path\nsys.path.append({str(HERE.parents[2])!r})\n"
        "from tests.local.quick_trial import write_scalars\n"
        "write_scalars(Path(sys.argv[-1]), {'accuracy': float('nan'), 'size': 1.0})\n"
    )
    project.write(
        maxTrials=2,
        trial={
            "command": [sys.executable, "-I", "-S", str(script)],
            "args": ["--log-dir", "${trial.logDir}"],
        },
    )
    failed = project.run()
    assert failed.exit_code == 1
    advice = "paretonas retry nas --runs-dir {} --infeasible retries the 2 infeasible trials"
    assert advice.format(project.runs) in failed.stdout
    project.call("retry", "nas", *option)
    tries = [len(t.status.attempts) for t in read_trials(project.runs / "nas")]
    assert tries == ([2, 2] if option else [1, 1])


def test_a_retry_that_is_interrupted_goes_on_with_the_same_command(project: Project) -> None:
    broken(project, maxTrials=3)
    script = project.folder / "trial.py"
    quick = script.read_text()
    script.write_text("import time; time.sleep(600)")
    process = subprocess.Popen(
        [sys.executable, str(HERE / "random_search.py"), "retry", "nas"],
        cwd=project.folder,
        text=True,
        stdout=subprocess.PIPE,
    )
    state = project.runs / "nas" / "trials" / "nas-0.json"
    eventually(lambda: json.loads(state.read_text())["status"]["state"] == "Running", "a trial that runs")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert output.endswith("0 of 3 trials ended; run the same command again to continue\n")
    script.write_text(quick)
    assert project.call("retry", "nas").exit_code == 0
    trials = read_trials(project.runs / "nas")
    assert [t.status.state for t in trials] == ["Succeeded"] * 3
    assert [a.reason for a in trials[0].status.attempts] == ["Crashed", "Stopped", "Completed"]


def test_a_retry_beside_a_run_is_refused(project: Project) -> None:
    broken(project)
    with exclusive(project.runs / "nas"):
        result = project.call("retry", "nas")
    assert result.exit_code == 3
    assert "is in use by process" in result.stderr


def test_a_name_that_is_none_is_answered_with_those_that_are(project: Project) -> None:
    broken(project)
    for command in ("retry", "delete"):
        result = project.call(command, "mnist")
        assert result.exit_code == 3
        assert result.stderr == f"no experiment 'mnist' in {project.runs}; available: nas\n"
    assert not (project.runs / "mnist").exists(), "and no folder is made of it"


# --- trials: why


def test_the_trials_are_listed_with_why_they_failed(project: Project) -> None:
    project.write(options=BROKEN, maxTrials=3, failurePolicy=POLICY)
    project.run()
    header, *lines = project.call("trials", "nas").stdout.splitlines()
    assert header.split()[:3] == ["NAME", "STATE", "REASON"]
    assert header.split()[-1] == "MESSAGE"
    assert [line.split()[:3] for line in lines] == [[f"nas-{i}", "Failed", "Crashed"] for i in range(3)]
    assert all(re.search(r"ended with exit code 1: RuntimeError: x \S+ is too small$", line) for line in lines)


def test_a_failure_is_told_at_once_with_its_last_words(project: Project) -> None:
    project.write(options=BROKEN, maxTrials=3, failurePolicy=POLICY)
    line = r"TrialFailed +nas-0 Crashed after \S+ s: ended with exit code 1: RuntimeError: x \S+ is too small$"
    assert re.search(line, project.run().stdout, re.MULTILINE)


# --- maxTrials lowered


@pytest.mark.parametrize(("first", "then"), [(5, 3), (4, 2)])
def test_fewer_trials_than_there_are_already_are_shown_as_those_that_there_are(
    project: Project, first: int, then: int
) -> None:
    project.write(maxTrials=first)
    assert project.run().exit_code == 0
    lowered = project.run("--max-trials", str(then), "--parallelism", "1")
    assert lowered.exit_code == 0
    assert f"{first} trials ended" in lowered.stdout
    [_, row] = project.call("get").stdout.splitlines()
    assert row.split()[2] == f"{first}/{first}"
    assert read_experiment(project.runs / "nas").status.progress == f"{first}/{first}"
    page = (project.runs / "nas" / "report.html").read_text()
    assert f"{first} of {first}" in page


# --- where it is run


def test_a_retry_runs_trials_where_they_were_run_before(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """``python trial.py`` is a file of the folder in which `paretonas run` was started, wherever the retry is."""
    script = project.folder / "trial.py"
    script.write_text("raise ValueError('no shape')")
    command = [sys.executable, "-I", "-S", "trial.py"]
    project.write(maxTrials=2, parallelism=1, failurePolicy=POLICY, trial={"command": command, "args": ARGS})
    (other := project.folder / "elsewhere").mkdir()
    monkeypatch.chdir(project.folder)
    assert project.run().exit_code == 1
    script.write_text(f"import runpy; runpy.run_path({str(HERE / 'quick_trial.py')!r}, run_name='__main__')")
    monkeypatch.chdir(other)
    project.runs = Path("../runs")
    result = project.call("retry", "nas")
    assert result.exit_code == 0, result.output
    assert not (other / "runs").exists()


def test_what_is_missing_since_is_said_and_no_trial_is_taken_up(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    broken(project, maxTrials=3)
    (project.folder / "trial.py").unlink()
    result = project.call("retry", "nas")
    assert result.exit_code == 2
    assert "spec.trial.command[3]" in result.stderr
    assert read_experiment(project.runs / "nas").spec.retry.generation == 0


@pytest.mark.parametrize("content", [None, "{", "[]", '{"file": 3}'])
def test_without_a_note_of_where_it_was_run_it_is_run_here(project: Project, content: str | None) -> None:
    broken(project)
    note = project.runs / "nas" / "origin.json"
    note.unlink() if content is None else note.write_text(content)
    assert project.call("retry", "nas").exit_code == 0


def test_a_disk_that_is_full_is_said_in_one_line(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(project)

    def full(path: Path, _: str) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(files, "write", full)
    result = project.call("retry", "nas")
    assert result.exit_code == 3
    assert result.stderr.startswith(f"cannot write to {project.runs}/nas: No space left on device")


def test_nothing_is_retried_once_the_target_is_reached_and_the_command_says_why(project: Project) -> None:
    objectives = [
        {"metric": "accuracy", "goal": "Maximize", "threshold": 0.0, "target": 0.95},
        {"metric": "size", "goal": "Minimize", "threshold": 100.0},
    ]
    policy = {"retries": 0, "maxFailureRatio": 1}
    project.write(
        options=("--crash-below", "0.3"), objectives=objectives, maxTrials=20, parallelism=1, failurePolicy=policy
    )
    project.run()
    states = [t.status.state for t in read_trials(project.runs / "nas")]
    assert "Failed" in states, "the seed was chosen so"
    result = project.call("retry", "nas")
    assert result.stdout.startswith("nas: nothing is retried, since its target is reached\n")
    assert "set harder targets or remove them to continue" in result.stdout
    assert [t.status.state for t in read_trials(project.runs / "nas")] == states
    assert read_experiment(project.runs / "nas").spec.retry == Retry()
