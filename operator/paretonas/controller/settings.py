"""How an operator is set up: environment variables, read once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from paretonas.api import NASExperiment
from paretonas.backends.cluster.rules import PlaceRules
from paretonas.jobs.pod_security import LEVELS, Level


@dataclass(frozen=True, slots=True)
class Settings:
    """The operator's settings; each is ``PARETONAS_<NAME>`` in the environment."""

    namespace: str | None = None
    """The namespace that is watched; unset: all of them."""

    logs_root: Path = Path("/logs")
    """Where the operator sees the logs: the claim itself when it watches one namespace, else a folder
    ``<namespace>/<claim>`` for each."""

    port: int = 8080
    """Of /healthz, /readyz and /metrics."""

    resync_seconds: float = 60.0
    """How often everything is listed again, in case a watch has gone deaf."""

    pass_seconds: float = 10.0
    """How often an unfinished experiment is looked at although nothing was seen to change."""

    ask_ahead: int = 1
    """Candidates that are kept ready, so that a free slot is filled at once (docs/adr/0005)."""

    pod_security: Level = "restricted"
    """The Pod Security Standard that a pod overlay may not go beyond: restricted, baseline or privileged."""

    service_account: str | None = None
    """The operator's own, which a trial in its namespace may not have."""

    logs_claim: str | None = None
    """The one claim that is mounted at the root, if it is one: an experiment that names another is not valid."""

    def logs_folder(self, experiment: NASExperiment) -> Path:
        """Where the operator sees an experiment's claim."""
        if self.namespace or experiment.spec.logs is None:
            return self.logs_root
        namespace = experiment.metadata.namespace or "default"
        return self.logs_root / namespace / experiment.spec.logs.persistent_volume_claim.claim_name

    @property
    def rules(self) -> PlaceRules:
        """What an experiment must keep on this cluster."""
        own = self.service_account if self.namespace else None  # else it is in a namespace of its own
        return PlaceRules(self.logs_claim, self.pod_security, own)

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """The settings of an environment.

        Raises:
            ValueError: a variable's value does not fit; the message names it.
        """
        default = cls()

        def number(name: str, fallback: float) -> float:
            text = environment.get(f"PARETONAS_{name}", "")
            try:
                return float(text) if text else fallback
            except ValueError:
                raise ValueError(f"PARETONAS_{name}: {text!r} is not a number") from None

        level = environment.get("PARETONAS_POD_SECURITY") or default.pod_security
        if level not in LEVELS:
            raise ValueError(f"PARETONAS_POD_SECURITY: {level!r} is not one of {', '.join(LEVELS)}")
        return cls(
            namespace=environment.get("PARETONAS_NAMESPACE") or None,
            logs_root=Path(environment.get("PARETONAS_LOGS_ROOT") or default.logs_root),
            pod_security=level,
            service_account=environment.get("PARETONAS_SERVICE_ACCOUNT") or None,
            logs_claim=environment.get("PARETONAS_LOGS_CLAIM") or None,
            port=int(number("PORT", default.port)),
            resync_seconds=number("RESYNC_SECONDS", default.resync_seconds),
            pass_seconds=number("PASS_SECONDS", default.pass_seconds),
            ask_ahead=int(number("ASK_AHEAD", default.ask_ahead)),
        )
