"""Which namespaces an operator can see: one that it cannot costs only itself."""

from collections.abc import Iterable
from typing import Final

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from paretonas.backends.cluster.resources import EXPERIMENTS, PODS, TRIALS, VOLCANO_JOBS, Resources
from paretonas.jobs.refusals import said

_FORBIDDEN: Final = 403


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
            if error.status == _FORBIDDEN:
                where = namespace or "all namespaces"
                hidden[namespace] = f"PARETONAS_NAMESPACES: {where} cannot be seen: {said(error)}"
        except HTTPError:
            continue
    return hidden
