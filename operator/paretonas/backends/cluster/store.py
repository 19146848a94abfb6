"""The store of one experiment on a cluster."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from paretonas.api import ExperimentStatus, InvalidDocument, NASExperiment, NASTrial, parse_experiment, read_trial
from paretonas.api.experiment import OPERATOR
from paretonas.backends.cluster.cache import Cache, belongs, experiment_name_of
from paretonas.backends.cluster.parse_once import ParseOnce
from paretonas.backends.cluster.place_rules import PlaceRules
from paretonas.backends.cluster.trimming import trim
from paretonas.kube.client import Resources
from paretonas.kube.kinds import EXPERIMENTS, TRIALS
from paretonas.kube.labels import EXPERIMENT_LABEL
from paretonas.kube.metadata import Body, owner_reference, owners_of, uid_of


class Gone(Exception):  # noqa: N818 # not an error: somebody deleted the experiment
    """The experiment no longer exists."""


class NameTaken(Exception):  # noqa: N818 # not an error: deletion takes some time
    """The name of a new trial is taken by a trial that does not belong to this experiment.

    If a deleted experiment of the same name left it behind, it will be gone soon; the name of any other is skipped
    from now on.
    """


class ClusterStore:
    """Reads from the caches and writes to the API server; every write is put into the caches at once."""

    def __init__(
        self,
        resources: Resources,
        experiments: Cache,
        trials: Cache,
        namespace: str,
        name: str,
        *,
        rules: PlaceRules | None = None,
    ) -> None:
        """The store of one experiment, which must follow ``rules``."""
        self._rules = rules or PlaceRules()
        self._resources, self._experiments, self._trials = resources, experiments, trials
        self._namespace, self._name = namespace, name
        self._parse_experiment = ParseOnce(self._valid_experiment)
        self._parse_trial = ParseOnce(lambda body: read_trial(dict(body)))

    def experiment(self) -> NASExperiment:
        """The experiment. Raises Gone, and InvalidDocument also if it breaks the rules of the cluster."""
        return self._parse_experiment(self._body())

    def _valid_experiment(self, body: Body) -> NASExperiment:
        experiment = parse_experiment(dict(body))
        if problems := self._rules.find_problems(experiment):
            raise InvalidDocument(problems)
        return experiment

    def trials(self) -> Sequence[NASTrial]:
        """All trials, in index order."""
        uid = self.uid
        bodies = [body for body in self._trials.all(self._namespace) if belongs(body, self._name, uid)]
        self._parse_trial.keep_only(bodies)
        return sorted(map(self._parse_trial, bodies), key=lambda t: t.spec.index)

    def strangers(self) -> Mapping[str, str]:
        """Trials whose names fit this experiment, but which say that they belong to another owner, by name."""
        names = re.compile(rf"{re.escape(self._name)}-(0|[1-9][0-9]{{0,9}})")
        bodies = self._trials.all(self._namespace)
        named = {name: body for body in bodies if names.fullmatch(name := body["metadata"]["name"])}
        return {name: of for name, body in named.items() if (of := self._of_another(body))}

    def _of_another(self, body: Mapping[str, Any]) -> str:
        """The owner of a trial; "" for this experiment, or for a deleted one of the same name."""
        if (named := experiment_name_of(body)) != self._name:
            return named
        owners = owners_of(body)
        if belongs(body, self._name, self.uid) or any(_experiment_of_name(o, self._name) for o in owners):
            return ""
        return ", ".join(f"{owner['kind']} {owner['name']}" for owner in owners)

    def create_trial(self, trial: NASTrial) -> None:
        """Store a new trial; an existing one is left as it is. Raises NameTaken."""
        document = trial.to_dict()
        document.pop("status", None)
        document["metadata"] |= {
            "namespace": self._namespace,
            "labels": {EXPERIMENT_LABEL: self._name},
            "ownerReferences": [owner_reference(EXPERIMENTS, self._name, self.uid)],
        }
        created = self._resources.create(TRIALS, self._namespace, document)
        body = created or self._resources.get(TRIALS, self._namespace, trial.name)
        if body is not None:
            self._trials.put(trim(TRIALS, body))  # a stranger's too, so that its name is skipped
        if body is not None and not belongs(body, self._name, self.uid):
            raise NameTaken(f"NASTrial {self._namespace}/{trial.name} exists and does not belong to this experiment")

    def save_trial(self, trial: NASTrial) -> NASTrial:
        """Store a trial's status. Returns the trial in its new version.

        Raises ApiException 409 if there is a newer version than ``trial``: another process has changed it.
        """
        written = trim(TRIALS, self._resources.replace_status(TRIALS, trial.to_dict()))
        self._trials.put(written)
        return self._parse_trial(written)

    def save_status(self, experiment: NASExperiment) -> None:
        """Store the experiment's status. Raises ApiException 409 if the experiment has changed since it was read."""
        self._put_status(experiment.metadata.to_dict(), experiment.status)

    def change_status(self, change: Callable[[ExperimentStatus], ExperimentStatus]) -> None:
        """Change the status of an experiment whose spec may be invalid. Raises ApiException 409 like `save_status`."""
        body = self._body()
        before = _readable(body.get("status") or {})
        after = change(before)
        if after != before:
            self._put_status(body["metadata"], after)

    def _put_status(self, metadata: Mapping[str, Any], status: ExperimentStatus) -> None:
        """The API server uses only the version and the status of the request, and ignores the rest."""
        body = {**self._body(), "metadata": metadata, "status": status.to_dict()}
        self._experiments.put(trim(EXPERIMENTS, self._resources.replace_status(EXPERIMENTS, body)))

    def delete(self) -> None:
        """Delete the experiment and everything that it owns."""
        self._resources.delete(EXPERIMENTS, self._namespace, self._name, self.uid)

    def delete_trials(self) -> None:
        """Delete the experiment's trials and their jobs."""
        for trial in self.trials():
            self._resources.delete(TRIALS, self._namespace, trial.name, trial.uid)

    def read_finished(self, name: str) -> Sequence[NASTrial] | None:
        """The ended trials of another experiment in the namespace, in index order; None if it does not exist."""
        body = self._experiments.get(self._namespace, name)
        if body is None:
            return None
        bodies = [b for b in self._trials.all(self._namespace) if belongs(b, name, uid_of(body))]
        trials = [trial for trial in map(read_trial, map(dict, bodies)) if trial.ended]
        return sorted(trials, key=lambda t: t.spec.index)

    @property
    def uid(self) -> str:
        """The uid of the experiment. Raises Gone."""
        return uid_of(self._body())

    @property
    def other_manager(self) -> str | None:
        """Another controller that `spec.managedBy` names; None for our own experiments. Raises Gone."""
        manager = (self._body().get("spec") or {}).get("managedBy")
        return None if manager in {None, "", OPERATOR} else str(manager)

    @property
    def has_conditions(self) -> bool:
        """Whether anybody has written a condition, readable or not. Raises Gone."""
        return bool((self._body().get("status") or {}).get("conditions"))

    @property
    def generation(self) -> int | None:
        """The version of the experiment's spec."""
        generation: int | None = self._body()["metadata"].get("generation")
        return generation

    def _body(self) -> Mapping[str, Any]:
        body = self._experiments.get(self._namespace, self._name)
        if body is None or body["metadata"].get("deletionTimestamp"):
            raise Gone(f"{self._namespace}/{self._name}")
        return body


def _experiment_of_name(owner: Mapping[str, Any], name: str) -> bool:
    return (owner["kind"], owner["name"]) == (EXPERIMENTS.kind, name)


def _readable(status: Mapping[str, Any]) -> ExperimentStatus:
    """The stored status; an empty one if it is not valid because somebody else has written it."""
    try:
        return ExperimentStatus.model_validate(status)
    except ValidationError:
        return ExperimentStatus()
