"""The report on an experiment: one self-contained HTML file, which opens without a network."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from paretonas.api import NASExperiment, NASTrial
from paretonas.backends.local import files
from paretonas.report.curves import LoggedCurves
from paretonas.report.model import model_sections
from paretonas.report.page import page

__all__ = ["LoggedCurves", "page", "write"]


def write(
    path: Path,
    experiment: NASExperiment,
    trials: Sequence[NASTrial],
    curves: Mapping[str, LoggedCurves],
    *,
    model: bool = False,
) -> None:
    """Write the report atomically: a reader of the file sees either the old page or the new one.

    Args:
        path: The HTML file, in an existing folder.
        experiment: The experiment with its status.
        trials: Its trials in any order.
        curves: The scalars logged by each trial, by the trial's name: TensorBoard tag → (step, value).
        model: Whether to add the analyses of Ax's model, which take half a minute and import Ax into this process.

    Raises:
        MissingExtra: ``model`` needs the search, which is not installed.
        OSError: The file cannot be written.
    """
    sections = model_sections(experiment.spec, trials) if model else ()
    files.write(path, page(experiment, trials, curves, sections))
