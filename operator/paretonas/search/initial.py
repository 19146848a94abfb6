"""How many quasi-random trials come before the model."""

from paretonas.api import ExperimentSpec

DEFAULT = 5
"""Measured on the tables of benchmarks/quality.py: more of them cost hypervolume, fewer save no trial."""


def initial_trials(spec: ExperimentSpec) -> int:
    """How many quasi-random points come first: what the user says, else `DEFAULT`."""
    return spec.search.initial_trials or min(DEFAULT, spec.max_trials)
