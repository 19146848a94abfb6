"""Attempts on GPUs: the trials are real processes, the devices are names."""

import os
import shutil
import signal

import pytest
from tests.unit.jobs.conftest import Attempts
from tests.waiting import eventually

from paretonas.jobs.devices import AMD, NVIDIA, Slot
from paretonas.jobs.job import Phase
from paretonas.jobs.local import LocalJobs

CARDS = tuple(Slot(f"GPU-{letter}", str(i)) for i, letter in enumerate("abc"))
ONE, TWO = {"nvidia.com/gpu": 1}, {"nvidia.com/gpu": 2}


@pytest.fixture(autouse=True)
def _no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def gpus(attempts: Attempts) -> Attempts:
    """Attempts on a machine with three cards."""
    attempts.jobs = jobs(attempts)
    return attempts


def jobs(attempts: Attempts) -> LocalJobs:
    return LocalJobs(attempts.runs, "nas", slots={NVIDIA: CARDS})


def look(attempts: Attempts, count: int) -> list[Phase | None]:
    """The phases of the first trials."""
    seen = attempts.jobs.observe([(f"nas-{i}", 1) for i in range(count)])
    return [seen[f"nas-{i}-a1"].phase if f"nas-{i}-a1" in seen else None for i in range(count)]


def begin(attempts: Attempts, index: int, resources: dict[str, int]) -> None:
    """A trial that says what it sees, and waits for a file of its own."""
    gate = f"while [ ! -e {attempts.runs}/gate-{index} ]; do sleep 0.02; done"
    attempts.submit("sh", "-c", f"echo $CUDA_VISIBLE_DEVICES; {gate}", index=index, resources=resources)


def end(attempts: Attempts, index: int) -> None:
    (attempts.runs / f"gate-{index}").touch()


def seen(attempts: Attempts, index: int) -> str:
    """What the trial sees, once it says so."""
    output = attempts.kept(index) / "output.log"
    eventually(lambda: output.exists() and output.read_text().endswith("\n"), f"trial {index} to begin")
    return output.read_text().strip()


def test_each_trial_has_devices_of_its_own(gpus: Attempts) -> None:
    for index in range(3):
        begin(gpus, index, ONE)
    assert [seen(gpus, index) for index in range(3)] == ["0", "1", "2"]


def test_more_trials_than_devices_wait_their_turn(gpus: Attempts) -> None:
    begin(gpus, 0, TWO)
    begin(gpus, 1, TWO)
    begin(gpus, 2, TWO)
    assert seen(gpus, 0) == "0,1"
    waiting = gpus.jobs.observe([(f"nas-{i}", 1) for i in range(3)])
    assert [waiting[f"nas-{i}-a1"].message for i in (1, 2)] == ["waits for 2 NVIDIA GPUs"] * 2
    assert look(gpus, 3)[1:] == [Phase.PENDING, Phase.PENDING]
    begin(gpus, 1, TWO)
    end(gpus, 0)
    eventually(lambda: look(gpus, 3) == [Phase.SUCCEEDED, Phase.RUNNING, Phase.PENDING], "the next")
    assert seen(gpus, 1) == "0,1"
    end(gpus, 1)
    end(gpus, 2)
    eventually(lambda: look(gpus, 3) == [Phase.SUCCEEDED] * 3, "the last")


@pytest.mark.parametrize("how", ["cancel", "kill"])
def test_a_trial_that_waits_can_be_ended_and_never_begins(gpus: Attempts, how: str) -> None:
    begin(gpus, 0, {"nvidia.com/gpu": 3})
    begin(gpus, 1, ONE)
    assert look(gpus, 2)[1] is Phase.PENDING
    getattr(gpus.jobs, how)("nas-1", 1)
    end(gpus, 0)
    eventually(lambda: look(gpus, 2) == [Phase.SUCCEEDED, Phase.FAILED], "the end of both")
    assert not (gpus.kept(1) / "output.log").exists()


def test_the_next_run_knows_what_the_trials_of_the_last_one_hold(gpus: Attempts) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            gpus.jobs = jobs(gpus)
            begin(gpus, 0, ONE)
            begin(gpus, 1, ONE)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert [seen(gpus, 0), seen(gpus, 1)] == ["0", "1"]
    assert look(gpus, 2) == [Phase.RUNNING] * 2
    end(gpus, 0)
    eventually(lambda: look(gpus, 2)[0] is Phase.SUCCEEDED, "the end of the first")
    for index in (2, 3, 4):
        begin(gpus, index, ONE)
    assert [seen(gpus, 2), seen(gpus, 3)] == ["0", "2"], "the second trial has 1"
    assert look(gpus, 5)[4] is Phase.PENDING
    gpus.jobs.kill("nas-1", 1)


def test_an_attempt_that_may_have_been_started_keeps_its_devices(gpus: Attempts) -> None:
    """A run was killed between the allotment and the start, which may be under way."""
    gpus.kept(1).mkdir(parents=True)
    (gpus.kept(1) / "devices.json").write_text('["GPU-b"]')
    assert look(gpus, 2) == [None, None]
    for index in (0, 1, 2):
        begin(gpus, index, ONE)
    assert [seen(gpus, index) for index in range(3)] == ["0", "1", "2"]


def test_records_that_somebody_has_removed_hold_no_device(gpus: Attempts) -> None:
    begin(gpus, 0, {"nvidia.com/gpu": 3})
    assert seen(gpus, 0) == "0,1,2"
    gpus.end()
    eventually(lambda: look(gpus, 1) == [Phase.LOST], "its end")
    begin(gpus, 1, TWO)
    assert seen(gpus, 1) == "0,1"
    gpus.jobs.kill("nas-1", 1)
    shutil.rmtree(gpus.runs / "nas" / "jobs")
    gpus.jobs = jobs(gpus)
    assert look(gpus, 2) == [None, None]
    begin(gpus, 2, {"nvidia.com/gpu": 3})
    assert seen(gpus, 2) == "0,1,2"


def test_without_a_request_a_trial_sees_what_the_run_sees(gpus: Attempts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    begin(gpus, 0, {})
    assert seen(gpus, 0) == "7"


def test_amds_devices_are_given_by_hips_variable(attempts: Attempts) -> None:
    attempts.jobs = LocalJobs(attempts.runs, "nas", slots={AMD: CARDS})
    for index in range(2):
        attempts.submit("sh", "-c", "echo $HIP_VISIBLE_DEVICES", index=index, resources={"amd.com/gpu": 1})
    assert {attempts.over(index).log_tail for index in range(2)} <= {"0", "1"}
    assert (attempts.kept(0) / "devices.json").read_text() == '["GPU-a"]'


def test_what_cannot_be_written_is_an_error_of_the_next_submission(gpus: Attempts) -> None:
    begin(gpus, 0, {"nvidia.com/gpu": 3})
    begin(gpus, 1, ONE)
    gpus.kept(1).write_text("in the way")
    end(gpus, 0)
    eventually(lambda: look(gpus, 2) == [Phase.SUCCEEDED, None], "the trial to be taken from those that wait")
