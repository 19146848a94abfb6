"""The labels by which resources are found."""

from typing import Final

EXPERIMENT_LABEL: Final = "paretonas.io/experiment"
"""On everything that belongs to an experiment; its value is the experiment's name."""

TRIAL_LABEL: Final = "paretonas.io/trial"
"""On a trial's jobs, pod groups and pods; its value is the trial's name."""

ATTEMPT_LABEL: Final = "paretonas.io/attempt"
"""On the same; its value is the attempt's number."""

VOLCANO_JOB_LABEL: Final = "volcano.sh/job-name"
"""On a pod that Volcano has made; its value is the name of its job."""

RESERVED_PREFIXES: Final = (
    "paretonas.io/",
    "app.kubernetes.io/",
    "torchx.pytorch.org/",
    "volcano.sh/",
    "scheduling.k8s.io/",
)
"""Of labels and annotations that ParetoNAS, TorchX, Volcano and Kubernetes set, and that nobody else may."""
