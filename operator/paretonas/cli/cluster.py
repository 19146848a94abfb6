"""A cluster as the source of experiments, for the commands of `kubectl nas`."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from paretonas.api import (
    ExperimentStatus,
    InvalidDocument,
    NASExperiment,
    NASTrial,
    Retry,
    list_names,
    parse_experiment,
    parse_trial,
)
from paretonas.backends.cluster.cache import belongs
from paretonas.backends.cluster.errors import ClusterError
from paretonas.backends.cluster.parse_once import ParseOnce
from paretonas.backends.cluster.reader import ClusterReader
from paretonas.cli.describe import Place
from paretonas.cli.source import UnknownName, curves_below, experiment_of
from paretonas.jobs.attempt_folder import output_folder, output_name
from paretonas.kube.kinds import EXPERIMENTS, TRIALS
from paretonas.kube.metadata import Body, uid_of, without_metadata

if TYPE_CHECKING:
    from paretonas.cli.fetch import Copied
    from paretonas.report.curves import LoggedCurves

Document = TypeVar("Document", NASExperiment, NASTrial)


class Cluster:
    """The experiments of one namespace, or of all."""

    def __init__(
        self,
        reader: ClusterReader,
        namespace: str,
        warn: Callable[[str], None],
        *,
        everywhere: bool = False,
        selector: str = "",
        logs_root: Path | None = None,
    ) -> None:
        """Read experiments through ``reader``.

        Args:
            reader: The API server.
            namespace: The namespace in which names are looked up.
            warn: Called with a message about each object that cannot be read, and about anything else missing.
            everywhere: Whether to list the experiments of all namespaces.
            selector: The labels of the experiments and trials that are listed, as for kubectl.
            logs_root: The folder on this machine where the logs claim is mounted, if it is.
        """
        self._reader, self._namespace, self._warn = reader, namespace, warn
        self._scope, self._selector = None if everywhere else namespace, selector
        self._logs_root = logs_root
        self._parse_experiment = ParseOnce(self._parser(parse_experiment))
        self._parse_trial = ParseOnce(self._parser(parse_trial))
        self._where = "any namespace" if everywhere else f"namespace {namespace}"
        self.place = f"{self._where} with the labels {selector}" if selector else self._where

    def experiments(self) -> list[NASExperiment]:
        """All readable experiments, ordered by namespace and name."""
        return _readable(self._parse_experiment, self._reader.all(EXPERIMENTS, self._scope, self._selector))

    def experiment(self, name: str) -> NASExperiment:
        """The experiment with this name. Raises UnknownName and ClusterError."""
        body = self._experiment(name)
        try:
            return parse_experiment(_without_managed_fields(body))
        except InvalidDocument as error:
            raise ClusterError(_unreadable(body, error)) from error

    def trials(self, name: str) -> list[NASTrial]:
        """An experiment's readable trials, in index order. Raises UnknownName."""
        body = self._experiment(name)
        return self._trials(body, self._reader.all(TRIALS, self._namespace, self._selector, fields=_of(name)))

    def follow_experiments(self, name: str | None) -> Iterator[list[NASExperiment]]:
        """The experiments, or the one with this name, now and after each change."""
        if name is not None:
            self._experiment(name)
        fields = f"metadata.name={name}" if name else ""
        for bodies in self._reader.follow(EXPERIMENTS, self._scope, self._selector, fields=fields):
            yield _readable(self._parse_experiment, bodies)

    def follow_trials(self, name: str) -> Iterator[list[NASTrial]]:
        """An experiment's trials now and after each change. Raises UnknownName."""
        body = self._experiment(name)
        for bodies in self._reader.follow(TRIALS, self._namespace, self._selector, fields=_of(name)):
            yield self._trials(body, bodies)

    def curves(self, name: str) -> "Mapping[str, LoggedCurves]":
        """The learning curves of each trial's last attempt, if the logs are mounted here. Raises UnknownName."""
        if self._logs_root is not None:
            return curves_below(self._logs_root, name, self.trials(name))
        logs = self.experiment(name).spec.logs
        claim = f" (claim {logs.persistent_volume_claim.claim_name})" if logs else ""
        self._warn(f"no learning curves: the logs{claim} are not mounted here; mount them and pass --logs-root FOLDER")
        return {}

    def log_command(self, trial: str) -> str:
        """The command that prints what a trial's last attempt has printed."""
        return f"kubectl nas logs {shlex.quote(trial)} -n {shlex.quote(self._namespace)}"

    def log(self, trial: str, tail: int, *, follow: bool = False) -> Iterator[str]:
        """The last lines printed by a trial's last attempt; with ``follow``, also those to come.

        Raises:
            UnknownName: The trial does not exist, or has no output.
        """
        found = self._trial(trial)
        if not found.status.attempts:
            raise UnknownName(f"{trial} has printed nothing yet: it is {found.status.state}")
        pods = self._reader.pods(self._namespace, found.status.attempts[-1].job)
        if len(pods) > 1:
            others = ", ".join(name for name, _ in pods[1:])
            self._warn(f"showing the log of {pods[0][0]}; use kubectl logs for its other pods: {others}")
        lines = self._reader.log(self._namespace, pods[0], tail=tail, follow=follow) if pods else None
        if lines is not None:
            return lines
        if not found.status.message:
            raise UnknownName(f"the pod of {trial} no longer exists, and no output is kept in its status")
        self._warn(f"the pod of {trial} no longer exists; this is the output kept in its status:")
        return iter(found.status.message.splitlines()[-tail:])

    def files(self, name: str) -> list[Place]:
        """Where what belongs to an experiment is. Raises UnknownName."""
        logs = self.experiment(name).spec.logs
        if logs is None:
            return []
        claim = logs.persistent_volume_claim.claim_name
        return [
            Place("Claim", claim),
            Place("Logs", f"{name}/{name}-<index>/a<attempt> in the claim {claim}"),
            Place("Outputs", f"{name}/{name}-<index>/{output_name(1)} in the claim {claim}"),
        ]

    def output_path(self, folder: str) -> str:
        """The output folder of a trial, as it is in the claim."""
        return folder

    def fetch(self, trial: str, folder: Path) -> "Copied":
        """Copy what a trial has kept from the claim to a new folder on this machine.

        Raises:
            UnknownName: The trial does not exist, or has kept nothing.
            ClusterError: The user may not do this, or the copy is not complete; then there is no folder.
            StoreError: The folder exists or cannot be written.
        """
        from paretonas.cli.fetch import check_free, unpack  # noqa: PLC0415 # only this command needs it

        found = self._trial(trial)
        if found.status.output_removed:
            raise UnknownName(
                f"what {trial} had kept was removed: it is not in the Pareto set (trial.keepOutputs: ParetoSet)"
            )
        if not found.status.attempts:
            raise UnknownName(f"{trial} has kept nothing: it has not run")
        if found.status.attempts[-1].open:
            self._warn(f"{trial} is still running: its files may be incomplete")
        check_free(folder)
        experiment = self.experiment(found.spec.experiment)
        path = output_folder(PurePosixPath(), experiment.name, trial, found.first_attempt)
        try:
            with self._reader.archive(self._namespace, experiment, found, path) as archive:
                return unpack(archive, folder, self._warn)
        except ClusterError as error:
            if "No such file" in str(error):  # tar's words
                raise UnknownName(f"{trial} has kept nothing: there is no {path} in its claim") from error
            raise

    def status(self, name: str) -> ExperimentStatus:
        """An experiment's status, even if its spec cannot be read. Raises UnknownName."""
        return ExperimentStatus.model_validate(self._experiment(name).get("status") or {})

    def change(self, name: str, **spec: bool) -> None:
        """Set an experiment's `suspend` or `stop`."""
        self._reader.patch(EXPERIMENTS, self._namespace, name, {"spec": spec})

    def retry(self, name: str, retry: Retry) -> None:
        """Request a retry of an experiment's trials; an experiment that had ended continues. Raises ClusterError."""
        changes = {"retry": retry.to_dict(), "stop": False}
        self._reader.patch(EXPERIMENTS, self._namespace, name, {"spec": changes})
        if "retry" not in self._experiment(name)["spec"]:  # an API server drops fields that it does not know
            raise ClusterError(
                "the cluster's NASExperiment resource does not support retry; update it: kubectl apply -k deploy/base"
            )

    def _experiment(self, name: str) -> dict[str, Any]:
        body = self._reader.get(EXPERIMENTS, self._namespace, name)
        if body is None:
            raise UnknownName(self._no_experiment(name))
        return body

    def _no_experiment(self, name: str) -> str:
        """The message that no experiment has this name; it lists those that exist, here and elsewhere."""
        try:
            bodies = self._reader.all(EXPERIMENTS, None)
        except ClusterError:  # not every user may list all namespaces
            bodies = self._reader.all(EXPERIMENTS, self._namespace)
        places = [(body["metadata"]["namespace"], body["metadata"]["name"]) for body in bodies]
        here = [known for namespace, known in places if namespace == self._namespace]
        elsewhere = [namespace for namespace, known in places if known == name]
        available = f"available: {list_names(here)}" if here else "none is available"
        hint = f"-n {elsewhere[0]} has one" if elsewhere else "kubectl nas get -A lists all namespaces"
        return f"no experiment {name!r} in {self._where}; {available}; {hint}"

    def _trial(self, name: str) -> NASTrial:
        body = self._reader.get(TRIALS, self._namespace, name)
        if body is None:
            known = [trial.name for trial in self.trials(experiment_of(name))]
            raise UnknownName(f"no trial {name!r} in {self._where}; available: {list_names(known)}")
        try:
            return parse_trial(_without_managed_fields(body))
        except InvalidDocument as error:
            raise ClusterError(_unreadable(body, error)) from error

    def _trials(self, experiment: Mapping[str, Any], bodies: Sequence[dict[str, Any]]) -> list[NASTrial]:
        name, uid = experiment["metadata"]["name"], uid_of(experiment)
        own = [body for body in bodies if belongs(body, name, uid)]
        return sorted(_readable(self._parse_trial, own), key=lambda trial: trial.spec.index)

    def _parser(self, parse: Callable[[Any], Document]) -> Callable[[Body], Document | None]:
        """A parser that warns about a resource that cannot be read, and returns None for it."""

        def parse_or_warn(body: Body) -> Document | None:
            try:
                return parse(_without_managed_fields(body))
            except InvalidDocument as error:
                self._warn(_unreadable(body, error))
                return None

        return parse_or_warn


def _readable(parse: Callable[[Body], Document | None], bodies: Iterable[Body]) -> list[Document]:
    """The readable resources."""
    return [document for document in map(parse, bodies) if document is not None]


def _of(experiment: str) -> str:
    """The field selector of an experiment's trials: trials created by a user may lack the experiment's label."""
    return f"spec.experiment={experiment}"


def _without_managed_fields(body: Body) -> dict[str, Any]:
    """Without the metadata that kubectl does not show either."""
    return without_metadata(body, "managedFields")


def _unreadable(body: Mapping[str, Any], error: InvalidDocument) -> str:
    kind, namespace, name = body["kind"], body["metadata"]["namespace"], body["metadata"]["name"]
    problems = "; ".join(str(error).splitlines())
    return f"{kind} {namespace}/{name} cannot be read by this version: {problems}"
