"""What is kept of a resource: no more than a pass needs, whatever its author has put into it. Pure."""

from typing import Any, Final

from paretonas.api.base import MAX_TEXT
from paretonas.api.size_limits import bound_overlay
from paretonas.kube.kinds import EXPERIMENTS, PODS, TRIALS, VOLCANO_JOBS, ResourceKind
from paretonas.kube.metadata import Body, without_metadata

_PODS: Final = 1000
"""Pods of a job that are looked at: ten times what a trial may have. The job may be somebody else's."""

_LEFT_OUT: Final = ("managedFields", "annotations")
"""Of the metadata: they are as large as the rest, and a second copy of it as a rule."""


def trim(kind: ResourceKind, body: Body) -> Body:
    """A resource for the cache."""
    return _PARTS[kind](without_metadata(body, *_LEFT_OUT))


def _experiment(body: Body) -> Body:
    """With a stand-in for a pod overlay beyond its bounds: memory takes 25 times what etcd does."""
    trial = (body.get("spec") or {}).get("trial")
    if not isinstance(trial, dict) or "podOverlay" not in trial:
        return body
    bounded = {**trial, "podOverlay": bound_overlay(trial["podOverlay"])}
    return {**body, "spec": {**body["spec"], "trial": bounded}}


def _trial(body: Body) -> Body:
    """With as much of each value as shows what is wrong with it."""
    spec = body.get("spec") or {}
    parameters = spec.get("parameters")
    if not isinstance(parameters, dict):
        return body
    return {**body, "spec": {**spec, "parameters": {name: _value(v) for name, v in parameters.items()}}}


def _value(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return type(value)()  # as little a value as before
    return value[: MAX_TEXT + 1] if isinstance(value, str) else value


def _job(body: Body) -> Body:
    """Only how it does, and which pods it has."""
    tasks, left = [], _PODS
    for task in (body.get("spec") or {}).get("tasks") or ():
        replicas = max(0, min(task.get("replicas", 1), left))
        tasks.append({"name": task.get("name", ""), "replicas": replicas})
        left -= replicas
    return {"metadata": body["metadata"], "spec": {"tasks": tasks}, "status": body.get("status")}


def _pod(body: Body) -> Body:
    """Only how it does."""
    return {"metadata": body["metadata"], "status": body.get("status")}


_PARTS: Final = {EXPERIMENTS: _experiment, TRIALS: _trial, VOLCANO_JOBS: _job, PODS: _pod}
