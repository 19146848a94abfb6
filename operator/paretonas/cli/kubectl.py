"""`kubectl nas`: the commands on a cluster.

The Kubernetes client is imported only when a command is called, so that the help is printed at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paretonas.api import ExperimentStatus
from paretonas.api.reasons import EndReason
from paretonas.backends.cluster.errors import ClusterError
from paretonas.cli import show
from paretonas.cli.commands import (
    CONTEXT,
    Command,
    CommandGroup,
    experiment_argument,
    follow_option,
    infeasible_option,
    output_option,
    report_options,
    selector_option,
    tail_option,
    to_option,
    trial_argument,
    watch_option,
)
from paretonas.cli.exit_codes import help_text
from paretonas.cli.result import complain
from paretonas.cli.show import save_report
from paretonas.cli.versions import version_option
from paretonas.engine.wording import count, size
from paretonas.kube.json_depth import allow_any_depth

if TYPE_CHECKING:
    from paretonas.cli.cluster import Cluster


@dataclass
class Target:
    """The cluster and namespace that the options select."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None

    def command(self, verb: str, name: str) -> str:
        """A command for the same namespace, for the user to type."""
        return f"kubectl nas {verb} {name}{f' -n {self.namespace}' if self.namespace else ''}"

    def cluster(self, *, everywhere: bool = False, selector: str = "", logs_root: Path | None = None) -> "Cluster":
        """The experiments of the cluster. Raises ClusterError."""
        from paretonas.backends.cluster.connection import connect  # noqa: PLC0415 # see the module's docstring
        from paretonas.backends.cluster.reader import ClusterReader  # noqa: PLC0415 # as above
        from paretonas.cli.cluster import Cluster  # noqa: PLC0415 # as above

        allow_any_depth()
        connection = connect(self.kubeconfig, self.context)
        return Cluster(
            ClusterReader(connection, complain),
            self.namespace or connection.namespace,
            complain,
            everywhere=everywhere,
            selector=selector,
            logs_root=logs_root,
        )


def _take(context: click.Context, option: click.Parameter, given: str | None) -> None:
    if given is not None:
        setattr(context.ensure_object(Target), str(option.name), given)


def _target_options(command: Command) -> Command:
    """Add kubectl's options, which may be given before or after the command's name."""
    add: Callable[..., Any] = click.option
    for names, text in (
        (["--kubeconfig"], "The kubeconfig file, as for kubectl."),
        (["--context"], "The kubeconfig's context; the current one by default."),
        (["-n", "--namespace"], "The namespace; the context's by default."),
    ):
        command = add(*names, help=text, callback=_take, expose_value=False)(command)
    return command


def _on_target(command: Command) -> Any:
    """Pass the target to a command, as its first argument."""
    return _target_options(click.make_pass_decorator(Target, ensure=True)(command))


@click.group(cls=CommandGroup, epilog=help_text(), context_settings=CONTEXT)
@version_option
@_target_options
def nas() -> None:
    """Multi-objective neural architecture search: the experiments on a cluster.

    An experiment is created with kubectl apply, and deleted with kubectl delete.
    """


@nas.command()
@experiment_argument(required=False)
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="List the experiments of all namespaces.")
@selector_option
@watch_option
@output_option(show.TABLE, show.WIDE, show.NAME, "yaml", "json", default=None)
@_on_target
def get(target: Target, name: str | None, everywhere: bool, selector: str, watch: bool, kind: str | None) -> None:
    """List the experiments, or describe the one called NAME."""
    if name and everywhere:
        raise click.UsageError("NAME is looked up in one namespace; leave out either -A or NAME")
    if name and selector:
        raise click.UsageError("NAME is one experiment; leave out either --selector or NAME")
    cluster = target.cluster(everywhere=everywhere, selector=selector)
    show.show_experiments(cluster, name, kind, namespaces=everywhere, watch=watch)


@nas.command()
@experiment_argument()
@selector_option
@watch_option
@output_option(show.TABLE, show.WIDE, show.NAME, "json", "csv", "yaml")
@_on_target
def trials(target: Target, name: str, selector: str, watch: bool, kind: str) -> None:
    """List the trials of the experiment NAME; in JSON, CSV and YAML, everything known about them."""
    show.show_trials(target.cluster(selector=selector), name, kind, watch=watch)


@nas.command()
@experiment_argument()
@watch_option
@output_option(show.TABLE, show.WIDE, show.NAME, "json", "csv", "yaml")
@_on_target
def pareto(target: Target, name: str, watch: bool, kind: str) -> None:
    """Print the Pareto set of the experiment NAME; in JSON, the complete status.paretoSet."""
    show.show_pareto(target.cluster(), name, kind, watch=watch)


@nas.command()
@trial_argument
@tail_option
@follow_option
@_on_target
def logs(target: Target, trial: str, tail: int, follow: bool) -> None:
    """Print the last lines that the last attempt of TRIAL has printed."""
    show.print_lines(target.cluster().log(trial, tail, follow=follow))


@nas.command()
@trial_argument
@click.argument("folder", metavar="[DEST]", required=False, type=click.Path(path_type=Path))
@_on_target
def fetch(target: Target, trial: str, folder: Path | None) -> None:
    """Copy the output folder of TRIAL to the new folder DEST, by default one with the trial's name.

    A short-lived pod with the trial's image reads the claim. DEST appears only when all of it has arrived.
    """
    folder = folder or Path(trial)
    copied = target.cluster().fetch(trial, folder)
    click.echo(f"{trial}: {count(copied.files, 'file')}, {size(copied.size)}, copied to {folder}")


