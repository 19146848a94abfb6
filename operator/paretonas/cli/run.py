"""`paretonas run` and `paretonas retry`: one experiment on this machine, from its file to its Pareto set."""

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from paretonas.api import Loaded, NASExperiment
from paretonas.backends.local import last_run
from paretonas.backends.local.last_run import LastRun
from paretonas.backends.local.store import (
    EXPERIMENT_FILE,
    FolderStore,
    adopt_spec,
    exclusive,
    read_experiment,
)
from paretonas.cli.exit_codes import ExitCode
from paretonas.cli.preflight import Machine, check_kind, this_machine
from paretonas.cli.result import complain, conclude, give_up, report_interruption
from paretonas.engine.retry import raise_retry, retriable
from paretonas.engine.wording import count
from paretonas.search import SearchWorker


def run(begin: Loaded, file: Path, runs: Path, console: Console) -> ExitCode:
    """Run the experiment of a file, or continue it if it was run before.

    Args:
        begin: The experiment, and the trials imported with it.
        file: The file that it was read from.
        runs: The folder that holds one folder per experiment.
        console: Where to print.

    Raises:
        InvalidDocument: The experiment needs something that this machine lacks; nothing was started or created.
        StoreError: The experiment's folder cannot be used.
    """
    experiment = begin.experiment
    check_kind(experiment)
    folder = runs / experiment.name
    stored = _finished(folder, experiment)
    if stored is not None:
        return conclude(stored, runs, console, again=True)
    machine = this_machine(experiment, file)
    for note in machine.notes:
        complain(f"warning: {note}")
    with exclusive(folder):
        store = FolderStore.open(runs, experiment)
        for trial in begin.trials:
            store.create_trial(trial)
        # only a retry from another folder needs it, and the run itself reports a full disk
        with contextlib.suppress(OSError):
            last_run.write_last_run(folder, LastRun(file.resolve(), Path.cwd()))
        return _run(store, machine, runs, console)


def retry(name: str, runs: Path, console: Console, *, infeasible: bool) -> ExitCode:
    """Retry the failed trials of an experiment, with the settings of its last run and from the same folder.

    Args:
        name: The experiment's name.
        runs: The folder that holds one folder per experiment.
        console: Where to print.
        infeasible: Whether to retry infeasible trials too.

    Raises:
        InvalidDocument: The experiment needs something that this machine lacks; nothing was started.
        StoreError: The experiment's folder cannot be used.
    """
    begun = last_run.read_last_run(runs / name) or LastRun(Path.cwd() / f"{name}.yaml", Path.cwd())
    if begun.folder.is_dir() and begun.folder != Path.cwd():
        runs = runs.resolve()
        os.chdir(begun.folder)  # relative paths in the trial's command start there
    with exclusive(runs / name):
        store = FolderStore(runs / name)
        experiment = store.experiment()
        wanted = raise_retry(experiment.spec.retry, infeasible=infeasible)
        again = sum(retriable(trial, wanted) for trial in store.trials())
        if not again and experiment.status.finished:
            from paretonas.cli.advice import nothing_to_retry  # noqa: PLC0415 # numpy; a run imports it later

            console.print(nothing_to_retry(name, infeasible=infeasible))
            return conclude(experiment, runs, console, again=True)
        machine = this_machine(experiment, begun.file)
        if again:
            store.retry(wanted)
            console.print(f"{name}: {count(again, 'trial')} will be retried")
        return _run(store, machine, runs, console)


def _run(store: FolderStore, machine: Machine, runs: Path, console: Console) -> ExitCode:
    search = SearchWorker()
    search.warm_up()
    # The process that was just started takes seconds to import Ax; importing these modules meanwhile costs nothing.
    from paretonas.backends.local.logs import FolderLogs  # noqa: PLC0415 # as above
    from paretonas.cli.interrupts import Interrupts  # noqa: PLC0415 # as above
    from paretonas.cli.live import show_on  # noqa: PLC0415 # as above
    from paretonas.cli.session import Ending, Session  # noqa: PLC0415 # as above
    from paretonas.engine.engine import Engine, Snapshot  # noqa: PLC0415 # as above

    name = store.experiment().name
    snapshot = Snapshot(store.experiment(), tuple(store.trials()))
    with Interrupts() as interrupts, show_on(console, snapshot) as display:
        from paretonas.jobs.local import LocalJobs  # noqa: PLC0415 # TorchX, imported while the display is up

        jobs, logs = LocalJobs(runs, name, machine.folder, machine.slots), FolderLogs(runs, name)
        engine = Engine(store, jobs, logs, search, lambda: datetime.now(UTC))
        ending, snapshot = Session(engine, jobs, store.trials, display, interrupts).run(snapshot)
    # The search is not closed, since that would wait for its answer; it ends with this process.
    if ending is Ending.FINISHED:
        return conclude(snapshot.experiment, runs, console)
    if ending is Ending.GAVE_UP and snapshot.trouble is not None:
        return give_up(snapshot.experiment, snapshot.trouble, console)
    return report_interruption(snapshot.experiment, runs, console, killed=ending is Ending.LEFT)


def _finished(folder: Path, experiment: NASExperiment) -> NASExperiment | None:
    """The stored experiment, if it is finished and has the same spec; else None."""
    if not (folder / EXPERIMENT_FILE).exists():
        return None
    stored = read_experiment(folder)
    retried = stored.status.retry_generation == stored.spec.retry.generation
    same = stored.spec == adopt_spec(stored.spec, experiment.spec)
    return stored if stored.status.finished and retried and same else None
