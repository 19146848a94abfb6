"""The supervisor of one attempt, as the script that it is."""

import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.waiting import eventually

from paretonas.jobs import supervisor

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a supervisor as `LocalJobs` does; whatever is left of it ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(*command: str, **options: Any) -> subprocess.Popen[str]:
        arguments = [sys.executable, "-I", "-S", supervisor.__file__, str(tmp_path), "--", *command]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        started.append(subprocess.Popen(arguments, start_new_session=True, **{**pipes, **options}))
        return started[-1]

    yield begin
    for process in started:
        if group_lives(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        with process:  # closes its pipes and waits
            pass


def group_lives(group: int) -> bool:
    """Whether a process group has a process that is no zombie."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, process_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            continue
        if int(process_group) == group and state != "Z":
            return True
    return False


def locked(folder: Path) -> bool:
    with (folder / supervisor.JOB).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def exit_record(folder: Path) -> dict[str, float]:
    record: dict[str, float] = json.loads((folder / supervisor.EXIT).read_text())
    return record


def output(folder: Path) -> str:
    return (folder / supervisor.OUTPUT).read_text()


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", 0), ("exit 3", 3), ("kill -KILL $$", -9), ("kill -TERM $$", -15), ("kill -SEGV $$", -11)],
)
def test_how_the_trial_ended_is_written_down(tmp_path: Path, start: Start, script: str, code: int) -> None:
    start("sh", "-c", script).wait()
    started = json.loads((tmp_path / supervisor.JOB).read_text())
    ended = exit_record(tmp_path)
    assert ended["exitCode"] == code
    assert started["startTime"] <= ended["endTime"]
    assert not locked(tmp_path)


@pytest.mark.parametrize("command", ["no-such-command", "/etc/passwd", "/"])
def test_a_command_that_cannot_be_started_ends_as_in_a_shell(tmp_path: Path, start: Start, command: str) -> None:
    start(command).wait()
    assert exit_record(tmp_path)["exitCode"] == supervisor.CANNOT_START
    assert f"cannot start {command!r}" in output(tmp_path)


def test_output_and_errors_are_in_one_file_in_their_order_and_there_is_no_input(tmp_path: Path, start: Start) -> None:
    process = start("sh", "-c", "echo one; echo two >&2; cat; echo three", stdin=subprocess.PIPE)
    said, _ = process.communicate("typed into the run's terminal")
    assert output(tmp_path) == "one\ntwo\nthree\n"
    assert said == "", "nothing may disturb the terminal of the run"


def test_of_several_started_at_once_one_runs_the_trial(tmp_path: Path, start: Start) -> None:
    script = f"echo ran >> {tmp_path}/runs; sleep 0.2"
    supervisors = [start("sh", "-c", script) for _ in range(6)]
    for process in supervisors:
        process.communicate()
    assert (tmp_path / "runs").read_text() == "ran\n"
    assert exit_record(tmp_path)["exitCode"] == 0


def test_an_attempt_that_was_run_is_not_run_again(tmp_path: Path, start: Start) -> None:
    start("sh", "-c", "exit 3").wait()
    assert start("sh", "-c", "echo again").wait() == 0
    assert exit_record(tmp_path)["exitCode"] == 3
    assert output(tmp_path) == ""


def test_whoever_only_looks_at_the_lock_does_not_keep_the_trial_from_running(tmp_path: Path, start: Start) -> None:
    with (tmp_path / supervisor.JOB).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        process = start("true")
        eventually(lambda: group_lives(process.pid), "a supervisor that waits for the lock")
    process.wait()
    assert exit_record(tmp_path)["exitCode"] == 0


def test_a_trial_whose_supervisor_was_killed_holds_the_lock_until_it_ends(tmp_path: Path, start: Start) -> None:
    process = start("sh", "-c", "echo begun; exec sleep 60")
    eventually(lambda: (tmp_path / supervisor.OUTPUT).exists() and output(tmp_path), "the trial")
    process.kill()
    process.wait()
    assert locked(tmp_path)
    assert start("sh", "-c", "echo twice").wait() == 0
    assert output(tmp_path) == "begun\n", "the trial still runs, so it must not be run beside itself"
    os.killpg(process.pid, signal.SIGKILL)
    eventually(lambda: not locked(tmp_path), "the end of the trial's processes")
    assert not (tmp_path / supervisor.EXIT).exists(), "nobody saw how it ended"


COUNTING = """
import signal, sys, time
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append("SIGTERM"))
print("begun", flush=True)
while not told:
    time.sleep(0.02)
time.sleep(0.3)  # for a second one
print(*told)
sys.exit(5)
"""


def test_a_trial_that_is_told_to_end_is_told_once(tmp_path: Path, start: Start) -> None:
    """A second signal would come in the middle of its leave-taking."""
    process = start(sys.executable, "-c", COUNTING)
    eventually(lambda: (tmp_path / supervisor.OUTPUT).exists() and output(tmp_path), "the trial")
    os.killpg(process.pid, signal.SIGTERM)
    process.wait()
    assert output(tmp_path) == "begun\nSIGTERM\n"
    assert exit_record(tmp_path)["exitCode"] == 5, "its own exit code is kept"


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_trial_that_ends_well_because_it_was_told_to_has_no_result(
    tmp_path: Path, start: Start, signum: signal.Signals
) -> None:
    """Else half of its epochs would count as its result."""
    script = "trap 'exit 0' TERM INT; echo begun; while :; do sleep 0.05; done"
    process = start("sh", "-c", script)
    eventually(lambda: (tmp_path / supervisor.OUTPUT).exists() and output(tmp_path), "the trial")
    os.killpg(process.pid, signum)
    process.wait()
    assert exit_record(tmp_path)["exitCode"] == -signal.SIGTERM


def test_what_the_trial_left_behind_ends_with_it(tmp_path: Path, start: Start) -> None:
    process = start("sh", "-c", "sleep 60 & exit 0")
    process.wait()
    assert exit_record(tmp_path)["exitCode"] == 0
    eventually(lambda: not group_lives(process.pid), "the end of the sleep in the background")


DEAD_WHEN_TOLD = """
import os, subprocess
from paretonas.jobs import supervisor

