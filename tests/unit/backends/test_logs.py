"""Where an attempt's logs are, and how a folder that is there already is left alone."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from tests.local.quick_trial import write_scalars
from tests.waiting import eventually
from torch.utils.tensorboard import SummaryWriter

from paretonas.backends.cluster import logs as cluster_logs
from paretonas.backends.cluster.log_queue import LogQueue
from paretonas.backends.cluster.logs import ClusterLogs
from paretonas.backends.local.logs import FolderLogs
from paretonas.engine.ports import LogSource
from paretonas.jobs.attempt_folder import MOST_ATTEMPTS
from paretonas.jobs.job import SubmitError
from paretonas.metrics import Points, Reading, Unread, Wanted
from paretonas.metrics.reader_process import Curves, Question, Read, ReaderAnswer
from paretonas.piped import HungError

ACCURACY = [Wanted("accuracy", "accuracy", "Last")]

Open = Callable[[Path], LogSource]


class Reader:
    """Answers questions in this process, once the gate is open; ``hangs`` times it does not answer at all."""

    def __init__(self) -> None:
        self.gate, self.hangs, self.is_lost = threading.Event(), 0, False
        self.gate.set()
        self.asked: list[Question] = []

    def ask(self, question: Question) -> ReaderAnswer:
        self.asked.append(question)
        assert self.gate.wait(30)
        if self.hangs:
            self.hangs -= 1
            raise HungError("it did not answer within 300 s")
        if self.is_lost:
            return question.unanswered("it was killed by signal 9")
        return question.answer()

    def close(self) -> None:
        pass


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    monkeypatch.setattr(cluster_logs, "SOON", 30.0)  # a busy machine may take longer than a pass waits
    reader = Reader()
    yield reader
    reader.gate.set()


@pytest.fixture
def cluster(reader: Reader) -> Iterator[Callable[[Path], ClusterLogs]]:
    """Opens the logs of the experiment ``nas`` below a claim."""
    queue = LogQueue(lambda: reader)
    yield lambda root: ClusterLogs(lambda: root, "nas", queue)
    queue.close()


@pytest.fixture(params=["local", "cluster"])
def open_logs(request: pytest.FixtureRequest) -> Open:
    """Opens the logs of the experiment ``nas`` below a folder."""
    if request.param == "local":
        return lambda root: FolderLogs(root, "nas")
    opens: Open = request.getfixturevalue("cluster")
    return opens


def logged(root: Path, attempt: int, accuracy: float, *, experiment: str = "nas", trial: str = "nas-0") -> Path:
    folder = root / experiment / trial / f"a{attempt}"
    folder.mkdir(parents=True)
    write_scalars(folder, {"accuracy": accuracy})
    return folder


def values(reading: Reading | Unread) -> dict[str, float]:
    assert isinstance(reading, Reading)
    return dict(reading.values)


def test_the_number_that_is_asked_for_is_free_in_a_folder_without_logs(open_logs: Open, tmp_path: Path) -> None:
    found = open_logs(tmp_path / "not there yet")
    assert [found.free_attempt("nas-0", number) for number in (1, 2, 7)] == [1, 2, 7]
    assert not list(tmp_path.iterdir()), "looking makes no folder"


def test_a_deleted_experiments_folders_are_left_alone(open_logs: Open, tmp_path: Path) -> None:
    for number in (1, 2, 4):
        logged(tmp_path, number, 0.1)
    found = open_logs(tmp_path)
    assert [found.free_attempt("nas-0", number) for number in (1, 2, 3, 4, 5)] == [3, 3, 3, 5, 5]


@pytest.mark.parametrize(("left", "free"), [("output", [2, 2, 3]), ("output-a2", [1, 3, 3]), ("outputs", [1, 2, 3])])
def test_a_number_whose_output_folder_is_there_is_taken(
    open_logs: Open, tmp_path: Path, left: str, free: list[int]
) -> None:
    (tmp_path / "nas" / "nas-0" / left).mkdir(parents=True)
    assert [open_logs(tmp_path).free_attempt("nas-0", number) for number in (1, 2, 3)] == free


def test_folders_of_other_trials_and_experiments_take_no_number(open_logs: Open, tmp_path: Path) -> None:
    logged(tmp_path, 1, 0.1, trial="nas-1")
    logged(tmp_path, 1, 0.1, trial="nas-00")
    logged(tmp_path, 1, 0.1, experiment="other")
    assert open_logs(tmp_path).free_attempt("nas-0", 1) == 1


def test_a_file_in_the_place_of_a_folder_takes_its_number_too(open_logs: Open, tmp_path: Path) -> None:
    (tmp_path / "nas" / "nas-0").mkdir(parents=True)
    (tmp_path / "nas" / "nas-0" / "a1").write_text("")
    assert open_logs(tmp_path).free_attempt("nas-0", 1) == 2


def test_what_is_read_is_the_attempt_of_that_number(open_logs: Open, tmp_path: Path) -> None:
    logged(tmp_path, 1, 0.25)
    logged(tmp_path, 3, 0.75)
    found = open_logs(tmp_path)
    assert [values(found.read("nas-0", number, ACCURACY)) for number in (1, 3)] == [
        {"accuracy": 0.25},
        {"accuracy": 0.75},
    ]


@pytest.mark.parametrize("place", ["nas", "nas/nas-0", "nas/nas-0/a1"])
def test_a_link_on_the_way_to_an_attempts_logs_is_not_followed(tmp_path: Path, cluster: Open, place: str) -> None:
    """Every trial can write to the whole claim; the operator sees more than the claim."""
    secret, root = tmp_path / "secret", tmp_path / "claim"
    logged(secret, 1, 0.5)
    link = root / place
    link.parent.mkdir(parents=True)
    link.symlink_to(secret / place)
    found = cluster(root)
    reading = found.read("nas-0", 1, ACCURACY)
    assert isinstance(reading, Reading)
    assert reading.values == {}
    assert f"'{link}' cannot be entered: it is a symbolic link, which is not followed" in reading.problems[0]
    assert found.size("nas-0", 1) == 0


def test_a_claim_that_is_itself_mounted_behind_a_link_is_read(tmp_path: Path, cluster: Open) -> None:
    logged(tmp_path / "real", 1, 0.5)
    (tmp_path / "logs").symlink_to(tmp_path / "real")
    assert values(cluster(tmp_path / "logs").read("nas-0", 1, ACCURACY)) == {"accuracy": 0.5}


def test_logs_that_grow_are_seen_to_grow(open_logs: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_logs, "LOOKS", 0.0)
    monkeypatch.setattr(cluster_logs, "FRESH", 60.0)
    found = open_logs(tmp_path)
    assert found.size("nas-0", 1) == 0
    folder = logged(tmp_path, 1, 0.5)
    before = found.size("nas-0", 1)
    assert before is not None
    (folder / "version_0").mkdir()
    write_scalars(folder / "version_0", {"accuracy": 0.6})
    after = found.size("nas-0", 1)
    assert after is not None
    assert 0 < before < after


# What somebody has made of the folders


@pytest.mark.parametrize("first", [1, 3])
def test_a_great_many_folders_are_not_passed_over_for_ever(open_logs: Open, tmp_path: Path, first: int) -> None:
    for number in range(first, first + MOST_ATTEMPTS):
        (tmp_path / "nas" / "nas-0" / f"a{number}").mkdir(parents=True)
    found = open_logs(tmp_path)
    with pytest.raises(SubmitError, match=rf"nas-0 has 1,000 folders of earlier attempts \(a{first}, …\); remove them"):
        found.free_attempt("nas-0", first)
    assert found.free_attempt("nas-0", first + 1) == first + MOST_ATTEMPTS


def test_a_folder_without_the_right_to_search_it_is_a_reason_and_no_number(open_logs: Open, unprivileged: Path) -> None:
    trial = unprivileged / "nas" / "nas-0"
    (trial / "a1").mkdir(parents=True)
    found = open_logs(unprivileged)
    trial.chmod(0o600)
    with pytest.raises(
        SubmitError, match="nas-0 may have logs of earlier attempts: Permission denied; make it readable"
    ):
        found.free_attempt("nas-0", 1)
    trial.chmod(0o100)  # not to be listed, but that is not needed
    assert found.free_attempt("nas-0", 1) == 2
    trial.chmod(0o700)


def test_a_link_in_the_place_of_an_attempt_takes_its_number(open_logs: Open, tmp_path: Path) -> None:
    (tmp_path / "nas" / "nas-0").mkdir(parents=True)
    (tmp_path / "nas" / "nas-0" / "a1").symlink_to("nowhere")
    assert open_logs(tmp_path).free_attempt("nas-0", 1) == 2


def test_a_link_in_the_place_of_a_trial_is_a_reason_and_no_number(cluster: Open, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "nas").mkdir()
    (tmp_path / "nas" / "nas-0").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SubmitError, match="it is a symbolic link, which is not followed"):
        cluster(tmp_path).free_attempt("nas-0", 1)


# Logs are read beside the passes


def test_a_pass_does_not_wait_for_logs_that_take_long_to_read(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_logs, "SOON", 0.0)
    woken = threading.Event()
    logged(tmp_path, 1, 0.5)
    found = ClusterLogs(lambda: tmp_path, "nas", LogQueue(lambda: reader), woken.set)
    reader.gate.clear()
    assert [found.read("nas-0", 1, ACCURACY) for _ in range(3)] == [Unread()] * 3
    assert not woken.is_set()
    reader.gate.set()
    assert woken.wait(30), "there is a reading now, and nobody would look before the next pass"
    assert values(found.read("nas-0", 1, ACCURACY)) == {"accuracy": 0.5}


def test_what_was_read_is_not_read_again_whoever_asks(reader: Reader, cluster: Open, tmp_path: Path) -> None:
    logged(tmp_path, 1, 0.5)
    found = cluster(tmp_path)
    readings = [found.read("nas-0", 1, ACCURACY) for _ in range(4)]
    assert [values(reading) for reading in readings] == [{"accuracy": 0.5}] * 4
    assert len(reader.asked) == 1


def test_a_file_system_that_does_not_answer_is_said_and_tried_again(
    reader: Reader, cluster: Open, tmp_path: Path
) -> None:
    logged(tmp_path, 1, 0.5)
    found = cluster(tmp_path)
    reader.hangs = 1
    why = "its logs cannot be read: it did not answer within 300 s; the next pass retries"
    assert found.read("nas-0", 1, ACCURACY) == Unread(why)
    assert values(found.read("nas-0", 1, ACCURACY)) == {"accuracy": 0.5}


def test_how_much_was_logged_is_not_known_while_nobody_can_look(
    reader: Reader, cluster: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_logs, "SOON", 0.0)
    monkeypatch.setattr(cluster_logs, "FRESH", 60.0)
    reader.gate.clear()
    folder, found = logged(tmp_path, 1, 0.5), cluster(tmp_path)
    assert [found.size("nas-0", 1) for _ in range(3)] == [None] * 3
    reader.gate.set()
    sizes: list[int] = []
    eventually(lambda: sizes.append(found.size("nas-0", 1) or 0) or sizes[-1] > 0, "it is known")  # type: ignore[func-returns-value] # append, for its effect
    assert sizes[-1] == sum(file.stat().st_size for file in folder.iterdir())
    assert found.size("nas-0", 1) is None, "the same look is not told twice"
    assert len(reader.asked) == 1


def test_an_old_look_does_not_tell_what_is_now(cluster: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_logs, "FRESH", 0.0)
    logged(tmp_path, 1, 0.5)
    assert cluster(tmp_path).size("nas-0", 1) is None


def test_as_many_questions_are_answered_at_once_as_there_are_workers() -> None:
    reader = Reader()
    queue = LogQueue(lambda: reader, workers=2)
    question = Read(ClusterLogs(Path, "nas", queue)._folder("t", 1), ())
    queue.ask("a", question).result(30)
    eventually(lambda: queue._idle == 1, "one worker waits")
    reader.gate.clear()
    answers = [queue.ask("a", question) for _ in range(3)]
    eventually(
        lambda: len(reader.asked) == 3,
        "the worker that waits and another one answer, the third question waits",
    )
    assert not queue.idle
    reader.gate.set()
    for answer in answers:
        answer.result(30)
    queue.close()


def test_a_reader_without_questions_ends_and_the_next_question_starts_another() -> None:
    readers: list[Reader] = []
    closed: list[Reader] = []

    class Ending(Reader):
        def __init__(self) -> None:
            super().__init__()
            readers.append(self)

        def close(self) -> None:
            closed.append(self)

    queue = LogQueue(Ending, workers=2, idle_seconds=0.05)
    question = Read(ClusterLogs(Path, "nas", queue)._folder("t", 1), ())
    for ended in range(3):
        assert queue.idle
        answers = [queue.ask(asker, question) for asker in "abc"]
        for answer in answers:
            answer.result(30)
        eventually(lambda: not queue._threads, "all threads have ended")
        assert closed
        assert set(closed) == set(readers)
        assert len(readers) > ended
    queue.close()


def test_experiments_take_turns() -> None:
    reader = Reader()
    reader.gate.clear()
    queue = LogQueue(lambda: reader, workers=1)
    questions = {name: Read(ClusterLogs(Path, name, queue)._folder("t", 1), ()) for name in ("a1", "a2", "a3", "b1")}
    answers = [queue.ask("a", questions["a1"])]
    eventually(lambda: len(reader.asked) == 1, "the first is being answered")
    assert not queue.idle
    answers += [queue.ask("a", questions[name]) for name in ("a2", "a3")]
    answers.append(queue.ask("b", questions["b1"]))
    reader.gate.set()
    for answer in answers:
        answer.result(30)
    assert reader.asked == [questions[name] for name in ("a1", "a2", "b1", "a3")]
    queue.close()


# What running attempts have logged so far


def told(logs: LogSource, trial: str = "nas-0", wanted: Sequence[Wanted] = ACCURACY) -> Mapping[str, Points]:
    """The curves of the first attempt, once there is an answer."""
    answers = list[Mapping[str, Points] | None]()

    def ask() -> bool:
        answers.append(logs.curves(trial, 1, wanted))
        return answers[-1] is not None

    eventually(ask, "there is an answer")
    assert answers[-1] is not None
    return answers[-1]


def test_curves_are_told_while_an_attempt_logs(
    open_logs: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_logs, "LOOKS", 0.0)
    found, folder = open_logs(tmp_path), tmp_path / "nas" / "nas-0" / "a1"
    assert told(found) == {}
    folder.mkdir(parents=True)
    assert told(found) == {}
    both = [*ACCURACY, Wanted("loss", "val/loss", "Min")]
    with SummaryWriter(str(folder)) as writer:
        for step in range(3):
            writer.add_scalar("accuracy", step / 4, step)
            writer.flush()
            assert told(found) == {"accuracy": tuple((s, s / 4) for s in range(step + 1))}
        writer.add_scalar("val/loss", 0.5, 7)
    assert told(found, wanted=both) == {"accuracy": ((0, 0.0), (1, 0.25), (2, 0.5)), "loss": ((7, 0.5),)}
    assert told(open_logs(tmp_path), wanted=both).keys() == {"accuracy", "loss"}, "after a restart, too"


@pytest.mark.parametrize("place", ["nas", "nas/nas-0", "nas/nas-0/a1"])
def test_a_link_on_the_way_to_an_attempts_curves_is_not_followed(tmp_path: Path, cluster: Open, place: str) -> None:
    secret, root = tmp_path / "secret", tmp_path / "claim"
    logged(secret, 1, 0.5)
    link = root / place
    link.parent.mkdir(parents=True)
    link.symlink_to(secret / place)
    assert told(cluster(root)) == {}


def test_curves_are_told_once_and_again_when_they_were_read_again(
    reader: Reader, cluster: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged(tmp_path, 1, 0.5)
    found = cluster(tmp_path)
    curves = told(found)
    assert [found.curves("nas-0", 1, ACCURACY) for _ in range(3)] == [None] * 3
    assert len(reader.asked) == 1
    monkeypatch.setattr(cluster_logs, "LOOKS", 0.0)
    assert told(found) == curves, "although nothing is new: whoever asks again may not have it"
    assert len(reader.asked) == 2
    monkeypatch.setattr(cluster_logs, "LOOKS", 1000.0)
    assert told(found, "nas-1") == {}, "each trial is another question"
    assert found.curves("nas-0", 2, ACCURACY) is None
    eventually(lambda: found.curves("nas-0", 2, ACCURACY) == {}, "and each attempt")


def test_nobody_waits_for_curves_but_is_woken_when_they_are_there(reader: Reader, tmp_path: Path) -> None:
    woken = threading.Event()
    logged(tmp_path, 1, 0.5)
    found = ClusterLogs(lambda: tmp_path, "nas", LogQueue(lambda: reader), woken.set)
    reader.gate.clear()
    assert [found.curves("nas-0", 1, ACCURACY) for _ in range(3)] == [None] * 3
    assert not woken.is_set()
    reader.gate.set()
    assert woken.wait(30)
    assert found.curves("nas-0", 1, ACCURACY) == {"accuracy": ((1, 0.5),)}
    assert len(reader.asked) == 1


def test_curves_that_a_hanging_file_system_hides_are_asked_for_again(
    reader: Reader, cluster: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_logs, "LOOKS", 0.0)
    logged(tmp_path, 1, 0.5)
    reader.hangs = 2
    assert told(cluster(tmp_path)) == {"accuracy": ((1, 0.5),)}
    assert len(reader.asked) == 3


def test_curves_over_which_processes_are_lost_are_none_and_not_asked_for_again(
    reader: Reader, cluster: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_logs, "LOOKS", 0.0)
    logged(tmp_path, 1, 0.5)
    reader.is_lost = True
    found = cluster(tmp_path)
    assert told(found) == {}
    assert [found.curves("nas-0", 1, ACCURACY) for _ in range(3)] == [{}] * 3
    assert len(reader.asked) == 1


def test_an_ended_trial_does_not_wait_for_the_curves_of_all_others(tmp_path: Path) -> None:
    reader = Reader()
    reader.gate.clear()
    queue = LogQueue(lambda: reader, workers=1)
    logged(tmp_path, 1, 0.5)
    woken = threading.Event()
    found = ClusterLogs(lambda: tmp_path, "nas", queue, woken.set)
    for number in range(200):
        assert found.curves(f"nas-{number}", 1, ACCURACY) is None
    assert found.read("nas-0", 1, ACCURACY) == Unread()
    reader.gate.set()
    eventually(lambda: len(reader.asked) == 201, "all are answered")
    assert [type(question) for question in reader.asked[:3]].count(Read) == 1
    assert sum(isinstance(question, Curves) for question in reader.asked) == 200
    queue.close()
