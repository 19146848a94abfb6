"""The kinds of resources that are read and written: their group, version and plural name."""

from dataclasses import dataclass
from typing import Final

API_VERSION: Final = "paretonas.io/v1alpha1"
"""Of our own resources."""


@dataclass(frozen=True, slots=True)
class ResourceKind:
    """A kind of resource, and where the API has it."""

    api_version: str
    plural: str
    kind: str

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """The version of the group."""
        return self.api_version.rpartition("/")[2]


EXPERIMENTS: Final = ResourceKind(API_VERSION, "nasexperiments", "NASExperiment")
TRIALS: Final = ResourceKind(API_VERSION, "nastrials", "NASTrial")
VOLCANO_JOBS: Final = ResourceKind("batch.volcano.sh/v1alpha1", "jobs", "Job")
POD_GROUPS: Final = ResourceKind("scheduling.volcano.sh/v1beta1", "podgroups", "PodGroup")
PODS: Final = ResourceKind("v1", "pods", "Pod")
EVENTS: Final = ResourceKind("v1", "events", "Event")
