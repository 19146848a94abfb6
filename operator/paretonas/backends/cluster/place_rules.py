"""The rules that an experiment must follow on a cluster, but not on a laptop."""

from collections.abc import Iterator
from dataclasses import dataclass

from paretonas.api import ExperimentSpec, NASExperiment, Problem
from paretonas.jobs.pod_policy import DEFAULT_POLICY, PodPolicy


@dataclass(frozen=True, slots=True)
class PlaceRules:
    """The rules of one operator."""

    logs_claim: str | None = None
    """The only claim that is mounted in the operator's pod; None if all are."""
    pods: PodPolicy = DEFAULT_POLICY

    def find_problems(self, experiment: NASExperiment) -> list[Problem]:
        """Every rule that an experiment breaks."""
        namespace = experiment.metadata.namespace or "default"
        return [*self._lacking(experiment.spec), *self.pods.problems(experiment.spec, namespace)]

    def _lacking(self, spec: ExperimentSpec) -> Iterator[Problem]:
        if not spec.trial.image:
            remedy = "name the image that has the trial's program"
            yield Problem("spec.trial.image", "is required on a cluster", remedy)
        if spec.trial.working_dir is not None and not spec.trial.working_dir.startswith("/"):
            remedy = "write it from / on, or leave it out for the folder that the image is made for"
            yield Problem("spec.trial.workingDir", "is relative", remedy, spec.trial.working_dir)
        if spec.logs is None:
            remedy = "name the claim that trials write their TensorBoard logs to"
            yield Problem("spec.logs", "is required on a cluster", remedy)
        elif self.logs_claim not in {None, spec.logs.persistent_volume_claim.claim_name}:
            named = spec.logs.persistent_volume_claim.claim_name
            path = "spec.logs.persistentVolumeClaim.claimName"
            remedy = f"write {self.logs_claim}, or mount that claim into the operator's pod (PARETONAS_LOGS_CLAIM)"
            yield Problem(path, "is a claim whose logs the operator does not see", remedy, named)
