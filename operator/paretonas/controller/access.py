"""Which namespaces an operator can see: one that it cannot costs only itself."""

from collections.abc import Iterable

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from paretonas.kube.client import Resources
from paretonas.kube.kinds import EXPERIMENTS, PODS, TRIALS, VOLCANO_JOBS
from paretonas.kube.refusals import refusal_message
from paretonas.kube.status_codes import FORBIDDEN, has_status


def hidden_namespaces(api: client.ApiClient, namespaces: Iterable[str | None]) -> dict[str | None, str]:
    """The namespaces that the operator's account may not look into, with the reason.

    An account without a Role there, or a namespace that does not exist: an API server makes no difference. A server
    that gives no answer hides nothing.
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
                hidden[namespace] = f"PARETONAS_NAMESPACES: {where} cannot be seen: {refusal_message(error)}"
        except HTTPError:
            continue
    return hidden
