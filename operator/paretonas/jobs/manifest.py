"""The Volcano Job of one attempt: TorchX's, with our name, owner, security and resources."""

import copy
from typing import Any

from paretonas.api import API_VERSION, EXPERIMENT_LABEL, ExperimentSpec
from paretonas.jobs.appdef import ROLE
from paretonas.jobs.job import GRACE_SECONDS, Launch

TRIAL_LABEL = "paretonas.io/trial"
ATTEMPT_LABEL = "paretonas.io/attempt"

LOGS_VOLUME = "paretonas-logs"

TTL_SECONDS = 86_400
"""A finished job stays a day, so that its pods can be looked at; its result was stored the moment it ended."""

LEAST_TTL_SECONDS = 60
"""A finished job stays until the operator has certainly seen how it ended, also one that was restarted meanwhile."""

RESTRICTED_POD = {
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
RESTRICTED_CONTAINER = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}
"""What the Pod Security Standard `restricted` asks for; `podOverlay` can change it where the cluster allows that."""

END_WITH_A_LOST_POD = {"event": "PodEvicted", "action": "TerminateJob"}
"""Without it Volcano makes the pod anew, and one attempt would log twice into its folder."""
END_WITH_A_FAILED_POD = {"event": "PodFailed", "action": "TerminateJob"}
"""Without it a gang with one failed pod stays Running for ever."""


def finished_manifest(torchx_job: dict[str, Any], launch: Launch) -> dict[str, Any]:
    """TorchX's manifest made deterministic and ours.

    Args:
        torchx_job: the resource of a dry run, as plain values.
        launch: the attempt.
    """
    spec = launch.experiment.spec
    job: dict[str, Any] = _renamed(torchx_job, torchx_job["metadata"]["name"], launch.name)
    labels = {
        EXPERIMENT_LABEL: launch.experiment.name,
        TRIAL_LABEL: launch.trial.name,
        ATTEMPT_LABEL: str(launch.attempt),
    }
    job["metadata"] |= {"labels": labels, "ownerReferences": [owner(launch)]}
    ttl = spec.trial.ttl_seconds_after_finished
    job["spec"] |= {
        "minAvailable": spec.trial.replicas,
        "ttlSecondsAfterFinished": TTL_SECONDS if ttl is None else max(ttl, LEAST_TTL_SECONDS),
        "maxRetry": 1,
        "policies": [END_WITH_A_LOST_POD],
    }
    if spec.trial.replicas == 1:
        job["spec"]["plugins"] = {}  # a service, a config map and a policy that one pod has no use for
    else:
        job["spec"]["policies"] = [END_WITH_A_LOST_POD, END_WITH_A_FAILED_POD]
    for task in job["spec"]["tasks"]:
        _finish_pod(task["template"], spec, labels)
    return job


def owner(launch: Launch) -> dict[str, Any]:
    """The reference that lets a job go with its trial."""
    return {
        "apiVersion": API_VERSION,
        "kind": "NASTrial",
        "name": launch.trial.name,
        "uid": (launch.trial.metadata.model_extra or {})["uid"],
        "controller": True,
    }


def _finish_pod(template: dict[str, Any], spec: ExperimentSpec, labels: dict[str, str]) -> None:
    trial = spec.trial
    template["metadata"].setdefault("labels", {}).update(labels)
    pod = template["spec"]
    pod["securityContext"] = copy.deepcopy(RESTRICTED_POD)
    pod["terminationGracePeriodSeconds"] = GRACE_SECONDS
    pod["automountServiceAccountToken"] = False  # a trial has no business with the API server
    pod["imagePullSecrets"] = [{"name": name} for name in trial.image_pull_secrets]
    volumes = [
        (v.name, v.persistent_volume_claim.claim_name, v.mount_path, v.read_only) for v in trial.volumes
    ]
    if spec.logs:
        volumes.append(
            (LOGS_VOLUME, spec.logs.persistent_volume_claim.claim_name, spec.logs.mount_path, False)
        )
    for name, claim, _, _ in volumes:
        pod.setdefault("volumes", []).append({"name": name, "persistentVolumeClaim": {"claimName": claim}})
    for container in pod["containers"]:
        container["name"] = ROLE  # in every replica the same, so that an overlay reaches it
        container["securityContext"] = copy.deepcopy(RESTRICTED_CONTAINER)
        for name, _, path, read_only in volumes:
            mount = {"name": name, "mountPath": path, "readOnly": read_only}
            container.setdefault("volumeMounts", []).append(mount)
        if trial.resources:  # exactly as written: TorchX knows whole CPUs and MB only
            amounts = {name: quantity for name, quantity in trial.resources.items() if quantity != "0"}
            container["resources"] = {"limits": amounts, "requests": amounts}
    overlaid = merged({"metadata": template["metadata"], "spec": pod}, trial.pod_overlay)
    template.update(overlaid)


def merged(base: Any, overlay: Any) -> Any:
    """The overlay laid over a pod: mappings are merged; lists of named items by name, other lists replaced."""
    if isinstance(base, dict) and isinstance(overlay, dict):
        keys = [*base, *(key for key in overlay if key not in base)]
        return {
            key: merged(base[key], overlay[key])
            if key in base and key in overlay
            else overlay.get(key, base.get(key))
            for key in keys
        }
    if _named(base) and _named(overlay):
        over = {item["name"]: item for item in overlay}
        kept = [merged(item, over.pop(item["name"])) if item["name"] in over else item for item in base]
        return [*kept, *over.values()]
    return overlay


def _named(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) and "name" in item for item in value)


def _renamed(value: Any, old: str, new: str) -> Any:
    """TorchX's random name replaced wherever it stands: names, labels, arguments, environment."""
    if isinstance(value, dict):
        return {key: _renamed(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, old, new) for item in value]
    return value.replace(old, new) if isinstance(value, str) else value
