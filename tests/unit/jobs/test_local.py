"""Attempts as processes on this machine, through TorchX; none of it is faked."""

import gc
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.builders import trial
from tests.unit.jobs.conftest import Attempts
from tests.waiting import eventually

from paretonas.jobs import supervisor
from paretonas.jobs.attempt_folder import attempt_folder
from paretonas.jobs.job import GRACE_SECONDS, Launch, Phase, SubmitError
from paretonas.jobs.local import LocalJobs

TELL = """
import json, os, sys
seen = {"argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd(), "prefix": sys.prefix}
with open(os.path.join(os.environ["PARETONAS_LOG_DIR"], "seen.json"), "w") as file:
    json.dump(seen, file)
"""


def tell(attempts: Attempts, *arguments: str, **template: Any) -> dict[str, Any]:
    """What a trial of this environment's Python sees of its surroundings."""
    attempts.submit("python", "-c", TELL, *arguments, **template)
    job = attempts.over()
    assert job.phase is Phase.SUCCEEDED, job
    seen: dict[str, Any] = json.loads((attempts.folder() / "seen.json").read_text())
    return seen


def running(attempts: Attempts, index: int = 0) -> None:
    attempts.until(lambda job: job.phase is Phase.RUNNING, f"trial {index} to run", index)


def said(attempts: Attempts, words: str) -> None:
    path = attempts.kept() / "output.log"
    eventually(lambda: path.exists() and words in path.read_text(), f"the trial to say {words!r}")


def test_an_attempt_is_seen_to_wait_run_and_end_in_silence(
    attempts: Attempts, capfd: pytest.CaptureFixture[str]
) -> None:
    assert attempts.see() is None, "what was never submitted does not exist"
    attempts.submit("sh", "-c", f"echo out; echo err >&2; {attempts.waits}; exit 3")
    first = attempts.see()
    assert first is not None
    assert first.phase in {Phase.PENDING, Phase.RUNNING}, "what was submitted is not submitted again"
    running(attempts)
    attempts.let_go()
    job = attempts.over()
    assert (job.phase, job.exit_code, job.log_tail) == (Phase.FAILED, 3, "out\nerr")
    assert job.started is not None
    assert job.ended is not None
    assert job.started < job.ended
    assert job.started.tzinfo is not None
    assert capfd.readouterr() == ("", ""), "the terminal is not TorchX's"


def test_a_trial_is_told_its_folder_its_name_and_its_parameters(attempts: Attempts) -> None:
    env = tell(attempts, env=[{"name": "THREADS", "value": "1"}])["env"]
    assert env["PARETONAS_LOG_DIR"] == str(attempts.folder())
    assert env["PARETONAS_OUTPUT_DIR"] == str(attempts.folder().parent / "output")
    assert not (attempts.folder().parent / "output").exists(), "as on a cluster, a trial creates it itself"
    assert env["PARETONAS_TRIAL"] == "nas-0"
    assert json.loads(env["PARETONAS_PARAMETERS"]) == {"x": 0.5}
    assert env["THREADS"] == "1"


