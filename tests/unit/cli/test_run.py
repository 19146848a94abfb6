"""`paretonas run` in processes of its own, with real trials."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import Result
from tests.unit.cli.conftest import ARGS, TRIAL, Project
from tests.unit.cli.random_search import RandomSearch

from paretonas.api import ExperimentSpec
from paretonas.backends.local.store import exclusive, read_experiment, read_trials
from paretonas.cli import session
from paretonas.search import KnownTrial, SearchError, Suggestion

Finished = tuple[Project, Result]


def wait_until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)


def running(project: Project) -> list[int]:
    """The process groups of attempts that run."""
    return [json.loads(path.read_text())["pid"] for path in project.runs.glob("nas/jobs/*/job.json") if alive(path)]


def alive(job: Path) -> bool:
    return job.stat().st_size > 0 and not job.with_name("exit.json").exists()


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_run_ends_with_its_pareto_set_and_its_page(finished: Finished) -> None:
    project, result = finished
    assert result.exit_code == 0, result.stderr
    assert "nas: TrialsCompleted: 6 trials ended, 6 succeeded\n" in result.stdout
    assert re.search(r"^Pareto set: \d trials?, hypervolume [\d.]+$", result.stdout, re.MULTILINE)
    assert re.search(r"^TRIAL +accuracy +size +x$", result.stdout, re.MULTILINE)
    assert f"report: {project.runs}/nas/report.html\n" in result.stdout
    assert "<html" in (project.runs / "nas" / "report.html").read_text()[:1000]


def test_lines_that_are_not_for_a_terminal_tell_every_event_once(finished: Finished) -> None:
    _, result = finished
    events = re.findall(r"^\d\d:\d\d:\d\d (\w+) +(\S+) .+$", result.stdout, re.MULTILINE)
    submitted = sorted(about for reason, about in events if reason == "TrialSubmitted")
    succeeded = sorted(about for reason, about in events if reason == "TrialSucceeded")
    assert submitted == succeeded == [f"nas-{i}" for i in range(6)]
    assert events[-1] == ("Succeeded", "nas")
    assert "\x1b" not in result.stdout, "colours are for terminals"


def test_a_finished_run_tells_its_result_again_and_starts_nothing(finished: Finished) -> None:
    project, first = finished
    again = project.run()
    assert again.exit_code == 0
    assert "nas is finished; raise maxTrials (or --max-trials) to continue" in again.stdout
    table = first.stdout[first.stdout.index("Pareto set:") :]
    assert table in again.stdout
    assert "TrialSubmitted" not in again.stdout


def test_a_finished_run_goes_on_with_more_trials(project: Project) -> None:
    project.write(maxTrials=2)
    assert project.run().exit_code == 0
    more = project.run("--max-trials", "5", "--parallelism", "3")
    assert more.exit_code == 0
    assert "5 trials ended" in more.stdout
    stored = read_experiment(project.runs / "nas").spec
    assert (stored.max_trials, stored.parallelism) == (5, 3)
    assert len(read_trials(project.runs / "nas")) == 5


def test_an_experiment_whose_trials_fail_exits_with_1_and_their_last_lines(project: Project) -> None:
    project.write(options=("--crash-below", "2"), maxTrials=8, failurePolicy={"retries": 0, "afterTrials": 3})
    result = project.run()
    assert result.exit_code == 1
    assert "nas: TooManyFailures: " in result.stdout
    assert re.search(r"^nas-0: Crashed: ended with exit code 1$", result.stdout, re.MULTILINE)
    assert re.search(r"^  RuntimeError: x 0\.\d+ is too small$", result.stdout, re.MULTILINE)
    assert "no trial is in the Pareto set" in result.stdout


def test_a_retried_trial_is_said_to_be(project: Project) -> None:
    project.write(options=("--crash-below", "2"), maxTrials=1, parallelism=1, failurePolicy={"retries": 1})
    result = project.run()
    assert re.search(r"TrialRetried +nas-0 attempt 1 Crashed after \S+ s: ended with exit code 1", result.stdout)
    assert re.search(r"TrialSubmitted +nas-0 attempt 2: x ", result.stdout)


def test_a_search_without_an_answer_ends_the_run_with_its_reason(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stuck(RandomSearch):
        def suggest(self, spec: ExperimentSpec, known: Sequence[KnownTrial], count: int) -> Suggestion:
            raise SearchError(f"no answer for {count} of {spec.max_trials} beside {len(known)}")

    monkeypatch.setattr(session, "RETRY_SECONDS", 0.0)
    project.search = Stuck
    project.write()
    result = project.run()
    assert result.exit_code == 1
    assert result.stderr == "stopped: the search failed repeatedly: no answer for 2 of 8 beside 0\n"
    assert "SearchFailed" in result.stdout
    assert result.stdout.endswith("0 of 8 trials ended; run the same command again to continue\n")


def test_a_warm_start_from_what_is_not_there_ends_the_run_and_can_be_mended(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "RETRY_SECONDS", 0.0)
    project.write(maxTrials=2, warmStartFrom=[{"name": "mistyped"}])
    result = project.run()
    assert result.exit_code == 1
    assert result.stderr == (
        "stopped: the warm start failed: warmStartFrom: there is no experiment 'mistyped' here; "
        "create it, or create this one without it\n"
    )
    project.write(maxTrials=2)
    assert project.run().exit_code == 0


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_stops_its_trials_and_goes_on_when_called_again(
    project: Project, signum: signal.Signals
) -> None:
    slow = project.write(options=("--sleep", "600"), maxTrials=4)
    process = project.start()
    wait_until(lambda: len(running(project)) == 2, "two trials that run")
    started = running(project)
    process.send_signal(signum)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "stopping the trials" in output
    assert "the state is kept in runs/nas\n0 of 4 trials ended; run the same command again to continue\n" in output
    assert not any(map(exists, started)), "a trial outlived the run that was to stop it"
    slow.unlink()
    project.write(maxTrials=4)
    again = project.run()
    assert again.exit_code == 0, again.stderr
    trials = read_trials(project.runs / "nas")
    assert [t.status.state for t in trials] == ["Succeeded"] * 4
    assert [a.reason for a in trials[0].status.attempts] == ["Stopped", "Completed"]


def test_a_second_ctrl_c_leaves_at_once_and_kills_what_does_not_heed_the_first(project: Project) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    project.write(trial={"command": [sys.executable, "-I", "-S", "-c", deaf], "args": []})
    process = project.start()
    logs = project.runs / "nas"
    wait_until(
        lambda: sum("deaf" in path.read_text() for path in logs.glob("jobs/*/output.log")) == 2,
        "two trials that ignore SIGTERM",
    )
    started = running(project)
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    while "stopping the trials" not in (line := process.stdout.readline()):
        assert line, "the run ended at the first Ctrl-C, before its trials had"
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "exited immediately, running trials were killed" in output
    wait_until(lambda: not any(map(exists, started)), "the end of the killed trials")


@pytest.mark.parametrize(
    ("template", "line"),
    [
        (
            {"command": ["python", "absent.py"]},
            'spec.trial.command[1]: "absent.py": is not there: trials run in ',
        ),
        (
            {"command": ["no-such-program"]},
            'spec.trial.command[0]: "no-such-program": is not a program on the PATH',
        ),
        (
            {"command": ["python", "-c", "1"], "workingDir": "absent"},
            'spec.trial.workingDir: "absent": is not a folder on this machine: {folder}/absent; correct it',
        ),
    ],
)
def test_what_this_machine_lacks_is_said_before_anything_starts(
    project: Project, template: dict[str, object], line: str
) -> None:
    project.write(trial={**template, "args": []})
    result = project.run()
    assert result.exit_code == 2
    assert result.stderr.startswith(line.format(folder=project.folder))
    assert len(result.stderr.splitlines()) == 1
    assert not project.runs.exists()


GPU = {"command": ["sh", "-c", "exit 1"], "args": []}


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """A machine with two GPUs, by a program in the place of nvidia-smi."""
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nfor i in 0 1; do echo "GPU $i: Fake (UUID: GPU-$i$i)"; done\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return 2


@pytest.mark.parametrize(
    ("limit", "asked", "line"),
    [
        (
            None,
            {"nvidia.com/gpu": 3},
            '"3": is more than this machine has: 2 NVIDIA GPUs; write 2, or run it on',
        ),
        (
            "",
            {"nvidia.com/gpu": 1},
            '"1": is more than this machine has: CUDA_VISIBLE_DEVICES= allows 0 of 2 NVIDIA',
        ),
        (
            "1",
            {"nvidia.com/gpu": 2},
            '"2": is more than this machine has: CUDA_VISIBLE_DEVICES=1 allows 1 of 2 NVIDIA',
        ),
        (
            "5",
            {"nvidia.com/gpu": 1},
            "\"1\": cannot be provided: CUDA_VISIBLE_DEVICES=5 names no device with '5'",
        ),
        (
            None,
            {"amd.com/gpu": 1},
            '"1": is more than this machine has: no AMD GPU was found; leave it out, or run it on',
        ),
    ],
)
def test_devices_that_are_not_there_are_one_error_before_anything_starts(
    project: Project,
    cards: int,
    monkeypatch: pytest.MonkeyPatch,
    limit: str | None,
    asked: dict[str, int],
    line: str,
) -> None:
    assert cards == 2
    if limit is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", limit)
    project.write(trial={**GPU, "resources": asked})
    result = project.run()
    assert result.exit_code == 2
    [name] = asked
    assert result.stderr.startswith(f"spec.trial.resources.{name}: {line}")
    assert len(result.stderr.splitlines()) == 1
    assert not project.runs.exists()


def test_trials_share_no_device_and_more_trials_than_devices_wait(project: Project, cards: int) -> None:
    """Each takes the lock of the card that it sees, and fails where another one has it."""
    take = f'flock -n {project.folder}/card-$CUDA_VISIBLE_DEVICES sh -c \'sleep 0.2; exec "$@"\' -- "$@"'
    template = {"command": ["sh", "-c", take, "--", *TRIAL], "args": ARGS, "resources": {"nvidia.com/gpu": 1}}
    project.write(trial=template, maxTrials=6, parallelism=3, failurePolicy={"retries": 0})
    result = project.run()
    assert result.exit_code == 0, result.output
    assert "6 trials ended, 6 succeeded" in result.stdout
    assert f"spec.parallelism: 3: is more than {cards} NVIDIA GPUs can serve: 2 trials at a time" in result.stderr
    assert sorted(path.name for path in project.folder.glob("card-*")) == ["card-0", "card-1"]


def test_a_trial_finds_its_script_from_wherever_the_run_is_started(
    project: Project, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.folder / "code").mkdir()
    script = f"import runpy; runpy.run_path({TRIAL[-1]!r}, run_name='__main__')"
    (project.folder / "code" / "train.py").write_text(script)
    template = {"command": ["python", "train.py"], "args": ARGS, "workingDir": "code"}
    project.write(maxTrials=1, parallelism=1, trial=template)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    result = project.run()
    assert result.exit_code == 0, result.output


def test_two_runs_of_one_experiment_at_once_are_refused(project: Project) -> None:
    project.write()
    with exclusive(project.runs / "nas"):
        result = project.run()
    assert result.exit_code == 3
    assert f"runs/nas is in use by process {os.getpid()}" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_another_experiment_of_the_same_name_is_refused(finished: Finished, project: Project) -> None:
    other = project.write(maxTrials=6, search={"seed": 9})
    result = finished[0].call("run", str(other))
    assert result.exit_code == 3
    assert "holds 'nas' with other search" in result.stderr


def test_a_runs_folder_that_cannot_be_made_is_refused(project: Project) -> None:
    project.write()
    project.runs.write_text("a file in its place")
    project.runs /= "below"
    result = project.run()
    assert result.exit_code == 3
    assert "runs/below/nas: Not a directory; " in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_report_that_cannot_be_written_does_not_cost_the_run(project: Project) -> None:
    project.write(maxTrials=1, parallelism=1)
    (project.runs / "nas" / "report.html").mkdir(parents=True)
    result = project.run()
    assert result.exit_code == 0
    assert "the report could not be written" in result.stderr
    assert f"paretonas report nas --runs-dir {project.runs}" in result.stderr


def test_a_reader_that_goes_away_does_not_end_the_run(project: Project) -> None:
    project.write(maxTrials=4)
    process = project.start()
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert read_experiment(project.runs / "nas").status.finished


def test_a_full_disk_under_its_output_does_not_end_the_run(project: Project) -> None:
    project.write(maxTrials=4)
    with Path("/dev/full").open("w") as full:
        process = project.start(stdout=full, stderr=full)
        process.wait(timeout=60)
    assert read_experiment(project.runs / "nas").status.finished


def test_a_terminal_shows_a_live_table_and_then_the_result(project: Project) -> None:
    project.write(options=("--sleep", "0.5"), maxTrials=4)
    ours, theirs = pty.openpty()
    process = project.start(stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
    assert process.wait(timeout=60) == 0
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert re.search(r"nas +━+ +0/4 trials", text), text
    assert "Running: 2 trials" in text, text
    assert text.find("report: runs/nas/report.html") > text.find("Ctrl-C stops the trials") > 0, text
    assert "TrialSubmitted" not in text, "the table says it"


def test_the_real_search_runs_an_experiment_to_its_end(project: Project) -> None:
    project.write(maxTrials=4, search={"initialTrials": 2})
    command = [str(Path(sys.executable).with_name("paretonas")), "run", "nas.yaml"]
    result = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, timeout=110, check=False)
    assert result.returncode == 0, result.stderr
    origins = [t.spec.origin for t in read_trials(project.runs / "nas")]
    assert origins[:2] == ["Sobol", "Sobol"]
    assert origins[3] == "BayesianOptimization"


AIMS = [
    {"metric": "accuracy", "goal": "Maximize", "threshold": 0.0, "target": 0.1},
    {"metric": "size", "goal": "Minimize", "threshold": 100.0},
]


def test_a_run_that_reaches_its_target_says_so_and_how_it_goes_on_and_does(project: Project) -> None:
    project.write(objectives=AIMS, maxTrials=9, parallelism=1)
    first = project.run()
    assert first.exit_code == 0
    assert re.search(
        r"^nas: TargetReached: nas-\d reached the target: accuracy \S+ >= 0.1; \d trials? ended$",
        first.stdout,
        re.MULTILINE,
    )
    assert first.stdout.splitlines()[-1] == "nas: set harder targets or remove them to continue"
    shown = project.call("get", "nas").stdout
    assert "TargetReached" in shown
    again = project.run()
    assert "nas is finished; set harder targets or remove them to continue" in again.stdout
    assert "TrialSubmitted" not in again.stdout
    assert "TargetReached" in (project.runs / "nas" / "report.html").read_text()
    ended = len(read_trials(project.runs / "nas"))
    project.write(objectives=[{**AIMS[0], "target": None}, AIMS[1]], maxTrials=9, parallelism=1)
    last = project.run()
    assert "nas: TrialsCompleted: 9 trials ended, 9 succeeded" in last.stdout
    assert ended < 9


def test_a_run_that_stalls_says_so_and_how_it_goes_on(project: Project) -> None:
    goal = {"hypervolumeStalls": {"trials": 1, "within": 0.99}}
    project.write(stopWhen=goal, search={"initialTrials": 2}, maxTrials=30, parallelism=1)
    result = project.run()
    assert result.exit_code == 0
    assert re.search(
        r"^nas: HypervolumeStalled: the last result added .+ the hypervolume, within 0.99; \d+ trials ended$",
        result.stdout,
        re.MULTILINE,
    )
    assert result.stdout.splitlines()[-1] == "nas: change or remove stopWhen.hypervolumeStalls to continue"
