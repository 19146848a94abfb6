"""ParetoNAS from Python: build and run experiments, and read their results as tables and figures."""

from paretonas.python.results import Run, load

__all__ = ["Run", "load"]
