"""A pod that works on the folders of an experiment's claim, as the user and on the nodes of its trials. Pure."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from paretonas.api import ExperimentSpec
from paretonas.jobs.job import ROLE
from paretonas.jobs.overlay import merge_overlay
from paretonas.jobs.pod_security import RESTRICTED_CONTAINER, RESTRICTED_POD
from paretonas.jobs.pod_shape import read_shape

CLAIM_MOUNT: Final = PurePosixPath("/claim")
"""Where such a pod sees the claim."""

_PLACE: Final = ("affinity", "nodeSelector", "tolerations", "securityContext")
"""What an overlay says of the user and the nodes; its further containers and volumes are the trial's own."""

_RESOURCES: Final = {"cpu": "100m", "memory": "128Mi"}
"""Enough to copy or remove files. A namespace with a quota asks for limits."""


def claim_pod(spec: ExperimentSpec, command: Sequence[str], *, read_only: bool) -> dict[str, Any]:
    """The spec of the pod; it is restricted, and has no token.

    It runs the trial's image: that is the user whom the files belong to, and the image is on the nodes already.

    Args:
        spec: An experiment with `logs`.
        command: What it runs.
        read_only: Whether the claim is only read.
    """
    if spec.logs is None:
        raise ValueError("the experiment has no claim")
    trial, claim = spec.trial, spec.logs.persistent_volume_claim.claim_name
    overlay, _ = read_shape(trial.pod_overlay)
    given = overlay.get("spec") or {}
    own: Mapping[str, Any] = next((c for c in given.get("containers") or () if c["name"] == ROLE), {})
    base = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": copy.deepcopy(RESTRICTED_POD),
        "imagePullSecrets": [{"name": name} for name in trial.image_pull_secrets],
        "volumes": [{"name": "claim", "persistentVolumeClaim": {"claimName": claim, "readOnly": read_only}}],
        "containers": [
            {
                "name": ROLE,
                "image": trial.image,
                "command": list(command),
                "securityContext": copy.deepcopy(RESTRICTED_CONTAINER),
                "resources": {"limits": dict(_RESOURCES), "requests": dict(_RESOURCES)},
                "volumeMounts": [{"name": "claim", "mountPath": str(CLAIM_MOUNT), "readOnly": read_only}],
            }
        ],
    }
    if trial.service_account_name is not None:
        base["serviceAccountName"] = trial.service_account_name  # it may have secrets to pull the image with
    place: dict[str, Any] = {field: given[field] for field in _PLACE if field in given}
    context = {"securityContext": own["securityContext"]} if "securityContext" in own else {}
    pod: dict[str, Any] = merge_overlay(base, {**place, "containers": [{"name": ROLE, **context}]})
    return pod