def test_python_is_that_of_this_environment(attempts: Attempts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # the environment is not activated
    assert tell(attempts)["prefix"] == sys.prefix


def test_a_trial_runs_where_the_run_was_started(
    attempts: Attempts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert tell(attempts)["cwd"] == str(tmp_path)


def test_a_trial_runs_in_the_folder_that_is_given(attempts: Attempts, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "tool.sh").write_text("#!/bin/sh\npwd\n")
    (tmp_path / "code" / "tool.sh").chmod(0o755)
    attempts.jobs = LocalJobs(attempts.runs, "nas", tmp_path / "code")
    for index, program in enumerate(["./tool.sh", "tool.sh"]):
        attempts.submit(program, index=index)
        assert attempts.over(index).log_tail == str(tmp_path / "code")


def test_a_relative_runs_folder_is_the_same_folder_for_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert tell(Attempts(Path("runs")))["env"]["PARETONAS_LOG_DIR"] == str(tmp_path / "runs/nas/nas-0/a1")


def test_dollars_reach_the_trial_as_they_were_written(attempts: Attempts) -> None:
    """TorchX has macros of its own; `$${` is our way to write `${`."""
    written = ["$HOME", "$$", "$${app_id}", "$${img_root}/x", "$app_id", "a$", "x=${parameters.x}"]
    expected = ["$HOME", "$$", "${app_id}", "${img_root}/x", "$app_id", "a$", "x=0.5"]
    seen = tell(attempts, args=written, env=[{"name": "TEXT", "value": "$${replica_id} $$ $x ${trial.name}"}])
    assert seen["argv"] == expected
    assert seen["env"]["TEXT"] == "${replica_id} $$ $x nas-0"


def test_submitted_again_an_attempt_stays_as_it_is(attempts: Attempts) -> None:
    script = f"echo ran >> {attempts.runs}/ran; {attempts.waits}"
    attempts.submit("sh", "-c", script)
    attempts.submit("sh", "-c", script)
    another = LocalJobs(attempts.runs, "nas")
    another.submit(attempts.launch("sh", "-c", script))
    running(attempts)
    attempts.submit("sh", "-c", script)
    attempts.let_go()
    attempts.over()
    attempts.submit("sh", "-c", script)
    another.submit(attempts.launch("sh", "-c", script))
    assert attempts.over().phase is Phase.SUCCEEDED
    assert (attempts.runs / "ran").read_text() == "ran\n"


SUBMIT = """
import os, sys
from pathlib import Path
sys.path.insert(0, os.getcwd())
from tests.unit.jobs.conftest import Attempts
Attempts(Path(sys.argv[1])).submit("sh", "-c", sys.argv[2])
"""


def submit_in_a_run_that_is_killed(attempts: Attempts, script: str) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            Attempts(attempts.runs).submit("sh", "-c", script)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)


def submit_in_a_run_that_exits(attempts: Attempts, script: str) -> None:
    subprocess.run([sys.executable, "-c", SUBMIT, str(attempts.runs), script], check=True)


@pytest.mark.parametrize("submit", [submit_in_a_run_that_is_killed, submit_in_a_run_that_exits])
def test_a_trial_outlives_the_run_that_started_it_and_is_adopted_by_the_next(
    attempts: Attempts, submit: Callable[[Attempts, str], None]
) -> None:
    submit(attempts, f"{attempts.waits}; exit 4")
    running(attempts)
    attempts.submit("sh", "-c", "echo twice")
    attempts.let_go()
    job = attempts.over()
    assert (job.phase, job.exit_code, job.log_tail) == (Phase.FAILED, 4, "")


def test_an_adopted_trial_can_be_cancelled(attempts: Attempts) -> None:
    submit_in_a_run_that_is_killed(attempts, "sleep 60")
    running(attempts)
    attempts.jobs.cancel("nas-0", 1)
    assert attempts.over().exit_code == -signal.SIGTERM


def test_what_is_forgotten_in_this_process_is_not_ended(attempts: Attempts) -> None:
    """TorchX's scheduler ends its jobs when it is collected."""
    attempts.submit("sleep", "60")
    running(attempts)
    attempts.jobs = LocalJobs(attempts.runs, "nas")
    gc.collect()
    job = attempts.see()
    assert job is not None
    assert job.phase is Phase.RUNNING


IGNORING = "trap '' TERM; echo begun; while :; do sleep 0.05; done"


def test_a_trial_that_does_not_heed_sigterm_is_killed_when_asked_again_after_the_grace(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts.submit("sh", "-c", IGNORING)
    said(attempts, "begun")
    for _ in range(3):
        attempts.jobs.cancel("nas-0", 1)
    job = attempts.see()
    assert job is not None
    assert job.phase is Phase.RUNNING, "it has its grace, and nobody waits for it"
    elapsed = time.monotonic() + GRACE_SECONDS
    with monkeypatch.context() as later:
        later.setattr(time, "monotonic", lambda: elapsed)
        attempts.jobs.cancel("nas-0", 1)
    job = attempts.over()
    assert (job.phase, job.exit_code, job.log_tail) == (Phase.LOST, None, "begun")


def test_kill_asks_nobody(attempts: Attempts) -> None:
    attempts.submit("sh", "-c", IGNORING)
    said(attempts, "begun")
    attempts.jobs.kill("nas-0", 1)
    assert attempts.over().phase is Phase.LOST


@pytest.mark.parametrize("end", ["cancel", "kill"])
def test_an_attempt_that_is_ended_before_it_begins_never_begins(attempts: Attempts, end: str) -> None:
    """It was stored, and its submission may be under way: nobody can wait for it to show."""
    getattr(attempts.jobs, end)("nas-0", 1)
    job = attempts.over()
    assert (job.phase, job.exit_code) == (Phase.FAILED, -signal.SIGTERM)
    attempts.submit("sh", "-c", f"touch {attempts.runs}/ran")
    LocalJobs(attempts.runs, "nas").submit(attempts.launch("sh", "-c", f"touch {attempts.runs}/ran"))
    assert attempts.over() == job
    assert not (attempts.runs / "ran").exists()


def test_cancelled_while_its_supervisor_starts_an_attempt_ends(attempts: Attempts) -> None:
    for index in range(6):
        attempts.submit("sleep", "60", index=index)
        attempts.jobs.cancel(f"nas-{index}", 1)
    for index in range(6):

        def ended(index: int = index) -> bool:
            attempts.jobs.cancel(f"nas-{index}", 1)  # as every pass does
            job = attempts.see(index)
            return job is not None and job.over

        eventually(ended, f"the end of trial {index}")
        assert attempts.over(index).exit_code == -signal.SIGTERM


def test_cancelling_what_is_over_changes_nothing(attempts: Attempts) -> None:
    attempts.submit("true")
    job = attempts.over()
    attempts.jobs.cancel("nas-0", 1)
    attempts.jobs.kill("nas-0", 1)
    assert attempts.over() == job


def test_processes_that_go_away_without_a_word_are_lost(attempts: Attempts) -> None:
    attempts.submit("sh", "-c", "echo begun; exec sleep 60")
    said(attempts, "begun")
    pid = json.loads((attempts.kept() / "job.json").read_text())["pid"]
    os.killpg(pid, signal.SIGKILL)
    job = attempts.over()
    assert (job.phase, job.exit_code, job.log_tail) == (Phase.LOST, None, "begun")
    assert job.message == "its processes are gone and left no exit code"


def test_a_trial_whose_supervisor_was_killed_is_seen_to_run_and_can_be_ended(attempts: Attempts) -> None:
    """By the next run, that is: in the one that started it TorchX ends what is left of a job."""
    submit_in_a_run_that_is_killed(attempts, "echo begun; exec sleep 60")
    said(attempts, "begun")
    os.kill(json.loads((attempts.kept() / "job.json").read_text())["pid"], signal.SIGKILL)
    running(attempts)
    attempts.jobs.cancel("nas-0", 1)
    assert attempts.over().phase is Phase.LOST


def test_a_supervisor_that_cannot_write_is_lost_and_not_waited_for(attempts: Attempts) -> None:
    attempts.folder().mkdir(parents=True)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))  # what it starts inherits the limit
    try:
        attempts.submit("true")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    job = attempts.over()
    assert (job.phase, job.message) == (
        Phase.LOST,
        "its supervisor could not write to its folder; is the disk full or read-only?",
    )


