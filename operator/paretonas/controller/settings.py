"""The operator's settings, read once from environment variables."""

import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from paretonas.api import NASExperiment
from paretonas.api.names import DNS_LABEL_PATTERN
from paretonas.backends.cluster.place_rules import PlaceRules
from paretonas.jobs.overlay import AUTHORS_FIELDS
from paretonas.jobs.pod_policy import Account, PodPolicy
from paretonas.jobs.pod_security import Level

_ALL = "*"
"""Stands for all namespaces."""

_DEFAULT = "default"
"""Among the paths of an overlay, stands for the default ones."""

_OVERLAY_FIELD = re.compile(rf"{_DEFAULT}|(metadata\.(labels|annotations)|spec)\.\S+")
_NAMESPACE = re.compile(rf"\*|{DNS_LABEL_PATTERN}")


def _split(value: Any) -> Any:
    """The words of a list that is separated by commas, spaces or lines, each once."""
    return tuple(dict.fromkeys(filter(None, re.split(r"[,\s]+", value)))) if isinstance(value, str) else value


def _read_namespaces(names: tuple[str | None, ...]) -> tuple[str | None, ...]:
    for name in names:
        if name is not None and not _NAMESPACE.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a namespace, or {_ALL}")
    if _ALL in names and len(names) > 1:
        raise ValueError(f"{_ALL} means all namespaces: write it alone, or list names only")
    return tuple(None if name == _ALL else name for name in names)


def _read_overlay_fields(paths: tuple[str, ...]) -> tuple[str, ...]:
    for path in paths:
        if not _OVERLAY_FIELD.fullmatch(path):
            raise ValueError(f"{path!r} is not a path as spec.tolerations or metadata.labels.team, or {_DEFAULT}")
    return tuple(field for path in paths for field in (AUTHORS_FIELDS if path == _DEFAULT else (path,)))


def _read_account(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    namespace, slash, name = value.partition("/")
    if not (namespace and slash and name):
        raise ValueError(f"{value!r} is not NAMESPACE/NAME")
    return Account(namespace, name)


PositiveSeconds = Annotated[float, Field(gt=0, le=threading.TIMEOUT_MAX, allow_inf_nan=False)]
"""A time that a thread can wait: Python refuses to wait longer than 292 years."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The operator's settings; each is ``PARETONAS_<NAME>`` in the environment."""

    namespaces: Annotated[tuple[str | None, ...], BeforeValidator(_split), AfterValidator(_read_namespaces)] = ()
    """The namespaces to serve; a single None means all."""

    logs_root: Path = Path("/logs")
    """Where the logs are mounted: `logs_claim` itself, or a folder ``<namespace>/<claim>`` for each claim."""

    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    """The port of /healthz, /readyz and /metrics; 0 takes any that is free."""

    resync_seconds: PositiveSeconds = 60.0
    """Seconds between full listings, in case a watch has stopped delivering."""

    pass_seconds: PositiveSeconds = 10.0
    """Seconds between passes over an unfinished experiment without changes."""

    idle_seconds: PositiveSeconds = 600.0
    """Seconds without work after which the search process and the log readers end (docs/adr/0019)."""

    ask_ahead: Annotated[int, Field(ge=0)] = 1
    """Candidates that are requested in advance, so that a free slot is filled at once (docs/adr/0005)."""

    pod_security: Level = "restricted"
    """The Pod Security Standard that every pod must meet: restricted, baseline or privileged."""

    overlay_fields: Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_read_overlay_fields)] = (
        AUTHORS_FIELDS
    )
    """Paths below `podOverlay` that the author of an experiment may set."""

    service_account: Annotated[Account | None, BeforeValidator(_read_account)] = None
    """The operator's own service account, which no trial may use."""

    logs_claim: str | None = None
    """The claim that is mounted at `logs_root`, if there is only one; experiments that name another are not valid."""

    def logs_folder(self, experiment: NASExperiment) -> Path:
        """Where an experiment's claim is mounted in the operator's pod."""
        if self.logs_claim or experiment.spec.logs is None:
            return self.logs_root
        namespace = experiment.metadata.namespace or "default"
        return self.logs_root / namespace / experiment.spec.logs.persistent_volume_claim.claim_name

    @property
    def rules(self) -> PlaceRules:
        """The rules for experiments on this cluster."""
        return PlaceRules(self.logs_claim, self.pods)

    @property
    def pods(self) -> PodPolicy:
        """The rules for the pods of trials."""
        return PodPolicy(self.pod_security, self.overlay_fields, self.service_account)

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings from an environment.

        Raises:
            ValueError: the values of some variables are not valid; the message names each variable and its value.
        """
        variables = {field.name: f"PARETONAS_{field.name.upper()}" for field in fields(cls)}
        given = {
            name: environment[variable]
            for name, variable in variables.items()
            if environment.get(variable) or (name == "overlay_fields" and variable in environment)  # "" allows none
        }
        try:
            return TypeAdapter(cls).validate_python(given)
        except ValidationError as error:
            raise ValueError("; ".join(_describe(variables, detail) for detail in error.errors())) from None


def _describe(variables: Mapping[str, str], detail: ErrorDetails) -> str:
    message = detail["msg"].removeprefix("Value error, ")
    return f"{variables[str(detail['loc'][0])]}: {detail['input']!r}: {message}"
