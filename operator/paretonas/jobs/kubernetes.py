"""Jobs on a cluster: TorchX's ``kubernetes`` scheduler creates Volcano Jobs, and watches report their state."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from torchx.runner import Runner
from torchx.schedulers.kubernetes_scheduler import create_scheduler
from urllib3.exceptions import HTTPError

from paretonas.api import job_name
from paretonas.api.names import split_job_name
from paretonas.api.reasons import AttemptReason
from paretonas.api.untrusted_text import brief
from paretonas.jobs.appdef import trial_app
from paretonas.jobs.attempt_folder import attempt_folder, output_folder
from paretonas.jobs.job import Job, Launch, Phase, SubmitError
from paretonas.jobs.log_tail import tail, without_torchrun
from paretonas.jobs.manifest import finish_manifest
from paretonas.jobs.pod_policy import DEFAULT_POLICY, PodPolicy
from paretonas.jobs.pod_shape import read_shape
from paretonas.jobs.pod_status import events_wait, explained_by, pod_end, pod_names, pods_wait, read_job
from paretonas.kube.client import Resources
from paretonas.kube.kinds import EVENTS, POD_GROUPS, TRIALS, VOLCANO_JOBS, ResourceKind
from paretonas.kube.labels import TRIAL_LABEL
from paretonas.kube.metadata import is_owned_by, owners_of, uid_of
from paretonas.kube.refusals import refusal_message
from paretonas.kube.status_codes import CONFLICT, has_status

KUBERNETES_SCHEDULER = "kubernetes"

_PATIENCE = timedelta(seconds=5)
"""How long a job may be pending before the reason is looked up; a pod usually starts within two seconds."""

_LOOK_AGAIN = timedelta(seconds=20)
"""How long what was looked up counts. Passes may be made every second, and Volcano repeats a reason every 5 minutes."""

_EVENTS = 500
"""The most events that are read for one job; there are usually two. Anybody in the namespace may write more."""

_READ_LINES, _READ_BYTES = 200, 65_536
"""How much of a log is read to find its tail: torchrun adds half a page of its own."""

Watched = Callable[[str], Mapping[str, Any] | None]
"""Returns a Volcano Job or a pod by name, as last seen by a watch; None if it does not exist."""


class KubernetesJobs:
    """Submits, observes and cancels the jobs of one namespace."""

    def __init__(
        self, api: client.ApiClient, namespace: str, job: Watched, pod: Watched, policy: PodPolicy = DEFAULT_POLICY
    ) -> None:
        logging.getLogger("torchx").setLevel(logging.WARNING)
        self._api, self._namespace, self._job, self._pod = api, namespace, job, pod
        self._policy = policy
        self._cancelled: set[str] = set()
        self._looked: dict[str, tuple[datetime, str]] = {}
        """When it was looked up why a job waits, and what was found."""
        self._core, self._resources = client.CoreV1Api(api), Resources(api)
        self._runner = Runner(
            "paretonas", {KUBERNETES_SCHEDULER: lambda session_name, **_: _scheduler(session_name, api)}
        )

    def observe(self, attempts: Iterable[tuple[str, int]]) -> dict[str, Job]:
        """The jobs of these (trial, attempt) pairs, by job name; one that does not exist is absent."""
        jobs = {}
        for trial, attempt in attempts:
            name = job_name(trial, attempt)
            body = self._job(name)
            if body is not None:
                jobs[name] = self._details(read_job(body, self._pods(body)), body)
            elif name in self._cancelled:
                jobs[name] = Job(name, Phase.LOST, message="its job was deleted")
        waiting = {name for name, job in jobs.items() if job.phase is Phase.PENDING}
        self._looked = {name: found for name, found in self._looked.items() if name in waiting}
        return jobs

    def submit(self, launch: Launch) -> None:
        """Create the attempt's Volcano Job; an existing one is left as it is.

        Raises:
            SubmitError: the API server or Volcano refuses it or cannot be reached, its pods are not allowed, or its
                name is taken by somebody else's job.
        """
        spec = launch.experiment.spec
        root = PurePosixPath(spec.logs.mount_path if spec.logs else "/logs")
        experiment, trial = launch.experiment.name, launch.trial.name
        logs = attempt_folder(root, experiment, trial, launch.attempt)
        output = output_folder(root, experiment, trial, launch.first_attempt)
        options = {
            "queue": spec.trial.queue,
            "namespace": self._namespace,
            "validate_spec": False,  # it would check TorchX's manifest instead of ours
            "reserved_millicpu": 0,
            "reserved_memmb": 0,
            "service_account": spec.trial.service_account_name,
            "priority_class": spec.trial.priority_class_name,
        }
        chosen = {key: value for key, value in options.items() if value is not None}
        info: Any = self._runner.dryrun(trial_app(launch, str(logs), str(output)), KUBERNETES_SCHEDULER, chosen)
        manifest = self._api.sanitize_for_serialization(info.request.resource)
        overlay, problems = read_shape(spec.trial.pod_overlay)
        job = info.request.resource = finish_manifest(manifest, launch, overlay)
        for task in job["spec"]["tasks"]:  # checks what is sent, even if the experiment was checked before
            problems += self._policy.find_violations(task["template"], overlay, self._namespace)
        if problems:
            raise SubmitError(f"cannot submit {launch.name}: {problems[0]}")
        try:
            self._runner.schedule(info)
        except ValueError as error:
            if not has_status(error.__cause__, CONFLICT):
                raise SubmitError(f"cannot submit {launch.name}: {error}") from error
            self._check_owner(launch)
        except (ApiException, HTTPError) as error:
            raise SubmitError(f"cannot submit {launch.name}: {refusal_message(error)}") from error

    def _check_owner(self, launch: Launch) -> None:
        """Raise SubmitError if the existing job of the attempt's name does not belong to its trial."""
        body = self._stored(launch.name)
        if body is None:
            raise SubmitError(f"cannot submit {launch.name}: a job of that name has just been deleted")
        if not is_owned_by(body, launch.trial.uid):
            owners = (f"{of['kind']} {of['name']} ({of['uid']})" for of in owners_of(body))
            whose = ", ".join(owners) or "nobody"
            raise SubmitError(
                f"cannot submit {launch.name}: there is a Volcano Job of that name, which belongs to {whose}; "
                "delete it, or wait until it has gone"
            )

    def cancel(self, trial: str, attempt: int) -> None:
        """Delete the attempt's job; its pods get their grace period.

        A job that does not exist counts as ended from now on. Somebody else's job of the same name is left alone.
        """
        name = job_name(trial, attempt)
        body = self._stored(name)  # not from the watch, which may not have delivered it yet
        owners = {(of["kind"], of["name"]) for of in owners_of(body)} if body is not None else set()
        if body is not None and (TRIALS.kind, trial) in owners:
            self._resources.delete(VOLCANO_JOBS, self._namespace, name, uid_of(body))
        self._cancelled.add(name)

    def _stored(self, name: str) -> dict[str, Any] | None:
        """A Volcano Job as it is stored now; listed, since the operator has no permission to get one."""
        found, _ = self._resources.list(VOLCANO_JOBS, self._namespace, fields=f"metadata.name={name}")
        return next(iter(found), None)

    def _details(self, job: Job, body: Mapping[str, Any]) -> Job:
        """Add what the Volcano Job does not report: how its container ended, or why it does not start."""
        if job.phase is Phase.PENDING:
            return replace(job, message=brief(self._waits(body))) if _waited(job) > _PATIENCE else job
        if job.phase is not Phase.FAILED:
            return job
        ends = [(pod, *pod_end(pod)) for pod in self._pods(body)]
        # a pod that ended by itself explains more than those that Volcano removed afterwards
        failed = sorted(
            (end for end in ends if end[1] != 0), key=lambda end: (end[2] is AttemptReason.EVICTED, end[1] is None)
        )
        if not failed:
            return replace(job, phase=Phase.LOST, message="its pod is gone")
        pod, code, why, started = failed[0]
        tail = self._tail(pod["metadata"]["name"])
        return replace(job, exit_code=code, reason=why, started=started, log_tail=tail)

    def _pods(self, body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The existing pods of a job, without those of an earlier job of the same name."""
        pods = [pod for name in pod_names(body) if (pod := self._pod(name)) is not None]
        return [pod for pod in pods if is_owned_by(pod, uid_of(body))]

    def _waits(self, body: Mapping[str, Any]) -> str:
        """Why a job does not start: by its pods, which are watched, or by what is looked up from time to time."""
        name, pods, now = body["metadata"]["name"], self._pods(body), datetime.now(UTC)
        if told := pods_wait(pods):
            return told
        if name not in self._looked or now - self._looked[name][0] >= _LOOK_AGAIN:
            self._looked[name] = now, self._look_up(body, pods)
        return self._looked[name][1]

    def _look_up(self, body: Mapping[str, Any], pods: Sequence[Mapping[str, Any]]) -> str:
        """Why a job does not start, by its pod group and the events of one resource: two requests."""
        refused: list[str] = []

        def look(kind: ResourceKind, selector: str = "", fields: str = "") -> list[dict[str, Any]]:
            try:
                found, _ = self._resources.list(kind, self._namespace, selector, fields=fields, limit=_EVENTS)
            except (ApiException, HTTPError) as error:  # that the reason is unknown must not stop the trial
                refused.append(f"the operator cannot list {kind.plural}: {refusal_message(error)}")
                return []
            return found

        trial, _ = split_job_name(body["metadata"]["name"])
        groups = look(POD_GROUPS, f"{TRIAL_LABEL}={trial}")
        group = next((group for group in groups if is_owned_by(group, uid_of(body))), None)
        about = explained_by(body, pods, group)
        events = look(EVENTS, fields=f"involvedObject.uid={uid_of(about)}")
        return "; ".join([events_wait(group, events), *refused])

    def _tail(self, pod: str) -> str:
        try:
            text: str = self._core.read_namespaced_pod_log(
                pod, self._namespace, tail_lines=_READ_LINES, limit_bytes=_READ_BYTES
            )
        except ApiException as error:
            return f"(its log cannot be read: {refusal_message(error)})"
        return tail(without_torchrun(text))


def _waited(job: Job) -> timedelta:
    """How long ago a job was submitted."""
    return datetime.now(UTC) - job.created if job.created is not None else timedelta()


def _scheduler(session_name: str, api: client.ApiClient) -> Any:
    """TorchX's scheduler, but it parses its options from its source once, not twice for each submission (15 ms)."""
    scheduler = create_scheduler(session_name, client=api)
    options = scheduler.run_opts()
    scheduler.run_opts = lambda: options
    return scheduler
