"""The number of quasi-random trials that come before the model."""

from paretonas.api import ExperimentSpec

DEFAULT = 5
"""Measured on the tables of benchmarks/quality.py: more trials cost hypervolume, and fewer save no trials."""


def initial_trials(spec: ExperimentSpec) -> int:
    """The number of quasi-random points that come first: the user's number, or `DEFAULT`."""
    return spec.search.initial_trials or min(DEFAULT, spec.max_trials)
