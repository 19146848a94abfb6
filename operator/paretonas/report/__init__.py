"""The report of an experiment: one HTML file with everything in it, which opens without a network."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from paretonas.api import NASExperiment, NASTrial
from paretonas.backends.local import files
from paretonas.report.curves import LoggedCurves
from paretonas.report.model import model_sections
from paretonas.report.page import page

__all__ = ["Curves", "page", "write"]


def write(
    path: Path,
    experiment: NASExperiment,
    trials: Sequence[NASTrial],
    curves: Mapping[str, LoggedCurves],
    *,
    model: bool = False,
) -> None:
    """Write the report; a reader of the file sees the old page or the new one.

    Args:
        path: the HTML file, in a folder that exists.
        experiment: the experiment with its status.
        trials: its trials in any order.
        curves: what each trial has logged, by the trial's name: TensorBoard tag → (step, value).
        model: add what Ax's model of the trials says; it takes half a minute, and imports Ax into this process.

    Raises:
        OSError: the file cannot be written.
    """
    sections = model_sections(experiment.spec, trials) if model else ()
    files.write(path, page(experiment, trials, curves, sections))
