"""The report on an experiment: one self-contained HTML file, which opens without a network."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from paretonas.api import NASExperiment, NASTrial
from paretonas.backends.local import files
from paretonas.report.curves import LoggedCurves
from paretonas.report.document import Finder, experiment_document
from paretonas.report.model import model_document
from paretonas.report.page import page

__all__ = ["Finder", "LoggedCurves", "experiment_document", "page", "write"]


def write(
    path: Path,
    experiment: NASExperiment,
    trials: Sequence[NASTrial],
    curves: Mapping[str, LoggedCurves],
    *,
    model: bool | None = None,
    finder: Finder | None = None,
) -> None:
    """Write the report atomically: a reader of the file sees either the old page or the new one.

    Args:
        path: The HTML file, in an existing folder.
        experiment: The experiment with its status.
        trials: Its trials in any order.
        curves: The scalars logged by each trial, by the trial's name: TensorBoard tag → (step, value).
        model: Whether to fit a model to the trials, which imports torch into this process; None: if it is installed.
        finder: How the reader finds logs and outputs.

    Raises:
        MissingExtra: ``model`` is True, and the search is not installed.
        OSError: The file cannot be written.
    """
    said = None if model is False else model_document(experiment.spec, trials, required=model is True)
    files.write(path, page(experiment_document(experiment, trials, curves, model=said, finder=finder)))
