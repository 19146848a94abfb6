"""A user's connection to a cluster: found by the rules of kubectl, with readable errors."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import urllib3
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from paretonas.backends.cluster.errors import ClusterError, UnreachableError
from paretonas.kube.refusals import refusal_message
from paretonas.kube.status_codes import FORBIDDEN, NO_ANSWER, NOT_FOUND, UNAUTHORIZED

DEFAULT_KUBECONFIG: Final = "~/.kube/config"

_UNUSABLE: Final = (OSError, ValueError, yaml.YAMLError, config.ConfigException, AttributeError, TypeError, KeyError)
"""What the client may raise for a file that is not a kubeconfig, since it does not check its form."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A cluster, as its user reaches it."""

    api: client.ApiClient
    context: str
    namespace: str
    """The namespace of the context."""

    @contextmanager
    def translate_errors(self, missing: str = "") -> Iterator[None]:
        """Turn errors of the client into ClusterError; ``missing`` is the message for a 404."""
        try:
            yield
        except ApiException as error:
            raise self._refusal(error, missing) from error
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(str(error).rsplit(": ", 1)[-1]) from error

    def _refusal(self, error: ApiException, missing: str) -> ClusterError:
        message = refusal_message(error)
        if error.status == NO_ANSWER:  # the client's way to report what is wrong with TLS
            return self._unreachable(message)
        if error.status == UNAUTHORIZED:
            return ClusterError(f"the API server does not accept the credentials of {self._name}; renew them")
        if error.status == FORBIDDEN:  # the server names user, verb, resource and namespace
            return ClusterError(f"not allowed: {message}; ask for a Role with that verb")
        if error.status == NOT_FOUND and missing:
            return ClusterError(missing)
        return ClusterError(f"the API server answers {error.status}: {message}")

    def _unreachable(self, why: str) -> UnreachableError:
        server = self.api.configuration.host
        return UnreachableError(
            f"cannot reach the API server {server} of {self._name} ({why}); start the cluster, "
            "or give another --context"
        )

    @property
    def _name(self) -> str:
        return f"context {self.context!r}"


def connect(kubeconfig: str | None = None, context: str | None = None) -> Connection:
    """The cluster that kubectl would use; no request is made yet.

    Args:
        kubeconfig: the file; else those of ``KUBECONFIG``, else that in the home folder.
        context: its context; else the current one.

    Raises:
        ClusterError: the file or the context does not exist, or the file cannot be read.
    """
    given = kubeconfig or os.environ.get("KUBECONFIG") or DEFAULT_KUBECONFIG
    paths = [Path(part).expanduser() for part in given.split(os.pathsep) if part]
    files = [path for path in paths if path.exists()]
    if not files:
        raise ClusterError(f"no kubeconfig: {given} does not exist; give --kubeconfig, or set KUBECONFIG")
    try:
        namespaces, current = _contexts(files)
        context = context or current
        if context not in namespaces:
            there = f"available: {', '.join(namespaces) or 'none'}"
            lacking = f"no context {context!r} in {given}" if context else f"{given} has no current context"
            raise ClusterError(f"{lacking}; {there}; give --context, or another --kubeconfig")
        settings = client.Configuration()
        settings.retries = False  # a person waits; watching retries by itself
        api = config.new_client_from_config(config_file=given, context=context, client_configuration=settings)
    except _UNUSABLE as error:
        why = " ".join(str(error).split())
        raise ClusterError(
            f"cannot use the kubeconfig {given}: {why}; mend it, or give another --kubeconfig"
        ) from error
    if not settings.verify_ssl:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # the kubeconfig says so
    return Connection(api, context, namespaces[context] or "default")


def _contexts(files: list[Path]) -> tuple[dict[str, str | None], str | None]:
    """The contexts with their namespaces, and the current context. As in kubectl, the first of several files counts.

    The client uses the current context of the last file, which may be another cluster than kubectl's.
    """
    namespaces: dict[str, str | None] = {}
    current = None
    for file in files:
        document: Any = yaml.safe_load(file.read_text()) or {}
        current = current or document.get("current-context")
        for entry in document.get("contexts") or ():
            namespaces.setdefault(entry["name"], (entry.get("context") or {}).get("namespace"))
    return namespaces, current
