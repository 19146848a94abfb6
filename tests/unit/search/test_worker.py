"""The worker process: killed, hung, orphaned, and the answer is the same."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.waiting import eventually

from paretonas.search import KnownTrial, SearchError, SearchWorker, suggest_here

pytestmark = pytest.mark.timeout(600)  # each start imports torch and Ax, which takes long on a busy machine


@pytest.fixture(scope="module", name="worker")
def _worker() -> Iterator[SearchWorker]:
    worker = SearchWorker()
    worker.warm_up()
    yield worker
    worker.close()


@pytest.fixture(name="known")
def _known(spec, observed) -> list[KnownTrial]:
    first = suggest_here(spec.replace(search=spec.search.replace(initial_trials=8)), [], 8)
    return observed(candidate.parameters for candidate in first.candidates)


def _gone(pid: int, seconds: float) -> bool:
    """Whether the process has ended, a zombie counting as ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_importing_the_search_imports_neither_torch_nor_ax() -> None:
    code = "import sys, paretonas.search; print([m for m in ('torch', 'ax', 'botorch', 'pandas') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_the_first_candidates_do_not_wait_for_ax(spec) -> None:
    code = (
        "import pickle, sys; from paretonas.search import suggest_here;"
        "suggestion = suggest_here(pickle.load(sys.stdin.buffer), [], 3); print(suggestion.candidates);"
        "print([m for m in ('ax', 'botorch', 'pandas', 'scipy') if m in sys.modules])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(spec), stdout=subprocess.PIPE, check=True
    ).stdout
    assert printed.decode().splitlines() == [str(suggest_here(spec, [], 3).candidates), "[]"]


def test_a_worker_that_has_time_imports_ax_before_it_is_needed() -> None:
    worker = SearchWorker()
    worker.warm_up()
    pandas_in_memory = f"/proc/{worker.pid}/maps"  # Ax imports it, and nothing else here does
    eventually(lambda: "/pandas/" in Path(pandas_in_memory).read_text(), "Ax is imported")
    worker.close()


def test_it_ends_when_it_is_idle_and_the_next_request_starts_another(worker, spec) -> None:
    first = worker.suggest(spec, [], 1)
    before = worker.pid
    assert worker.running
    assert worker.end_if_idle()
    assert worker.end_if_idle(), "there is none to end"
    assert (worker.running, worker.pid) == (False, None)
    assert _gone(before, 5)
    assert worker.suggest(spec, [], 1).candidates == first.candidates
    assert worker.pid != before


def test_it_does_not_end_while_it_computes(worker, spec, known) -> None:
    worker.suggest(spec, known, 1)
    os.kill(worker.pid, signal.SIGSTOP)  # so that the request is surely not answered yet
    answer: list[tuple] = []
    thread = threading.Thread(target=lambda: answer.append(worker.suggest(spec, known, 1).candidates))
    thread.start()
    eventually(worker._lock.locked, "it is asked")
    assert not worker.end_if_idle()
    assert worker.running
    os.kill(worker.pid, signal.SIGCONT)
    thread.join()
    assert answer == [suggest_here(spec, known, 1).candidates]


def test_one_that_was_killed_does_not_count_as_running(worker, spec) -> None:
    worker.suggest(spec, [], 1)
    os.kill(worker.pid, signal.SIGKILL)
    eventually(lambda: not worker.running, "it is dead")
    worker.suggest(spec, [], 1)
    assert worker.running


def test_warming_up_does_not_wait() -> None:
    worker = SearchWorker()
    start = time.monotonic()
    worker.warm_up()
    assert worker.pid is not None
    assert time.monotonic() - start < 1  # the imports alone take longer
    worker.close()
    assert worker.pid is None


def test_it_answers_as_the_same_computation_here(worker, spec, known) -> None:
    assert worker.suggest(spec, known, 2).candidates == suggest_here(spec, known, 2).candidates


def test_calls_from_many_threads_get_their_own_answers(worker, spec, known) -> None:
    answers: dict[int, tuple] = {}

    def ask(count: int) -> None:
        answers[count] = worker.suggest(spec, known[: 3 + count], 1).candidates

    threads = [threading.Thread(target=ask, args=(count,)) for count in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {n: suggest_here(spec, known[: 3 + n], 1).candidates for n in range(5)}


def test_what_cannot_be_answered_is_an_error_and_the_worker_goes_on(worker, spec, known) -> None:
    pid = worker.pid
    with pytest.raises(SearchError, match="trial 7 is observed without a finite 'size'"):
        worker.suggest(spec, [*known[:-1], replace(known[-1], metrics={"accuracy": 0.5})], 1)
    strange = [*known, KnownTrial(8, {"width": "wide"}, "Pending")]
    with pytest.raises(SearchError, match="ValueError: could not convert"):
        worker.suggest(spec, strange, 1)
    assert len(worker.suggest(spec, known, 1).candidates) == 1
    assert worker.pid == pid


def test_killed_in_the_middle_of_a_request_it_is_replaced_and_the_answer_is_the_same(worker, spec, known) -> None:
    worker.suggest(spec, known, 1)
    killed = worker.pid
    assert killed is not None
    os.kill(killed, signal.SIGSTOP)  # so that the request is surely not answered yet
    answer: list[tuple] = []
    thread = threading.Thread(target=lambda: answer.append(worker.suggest(spec, known, 2).candidates))
    thread.start()
    time.sleep(0.3)
    os.kill(killed, signal.SIGKILL)
    thread.join()
    assert answer == [suggest_here(spec, known, 2).candidates]
    assert worker.pid != killed


def test_hung_it_is_killed_and_replaced(worker, spec, known) -> None:
    worker.suggest(spec, known, 1)
    hung = worker.pid
    assert hung is not None
    os.kill(hung, signal.SIGSTOP)
    worker._timeout, usual = 0.5, worker._timeout
    try:
        # the next worker gets the usual time
        timer = threading.Timer(0.4, lambda: setattr(worker, "_timeout", usual))
        timer.start()
        answer = worker.suggest(spec, known, 1)
    finally:
        worker._timeout = usual
    assert answer.candidates == suggest_here(spec, known, 1).candidates
    assert _gone(hung, 5)


def test_lost_again_and_again_the_reason_is_told(tmp_path, spec, monkeypatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('no torch on this machine')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    worker = SearchWorker()
    with pytest.raises(SearchError, match=r"lost 3 times, the last time because it ended with exit code 1.*no torch"):
        worker.suggest(spec, [], 1)


def test_ctrl_c_in_the_terminal_leaves_the_decision_to_the_parent(worker, spec) -> None:
    before = worker.suggest(spec, [], 1)
    pid = worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGINT)
    assert worker.suggest(spec, [], 1).candidates == before.candidates
    assert worker.pid == pid


def test_it_writes_nothing_to_the_terminal(spec) -> None:
    code = (
        "import sys, pickle; from paretonas.search import SearchWorker;"
        "spec, known = pickle.load(sys.stdin.buffer); worker = SearchWorker(); worker.suggest(spec, known, 1)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps((spec, [])), capture_output=True, check=True
    )
    assert (result.stdout, result.stderr) == (b"", b"")


def test_it_ends_when_its_parent_is_killed() -> None:
    code = (
        "import time; from paretonas.search import SearchWorker; worker = SearchWorker(); worker.warm_up();"
        "print(worker.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert not _gone(pid, 0.2)
    parent.kill()
    parent.wait()
    assert _gone(pid, 60), f"worker {pid} outlived its parent"
