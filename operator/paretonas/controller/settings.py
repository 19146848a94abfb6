"""The operator's settings, read once from environment variables."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from paretonas.api import NASExperiment
from paretonas.api.names import DNS_LABEL_PATTERN
from paretonas.backends.cluster.place_rules import PlaceRules
from paretonas.jobs.overlay import AUTHORS_FIELDS
from paretonas.jobs.pod_policy import Account, PodPolicy
from paretonas.jobs.pod_security import LEVELS, Level

_ALL = "*"
"""Stands for all namespaces."""

_DEFAULT = "default"
"""Among the paths of an overlay, stands for the default ones."""

_FIELD = rf"{_DEFAULT}|(metadata\.(labels|annotations)|spec)\.\S+"


@dataclass(frozen=True, slots=True)
class Settings:
    """The operator's settings; each is ``PARETONAS_<NAME>`` in the environment."""

    namespaces: tuple[str | None, ...] = ()
    """The namespaces to serve; a single None means all."""

    logs_root: Path = Path("/logs")
    """Where the logs are mounted: `logs_claim` itself, or a folder ``<namespace>/<claim>`` for each claim."""

    port: int = 8080
    """The port of /healthz, /readyz and /metrics."""

    resync_seconds: float = 60.0
    """Seconds between full listings, in case a watch has stopped delivering."""

    pass_seconds: float = 10.0
    """Seconds between passes over an unfinished experiment without changes."""

    ask_ahead: int = 1
    """Candidates that are requested in advance, so that a free slot is filled at once (docs/adr/0005)."""

    pod_security: Level = "restricted"
    """The Pod Security Standard that every pod must meet: restricted, baseline or privileged."""

    overlay_fields: tuple[str, ...] = AUTHORS_FIELDS
    """Paths below `podOverlay` that the author of an experiment may set."""

    service_account: Account | None = None
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
            ValueError: the value of a variable is not valid; the message names both.
        """
        default = cls()

        def number(name: str, fallback: float) -> float:
            text = environment.get(f"PARETONAS_{name}", "")
            try:
                return float(text) if text else fallback
            except ValueError:
                raise ValueError(f"PARETONAS_{name}: {text!r} is not a number") from None

        def names(name: str, pattern: str, what: str) -> tuple[str, ...]:
            written = re.split(r"[,\s]+", environment.get(f"PARETONAS_{name}", ""))
            found = tuple(dict.fromkeys(filter(None, written)))
            for text in found:
                if not re.fullmatch(pattern, text):
                    raise ValueError(f"PARETONAS_{name}: {text!r} is not {what}")
            return found

        namespaces = names("NAMESPACES", rf"\*|{DNS_LABEL_PATTERN}", "the name of a namespace, or *")
        if _ALL in namespaces and len(namespaces) > 1:
            raise ValueError(
                f"PARETONAS_NAMESPACES: {_ALL} means all namespaces: write it alone, or list names only"
            )
        overlay_fields = default.overlay_fields
        if "PARETONAS_OVERLAY_FIELDS" in environment:  # an empty value allows no field
            what = "a path as spec.tolerations or metadata.labels.team, or default"
            fields = names("OVERLAY_FIELDS", _FIELD, what)
            overlay_fields = tuple(
                path for field in fields for path in (AUTHORS_FIELDS if field == _DEFAULT else (field,))
            )
        account = None
        if text := environment.get("PARETONAS_SERVICE_ACCOUNT"):
            namespace, slash, name = text.partition("/")
            if not (namespace and slash and name):
                raise ValueError(f"PARETONAS_SERVICE_ACCOUNT: {text!r} is not NAMESPACE/NAME")
            account = Account(namespace, name)
        level = environment.get("PARETONAS_POD_SECURITY") or default.pod_security
        if level not in LEVELS:
            raise ValueError(f"PARETONAS_POD_SECURITY: {level!r} is not one of {', '.join(LEVELS)}")
        return cls(
            namespaces=tuple(None if name == _ALL else name for name in namespaces),
            logs_root=Path(environment.get("PARETONAS_LOGS_ROOT") or default.logs_root),
            pod_security=level,
            overlay_fields=overlay_fields,
            service_account=account,
            logs_claim=environment.get("PARETONAS_LOGS_CLAIM") or None,
            port=int(number("PORT", default.port)),
            resync_seconds=number("RESYNC_SECONDS", default.resync_seconds),
            pass_seconds=number("PASS_SECONDS", default.pass_seconds),
            ask_ahead=int(number("ASK_AHEAD", default.ask_ahead)),
        )
