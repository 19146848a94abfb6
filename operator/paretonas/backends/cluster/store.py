"""One experiment's resources as the engine's store."""

from collections.abc import Mapping, Sequence
from typing import Any

from paretonas.api import (
    ExperimentSpec,
    ExperimentStatus,
    InvalidDocument,
    NASExperiment,
    NASTrial,
    Problem,
    parse_experiment,
    parse_trial,
)
from paretonas.backends.cluster.cache import Cache, belongs, version_of
from paretonas.backends.cluster.resources import EXPERIMENTS, TRIALS, Resources
from paretonas.jobs.manifest import EXPERIMENT_LABEL


class Gone(Exception):  # noqa: N818 # it is no mistake: somebody deleted the experiment
    """The experiment does not exist any more."""


class NameTaken(Exception):  # noqa: N818 # it is no mistake: what was deleted takes some time to go
    """A trial of a deleted experiment still has the name that a new one is to get."""


class ClusterStore:
    """Reads from the caches, writes to the API server, and puts what it wrote into the caches at once."""

    def __init__(
        self,
        resources: Resources,
        experiments: Cache,
        trials: Cache,
        namespace: str,
        name: str,
        *,
        claim: str | None = None,
    ) -> None:
        """The store of one experiment; ``claim`` is the one that the operator sees, if it sees only one."""
        self._claim = claim
        self._resources, self._experiments, self._trials = resources, experiments, trials
        self._namespace, self._name = namespace, name
        self._parsed: dict[str, tuple[int, NASTrial]] = {}

    def experiment(self) -> NASExperiment:
        """The experiment. Raises Gone, or InvalidDocument, also for what it lacks on a cluster only."""
        experiment = parse_experiment(dict(self._body()))
        if problems := lacking(experiment.spec, self._claim):
            raise InvalidDocument(problems)
        return experiment

    def trials(self) -> Sequence[NASTrial]:
        """All trials, in index order."""
        uid = self.uid
        trials = [
            self._parse(body) for body in self._trials.all(self._namespace) if belongs(body, self._name, uid)
        ]
        return sorted(trials, key=lambda t: t.spec.index)

    def create_trial(self, trial: NASTrial) -> None:
        """Store a new trial; one that is stored already is left as it is. Raises NameTaken."""
        document = trial.to_dict()
        document.pop("status", None)
        metadata = self._body()["metadata"]
        owner = {
            "apiVersion": trial.api_version,
            "kind": "NASExperiment",
            "name": self._name,
            "uid": metadata["uid"],
            "controller": True,
        }
        document["metadata"] |= {
            "namespace": self._namespace,
            "labels": {EXPERIMENT_LABEL: self._name},
            "ownerReferences": [owner],
        }
        created = self._resources.create(TRIALS, self._namespace, document)
        body = created or self._resources.get(TRIALS, self._namespace, trial.name)
        if body is not None and not belongs(body, self._name, self.uid):
            raise NameTaken(f"{self._namespace}/{trial.name} is of another experiment")
        if body is not None:
            self._trials.put(body)

    def save_trial(self, trial: NASTrial) -> None:
        """Store a trial's status."""
        body = self._trials.get(self._namespace, trial.name)
        if body is not None:
            status = trial.to_dict()["status"]
            self._trials.put(self._resources.replace_status(TRIALS, {**body, "status": status}))

    def save_status(self, status: ExperimentStatus) -> None:
        """Store the experiment's status."""
        written = self._resources.replace_status(EXPERIMENTS, {**self._body(), "status": status.to_dict()})
        self._experiments.put(written)

    def status(self) -> ExperimentStatus:
        """The experiment's status, which can be read although its spec may not be."""
        return ExperimentStatus.model_validate(self._body().get("status") or {})

    @property
    def uid(self) -> str:
        """What tells the experiment from others of its name. Raises Gone."""
        uid: str = self._body()["metadata"]["uid"]
        return uid

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

    def _parse(self, body: Mapping[str, Any]) -> NASTrial:
        """The trial, parsed once a version."""
        name, version = body["metadata"]["name"], version_of(body)
        known = self._parsed.get(name)
        if known is None or known[0] != version:
            known = (version, parse_trial(dict(body)))
            self._parsed[name] = known
        return known[1]


def lacking(spec: ExperimentSpec, claim: str | None) -> list[Problem]:
    """What an experiment needs on a cluster, though not on a laptop: an image, and logs that the operator can see."""
    problems = []
    if not spec.trial.image:
        remedy = "name the image that has the trial's program"
        problems.append(Problem("spec.trial.image", "is required on a cluster", remedy))
    if spec.logs is None:
        remedy = "name the claim that trials write their TensorBoard logs to"
        problems.append(Problem("spec.logs", "is required on a cluster", remedy))
    elif claim is not None and spec.logs.persistent_volume_claim.claim_name != claim:
        named = spec.logs.persistent_volume_claim.claim_name
        path = "spec.logs.persistentVolumeClaim.claimName"
        remedy = f"write {claim}, or mount that claim into the operator's pod (PARETONAS_LOGS_CLAIM)"
        problems.append(Problem(path, "is a claim whose logs the operator does not see", remedy, named))
    return problems
