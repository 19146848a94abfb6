"""The resources of paretonas.io/v1alpha1 as typed values: parsing, defaults, validation and serialisation. Pure."""

from paretonas.api.base import Model, Scalar
from paretonas.api.constraints import LinearConstraint, OutcomeConstraint
from paretonas.api.documents import load_experiment, parse_experiment, parse_trial, read_trial
from paretonas.api.experiment import (
    ExperimentSpec,
    FailurePolicy,
    HypervolumeStalls,
    Metadata,
    NASExperiment,
    Retry,
    StopWhen,
    WarmStart,
)
from paretonas.api.export import Loaded, export_experiment, import_experiment
from paretonas.api.names import MAX_INDEX, job_name, trial_name
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
from paretonas.api.status import ENDED, Condition, ExperimentStatus, ParetoPoint, TrialCounts, TrialState
from paretonas.api.substitution import (
    LOG_DIR_FLAG,
    OUTPUT_DIR_VARIABLE,
    format_value,
    inactive,
    substitute,
    trial_arguments,
    words,
)
from paretonas.api.texts import load_documents, load_yaml
from paretonas.api.trial import (
    Attempt,
    NASTrial,
    Observation,
    Origin,
    TrialMetadata,
    TrialSpec,
    TrialStatus,
    UnreadableTrial,
    new_trial,
)
from paretonas.api.trial_rules import misfits
from paretonas.api.trial_template import TrialTemplate
from paretonas.api.untrusted_text import plain, visible
from paretonas.api.validation import InvalidDocument, Problem, list_names
from paretonas.api.yaml_dump import dump_yaml

__all__ = [
    "ENDED",
    "LOG_DIR_FLAG",
    "MAX_INDEX",
    "OUTPUT_DIR_VARIABLE",
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
    "HypervolumeStalls",
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
    "StopWhen",
    "TrialCounts",
    "TrialMetadata",
    "TrialSpec",
    "TrialState",
    "TrialStatus",
    "TrialTemplate",
    "UnreadableTrial",
    "WarmStart",
    "dump_yaml",
    "export_experiment",
    "format_value",
    "import_experiment",
    "inactive",
    "job_name",
    "list_names",
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
]
