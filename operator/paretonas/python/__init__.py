"""ParetoNAS from Python: build and run experiments, and read their results as tables and figures."""

from paretonas.python.building import Choice, Experiment, Float, Int, Trial, maximize, minimize
from paretonas.python.clusters import cluster
from paretonas.python.results import Run, load
from paretonas.python.running import run

__all__ = ["Choice", "Experiment", "Float", "Int", "Run", "Trial", "cluster", "load", "maximize", "minimize", "run"]