@nas.command()
@experiment_argument()
@_on_target
def suspend(target: Target, name: str) -> None:
    """Start no more trials of the experiment NAME; running trials continue to their end."""
    cluster = target.cluster()
    if status := _unfinished(cluster, name, "suspend"):
        cluster.change(name, suspend=True)
        running = _still_running(status.trials.running)
        click.echo(f"{name}: no new trials will start; {running}. To resume: {target.command('resume', name)}")


@nas.command()
@experiment_argument()
@_on_target
def stop(target: Target, name: str) -> None:
    """End the experiment NAME with the results so far; running trials are stopped."""
    cluster = target.cluster()
    if status := _unfinished(cluster, name, "stop"):
        cluster.change(name, stop=True)
        succeeded = count(status.trials.succeeded, "trial")
        running = count(status.trials.running, "running trial")
        resume = target.command("resume", name)
        click.echo(f"{name} is stopping; {succeeded} succeeded, {running} will be stopped. To continue: {resume}")


@nas.command()
@experiment_argument()
@_on_target
def resume(target: Target, name: str) -> None:
    """Continue the experiment NAME after `suspend` or `stop`."""
    cluster = target.cluster()
    status = cluster.status(name)
    cluster.change(name, suspend=False, stop=False)
    ended = status.trials.total - status.trials.pending - status.trials.running
    if status.finished and _reason(status) != EndReason.STOPPED:
        words = f"{name} is no longer suspended, but it is finished ({_reason(status)})"
        click.echo("; ".join(filter(None, [words, _advice(target, cluster, name)])))
    else:
        click.echo(f"{name} continues; {count(ended, 'trial')} ended so far")


@nas.command()
@experiment_argument()
@infeasible_option
@_on_target
def retry(target: Target, name: str, infeasible: bool) -> None:
    """Retry the failed trials of the experiment NAME, and continue it.

    Use it once the cause of the failures is fixed. Each trial gets a new set of attempts; the earlier ones
    stay on record. An experiment that had ended continues, and its deadline starts again.
    """
    from paretonas.cli.advice import why_no_retry  # noqa: PLC0415 # see the module's docstring
    from paretonas.engine.retry import raise_retry, retriable  # noqa: PLC0415 # as above

    cluster = target.cluster()
    experiment = cluster.experiment(name)
    removed = experiment.status.condition("TrialsRemoved")
    if removed is not None and removed.status == "True":
        raise ClusterError(f"the trials of {name} cannot be retried: they were {removed.message}")
    wanted = raise_retry(experiment.spec.retry, infeasible=infeasible)
    again = sum(retriable(trial, wanted) for trial in cluster.trials(name))
    if why := why_no_retry(experiment, again, infeasible=infeasible):
        advice = _advice(target, cluster, name) if experiment.status.finished else ""
        click.echo("; ".join(filter(None, [why, advice])))
        return
    cluster.retry(name, wanted)
    waits = f" once it is resumed: {target.command('resume', name)}" if experiment.spec.suspend else ""
    click.echo(f"{name}: {count(again, 'trial')} will be retried{waits}")


@nas.command()
@experiment_argument()
@output_option("csv", "json", "yaml", "optuna")
@to_option
@_on_target
def export(target: Target, name: str, kind: str, storage: str | None) -> None:
    """Print all trials of the experiment NAME: parameters, metrics, state, attempts, times.

    In YAML, the output is a file for `kubectl apply` or `paretonas run` that continues the search elsewhere.
    With -o optuna --to sqlite:///study.db, they are written as a study, which optuna-dashboard opens.
    """
    show.show_export(target.cluster(), name, kind, storage)


@nas.command()
@experiment_argument()
@report_options
@click.option(
    "--logs-root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder where the logs claim is mounted on this machine; adds learning curves to the page.",
)
@_on_target
def report(
    target: Target, name: str, model: bool | None, page: Path | None, show: bool, logs_root: Path | None
) -> None:
    """Write a report on the experiment NAME as one HTML page."""
    cluster = target.cluster(logs_root=logs_root)
    save_report(cluster, name, page or Path(f"{name}-report.html"), model=model, show=show)


def _unfinished(cluster: "Cluster", name: str, verb: str) -> ExperimentStatus | None:
    """The status of an experiment; None, after telling the user, if it is finished."""
    status = cluster.status(name)
    if status.finished:
        click.echo(f"{name} is finished ({_reason(status)}): there is nothing to {verb}")
        return None
    return status


def _advice(target: Target, cluster: "Cluster", name: str) -> str:
    """What the user can do to continue an experiment that has ended."""
    from paretonas.cli.advice import NextCommands, advice  # noqa: PLC0415 # see the module's docstring

    commands = NextCommands(retry=target.command("retry", name), resume=target.command("resume", name))
    return advice(cluster.experiment(name), cluster.trials(name), datetime.now(UTC), commands)


def _reason(status: ExperimentStatus) -> str:
    condition = status.condition("Succeeded")
    return condition.reason if condition else ""


def _still_running(running: int) -> str:
    if not running:
        return "none is running"
    return "1 running trial continues" if running == 1 else f"{running:,} running trials continue"
