"""The results of one experiment, on this machine or on a cluster, as tables and figures."""

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from paretonas.api import NASExperiment
from paretonas.cli.show import pareto_points
from paretonas.cli.source import DEFAULT_RUNS, RunsFolder, Source, UnknownName, with_output_paths
from paretonas.engine.wording import count, number
from paretonas.python.words import python_words, warn

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

    from paretonas.report.paper import PaperFigure
    from paretonas.report.results import Results

FigureKind = Literal["pareto", "hypervolume", "curves", "parallel"]


class Run:
    """The results of an experiment, which may still be running.

    Every attribute reads what is stored at that moment, so a later look shows what has happened since.
    """

    def __init__(self, source: Source, name: str) -> None:
        """Read the experiment from its source. Raises UnknownName if it does not exist."""
        self._source, self.name = source, name
        _ = self.experiment

    @property
    def experiment(self) -> NASExperiment:
        """The experiment with its status."""
        with python_words():
            return self._source.experiment(self.name)

    @property
    def finished(self) -> bool:
        """Whether the experiment has ended."""
        return self.experiment.status.finished

    @property
    def succeeded(self) -> bool | None:
        """Whether the experiment has succeeded; None while it runs."""
        condition = self.experiment.status.condition("Succeeded")
        return None if condition is None or condition.status == "Unknown" else condition.status == "True"

    @property
    def message(self) -> str:
        """How far the experiment is, or how it ended, in words."""
        condition = self.experiment.status.condition("Succeeded")
        return "it has not started" if condition is None else f"{condition.reason}: {condition.message}"

    @property
    def trials(self) -> "pd.DataFrame":
        """A row for each trial, by its name, in the order of their indices.

        The columns are the parameters, the metrics, and ``state``, ``origin``, ``seconds`` (what its attempts took
        together), ``pareto`` (whether it is in the Pareto set), ``output`` (the folder of what it has kept) and
        ``message``. A name that would be there twice is preceded by its kind: ``parameters.depth``, ``metrics.depth``.
        A value that a trial does not have is missing (NaN, None or NA).
        """
        from paretonas.python.tables import trial_table  # noqa: PLC0415 # pandas takes half a second

        with python_words():
            experiment, trials = self._source.experiment(self.name), self._source.trials(self.name)
        return trial_table(experiment.spec, trials, self._source.output_path)

    @property
    def pareto(self) -> "pd.DataFrame":
        """The Pareto set: a row for each trial, by its name, the best in the first objective first.

        The columns are the parameters, the metrics and ``output``, named as in `trials`.
        """
        from paretonas.python.tables import pareto_table  # noqa: PLC0415 # as above

        with python_words():
            experiment = self._source.experiment(self.name)
            points = with_output_paths(self._source, pareto_points(self._source, experiment))
        return pareto_table(experiment.spec, points)

    @property
    def hypervolume(self) -> float | None:
        """The hypervolume of the Pareto set up to the reference point; None while that point is not fixed."""
        return self.experiment.status.hypervolume

    @property
    def knee(self) -> "pd.Series[Any] | None":
        """The balanced trial of the Pareto set, as its row of `pareto`: the nearest to the best in all objectives.

        None if the set has fewer than three different points, none of which is between the others.
        """
        from paretonas.report.choice import balanced  # noqa: PLC0415 # numpy takes 0.1 s

        with python_words():
            trial = balanced(self._results())
        return None if trial is None else self.pareto.loc[[trial.name]].iloc[0]

    def curves(self, metric: str) -> "pd.Series[float]":
        """The learning curves of a metric, of all trials that have logged it.

        Args:
            metric: The name of a metric, or a TensorBoard tag.

        Returns:
            The values by trial and step; ``.unstack("trial")`` makes it a table with a column for each trial.

        Raises:
            UnknownName: No trial has logged it; the message lists what was logged.
        """
        from paretonas.python.tables import curve_series  # noqa: PLC0415 # as above

        with python_words():
            return curve_series(self.experiment.spec, metric, self._source.curves(self.name))

    def figure(
        self,
        kind: FigureKind = "pareto",
        *,
        x: str | None = None,
        y: str | None = None,
        metric: str | None = None,
        paper: bool = False,
    ) -> "Figure | PaperFigure":
        """Draw the results.

        Args:
            kind: ``pareto`` (two objectives against each other, or a single one over the trials), ``hypervolume``
                (over the trials), ``curves`` (of one metric) or ``parallel`` (parameters and objectives as parallel
                coordinates; not for paper).
            x: The objective on the horizontal axis of ``pareto``; by default the second.
            y: The objective on its vertical axis; by default the first.
            metric: What ``curves`` shows; by default the first objective that was logged over several steps.
            paper: Draw a figure of matplotlib for a printed column instead of an interactive one of Plotly.

        Raises:
            UnknownName: There is no such kind, objective or metric.
            MissingExtra: It needs a package that is not installed; the message says how to install it.
        """
        from paretonas.python.figures import draw  # noqa: PLC0415 # Plotly and numpy take a second

        with python_words():
            return draw(kind, self._results(), self._source, x=x, y=y, metric=metric, paper=paper)

    def _results(self) -> "Results":
        from paretonas.report.results import Results  # noqa: PLC0415 # as above

        return Results(self._source.experiment(self.name), tuple(self._source.trials(self.name)))

    def __repr__(self) -> str:
        """``<Run mnist-nas: 48/48 trials, 12 in the Pareto set, hypervolume 1,857; Completed: …>``."""
        status = self.experiment.status
        parts = [f"{status.progress or '0'} trials", f"{count(status.pareto_set_size, 'trial')} in the Pareto set"]
        parts += [f"hypervolume {number(status.hypervolume)}"] if status.hypervolume is not None else []
        return f"<Run {self.name}: {', '.join(parts)}; {self.message}>"


def load(name: str | PathLike[str], runs: str | PathLike[str] = DEFAULT_RUNS) -> Run:
    """The results of an experiment that was run on this machine, or is running there.

    Args:
        name: The experiment's name; or the path of its folder, such as ``runs/mnist-nas``.
        runs: The folder that holds one folder per experiment.

    Raises:
        UnknownName: There is no such experiment; the message lists those that there are.
        StoreError: Its folder cannot be read.
    """
    path = Path(name)
    folder = Path(runs) if len(path.parts) == 1 else path.parent
    with python_words():
        return Run(RunsFolder(folder, warn), path.name)


__all__ = ["FigureKind", "Run", "UnknownName", "load"]
