"""`paretonas run` and `paretonas retry`: one experiment on this machine, from its file to its Pareto set."""

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from paretonas.api import Loaded, NASExperiment, NASTrial
from paretonas.backends.local import last_run
from paretonas.backends.local.last_run import LastRun
from paretonas.backends.local.store import (
    EXPERIMENT_FILE,
    FolderStore,
    adopt_spec,
    exclusive,
    read_experiment,
    read_trials,
)
from paretonas.cli.exit_codes import ExitCode
from paretonas.cli.preflight import Machine, check_kind, this_machine
from paretonas.cli.result import complain, conclude, give_up, report_interruption, retry_command
from paretonas.cli.tables import count_ended
from paretonas.engine.retry import raise_retry, retriable
from paretonas.engine.wording import count
from paretonas.search import SearchWorker

if TYPE_CHECKING:
    from paretonas.cli.interrupts import Interrupts
    from paretonas.cli.live import Display
    from paretonas.cli.session import Ending
    from paretonas.engine.engine import Snapshot


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
    machine = _check_machine(experiment, file)
    with exclusive(folder):
        return _run(_open(begin, file, runs), machine, runs, console)


def try_one(begin: Loaded, file: Path, runs: Path, console: Console, command: str) -> ExitCode:
    """Run the first trial of an experiment alone, show what it prints, and report what it has shown.

    It is stored like any other, so the next run goes on after it. A try that has failed is retried.

    Args:
        begin: The experiment, and the trials imported with it.
        file: The file that it was read from.
        runs: The folder that holds one folder per experiment.
        console: Where to print.
        command: The command that runs the whole experiment.

    Returns:
        The exit code: whether the trial has succeeded.

    Raises:
        InvalidDocument: The experiment needs something that this machine lacks; nothing was started or created.
        StoreError: The experiment's folder cannot be used.
    """
    from paretonas.cli.advice import NextCommands  # noqa: PLC0415 # as below
    from paretonas.cli.try_one import attempted, report_try, why_not  # noqa: PLC0415 # numpy takes 0.1 s

    experiment, folder = begin.experiment, runs / begin.experiment.name
    check_kind(experiment)
    machine = _check_machine(experiment, file)

    def report(trial: NASTrial) -> ExitCode:
        stored = read_experiment(folder)
        left = stored.spec.planned(stored.status.trials.total) - count_ended(stored)
        at_once = machine.at_once(stored.spec)
        commands = NextCommands(retry_command(stored.name, runs), resume=command)
        return report_try(trial, stored.spec, runs, commands, at_once, left, console)

    with exclusive(folder):
        before = read_trials(folder)
        if refusal := why_not(experiment.name, before, command):
            complain(refusal)
            return ExitCode.BAD_INPUT
        for trial in attempted(before):
            if trial.status.state == "Succeeded":
                console.print(f"{trial.name} was tried already:")
                return report(trial)
        store = _open(begin, file, runs)
        if any(trial.ended for trial in attempted(before)):
            store.retry(raise_retry(store.experiment().spec.retry, infeasible=True))
        return _try(store, machine, runs, console, report)


def _check_machine(experiment: NASExperiment, file: Path) -> Machine:
    """What this machine provides to an experiment; warnings are printed. Raises InvalidDocument."""
    machine = this_machine(experiment, file)
    for note in machine.notes:
        complain(f"warning: {note}")
    return machine


def _open(begin: Loaded, file: Path, runs: Path) -> FolderStore:
    """Open the folder of a file's experiment, or create it. Raises StoreError."""
    store = FolderStore.open(runs, begin.experiment)
    for trial in begin.trials:
        store.create_trial(trial)
    # only a retry from another folder needs it, and the run itself reports a full disk
    with contextlib.suppress(OSError):
        last_run.write_last_run(runs / begin.experiment.name, LastRun(file.resolve(), Path.cwd()))
    return store


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
        if experiment.status.finished:
            from paretonas.cli.advice import why_no_retry  # noqa: PLC0415 # numpy; a run imports it later

            if why := why_no_retry(experiment, again, infeasible=infeasible):
                console.print(why)
                return conclude(experiment, runs, console, again=True)
        machine = this_machine(experiment, begun.file)
        if again:
            store.retry(wanted)
            console.print(f"{name}: {count(again, 'trial')} will be retried")
        return _run(store, machine, runs, console)


@dataclass(frozen=True)
class _Setup:
    """What a run works with."""

    store: FolderStore
    machine: Machine
    runs: Path
    search: SearchWorker

    def snapshot(self) -> "Snapshot":
        """The stored state."""
        from paretonas.engine.engine import Snapshot  # noqa: PLC0415 # see _set_up

        return Snapshot(self.store.experiment(), tuple(self.store.trials()))


