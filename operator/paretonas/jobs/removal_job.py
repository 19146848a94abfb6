"""The Volcano Job that removes output folders on a claim, which the operator itself mounts read-only. Pure."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from paretonas.api import NASExperiment, NASTrial
from paretonas.jobs.attempt_folder import output_folder
from paretonas.jobs.claim_pod import CLAIM_MOUNT, claim_pod
from paretonas.jobs.manifest import END_WITH_A_FAILED_POD, END_WITH_A_LOST_POD, TTL_SECONDS
from paretonas.kube.kinds import EXPERIMENTS, VOLCANO_JOBS
from paretonas.kube.labels import EXPERIMENT_LABEL
from paretonas.kube.metadata import is_owned_by, owner_reference

MOST_FOLDERS: Final = 500
"""Folders that one job removes: their paths, of some 80 characters each, fit into a command line and into etcd."""

_DEADLINE_SECONDS: Final = 3600
"""A removal that takes longer hangs, for example on a file system that is gone."""


def is_removal(job: Mapping[str, Any], experiment: NASExperiment) -> bool:
    """Whether a Volcano Job removes outputs of the experiment; the jobs of trials belong to those."""
    return is_owned_by(job, experiment.metadata.uid or "")


def removal_job(experiment: NASExperiment, trials: Iterable[NASTrial], token: str) -> dict[str, Any]:
    """The manifest of a job that removes the output folders of trials.

    It may do what a trial of the experiment may do, and no more. ``rm`` follows no symbolic link in what it removes.

    Args:
        experiment: The experiment.
        trials: Its trials; of more than `MOST_FOLDERS`, the first ones.
        token: What no earlier job of the experiment has in its name: Volcano confuses jobs that follow each other under
            one name, and leaves the later one Pending although its pod has ended.
    """
    folders = [_path(trial) for trial in trials][:MOST_FOLDERS]
    pod = claim_pod(experiment.spec, ["rm", "-rf", "--", *folders], read_only=False)
    pod["activeDeadlineSeconds"] = _DEADLINE_SECONDS
    labels = {EXPERIMENT_LABEL: experiment.name}
    return {
        "apiVersion": VOLCANO_JOBS.api_version,
        "kind": VOLCANO_JOBS.kind,
        "metadata": {
            "name": f"{experiment.name}-outputs-{token}",
            "labels": labels,
            "ownerReferences": [owner_reference(EXPERIMENTS, experiment.name, experiment.metadata.uid or "")],
        },
        "spec": {
            "schedulerName": "volcano",
            "queue": experiment.spec.trial.queue,
            "minAvailable": 1,
            "maxRetry": 1,
            "policies": [END_WITH_A_LOST_POD, END_WITH_A_FAILED_POD],
            "ttlSecondsAfterFinished": TTL_SECONDS,
            "tasks": [
                {
                    "name": "rm",
                    "replicas": 1,
                    "template": {
                        "metadata": {"labels": labels, "annotations": {"sidecar.istio.io/inject": "false"}},
                        "spec": pod,
                    },
                }
            ],
        },
    }


def removed_by(body: Mapping[str, Any], trials: Iterable[NASTrial]) -> frozenset[str]:
    """The names of those trials whose folders such a job removes."""
    pods = [task["template"]["spec"] for task in body["spec"]["tasks"]]
    folders = {word for pod in pods for container in pod["containers"] for word in container.get("command") or ()}
    return frozenset(trial.name for trial in trials if _path(trial) in folders)


def _path(trial: NASTrial) -> str:
    return str(CLAIM_MOUNT / output_folder(PurePosixPath(), trial.spec.experiment, trial.name, trial.first_attempt))
