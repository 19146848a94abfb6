"""Which namespaces the operator has access to. One without access does not affect the others."""

from collections.abc import Iterable

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from paretonas.kube.client import Resources
from paretonas.kube.kinds import EXPERIMENTS, PODS, TRIALS, VOLCANO_JOBS
from paretonas.kube.refusals import refusal_message
from paretonas.kube.status_codes import FORBIDDEN, has_status


def hidden_namespaces(api: client.ApiClient, namespaces: Iterable[str | None]) -> dict[str | None, str]:
    """The namespaces that the operator's account may not read, each with the reason.

    The account has no Role there, or the namespace does not exist; an API server does not distinguish the two. If the
    server does not answer, no namespace counts as hidden.
    """
    resources = Resources(api)
    hidden: dict[str | None, str] = {}
    for namespace in namespaces:
        try:
            for kind in (EXPERIMENTS, TRIALS, VOLCANO_JOBS, PODS):
                resources.list(kind, namespace, limit=1)
        except ApiException as error:
            if has_status(error, FORBIDDEN):
                where = namespace or "all namespaces"
                hidden[namespace] = f"PARETONAS_NAMESPACES: cannot read {where}: {refusal_message(error)}"
        except HTTPError:
            continue
    return hidden
