"""A folder as the store of one experiment."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.builders import attempt, experiment, trial

from paretonas.api import ExperimentStatus, NASExperiment, TrialCounts, TrialState
from paretonas.backends.local.store import (
    CHANGEABLE,
    FolderStore,
    StoreError,
    exclusive,
    experiments,
    read_experiment,
    read_trials,
)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def save_status(store: FolderStore, **fields: Any) -> None:
    store.save_status(store.experiment().replace(status=ExperimentStatus(**fields)))


def break_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)


def test_what_is_stored_is_there_in_the_next_process(runs: Path) -> None:
    store = FolderStore.open(runs, experiment())
    for index in (10, 2, 0):
        store.create_trial(trial(index, x=0.1 + 0.2))
    store.save_trial(trial(2, "Succeeded", attempts=(attempt(2, start_time=None),)))
    save_status(store, trials=TrialCounts(total=3), hypervolume=0.1 + 0.2)
    again = FolderStore.open(runs, experiment())
    assert [t.spec.index for t in again.trials()] == [0, 2, 10], "in index order, not in that of the names"
    assert again.trials() == store.trials()
    assert again.experiment() == store.experiment()
    assert again.trials()[0].spec.parameters == {"x": 0.1 + 0.2}, "a rounded point would be asked for twice"
    assert read_trials(runs / "nas") == store.trials()
    assert read_experiment(runs / "nas") == store.experiment()


def test_the_status_of_the_file_that_the_user_gives_is_not_taken_over(runs: Path) -> None:
    given = experiment().replace(status=ExperimentStatus(hypervolume=7.0))
    assert FolderStore.open(runs, given).experiment().status == ExperimentStatus()


def test_a_trial_is_created_once(runs: Path) -> None:
    store = FolderStore.open(runs, experiment())
    store.create_trial(trial(0, x=0.25))
    store.create_trial(trial(0, x=0.75))
    assert [t.spec.parameters for t in store.trials()] == [{"x": 0.25}]


def test_a_trial_whose_creation_failed_after_it_was_in_place_is_not_forgotten(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is linked, then the sync of its folder fails: the point is stored, and must not be asked again."""
    store = FolderStore.open(runs, experiment())
    fsync = os.fsync

    def fail_for_folders(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):  # noqa: PTH112 # a descriptor, no path
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(descriptor)

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail_for_folders)
        with pytest.raises(OSError, match="Input/output"):
            store.create_trial(trial(0, x=0.25))
    store.create_trial(trial(0, x=0.75))
    assert [t.spec.parameters for t in store.trials()] == [{"x": 0.25}]


