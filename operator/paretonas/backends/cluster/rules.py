"""What an experiment must keep on a cluster, though not on a laptop."""

from collections.abc import Iterator
from dataclasses import dataclass

from paretonas.api import EXPERIMENT_LABEL, ExperimentSpec, Problem
from paretonas.jobs.manifest import ATTEMPT_LABEL, TRIAL_LABEL
from paretonas.jobs.pod_security import Level, violations

OWN_LABELS = frozenset({EXPERIMENT_LABEL, TRIAL_LABEL, ATTEMPT_LABEL})


@dataclass(frozen=True, slots=True)
class PlaceRules:
    """The rules of one operator's place."""

    logs_claim: str | None = None
    """The one claim whose logs the operator sees; None: it sees every claim's."""
    pod_security: Level = "restricted"
    own_account: str | None = None
    """The operator's service account, where trials run in its namespace."""

    def broken(self, spec: ExperimentSpec) -> list[Problem]:
        """Everything that an experiment lacks, or asks too much of."""
        return [
            *self._lacking(spec),
            *violations(spec.trial, self.pod_security),
            *_labels(spec),
            *self._account(spec),
        ]

    def _lacking(self, spec: ExperimentSpec) -> Iterator[Problem]:
        if not spec.trial.image:
            remedy = "name the image that has the trial's program"
            yield Problem("spec.trial.image", "is required on a cluster", remedy)
        if spec.logs is None:
            remedy = "name the claim that trials write their TensorBoard logs to"
            yield Problem("spec.logs", "is required on a cluster", remedy)
        elif self.logs_claim not in {None, spec.logs.persistent_volume_claim.claim_name}:
            named = spec.logs.persistent_volume_claim.claim_name
            path = "spec.logs.persistentVolumeClaim.claimName"
            remedy = (
                f"write {self.logs_claim}, or mount that claim into the operator's pod (PARETONAS_LOGS_CLAIM)"
            )
            yield Problem(path, "is a claim whose logs the operator does not see", remedy, named)

    def _account(self, spec: ExperimentSpec) -> Iterator[Problem]:
        """A trial with the operator's token could do all that the operator can."""
        overlay = spec.trial.pod_overlay.get("spec")
        overlaid = overlay.get("serviceAccountName") if isinstance(overlay, dict) else None
        named = {
            "spec.trial.serviceAccountName": spec.trial.service_account_name,
            "spec.trial.podOverlay.spec.serviceAccountName": overlaid,
        }
        for path, name in named.items():
            if self.own_account is not None and name == self.own_account:
                yield Problem(path, "is the operator's own service account", "name another one", name)


def _labels(spec: ExperimentSpec) -> Iterator[Problem]:
    """By its labels a pod is known for a trial's: with others it would pass for another experiment's."""
    metadata = spec.trial.pod_overlay.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    for name, value in labels.items() if isinstance(labels, dict) else ():
        if name in OWN_LABELS:
            path = f"spec.trial.podOverlay.metadata.labels.{name}"
            yield Problem(path, "is set by ParetoNAS itself", "leave it out", value)
