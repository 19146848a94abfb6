"""How a trial is run: its image, command and resources. `substitution` fills in its parameters."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from paretonas.api.base import ListToTuple, Model, Whole, rule
from paretonas.api.names import DnsLabel, DnsSubdomain
from paretonas.api.parameters import NAME_PATTERN
from paretonas.api.quantities import Quantity
from paretonas.api.size_limits import Refused, bound_overlay

Seconds = Annotated[Whole, Field(ge=0, le=2**31 - 1)]
"""A duration; Kubernetes stores such fields in 32 bits."""

IMAGE_PATTERN = r"^[^\s$]*$"


def _check_path(value: str) -> str:
    if not value.startswith("/"):
        raise rule("is not an absolute path", remedy="start it with /")
    if ".." in value.split("/"):
        raise rule("contains ..", remedy="write the path without ..")
    if ":" in value:
        raise rule("contains a colon", remedy="write the path without one")
    if not value.strip("/"):
        raise rule("is the root folder", remedy="name a folder below it")
    return value


AbsolutePath = Annotated[str, Field(max_length=253), AfterValidator(_check_path)]


class PersistentVolumeClaim(Model):
    """A claim in the experiment's namespace."""

    claim_name: DnsSubdomain


class Logs(Model):
    """The shared volume that trials write their TensorBoard logs to and that the operator reads."""

    persistent_volume_claim: PersistentVolumeClaim
    mount_path: AbsolutePath = "/logs"


class Volume(Model):
    """Another claim that is mounted into every trial."""

    name: DnsLabel
    persistent_volume_claim: PersistentVolumeClaim
    mount_path: AbsolutePath
    read_only: bool = False


Argument = Annotated[str, Field(max_length=4000)]
"""The API server limits the cost of checking the longest possible list of the longest texts, hence this bound."""


class EnvVar(Model):
    """An environment variable of the trial; its value may contain ``${…}``."""

    name: Annotated[str, Field(pattern=NAME_PATTERN, max_length=253)]
    value: Argument = ""


def _check_overlay(value: Any) -> Any:
    bounded = bound_overlay(value)
    if isinstance(bounded, Refused):
        raise rule(bounded.message, remedy=bounded.remedy)
    return bounded


class TrialTemplate(Model):
    """How one trial is run, as a TorchX role."""

    image: Annotated[str, Field(pattern=IMAGE_PATTERN, max_length=1024)] = ""
    """Needed on a cluster; a local run uses its own environment."""
    command: Annotated[tuple[Argument, ...], ListToTuple, Field(min_length=1, max_length=100)]
    args: Annotated[tuple[Argument, ...], ListToTuple, Field(max_length=200)] | None = None
    """Without `args`, every parameter is passed by its name: see `substitution.default_argument`."""
    working_dir: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """The folder that the trial runs in. On a cluster it is absolute, and the image's folder is the default. In a local
    run it is relative to the folder of the experiment's file, and the default is the run's current folder."""
    env: Annotated[tuple[EnvVar, ...], ListToTuple, Field(max_length=100)] = ()
    resources: dict[str, Quantity] = Field(default_factory=dict)
    replicas: Annotated[Whole, Field(ge=1, le=100)] = 1
    active_deadline_seconds: Annotated[Seconds, Field(ge=1)] | None = None
    """How long one attempt may run; after that it is stopped and the trial fails."""
    progress_deadline_seconds: Annotated[Seconds, Field(ge=1)] | None = None
    """How long an attempt may run without logging anything new; after that it is stopped and retried."""
    ttl_seconds_after_finished: Seconds | None = None
    """How long a job is kept after its end, and a trial after the end of its experiment."""
    keep_outputs: Literal["All", "ParetoSet"] = "All"
    """Whose output folders are kept: those of all trials, or of those that are in the Pareto set or may run again."""
    queue: DnsSubdomain = "default"
    priority_class_name: DnsSubdomain | None = None
    service_account_name: DnsSubdomain | None = None
    image_pull_secrets: Annotated[tuple[DnsSubdomain, ...], ListToTuple, Field(max_length=10)] = ()
    volumes: Annotated[tuple[Volume, ...], ListToTuple, Field(max_length=16)] = ()
    pod_overlay: Annotated[dict[str, Any], BeforeValidator(_check_overlay)] = Field(default_factory=dict)

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """Every text that may contain ``${…}``, with its path below ``trial``."""
        command = ((f"command[{i}]", text) for i, text in enumerate(self.command))
        args = ((f"args[{i}]", text) for i, text in enumerate(self.args or ()))
        env = ((f"env[{i}].value", variable.value) for i, variable in enumerate(self.env))
        return (*command, *args, *env)