def _set_up(store: FolderStore, machine: Machine, runs: Path) -> _Setup:
    """Start the search's process, which takes seconds to import Ax; importing other modules meanwhile costs nothing.

    The search is never closed, since that would wait for its answer; it ends with this process.
    """
    search = SearchWorker()
    search.warm_up()
    return _Setup(store, machine, runs, search)


def _run(store: FolderStore, machine: Machine, runs: Path, console: Console) -> ExitCode:
    setup = _set_up(store, machine, runs)
    from paretonas.cli.interrupts import Interrupts  # noqa: PLC0415 # see _set_up
    from paretonas.cli.live import show_on  # noqa: PLC0415 # as above
    from paretonas.cli.session import Ending  # noqa: PLC0415 # as above

    with Interrupts() as interrupts, show_on(console, setup.snapshot()) as display:
        ending, snapshot = _advance(setup, display, interrupts)
    if ending is Ending.FINISHED:
        return conclude(snapshot.experiment, runs, console)
    if ending is Ending.GAVE_UP and snapshot.trouble is not None:
        return give_up(snapshot.experiment, snapshot.trouble, console)
    return report_interruption(snapshot.experiment, runs, console, killed=ending is Ending.LEFT)


def _try(
    store: FolderStore, machine: Machine, runs: Path, console: Console, report: Callable[[NASTrial], ExitCode]
) -> ExitCode:
    setup = _set_up(store, machine, runs)
    from paretonas.cli.interrupts import Interrupts  # noqa: PLC0415 # see _set_up
    from paretonas.cli.session import Ending  # noqa: PLC0415 # as above
    from paretonas.cli.trial_output import TrialOutput  # noqa: PLC0415 # as above
    from paretonas.cli.try_one import attempted  # noqa: PLC0415 # as above
    from paretonas.engine.decide import count_attempts  # noqa: PLC0415 # as above

    trials = store.trials()
    running = any(trial.attempt is not None for trial in trials)  # a try that was killed left it behind
    limit = count_attempts(trials) + (not running)
    output = TrialOutput(console, runs)
    output.show(setup.snapshot(), ())
    if all(trial.ended for trial in trials):
        output.say("choosing the first candidate: Ax takes a few seconds to start …")
    with Interrupts() as interrupts:
        ending, snapshot = _advance(setup, output, interrupts, limit=limit, pause=output.pause)
        output.finish(lambda: interrupts.requested)
    if ending is Ending.GAVE_UP and snapshot.trouble is not None:
        return give_up(snapshot.experiment, snapshot.trouble, console)
    if ending is not Ending.FINISHED:
        _forget_times(store)
    tried = attempted(store.trials())
    code = report(tried[0]) if tried and ending is not Ending.LEFT else ExitCode.FAILED
    if ending is Ending.FINISHED:
        conclude(snapshot.experiment, runs, console)
    if ending in {Ending.FINISHED, Ending.LIMIT_REACHED}:
        return code
    return report_interruption(snapshot.experiment, runs, console, killed=ending is Ending.LEFT)


def _advance(
    setup: _Setup,
    display: "Display",
    interrupts: "Interrupts",
    *,
    limit: int | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> "tuple[Ending, Snapshot]":
    """Make passes until the experiment ends or the user interrupts, or all trials have `limit` attempts together."""
    from paretonas.backends.local.logs import FolderLogs  # noqa: PLC0415 # see _set_up
    from paretonas.backends.local.outputs import FolderOutputs  # noqa: PLC0415 # as above
    from paretonas.cli.session import Session  # noqa: PLC0415 # as above
    from paretonas.engine.engine import Engine  # noqa: PLC0415 # as above
    from paretonas.jobs.local import LocalJobs  # noqa: PLC0415 # TorchX, imported while the display is up

    store, runs, name = setup.store, setup.runs, setup.store.experiment().name
    jobs = LocalJobs(runs, name, setup.machine.folder, setup.machine.slots)
    ports = store, jobs, FolderLogs(runs, name), FolderOutputs(runs), setup.search
    engine = Engine(*ports, lambda: datetime.now(UTC), limit=limit)
    return Session(engine, jobs, store.trials, display, interrupts, pause).run(setup.snapshot())


def _forget_times(store: FolderStore) -> None:
    """Forget when a try began: the deadline of the experiment counts from the start of the run that follows."""
    experiment = store.experiment()
    status = experiment.status.replace(start_time=None, retry_time=None)
    with contextlib.suppress(OSError):  # on a full disk, the deadline counts from the try
        store.save_status(experiment.replace(status=status))


def _finished(folder: Path, experiment: NASExperiment) -> NASExperiment | None:
    """The stored experiment, if it is finished and has the same spec; else None."""
    if not (folder / EXPERIMENT_FILE).exists():
        return None
    stored = read_experiment(folder)
    retried = stored.status.retry_generation == stored.spec.retry.generation
    same = stored.spec == adopt_spec(stored.spec, experiment.spec)
    return stored if stored.status.finished and retried and same else None
