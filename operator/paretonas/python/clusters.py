"""The experiments of a cluster, with the user's own account, as `kubectl nas` sees them."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from paretonas.api import InvalidDocument, NASExperiment, Problem, parse_experiment
from paretonas.kube.json_depth import allow_any_depth
from paretonas.kube.kinds import EXPERIMENTS
from paretonas.python.building import runs_function
from paretonas.python.results import Run
from paretonas.python.words import python_words, warn

if TYPE_CHECKING:
    from paretonas.backends.cluster.reader import ClusterReader


class Namespace:
    """The experiments of one namespace of a cluster."""

    def __init__(self, reader: "ClusterReader", namespace: str, logs_root: Path | None) -> None:
        """Read and write through ``reader``."""
        from paretonas.cli.cluster import Cluster  # noqa: PLC0415 # the Kubernetes client takes a second

        self._reader, self.name = reader, namespace
        self._cluster = Cluster(reader, namespace, warn, logs_root=logs_root)

    @property
    def experiments(self) -> Sequence[str]:
        """The names of the experiments."""
        with python_words():
            return [experiment.name for experiment in self._cluster.experiments()]

    def load(self, name: str) -> Run:
        """The results of an experiment, which may still be running.

        Raises:
            UnknownName: There is no such experiment; the message lists those that there are.
            ClusterError: The cluster cannot be read.
        """
        with python_words():
            return Run(self._cluster, name)

    def apply(self, experiment: NASExperiment) -> Run:
        """Create the experiment, or change the one of its name, like ``kubectl apply --server-side``.

        Raises:
            InvalidDocument: The experiment is not valid.
            ClusterError: The cluster refuses it; the message says why.
        """
        parsed = parse_experiment(experiment.to_dict())
        if runs_function(parsed):
            message = "is a Python function of this machine, which a cluster does not have"
            remedy = "write a script, and give trial=pn.Trial(command=[…], image=…)"
            raise InvalidDocument([Problem("spec.trial.command", message, remedy)])
        document = parsed.to_dict()
        del document["status"]
        document["metadata"] = {"name": parsed.name, "namespace": self.name}
        with python_words():
            self._reader.apply(EXPERIMENTS, self.name, parsed.name, document)
            return Run(self._cluster, parsed.name)


def cluster(
    namespace: str | None = None,
    *,
    context: str | None = None,
    kubeconfig: str | PathLike[str] | None = None,
    logs_root: str | PathLike[str] | None = None,
) -> Namespace:
    """The experiments of a namespace, with the account of the kubeconfig.

    Args:
        namespace: The namespace; the context's by default.
        context: The kubeconfig's context; the current one by default.
        kubeconfig: The kubeconfig file, as for kubectl.
        logs_root: The folder on this machine where the logs claim is mounted, which learning curves are read from.

    Raises:
        ClusterError: The kubeconfig cannot be used.
    """
    from paretonas.backends.cluster.connection import connect  # noqa: PLC0415 # as above
    from paretonas.backends.cluster.reader import ClusterReader  # noqa: PLC0415 # as above

    allow_any_depth()
    with python_words():
        connection = connect(None if kubeconfig is None else str(kubeconfig), context)
    root = None if logs_root is None else Path(logs_root)
    return Namespace(ClusterReader(connection, warn), namespace or connection.namespace, root)
