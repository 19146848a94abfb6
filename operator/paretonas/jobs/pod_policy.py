"""The rules for the pods of trials: every violation is a problem with field and remedy. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from paretonas.api import ExperimentSpec, Problem
from paretonas.jobs.job import ROLE
from paretonas.jobs.manifest import finish_template
from paretonas.jobs.overlay import ACCOUNT_FIELDS, AUTHORS_FIELDS, find_overlay_path, find_refused_fields
from paretonas.jobs.pod_security import Level, violations
from paretonas.jobs.pod_shape import read_shape

_OF_THE_CLUSTER = "system-"
"""The prefix of the priority classes that preempt all other pods."""

TORCHX_TEMPLATE = {
    "metadata": {"annotations": {"sidecar.istio.io/inject": "false"}},
    "spec": {
        "restartPolicy": "Never",
        "volumes": [{"name": "dshm", "emptyDir": {"medium": "Memory"}}],
        "containers": [{"name": ROLE, "volumeMounts": [{"name": "dshm", "mountPath": "/dev/shm"}]}],  # noqa: S108 # a path in the pod
    },
}
"""The pod template that TorchX makes for any trial, without its command."""


class Account(NamedTuple):
    """A service account."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class PodPolicy:
    """The rules of one operator."""

    level: Level = "restricted"
    """The Pod Security Standard that every pod must meet."""
    overlay_fields: tuple[str, ...] = AUTHORS_FIELDS
    """Paths below `podOverlay` that an author may set."""
    operator: Account | None = None
    """The operator's own account: a trial that used it could do everything that the operator can."""

    def problems(self, spec: ExperimentSpec, namespace: str) -> list[Problem]:
        """Every field of an experiment's template that is not allowed or does not exist."""
        overlay, problems = read_shape(spec.trial.pod_overlay)
        problems += find_refused_fields(overlay, self.overlay_fields)
        told = tuple(problem.path for problem in problems)
        template = finish_template(TORCHX_TEMPLATE, spec, overlay, {})
        problems += (p for p in self.find_violations(template, overlay, namespace) if not p.path.startswith(told))
        priority = spec.trial.priority_class_name
        if priority is not None and priority.startswith(_OF_THE_CLUSTER):
            problems.append(_too_important("spec.trial.priorityClassName", priority))
        return problems

    def find_violations(
        self, template: Mapping[str, Any], overlay: Mapping[str, Any], namespace: str
    ) -> Iterator[Problem]:
        """The fields of a finished pod template that are not allowed.

        Args:
            template: of the right shape.
            overlay: the overlay that was merged into it, to which a problem's path refers.
            namespace: of the pods.
        """
        spec = template["spec"]
        for location, value in violations(template, self.level).items():
            message = f"is more than the pod security standard {self.level!r} allows"
            remedy = "leave it out, or have the operator started with a wider PARETONAS_POD_SECURITY"
            yield Problem(find_overlay_path(location, template, overlay), message, remedy, value)
        # the first field that is set counts; every pod has an account
        name = next((spec[field] for field in ACCOUNT_FIELDS if spec.get(field)), "default")
        if Account(namespace, name) == self.operator:
            path = "spec.trial.serviceAccountName"
            yield Problem(path, "is the operator's own service account", "name another one", name)
        if spec.get("automountServiceAccountToken") is not False:
            path = find_overlay_path(("spec", "automountServiceAccountToken"), template, overlay)
            yield Problem(path, "gives the trial a token of its account", "leave it out")
        priority = spec.get("priorityClassName", "")
        if priority.startswith(_OF_THE_CLUSTER):
            yield _too_important(find_overlay_path(("spec", "priorityClassName"), template, overlay), priority)


DEFAULT_POLICY = PodPolicy()


def _too_important(path: str, name: str) -> Problem:
    return Problem(path, "is kept for the cluster's own pods", "name another priority class", name)