def test_damaged_records_are_no_end_of_the_run(attempts: Attempts) -> None:
    """A machine may lose power."""
    attempts.kept().mkdir(parents=True)
    (attempts.kept() / "job.json").write_text("\0\0\0")
    attempts.submit("echo", "twice")
    job = attempts.over()
    assert job.phase is Phase.LOST
    assert not (attempts.kept() / "output.log").exists()


@pytest.mark.parametrize(
    "clear",
    [
        "rm -rf {logs}",
        "rm -rf {logs} && mkdir {logs}",
        "find {logs} -mindepth 1 -delete",
        "rm -rf $(dirname {logs}) && mkdir -p {logs}",
        "mv {logs} {logs}.old",
        "rm -rf {logs} && touch {logs}",
    ],
)
def test_a_trial_may_clear_its_folder_of_logs(attempts: Attempts, clear: str) -> None:
    attempts.submit(
        "sh",
        "-c",
        f"echo before; {clear}; echo after; {attempts.waits}; exit 7".format(logs="$PARETONAS_LOG_DIR"),
    )
    said(attempts, "after")
    running(attempts)
    another = LocalJobs(attempts.runs, "nas")
    another.submit(attempts.launch("echo", "twice"))
    attempts.let_go()
    job = attempts.over()
    assert (job.phase, job.exit_code, job.log_tail) == (Phase.FAILED, 7, "before\nafter")


def test_what_is_kept_of_an_attempt_is_not_in_its_folder_of_logs(attempts: Attempts) -> None:
    attempts.submit("sh", "-c", "ls -a $PARETONAS_LOG_DIR; touch $PARETONAS_LOG_DIR/job.json")
    assert attempts.over().log_tail.split() == [".", ".."]
    assert attempts.over().phase is Phase.SUCCEEDED, "a file of the trial's is no record of ours"


class Earlier:
    """An attempt as version 0.1.0 began it: its records stand in its folder of logs."""

    def __init__(self, attempts: Attempts, script: str) -> None:
        folder = attempts.folder()
        folder.mkdir(parents=True)
        command = [sys.executable, "-I", "-S", supervisor.__file__, str(folder), "--", "sh", "-c", script]
        self.process = subprocess.Popen(command, start_new_session=True)
        eventually((folder / "output.log").exists, "the trial")


def test_an_attempt_of_an_earlier_version_is_adopted_with_its_end(attempts: Attempts) -> None:
    old = Earlier(attempts, f"echo begun; {attempts.waits}; exit 3")
    attempts.submit("echo", "twice")
    running(attempts)
    attempts.let_go()
    old.process.wait()
    job = attempts.over()
    assert (job.phase, job.exit_code, job.log_tail) == (Phase.FAILED, 3, "begun")
    attempts.submit("echo", "twice")
    assert attempts.over() == job
    assert not attempts.kept().exists()


