"""The names of experiments, trials, jobs and pods, and how long they may be.

=========== ==================================================
experiment  ``<experiment>``
trial       ``<experiment>-<index>``
job         ``<experiment>-<index>-a<attempt>``
pod         ``<experiment>-<index>-a<attempt>-trial-<replica>-0``
=========== ==================================================
"""

from typing import Annotated, Final

from pydantic import Field

MAX_POD_NAME: Final = 63
"""Characters that Volcano allows in a pod's name."""

MAX_EXPERIMENT_NAME: Final = 40
"""Characters of an experiment's name, so that the names of its pods are not longer than `MAX_POD_NAME`."""

MAX_INDEX: Final = 1_000_000
"""A thousand times what a search asks for; a longer number would make the names of pods too long."""

EXPERIMENT_NAME_PATTERN: Final = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
"""An RFC 1035 label: a trial with replicas gets a Service, whose name cannot begin with a digit."""

DNS_LABEL_PATTERN: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN_PATTERN: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"

ExperimentName = Annotated[str, Field(pattern=EXPERIMENT_NAME_PATTERN, max_length=MAX_EXPERIMENT_NAME)]
"""The name of an experiment."""

DnsLabel = Annotated[str, Field(pattern=DNS_LABEL_PATTERN, max_length=63)]
"""A Kubernetes name (RFC 1123 label)."""

DnsSubdomain = Annotated[str, Field(pattern=DNS_SUBDOMAIN_PATTERN, max_length=253)]
"""A Kubernetes name that may have dots (RFC 1123 subdomain)."""


def trial_name(experiment: str, index: int) -> str:
    """The name of a trial."""
    return f"{experiment}-{index}"


def job_name(trial: str, attempt: int) -> str:
    """The name of an attempt's job; the first attempt is 1."""
    return f"{trial}-a{attempt}"


def split_job_name(job: str) -> tuple[str, int]:
    """The trial and the attempt of a job's name."""
    trial, _, attempt = job.rpartition("-a")
    return trial, int(attempt)
