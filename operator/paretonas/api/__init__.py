"""The resources of paretonas.io/v1alpha1 as typed values: parse, default, validate, serialise. Pure."""

from paretonas.api.arguments import LOG_DIR_FLAG, inactive, substitute, trial_arguments, words, written
from paretonas.api.base import Model, Scalar
from paretonas.api.constraints import LinearConstraint, OutcomeConstraint
from paretonas.api.documents import load_experiment, parse_experiment, parse_trial, read_trial
from paretonas.api.experiment import (
    API_VERSION,
    ExperimentSpec,
    FailurePolicy,
    Metadata,
    NASExperiment,
    Retry,
    WarmStart,
)
from paretonas.api.fit import misfits
from paretonas.api.objectives import MetricSource, Objective
from paretonas.api.parameters import (
    ActiveWhen,
    Bool,
    Choice,
    Domain,
    Fixed,
    FloatChoice,
    FloatRange,
    IntChoice,
    IntRange,
    Parameter,
)
from paretonas.api.printed import plain, visible
from paretonas.api.problems import InvalidDocument, Problem
from paretonas.api.status import (
    ENDED,
    TRIALS_REMOVED,
    Condition,
    ExperimentStatus,
    ParetoPoint,
    TrialCounts,
    TrialState,
)
from paretonas.api.template import TrialTemplate
from paretonas.api.texts import load_documents, load_yaml
from paretonas.api.transfer import EXPERIMENT_LABEL, Loaded, exported, imported
from paretonas.api.trial import (
    MAX_INDEX,
    REFUSED,
    Attempt,
    NASTrial,
    Observation,
    Origin,
    TrialMetadata,
    TrialSpec,
    TrialStatus,
    UnreadableTrial,
    job_name,
    new_trial,
    trial_name,
)
from paretonas.api.yaml_dump import dump_yaml

__all__ = [
    "API_VERSION",
    "ENDED",
    "EXPERIMENT_LABEL",
    "LOG_DIR_FLAG",
    "MAX_INDEX",
    "REFUSED",
    "TRIALS_REMOVED",
    "ActiveWhen",
    "Attempt",
    "Bool",
    "Choice",
    "Condition",
    "Domain",
    "ExperimentSpec",
    "ExperimentStatus",
    "FailurePolicy",
    "Fixed",
    "FloatChoice",
    "FloatRange",
    "IntChoice",
    "IntRange",
    "InvalidDocument",
    "LinearConstraint",
    "Loaded",
    "Metadata",
    "MetricSource",
    "Model",
    "NASExperiment",
    "NASTrial",
    "Objective",
    "Observation",
    "Origin",
    "OutcomeConstraint",
    "Parameter",
    "ParetoPoint",
    "Problem",
    "Retry",
    "Scalar",
    "TrialCounts",
    "TrialMetadata",
    "TrialSpec",
    "TrialState",
    "TrialStatus",
    "TrialTemplate",
    "UnreadableTrial",
    "WarmStart",
    "dump_yaml",
    "exported",
    "imported",
    "inactive",
    "job_name",
    "load_documents",
    "load_experiment",
    "load_yaml",
    "misfits",
    "new_trial",
    "parse_experiment",
    "parse_trial",
    "plain",
    "read_trial",
    "substitute",
    "trial_arguments",
    "trial_name",
    "visible",
    "words",
    "written",
]
