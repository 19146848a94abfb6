"""What a model of the observed trials says about each metric. It explains results and plays no part in the search.

The model is the process that the search uses (`gp`), fitted to each metric on the objective's scale. Its statements are
about the whole space: parameters are drawn independently, inactive ones rest, and parameter constraints are ignored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from paretonas.api import ExperimentSpec, Scalar
from paretonas.search.gp import Posterior, fit, leave_one_out
from paretonas.search.runtime import one_thread
from paretonas.search.space import Space
from paretonas.search.types import KnownTrial, SearchError

Vector = npt.NDArray[np.float64]

MOST_TRIALS = 200
"""The most results that the model is given: those that the search's first fit takes too (`gp.FIT_ROWS`)."""
_SAMPLES = 256
"""The points over which effects are averaged: shares move by about 0.02 from one sample to the next."""
_AVERAGED = 64
"""The points of these over which an effect is averaged: it is drawn as a line, not read as a number."""
_LEADING, _GRID, _SURFACE = 8, 15, 16
"""The leading parameters whose effect is computed, the places along a range, and along each side of a surface."""
GOOD_FIT = 0.7
"""The share of the variation that the model must predict before a surface of it is computed."""


@dataclass(frozen=True)
class Importance:
    """How much a metric depends on a parameter.

    Attributes:
        parameter: The parameter.
        share: Its total Sobol index, interactions included, as a share of the sum over all parameters.
        direction: From -1 to 1: whether the metric rises with the parameter. None for a choice without an order, and
            for a parameter that is not one of the leading ones.
    """

    parameter: str
    share: float
    direction: float | None


@dataclass(frozen=True)
class Effect:
    """A metric over one parameter, on average over all others.

    Attributes:
        parameter: The parameter.
        values: Its values, increasing, or those of a choice.
        predicted: The metric at each.
    """

    parameter: str
    values: list[Scalar]
    predicted: list[float]


@dataclass(frozen=True)
class Surface:
    """A metric over the two most important parameters, on average over all others.

    Attributes:
        x: The first parameter, its values in `xs`.
        y: The second parameter, its values in `ys`.
        predicted: One row for each of `ys`.
    """

    x: str
    y: str
    xs: list[Scalar]
    ys: list[Scalar]
    predicted: list[list[float]]


@dataclass(frozen=True)
class Explanation:
    """What the model says about one metric.

    Attributes:
        metric: The metric.
        fit: R², the share of the variation that the model predicts in trials that it has not seen; negative if it is
            worse than the mean. None if all values are equal.
        importance: All parameters that vary, the most important one first.
        effects: Of the leading parameters.
        surface: None without two parameters that have an order, or if the fit is poor.
        cross_validation: (index of the trial, measured, predicted from all others, low, high) with a 95 % interval.
    """

    metric: str
    fit: float | None
    importance: list[Importance]
    effects: list[Effect]
    surface: Surface | None
    cross_validation: list[tuple[int, float, float, float, float]]


def explain(spec: ExperimentSpec, known: Sequence[KnownTrial]) -> list[Explanation]:
    """Explain each metric that is an objective or constrained, from the observed trials.

    If more than `MOST_TRIALS` are observed, that many of them are used, evenly chosen.

    Args:
        spec: The experiment.
        known: Its trials, at least one of them observed.

    Raises:
        SearchError: No parameter varies.
    """
    observed = _choose_evenly([trial for trial in known if trial.state == "Observed"])
    space = Space(spec)
    if not space.columns:
        raise SearchError("There is nothing to model: no parameter varies.")
    objectives = [objective.metric for objective in spec.objectives]
    metrics = [*objectives, *sorted(spec.needed_metrics.difference(objectives))]
    with one_thread():
        return [_Explainer(space, observed, metric).explain() for metric in metrics]


def _choose_evenly(trials: Sequence[KnownTrial]) -> list[KnownTrial]:
    """Choose at most `MOST_TRIALS` trials, the first and the last among them."""
    if len(trials) <= MOST_TRIALS:
        return list(trials)
    return [trials[round(i * (len(trials) - 1) / (MOST_TRIALS - 1))] for i in range(MOST_TRIALS)]