class Late(subprocess.Popen):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)

subprocess.Popen = Late
supervisor._told_to_end.append(15)
print(supervisor._run(["sh", "-c", "exit 4"], os.open(os.devnull, os.O_RDONLY)))
"""


def test_a_trial_that_is_dead_before_it_can_be_told_to_end_keeps_its_exit_code() -> None:
    done = subprocess.run([sys.executable, "-c", DEAD_WHEN_TOLD], check=False, capture_output=True, text=True)
    assert done.stdout == "4\n", done.stderr


def test_exit_codes_are_seen_also_where_the_run_ignores_its_children(tmp_path: Path, start: Start) -> None:
    start("sh", "-c", "exit 6", preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)).wait()
    assert exit_record(tmp_path)["exitCode"] == 6


HELPERS = {
    "in a session of its own": "subprocess.Popen(helper, start_new_session=True)",
    "in a process group of its own": "subprocess.Popen(helper, process_group=0)",
    "after a double fork": "os.fork() or os.setsid() or os.fork() or os.execvp(helper[0], helper)",
    "under a shell with setsid": "subprocess.Popen(['setsid', 'sh', '-c', 'sleep 987 & wait'])",
    "that ignores signals": (
        "subprocess.Popen(['sh', '-c', 'trap \"\" TERM INT HUP; sleep 987'], start_new_session=True)"
    ),
}


def sleepers(mark: str) -> list[int]:
    """Processes of this test that live."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"MARK={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except (OSError, ProcessLookupError):  # it ended meanwhile, or is another user's
            continue
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="other systems only have process groups")
@pytest.mark.parametrize("helper", HELPERS.values(), ids=HELPERS.keys())
@pytest.mark.parametrize("end", ["exit", "crash", "kill"])
def test_a_helper_ends_with_its_trial(tmp_path: Path, start: Start, helper: str, end: str) -> None:
    last = {"exit": "", "crash": "os.abort()", "kill": "time.sleep(987)"}[end]
    begin = "import os, subprocess, time; helper = ['sleep', '987']"
    script = "\n".join([begin, helper, "time.sleep(0.2)", "print('begun', flush=True)", last])
    mark = str(tmp_path)
    process = start(sys.executable, "-c", script, env={**os.environ, "MARK": mark})
    eventually(lambda: (tmp_path / supervisor.OUTPUT).exists() and "begun" in output(tmp_path), "the helper")
    if end == "kill":
        os.kill(process.pid, supervisor.KILL)
    process.wait()
    assert sleepers(mark) == [], "they had ended before the supervisor had"
    assert (tmp_path / supervisor.EXIT).exists() == (end != "kill"), "a trial that we kill has no end of its own"
    assert not locked(tmp_path)


def test_orphans_that_end_before_the_trial_are_collected(tmp_path: Path, start: Start) -> None:
    """A trial of a day may leave thousands, each of which would stay as a zombie."""
    process = start("sh", "-c", "for i in 1 2 3; do (sleep 0 & sleep 0); done; echo begun; sleep 60")
    eventually(lambda: (tmp_path / supervisor.OUTPUT).exists() and output(tmp_path), "the trial")

    def children() -> list[str]:
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                words = stat.read_text().rpartition(")")[2].split()
            except (OSError, ProcessLookupError):
                continue
            if int(words[1]) == process.pid:
                found.append(words[0])
        return found

    eventually(lambda: len(children()) == 1, "the trial alone")


def test_a_folder_that_cannot_be_written_starts_nothing_and_says_nothing(tmp_path: Path, start: Start) -> None:
    def no_space() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    process = start("sh", "-c", f"touch {tmp_path}/ran", preexec_fn=no_space)
    said, _ = process.communicate()
    assert (process.returncode, said) == (supervisor.CANNOT_WRITE, "")
    assert not (tmp_path / "ran").exists()
    assert (tmp_path / supervisor.JOB).stat().st_size == 0, "what did not begin must look so"


def test_a_trial_that_fills_the_disk_still_has_its_end_written_down(tmp_path: Path) -> None:
    """On a disk of its own that is really full."""
    namespace = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if subprocess.run([*namespace, f"mount -t tmpfs tmpfs {tmp_path}"], check=False, capture_output=True).returncode:
        pytest.skip("this system lets no user mount a disk of its own")
    script = f"""
        mount -t tmpfs -o size=64k tmpfs {tmp_path}
        {sys.executable} -I -S {supervisor.__file__} {tmp_path} -- sh -c 'cat /dev/zero > {tmp_path}/checkpoint; exit 5'
        cat {tmp_path}/{supervisor.EXIT}
    """
    done = subprocess.run([*namespace, script], check=True, stdout=subprocess.PIPE)
    assert json.loads(done.stdout)["exitCode"] == 5
