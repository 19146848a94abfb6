"""The output folders of trials on the shared claims: found by reading them, removed by a job."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from paretonas.api import NASExperiment, NASTrial
from paretonas.backends.cluster.cache import Cache
from paretonas.backends.cluster.trimming import trim
from paretonas.backends.output_folders import find_output
from paretonas.jobs.job import Phase, Removal
from paretonas.jobs.log_tail import tail
from paretonas.jobs.pod_policy import DEFAULT_POLICY, PodPolicy
from paretonas.jobs.pod_status import pod_names, read_job
from paretonas.jobs.removal_job import is_removal, removal_job, removed_by
from paretonas.kube.client import Resources
from paretonas.kube.kinds import VOLCANO_JOBS
from paretonas.kube.metadata import uid_of
from paretonas.kube.refusals import refusal_message


class ClusterOutputs:
    """Finds and removes the output folders of one experiment's trials.

    The operator mounts the claims read-only. What removes is a Volcano Job, which has the rights of a trial.
    """

    def __init__(
        self,
        api: client.ApiClient,
        namespace: str,
        root: Callable[[], Path],
        jobs: Cache,
        policy: PodPolicy = DEFAULT_POLICY,
    ) -> None:
        """Nothing is read yet; ``jobs`` has the Volcano Jobs as last seen by a watch."""
        self._core, self._resources, self._namespace = client.CoreV1Api(api), Resources(api), namespace
        self._root, self._jobs, self._policy = root, jobs, policy
        self._whys: dict[str, str] = {}  # by the uid of a failed job

    def find(self, trial: NASTrial) -> str | None:
        """The folder in which a trial has kept something, below the claim; None if there is none."""
        return find_output(self._root(), trial)

    def remove(self, experiment: NASExperiment, trials: Sequence[NASTrial]) -> Removal:
        """Have the folders removed by a job, of which there is one at a time."""
        seen = [body for body in self._jobs.all(self._namespace) if is_removal(body, experiment)]
        ended = [self._stored(body["metadata"]["name"]) for body in seen if read_job(body).over]
        present = [body for body in ended if body is not None]
        failed = [body for body in present if read_job(body).phase is not Phase.SUCCEEDED]
        if failed:
            name, uid = failed[0]["metadata"]["name"], uid_of(failed[0])
            if uid not in self._whys:
                self._whys[uid] = self._why(failed[0])
            return self._problem(f"the job {name} failed{self._whys[uid]}; mend that, and delete the job to try again")
        gone = frozenset[str]()
        for body in present:
            # if this process ends before the result is stored, the next job finds the folders gone
            self._resources.delete(VOLCANO_JOBS, self._namespace, body["metadata"]["name"], uid_of(body))
            gone |= removed_by(body, trials)
        left = [trial for trial in trials if trial.name not in gone]
        if left and len(ended) == len(seen):
            return replace(self._begin(experiment, left), gone=gone)
        return Removal(gone)

    def _begin(self, experiment: NASExperiment, trials: Sequence[NASTrial]) -> Removal:
        manifest = removal_job(experiment, trials, secrets.token_hex(3))
        [task] = manifest["spec"]["tasks"]
        if problems := list(self._policy.find_violations(task["template"], {}, self._namespace)):
            return self._problem(str(problems[0]))
        try:
            created = self._resources.create(VOLCANO_JOBS, self._namespace, manifest)
        except (ApiException, HTTPError) as error:
            return self._problem(refusal_message(error))
        if created is not None:
            self._jobs.put(trim(VOLCANO_JOBS, created))  # the next pass may come before the watch delivers it
        return Removal()

    def _problem(self, why: str) -> Removal:
        return Removal(problem=f"the output folders outside the Pareto set are not removed: {why}")

    def _stored(self, name: str) -> dict[str, Any] | None:
        found, _ = self._resources.list(VOLCANO_JOBS, self._namespace, fields=f"metadata.name={name}")
        return next(iter(found), None)

    def _why(self, body: Mapping[str, Any]) -> str:
        """The last lines that the job printed, or else what Volcano says."""
        try:
            text: str = self._core.read_namespaced_pod_log(pod_names(body)[0], self._namespace, tail_lines=3)
        except (ApiException, HTTPError):
            text = read_job(body).message
        return f" ({' '.join(tail(text).split())})" if text else ""