@pytest.mark.parametrize("end", ["cancel", "kill"])
def test_an_attempt_of_an_earlier_version_can_be_ended(attempts: Attempts, end: str) -> None:
    old = Earlier(attempts, "exec sleep 60")
    running(attempts)
    getattr(attempts.jobs, end)("nas-0", 1)
    old.process.wait()
    assert attempts.over().over


def test_a_killed_attempt_leaves_no_helper_also_when_its_supervisor_was_killed(attempts: Attempts) -> None:
    script = "setsid sleep 61 & echo begun; exec sleep 60"
    submit_in_a_run_that_is_killed(attempts, script)
    said(attempts, "begun")
    os.kill(json.loads((attempts.kept() / "job.json").read_text())["pid"], signal.SIGKILL)
    eventually(lambda: len(of_attempt(attempts)) == 2, "the trial and its helper alone")
    attempts.jobs.kill("nas-0", 1)
    attempts.over()
    assert of_attempt(attempts) == []


def of_attempt(attempts: Attempts) -> list[int]:
    """The processes that have the attempt's folder in their environment."""
    found, mark = [], f"PARETONAS_LOG_DIR={attempts.folder()}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
        except OSError:  # it ended meanwhile, or is another user's
            continue
    return found


def test_a_second_request_ends_helpers_too(attempts: Attempts, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts.submit("sh", "-c", f"setsid sleep 61 & {IGNORING}")
    said(attempts, "begun")
    attempts.jobs.cancel("nas-0", 1)
    elapsed = time.monotonic() + GRACE_SECONDS
    with monkeypatch.context() as later:
        later.setattr(time, "monotonic", lambda: elapsed)
        attempts.jobs.cancel("nas-0", 1)
    assert attempts.over().phase is Phase.LOST
    assert of_attempt(attempts) == []


def test_the_tail_of_the_output_is_short_and_its_last_lines(attempts: Attempts) -> None:
    attempts.submit("sh", "-c", "seq 1 100000; printf 'half \\377 a line'; exit 1")
    tail = attempts.over().log_tail
    assert tail.splitlines()[-2:] == ["100000", "half \ufffd a line"]
    assert len(tail.splitlines()) == 20
    attempts.submit("sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x; exit 1", index=1)
    assert 0 < len(attempts.over(1).log_tail) <= 4096


def test_handlers_of_signals_are_kept(attempts: Attempts) -> None:
    def ours(*_: object) -> None:
        """Stop the trials and keep the state."""

    before = {signum: signal.signal(signum, ours) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        jobs = LocalJobs(attempts.runs, "nas")
        jobs.submit(attempts.launch("true"))
        assert attempts.over().phase is Phase.SUCCEEDED
        assert [signal.getsignal(signum) for signum in before] == [ours, ours]
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def test_a_folder_that_cannot_be_made_is_an_error_of_this_submission(tmp_path: Path) -> None:
    (tmp_path / "nas").write_text("in the way")
    attempts = Attempts(tmp_path)
    with pytest.raises(SubmitError, match=r"cannot start nas-0-a1: .*nas-0"):
        attempts.submit("true")


def test_a_command_that_no_system_can_run_is_an_error_of_this_submission(attempts: Attempts) -> None:
    """Validation refuses such texts; a trial that an earlier version has stored may have them."""
    of = attempts.launch("${parameters.x}", args=["a${parameters.x}"]).experiment
    for value, words in [("a\0b", "null byte"), ("", "No entrypoint")]:
        stored = trial(0)
        stored = stored.replace(spec=stored.spec.replace(parameters={"x": value}))
        with pytest.raises(SubmitError, match=rf"cannot start nas-0-a1: .*{words}"):
            attempts.jobs.submit(Launch(of, stored, 1))


def test_supervisors_that_have_ended_are_collected(attempts: Attempts) -> None:
    """Of a thousand trials no zombies stay."""
    for index in range(5):
        attempts.submit("true", index=index)
    for index in range(5):
        attempts.over(index)

    records = attempts.runs.glob("nas/jobs/*/job.json")
    supervisors = [Path("/proc") / str(json.loads(path.read_text())["pid"]) for path in records]
    assert len(supervisors) == 5

    def collected() -> bool:
        attempts.see()
        return not any(process.exists() for process in supervisors)

    eventually(collected, "the supervisors to be collected")


def test_attempts_of_one_trial_have_folders_of_their_own(attempts: Attempts) -> None:
    first = attempts.launch("true")
    second = Launch(first.experiment, trial(0), 2)
    assert (first.name, second.name) == ("nas-0-a1", "nas-0-a2")

    def log_folder(launch: Launch) -> Path:
        return attempt_folder(attempts.runs, launch.experiment.name, launch.trial.name, launch.attempt)

    assert log_folder(first) == attempts.folder()
    assert log_folder(second) == attempts.folder().with_name("a2")