def test_a_full_disk_loses_nothing(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderStore.open(runs, experiment())
    store.create_trial(trial(0))
    before = store.trials(), store.experiment()
    with monkeypatch.context() as broken:
        break_fsync(broken)
        with pytest.raises(OSError, match="No space left"):
            store.save_trial(trial(0, "Succeeded"))
        with pytest.raises(OSError, match="No space left"):
            store.create_trial(trial(1))
        with pytest.raises(OSError, match="No space left"):
            save_status(store, hypervolume=1.0)
    assert (store.trials(), store.experiment()) == before, "what is not on disk must not be taken for stored"
    again = FolderStore.open(runs, experiment())
    assert (again.trials(), again.experiment()) == before


CHANGES: dict[str, Any] = {
    "objectives": [{"metric": "accuracy", "goal": "Maximize", "threshold": 0.5}],
    "outcomeConstraints": ["latency <= 3"],
    "parameters": [{"name": "x", "float": {"min": 0.0, "max": 2.0}}],
    "parameterConstraints": ["x <= 0.5"],
    "maxTrials": 9,
    "stopWhen": {"hypervolumeStalls": {"trials": 4, "within": 0.1}},
    "earlyStopping": {"strategy": "OptimisticDominance", "safety": 2.0},
    "parallelism": 1,
    "search": {"seed": 1},
    "failurePolicy": {"retries": 0},
    "suspend": True,
    "stop": True,
    "retry": {"generation": 1},
    "warmStartFrom": [{"name": "other"}],
    "managedBy": "someone",
    "activeDeadlineSeconds": 5,
    "ttlSecondsAfterFinished": 5,
    "metrics": [{"name": "accuracy", "tag": "other"}],
    "logs": {"persistentVolumeClaim": {"claimName": "logs"}},
    "trial": {"command": ["python", "fixed.py"]},
}


def test_every_field_of_a_spec_has_a_change_below() -> None:
    assert {f.alias for f in type(experiment().spec).model_fields.values()} == CHANGES.keys()


@pytest.mark.parametrize("field", CHANGES)
def test_a_spec_may_change_only_where_the_results_keep_their_meaning(runs: Path, field: str) -> None:
    old, new = experiment(), experiment(**{field: CHANGES[field]})
    FolderStore.open(runs, old).create_trial(trial(0, "Succeeded"))
    [name] = [n for n, f in type(old.spec).model_fields.items() if f.alias == field]
    if name in CHANGEABLE:
        assert FolderStore.open(runs, new).experiment().spec == new.spec
        assert read_experiment(runs / "nas").spec == new.spec, "the change must be on disk"
        return
    with pytest.raises(StoreError, match=rf"holds 'nas' with other {field}:.*rename the experiment"):
        FolderStore.open(runs, new)
    assert read_experiment(runs / "nas").spec == old.spec


@pytest.mark.parametrize("field", ["objectives", "outcomeConstraints", "metrics"])
@pytest.mark.parametrize("state", ["Pending", "Running", "Failed"])
def test_the_meaning_of_results_may_change_while_there_are_none(runs: Path, field: str, state: TrialState) -> None:
    old, new = experiment(), experiment(**{field: CHANGES[field]})
    FolderStore.open(runs, old).create_trial(trial(0, state))
    assert FolderStore.open(runs, new).experiment().spec == new.spec
    assert read_experiment(runs / "nas").spec == new.spec, "the change must be on disk"


def test_a_result_that_is_infeasible_has_a_meaning_too(runs: Path) -> None:
    FolderStore.open(runs, experiment()).create_trial(trial(0, "Infeasible"))
    with pytest.raises(StoreError, match=r"with other metrics: .* delete the stored one"):
        FolderStore.open(runs, experiment(metrics=CHANGES["metrics"]))


def test_the_targets_of_the_objectives_may_change_and_nothing_else_of_them(runs: Path) -> None:
    def aiming(target: float | None, threshold: float = 0.2) -> NASExperiment:
        objective = {"metric": "accuracy", "goal": "Maximize", "threshold": threshold, "target": target}
        return experiment(objectives=[objective])

    FolderStore.open(runs, aiming(0.9)).create_trial(trial(0, "Succeeded"))
    for target in (0.95, None, 0.3):
        assert FolderStore.open(runs, aiming(target)).experiment().spec == aiming(target).spec
    with pytest.raises(StoreError, match="with other objectives"):
        FolderStore.open(runs, aiming(0.3, threshold=0.1))


@pytest.mark.parametrize(
    "change",
    [{"warmStartFrom": [{"name": "other"}]}, {"search": {"seed": 4}}, {"parameterConstraints": ["x <= 0.5"]}],
)
def test_an_experiment_without_trials_may_change_in_everything(runs: Path, change: dict[str, Any]) -> None:
    """Nothing has a meaning yet that could be lost: a mistake in the file is mended there."""
    store = FolderStore.open(runs, experiment(**change))
    save_status(store, reference_point={"accuracy": 0.5})
    mended = FolderStore.open(runs, experiment()).experiment()
    assert (mended.spec, mended.status) == (experiment().spec, ExperimentStatus())
    assert read_experiment(runs / "nas") == mended


def test_a_change_keeps_the_status(runs: Path) -> None:
    store = FolderStore.open(runs, experiment())
    save_status(store, reference_point={"accuracy": 0.5})
    changed = FolderStore.open(runs, experiment(maxTrials=20)).experiment()
    assert (changed.spec.max_trials, changed.status.reference_point) == (20, {"accuracy": 0.5})


@pytest.mark.parametrize("content", ["", "{", "[]", '{"kind": "NASTrial"}', "\x00" * 40, '{"a": NaN}'])
@pytest.mark.parametrize("which", ["experiment.json", "trials/nas-0.json"])
def test_a_damaged_file_is_named(runs: Path, which: str, content: str) -> None:
    FolderStore.open(runs, experiment()).create_trial(trial(0))
    (runs / "nas" / which).write_text(content)
    with pytest.raises(StoreError, match=which):
        FolderStore.open(runs, experiment())


def test_a_file_of_bytes_that_are_no_text_is_named(runs: Path) -> None:
    FolderStore.open(runs, experiment()).create_trial(trial(0))
    (runs / "nas" / "trials" / "nas-0.json").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(StoreError, match=r"nas-0\.json cannot be read"):
        FolderStore.open(runs, experiment())


def test_what_a_killed_write_left_is_no_trial(runs: Path) -> None:
    store = FolderStore.open(runs, experiment())
    store.create_trial(trial(0))
    (runs / "nas" / "trials" / ".nas-1.json.tmp").write_text('{"half": ')
    assert [t.name for t in FolderStore.open(runs, experiment()).trials()] == ["nas-0"]


def test_a_folder_that_is_no_experiment_says_what_it_should_be(runs: Path) -> None:
    with pytest.raises(StoreError, match=r"is .* a folder of `paretonas run`"):
        read_experiment(runs / "nas")


def test_experiments_are_found_by_their_folders(runs: Path) -> None:
    assert experiments(runs) == []
    for name in ("b", "a"):
        FolderStore.open(runs, experiment(name))
    (runs / "not-one").mkdir()
    (runs / "file.txt").write_text("")
    assert experiments(runs) == [runs / "a", runs / "b"]


def test_a_runs_folder_that_cannot_be_made_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    runs = tmp_path / "file" / "runs"
    with pytest.raises(StoreError, match=r"cannot write to .*file/runs/nas.*another --runs-dir"):
        FolderStore.open(runs, experiment())
    with (
        pytest.raises(StoreError, match=r"cannot write to .*file/runs/nas.*another --runs-dir"),
        exclusive(runs / "nas"),
    ):
        pytest.fail("entered")


@pytest.mark.parametrize("spec", [{}, {"maxTrials": 20}], ids=["new", "changed"])
def test_a_full_disk_at_the_start_is_told_with_the_remedy(
    runs: Path, monkeypatch: pytest.MonkeyPatch, spec: dict[str, Any]
) -> None:
    if spec:
        FolderStore.open(runs, experiment())
    break_fsync(monkeypatch)
    with pytest.raises(StoreError, match=r"No space left on device; free space"):
        FolderStore.open(runs, experiment(**spec))


HOLD = """
import sys
from pathlib import Path
from paretonas.backends.local.store import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_kept_out_for_as_long_as_the_first_lives(runs: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(runs / "nas")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        message = rf"runs/nas is in use by process {first.pid}; .*another --runs-dir"
        with pytest.raises(StoreError, match=message), exclusive(runs / "nas"):
            pytest.fail("two processes at once")
        with exclusive(runs / "other"):
            pass  # another experiment is another matter
        first.kill()
        first.wait()
    with (
        exclusive(runs / "nas"),
        pytest.raises(StoreError, match=f"process {os.getpid()}"),
        exclusive(runs / "nas"),
    ):
        pytest.fail("twice in one process")


def test_a_trial_does_not_hold_the_lock_of_the_run_that_started_it(runs: Path) -> None:
    """A trial outlives a killed run: it must not keep the next one out."""
    with exclusive(runs / "nas"):
        child = subprocess.Popen(["sleep", "30"], close_fds=False)
    try:
        with exclusive(runs / "nas"):
            assert child.poll() is None
    finally:
        child.kill()
        child.wait()


def test_an_error_inside_is_not_taken_for_a_second_process(runs: Path) -> None:
    with pytest.raises(BlockingIOError, match="a terminal that is full"), exclusive(runs / "nas"):
        raise BlockingIOError("a terminal that is full")


def test_the_documents_are_those_of_the_cluster(runs: Path) -> None:
    FolderStore.open(runs, experiment()).create_trial(trial(0))
    documents = [json.loads((runs / "nas" / path).read_text()) for path in ("experiment.json", "trials/nas-0.json")]
    assert [d["kind"] for d in documents] == ["NASExperiment", "NASTrial"]
    assert {d["apiVersion"] for d in documents} == {"paretonas.io/v1alpha1"}
