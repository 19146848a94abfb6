"""The Volcano Job of an attempt: TorchX's manifest with our name, owner, security context and resources."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from torchx.schedulers.kubernetes_scheduler import PLACEHOLDER_FIELD_PATH

from paretonas.api import ExperimentSpec
from paretonas.jobs.job import GRACE_SECONDS, ROLE, Launch
from paretonas.jobs.overlay import ACCOUNT_FIELDS, merge_overlay
from paretonas.jobs.pod_security import RESTRICTED_CONTAINER, RESTRICTED_POD
from paretonas.kube.kinds import TRIALS
from paretonas.kube.labels import ATTEMPT_LABEL, EXPERIMENT_LABEL, TRIAL_LABEL
from paretonas.kube.metadata import owner_reference

LOGS_VOLUME = "paretonas-logs"

TTL_SECONDS = 86_400
"""A finished job is kept for a day, so that its pods can be inspected. Its result is stored when it ends."""

LEAST_TTL_SECONDS = 60
"""A finished job is kept at least until the operator has seen its end, even if it was being restarted."""

END_WITH_A_LOST_POD = {"event": "PodEvicted", "action": "TerminateJob"}
"""Otherwise Volcano would recreate the pod, and one attempt would log twice into its folder."""
END_WITH_A_FAILED_POD = {"event": "PodFailed", "action": "TerminateJob"}
"""Otherwise a gang with one failed pod would stay Running forever."""


def finish_manifest(torchx_job: dict[str, Any], launch: Launch, overlay: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest to submit: TorchX's, without its random name, and with our fields.

    Args:
        torchx_job: the resource of a dry run, as plain values.
        launch: the attempt.
        overlay: the trial's pod overlay, of the right shape.
    """
    spec = launch.experiment.spec
    job: dict[str, Any] = _rename(torchx_job, torchx_job["metadata"]["name"], launch.name)
    labels = {
        EXPERIMENT_LABEL: launch.experiment.name,
        TRIAL_LABEL: launch.trial.name,
        ATTEMPT_LABEL: str(launch.attempt),
    }
    job["metadata"] |= {
        "labels": labels,
        "ownerReferences": [owner_reference(TRIALS, launch.trial.name, launch.trial.uid)],
    }
    ttl = spec.trial.ttl_seconds_after_finished
    job["spec"] |= {
        "minAvailable": spec.trial.replicas,
        "ttlSecondsAfterFinished": TTL_SECONDS if ttl is None else max(ttl, LEAST_TTL_SECONDS),
        "maxRetry": 1,
        "policies": [END_WITH_A_LOST_POD],
    }
    if spec.trial.replicas == 1:
        job["spec"]["plugins"] = {}  # a service, a config map and a policy, which a single pod does not need
    else:
        job["spec"]["policies"] = [END_WITH_A_LOST_POD, END_WITH_A_FAILED_POD]
    for task in job["spec"]["tasks"]:
        task["template"] = finish_template(task["template"], spec, overlay, labels)
    return job


def finish_template(
    template: Mapping[str, Any], spec: ExperimentSpec, overlay: Mapping[str, Any], labels: Mapping[str, str]
) -> dict[str, Any]:
    """The pod template of a trial.

    Args:
        template: TorchX's, as plain values.
        spec: the experiment's.
        overlay: its pod overlay, of the right shape.
        labels: the labels of its pods.
    """
    base = copy.deepcopy(dict(template))
    _finish_base(base["spec"], spec)
    for kind in ("initContainers", "containers"):
        if added := list(_added_containers(base["spec"], overlay, kind)):
            base["spec"].setdefault(kind, []).extend(added)
    finished: dict[str, Any] = merge_overlay(base, overlay)
    # written last, since an overlay must not change it
    pod, metadata = finished["spec"], finished["metadata"]
    metadata["labels"] = {**metadata.get("labels", {}), **base["metadata"].get("labels", {}), **labels}
    for field in ACCOUNT_FIELDS:
        pod.pop(field, None)
    if spec.trial.service_account_name is not None:
        pod["serviceAccountName"] = spec.trial.service_account_name
    pod["automountServiceAccountToken"] = False  # a trial does not need the API server
    return finished


def _finish_base(pod: dict[str, Any], spec: ExperimentSpec) -> None:
    trial = spec.trial
    pod["securityContext"] = copy.deepcopy(RESTRICTED_POD)
    pod["terminationGracePeriodSeconds"] = GRACE_SECONDS
    pod["imagePullSecrets"] = [{"name": name} for name in trial.image_pull_secrets]
    volumes = [(v.name, v.persistent_volume_claim.claim_name, v.mount_path, v.read_only) for v in trial.volumes]
    if spec.logs:
        volumes.append((LOGS_VOLUME, spec.logs.persistent_volume_claim.claim_name, spec.logs.mount_path, False))
    for name, claim, _, _ in volumes:
        pod.setdefault("volumes", []).append({"name": name, "persistentVolumeClaim": {"claimName": claim}})
    for container in pod["containers"]:
        if trial.working_dir is not None:
            container["workingDir"] = trial.working_dir
        container["name"] = ROLE  # the same in every replica, so that an overlay can name it
        container["securityContext"] = copy.deepcopy(RESTRICTED_CONTAINER)
        _keep_texts(container)
        for name, _, path, read_only in volumes:
            mount = {"name": name, "mountPath": path, "readOnly": read_only}
            container.setdefault("volumeMounts", []).append(mount)
        if trial.resources:  # exactly as written: TorchX only knows whole CPUs and MB
            amounts = {name: quantity for name, quantity in trial.resources.items() if quantity != "0"}
            container["resources"] = {"limits": amounts, "requests": amounts}


def _keep_texts(container: dict[str, Any]) -> None:
    """Escape a container's texts, so that they arrive as written, like on a laptop.

    The kubelet expands ``$(NAME)`` and turns ``$$`` into ``$``; TorchX replaces a value that begins with
    ``[FIELD_PATH]`` by a field of the pod.
    """
    for field in ("command", "args"):
        if field in container:
            container[field] = [_literal(text) for text in container[field]]
    for variable in container.get("env", ()):
        if source := variable.pop("valueFrom", None):
            variable["value"] = PLACEHOLDER_FIELD_PATH + source["fieldRef"]["fieldPath"]
        variable["value"] = _literal(variable.get("value", ""))


def _literal(text: str) -> str:
    return text.replace("$", "$$")


def _added_containers(pod: Mapping[str, Any], overlay: Mapping[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    """Restricted containers to which the ones that an overlay adds are merged."""
    known = {container["name"] for container in pod.get(kind, ())}
    for container in overlay.get("spec", {}).get(kind) or ():
        if container["name"] not in known:
            yield {"name": container["name"], "securityContext": copy.deepcopy(RESTRICTED_CONTAINER)}


def _rename(value: Any, old: str, new: str) -> Any:
    """Replace TorchX's random name everywhere: in names, labels, arguments and environment."""
    if isinstance(value, dict):
        return {key: _rename(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_rename(item, old, new) for item in value]
    return value.replace(old, new) if isinstance(value, str) else value
