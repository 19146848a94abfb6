"""Trims resources for the cache to what a pass needs, so that their authors cannot fill the memory. Pure."""

from typing import Any, Final

from paretonas.api.base import MAX_TEXT
from paretonas.api.size_limits import bound_overlay
from paretonas.kube.kinds import EXPERIMENTS, PODS, TRIALS, VOLCANO_JOBS, ResourceKind
from paretonas.kube.metadata import Body, without_metadata

_PODS: Final = 1000
"""Pods of a job that are considered: ten times what a trial may have. The job may be somebody else's."""

_LEFT_OUT: Final = ("managedFields", "annotations")
"""Fields of the metadata that are usually a second copy of the resource."""


def trim(kind: ResourceKind, body: Body) -> Body:
    """The resource as the cache keeps it."""
    return _PARTS[kind](without_metadata(body, *_LEFT_OUT))


def _experiment(body: Body) -> Body:
    """With a placeholder for a pod overlay that is too large: it needs 25 times as much memory here as in etcd."""
    trial = (body.get("spec") or {}).get("trial")
    if not isinstance(trial, dict) or "podOverlay" not in trial:
        return body
    bounded = {**trial, "podOverlay": bound_overlay(trial["podOverlay"])}
    return {**body, "spec": {**body["spec"], "trial": bounded}}


def _trial(body: Body) -> Body:
    """With as much of each value as an error message needs."""
    spec = body.get("spec") or {}
    parameters = spec.get("parameters")
    if not isinstance(parameters, dict):
        return body
    return {**body, "spec": {**spec, "parameters": {name: _value(v) for name, v in parameters.items()}}}


def _value(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return type(value)()  # just as invalid
    return value[: MAX_TEXT + 1] if isinstance(value, str) else value


def _job(body: Body) -> Body:
    """Only its status, and the names of its pods."""
    tasks, left = [], _PODS
    for task in (body.get("spec") or {}).get("tasks") or ():
        replicas = max(0, min(task.get("replicas", 1), left))
        tasks.append({"name": task.get("name", ""), "replicas": replicas})
        left -= replicas
    return {"metadata": body["metadata"], "spec": {"tasks": tasks}, "status": body.get("status")}


def _pod(body: Body) -> Body:
    """Only its status."""
    return {"metadata": body["metadata"], "status": body.get("status")}


_PARTS: Final = {EXPERIMENTS: _experiment, TRIALS: _trial, VOLCANO_JOBS: _job, PODS: _pod}