class _Explainer:
    """One metric's model, and the sample of the space over which it is averaged."""

    def __init__(self, space: Space, observed: Sequence[KnownTrial], metric: str) -> None:
        self.space, self.metric = space, metric
        self.indices = [trial.index for trial in observed]
        objective = next((o for o in space.spec.objectives if o.metric == metric), None)
        self.log = objective is not None and objective.scale == "Log"
        self.measured = np.array([trial.metrics[metric] for trial in observed])
        scaled = np.log10(self.measured) if self.log else self.measured
        # a power of two changes no digit, and no sum or square of what it leaves overflows or vanishes
        self._exponent = int(np.frexp(np.abs(scaled).max())[1])
        unit = np.ldexp(scaled, -self._exponent)
        self.constant = bool((scaled == scaled[0]).all())
        self._middle = float(unit[0] if self.constant else unit.mean())
        self._spread = 1.0 if self.constant else float(unit.std())
        self.y = torch.tensor((unit - self._middle) / self._spread)
        self.x = self._features(space.encode([trial.parameters for trial in observed]))
        self.groups = torch.tensor(space.feature_groups)
        self.hyper = fit(self.x, self.y, self.groups)
        none = torch.zeros(0, self.x.shape[1], dtype=torch.double)
        self._posterior = Posterior(self.x, self.y, self.groups, self.hyper, none, torch.zeros(0, 1).double())
        rng = np.random.default_rng(0)
        self._a, self._b = (rng.random((_SAMPLES, len(space.columns))) for _ in range(2))

    def explain(self) -> Explanation:
        mean, variance = leave_one_out(self.x, self.y, self.groups, self.hyper)
        fit_of = None if self.constant else 1.0 - float((self.y - mean).square().sum() / self.y.square().sum())
        totals = self._totals()
        whole = sum(totals) or 1.0
        order = sorted(range(len(totals)), key=lambda i: (-totals[i], i))
        along = {i: self._along(i) for i in order[:_LEADING]}
        importance = [
            Importance(
                self.space.columns[i].name,
                0.0 if self.constant else totals[i] / whole,
                _direction(along[i]) if i in along and self._is_axis(i) else None,
            )
            for i in order
        ]
        ordered = [i for i in order if self._is_axis(i)][:2]
        good = fit_of is not None and fit_of >= GOOD_FIT and len(ordered) == 2  # noqa: PLR2004 # x and y
        half = 1.96 * variance.sqrt()
        rows = zip(*map(self._original, (mean, mean - half, mean + half)), strict=True)
        return Explanation(
            self.metric,
            fit_of,
            importance,
            [self._effect(i, predicted) for i, predicted in along.items()],
            self._surface(*ordered) if good else None,
            [(index, float(value), *row) for index, value, row in zip(self.indices, self.measured, rows, strict=True)],
        )

    def _features(self, codes: Vector) -> torch.Tensor:
        return torch.tensor(self.space.features(codes), dtype=torch.double)

    def _predict(self, unit: Vector) -> Vector:
        """The model's mean at points of the unit cube, on its own scale."""
        codes = self.space.snap(self.space.spread(unit))
        return np.asarray(self._posterior.means(self._features(codes))[:, 0].numpy())

    def _original(self, scaled: torch.Tensor | Vector) -> list[float]:
        """Values on the model's scale in the unit of the metric."""
        numbers = np.clip(np.asarray(scaled) * self._spread + self._middle, -1.0, 1.0)
        numbers = np.ldexp(numbers, self._exponent)
        return [float(v) for v in (np.power(10.0, numbers) if self.log else numbers)]

    def _totals(self) -> list[float]:
        """The total Sobol index of each column, up to a factor (Jansen's estimator, 1999)."""
        base = self._predict(self._a)
        totals = []
        for i in range(len(self.space.columns)):
            changed = self._a.copy()
            changed[:, i] = self._b[:, i]
            totals.append(float(np.mean((base - self._predict(changed)) ** 2) / 2))
        return totals

    def _is_axis(self, i: int) -> bool:
        column = self.space.columns[i]
        return not hasattr(column, "ordered") or bool(column.ordered)

    def _grid(self, i: int, most: int) -> Vector:
        """Places of a column in the unit interval: the middle of each value of a small one, or an even grid."""
        size = self.space.columns[i].size
        if size is not None and size <= most:
            return np.asarray((np.arange(size) + 0.5) / size)
        return np.linspace(0.0, 1.0 - 1e-9, most)

    def _along(self, i: int) -> Vector:
        """The metric over one column, on average over all others, on the model's scale."""
        grid, few = self._grid(i, _GRID), self._a[:_AVERAGED]
        points = np.tile(few, (len(grid), 1))
        points[:, i] = np.repeat(grid, len(few))
        return np.asarray(self._predict(points).reshape(len(grid), -1).mean(1))

    def _values(self, i: int, grid: Vector) -> list[Scalar]:
        column = self.space.columns[i]
        return [column.decode(float(code)) for code in column.snap(column.spread(grid))]

    def _effect(self, i: int, predicted: Vector) -> Effect:
        values = self._values(i, self._grid(i, _GRID))
        return Effect(self.space.columns[i].name, values, self._original(predicted))

    def _surface(self, i: int, j: int) -> Surface:
        xs, ys = self._grid(i, _SURFACE), self._grid(j, _SURFACE)
        few = self._a[: _AVERAGED // 2]
        rows = []
        for y in ys:
            points = np.tile(few, (len(xs), 1))
            points[:, i], points[:, j] = np.repeat(xs, len(few)), y
            rows.append(self._original(self._predict(points).reshape(len(xs), -1).mean(1)))
        x_name, y_name = self.space.columns[i].name, self.space.columns[j].name
        return Surface(x_name, y_name, self._values(i, xs), self._values(j, ys), rows)


def _direction(along: Vector) -> float:
    """The way from the first place to the last, as a share of all ups and downs."""
    travelled = np.abs(np.diff(along)).sum()
    return float((along[-1] - along[0]) / travelled) if travelled > 0 else 0.0
